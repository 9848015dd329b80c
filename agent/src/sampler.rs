//! Rows to samples. Only here a router's rx and tx become download and upload: a server's interface transmits the
//! subscriber's download, and a client's interface receives the download.
//!
//! The rows of a line's sessions in one section are added up. A section with a missing row gives no sample, because a gap
//! is honest and a dip is not.
//!
//! A row of zeros right after traffic has two causes: the line is idle, or the session is gone and the interface not yet.
//! Such a sample is held back until a later reading of the tables is complete. If the session is still there, the last
//! sample counts and the earlier ones are a gap. If the session is gone, all are dropped. Zeros are believed if no reading
//! is completed for a long time.

use std::time::Duration;

use shared::control::Role;
use shared::sample::MAX_RATE;
use shared::{LineHandle, Sample};
use tokio::time::Instant;

use crate::monitor::{Reading, StreamId};
use crate::routeros::sentence::Sentence;

/// The longest tick, from its first row. The rows of an interface that is gone never come.
pub const GATHER: Duration = Duration::from_millis(100);

/// Below this a line's fall to zero is no surprise. In bits per second, both directions together.
const REAL_TRAFFIC: u64 = 16_000;

/// The longest wait of zeros for the tables; then they are believed. A slow table takes less, with the timeout and the
/// pause between readings included.
const DOUBT: Duration = Duration::from_secs(15);

/// The longest wait of a line's rows for the missing ones of the section. The rows of a section come together.
const INCOMPLETE: Duration = Duration::from_secs(2);

/// A line's rows of one section.
#[derive(Debug)]
struct Gathered {
    line: LineHandle,
    stream: StreamId,
    section: u32,
    download: u64,
    upload: u64,
    missing: u16,
    at: Instant,
    doubtful: bool,
}

/// The last sample of a line.
#[derive(Debug)]
struct Last {
    line: LineHandle,
    /// Bits per second, both ways.
    total: u64,
    /// When zeros first put the line in doubt.
    doubted: Option<Instant>,
}

/// Gathers rows until their tick is over. The memory grows with the watched lines, and all ticks share it.
#[derive(Debug, Default)]
pub struct Sampler {
    gathered: Vec<Gathered>,
    /// The last sample of each line, by rising handle.
    last: Vec<Last>,
    /// The arrival of the tick's first row.
    first: Option<Instant>,
    /// Streams whose last row of the section is still to come.
    under_way: Vec<StreamId>,
    samples: Vec<Sample>,
}

/// A row's rx and tx, in bits per second as the router sees them. `None` if either is missing, is no rate, or is above
/// [`MAX_RATE`]: such a figure of the router is wrong, and the true rate is unknown.
pub fn rates(row: &Sentence<'_>) -> Option<(u64, u64)> {
    let rate = |name| row.rate(name).filter(|rate| *rate <= MAX_RATE);
    rate("rx-bits-per-second").zip(rate("tx-bits-per-second"))
}

/// Download and upload, from the rx and tx of a session's interface.
pub const fn as_subscriber(role: Role, rx: u64, tx: u64) -> (u64, u64) {
    match role {
        Role::Server => (tx, rx),
        Role::Client => (rx, tx),
    }
}

impl Sampler {
    /// Takes a row's rates, in bits per second as the router sees them. Returns true if the rates put the session in
    /// doubt: the caller reads the tables and then calls [`confirm`](Self::confirm).
    pub fn add(&mut self, reading: &Reading, rx: u64, tx: u64, now: Instant) -> bool {
        let (download, upload) = as_subscriber(reading.role, rx, tx);
        let known = self.gathered.iter().rposition(|gathered| {
            (gathered.line, gathered.stream, gathered.section) == (reading.line, reading.stream, reading.section)
        });
        let nth = known.unwrap_or_else(|| self.begin(reading, now));
        let Some(gathered) = self.gathered.get_mut(nth).filter(|gathered| gathered.missing > 0) else { return false };
        gathered.download = gathered.download.saturating_add(download);
        gathered.upload = gathered.upload.saturating_add(upload);
        gathered.missing -= 1;
        if gathered.missing > 0 {
            return false;
        }
        self.first.get_or_insert(now);
        let (line, total) = (gathered.line, gathered.download.saturating_add(gathered.upload));
        let doubtful = total == 0 && self.is_doubtful(line, now);
        if let Some(gathered) = self.gathered.get_mut(nth) {
            gathered.doubtful = doubtful;
        }
        if !doubtful {
            note(&mut self.last, line, total);
        }
        doubtful
    }

    /// Takes note of a stream's row, of any line; `ends` marks the last row of a section.
    pub fn pass(&mut self, stream: StreamId, ends: bool) {
        let known = self.under_way.iter().position(|known| *known == stream);
        match (known, ends) {
            (Some(nth), true) => drop(self.under_way.swap_remove(nth)),
            (None, false) => self.under_way.push(stream),
            _ => {}
        }
    }

    /// True if the tick is over: every stream with rows in the tick has sent the last one.
    pub fn is_complete(&self) -> bool {
        self.first.is_some() && self.under_way.is_empty()
    }

    /// True if rows of the stream wait for the end of their tick.
    pub fn holds(&self, stream: StreamId) -> bool {
        self.first.is_some() && self.gathered.iter().any(|gathered| gathered.stream == stream && !gathered.doubtful)
    }

    /// The end of the current tick, complete or not.
    pub fn due(&self) -> Option<Instant> {
        self.first.map(|first| first + GATHER)
    }

    /// Ends the tick. Returns the arrival of the first row, and the samples. Rows of incomplete lines wait on.
    pub fn take(&mut self) -> Option<(Instant, &mut [Sample])> {
        let at = self.first.take()?;
        self.under_way.clear();
        self.samples.clear();
        let samples = &mut self.samples;
        self.gathered.retain(|gathered| {
            let ready = gathered.missing == 0 && !gathered.doubtful;
            samples.extend(gathered.sample().filter(|_| ready));
            let patience = if gathered.doubtful { DOUBT } else { INCOMPLETE };
            !ready && at.saturating_duration_since(gathered.at) < patience
        });
        (!samples.is_empty()).then_some((at, samples.as_mut_slice()))
    }

    /// Releases the held-back zeros from before a reading of the tables began, if the same stream still feeds the line.
    /// Returns the last zero of each line, with the time of the first, as a batch of its own.
    pub fn confirm(
        &mut self,
        began: Instant,
        is_right: impl Fn(LineHandle, StreamId) -> bool,
    ) -> Option<(Instant, &mut [Sample])> {
        self.samples.clear();
        let (samples, last) = (&mut self.samples, &mut self.last);
        let mut first = None;
        self.gathered.retain(|gathered| {
            let settled = gathered.doubtful && doubted(last, gathered.line).is_none_or(|since| since <= began);
            if settled && is_right(gathered.line, gathered.stream) {
                first = Some(first.map_or(gathered.at, |first: Instant| first.min(gathered.at)));
                samples.extend(gathered.sample());
                note(last, gathered.line, 0);
            }
            !settled
        });
        first.map(|at| (at, samples.as_mut_slice()))
    }

    /// Drops the held-back zeros of lines without a stream: their sessions are gone.
    pub fn deny(&mut self, is_fed: impl Fn(LineHandle, StreamId) -> bool) {
        self.gathered.retain(|gathered| !gathered.doubtful || is_fed(gathered.line, gathered.stream));
    }

    /// Forgets unwatched lines.
    pub fn forget(&mut self, is_watched: impl Fn(LineHandle) -> bool) {
        self.last.retain(|last| is_watched(last.line));
        self.gathered.retain(|gathered| is_watched(gathered.line));
    }

    /// Forgets all rows: the connection is gone.
    pub fn clear(&mut self) {
        self.gathered.clear();
        self.last.clear();
        self.under_way.clear();
        self.first = None;
    }

    /// Begins a line's next section. An incomplete earlier section is dropped.
    fn begin(&mut self, reading: &Reading, now: Instant) -> usize {
        self.gathered.retain(|gathered| gathered.line != reading.line || (gathered.missing == 0 && !gathered.doubtful));
        self.gathered.push(Gathered {
            line: reading.line,
            stream: reading.stream,
            section: reading.section,
            download: 0,
            upload: 0,
            missing: reading.of.max(1),
            at: now,
            doubtful: false,
        });
        self.gathered.len() - 1
    }

    /// True for zeros right after traffic, until [`DOUBT`] is over.
    fn is_doubtful(&mut self, line: LineHandle, now: Instant) -> bool {
        let place = self.last.binary_search_by_key(&line, |last| last.line);
        let last = place.ok().and_then(|nth| self.last.get_mut(nth)).filter(|last| last.total >= REAL_TRAFFIC);
        let Some(last) = last else { return false };
        let since = *last.doubted.get_or_insert(now);
        now.saturating_duration_since(since) < DOUBT
    }
}

impl Gathered {
    /// The line's sample; `None` if the sessions together are above [`MAX_RATE`].
    fn sample(&self) -> Option<Sample> {
        let sample = Sample { line: self.line, download: self.download, upload: self.upload };
        (sample.download.max(sample.upload) <= MAX_RATE).then_some(sample)
    }
}

/// When the line's doubt began.
fn doubted(last: &[Last], line: LineHandle) -> Option<Instant> {
    let place = last.binary_search_by_key(&line, |last| last.line).ok()?;
    last.get(place)?.doubted
}

fn note(last: &mut Vec<Last>, line: LineHandle, total: u64) {
    let fresh = Last { line, total, doubted: None };
    let place = last.binary_search_by_key(&line, |last| last.line);
    match place.map(|nth| last.get_mut(nth)) {
        Ok(Some(known)) => *known = fresh,
        Ok(None) => {}
        Err(nth) => last.insert(nth, fresh),
    }
}

#[cfg(test)]
mod tests;
