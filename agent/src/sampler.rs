//! Rows to samples: the one place where a router's rx and tx become download and upload.
//!
//! A server's interface transmits what the subscriber downloads; a client's receives it. The rows of a line's sessions in
//! one section are added up; if one is missing there is no sample, for a gap is honest and a dip is not.
//!
//! A row of zeros right after real traffic may mean that the session is gone and its interface not yet. Such samples are
//! held back until a reading of the tables that began after the first of them is complete. If the session is still there
//! then, the last one counts and those before it are a gap; else none ever was. Only where no reading comes to an end for
//! long the zeros are believed.

use std::time::Duration;

use shared::control::Role;
use shared::sample::MAX_RATE;
use shared::{LineHandle, Sample};
use tokio::time::Instant;

use crate::monitor::{Reading, StreamId};
use crate::routeros::sentence::Sentence;

/// A tick is over so long after its first row, though rows are missing: an interface that is gone has none any more.
pub const GATHER: Duration = Duration::from_millis(100);

/// A line that carried less than this, in bits per second both ways, may well fall to zero.
const REAL_TRAFFIC: u64 = 16_000;

/// How long zeros wait for the tables; after that they are taken for what they say. Longer than a slow table takes, its
/// timeout and the pause between readings included.
const DOUBT: Duration = Duration::from_secs(15);

/// How long the rows of a line wait for those that are missing: sections are at most 5 s apart, and rows of one section
/// come together.
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

/// What a line carried last.
#[derive(Debug)]
struct Last {
    line: LineHandle,
    /// Bits per second, both ways.
    total: u64,
    /// Since when rows of zeros put it in doubt.
    doubted: Option<Instant>,
}

/// Gathers rows until their tick is over. Its memory grows with the watched lines and is used again for each tick.
#[derive(Debug, Default)]
pub struct Sampler {
    gathered: Vec<Gathered>,
    /// What each line carried last, by rising handle.
    last: Vec<Last>,
    /// When the first row of the tick came.
    first: Option<Instant>,
    /// Streams whose last row of the section is still to come.
    under_way: Vec<StreamId>,
    samples: Vec<Sample>,
}

/// A row's rx and tx, in bits per second as the router sees them. `None` if either is missing, is no rate, or is above
/// [`MAX_RATE`]: no line carries that, so the router's figure says nothing.
pub fn rates(row: &Sentence<'_>) -> Option<(u64, u64)> {
    let rate = |name| row.rate(name).filter(|rate| *rate <= MAX_RATE);
    rate("rx-bits-per-second").zip(rate("tx-bits-per-second"))
}

/// What the router receives and transmits on a session's interface, as the subscriber sees it: download and upload.
pub const fn as_subscriber(role: Role, rx: u64, tx: u64) -> (u64, u64) {
    match role {
        Role::Server => (tx, rx),
        Role::Client => (rx, tx),
    }
}

impl Sampler {
    /// Takes a row's rates, in bits per second as the router sees them. Tells whether they put the session in doubt: the
    /// tables are to be read, and then [`confirm`](Self::confirm) called.
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

    /// Takes note of a stream's row, of whatever line, and whether it `ends` its section.
    pub fn pass(&mut self, stream: StreamId, ends: bool) {
        let known = self.under_way.iter().position(|known| *known == stream);
        match (known, ends) {
            (Some(nth), true) => drop(self.under_way.swap_remove(nth)),
            (None, false) => self.under_way.push(stream),
            _ => {}
        }
    }

    /// Whether the tick is over: every stream that has sent rows has sent its last.
    pub fn is_complete(&self) -> bool {
        self.first.is_some() && self.under_way.is_empty()
    }

    /// Whether rows of that stream wait for their tick's end.
    pub fn holds(&self, stream: StreamId) -> bool {
        self.first.is_some() && self.gathered.iter().any(|gathered| gathered.stream == stream && !gathered.doubtful)
    }

    /// When the tick that is being gathered is over, complete or not.
    pub fn due(&self) -> Option<Instant> {
        self.first.map(|first| first + GATHER)
    }

    /// Ends the tick: its samples, and when its first row came. Rows whose line is not complete wait on.
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

    /// Settles the doubts that were there before a reading of the tables began: the zeros of lines that are still fed by
    /// the same stream are right, and no longer doubted. Gives the last of each line, by the time of the first, as a
    /// batch of its own.
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

    /// Forgets the zeros of lines that a stream feeds no longer: their sessions are gone.
    pub fn deny(&mut self, is_fed: impl Fn(LineHandle, StreamId) -> bool) {
        self.gathered.retain(|gathered| !gathered.doubtful || is_fed(gathered.line, gathered.stream));
    }

    /// Forgets lines that are watched no longer.
    pub fn forget(&mut self, is_watched: impl Fn(LineHandle) -> bool) {
        self.last.retain(|last| is_watched(last.line));
        self.gathered.retain(|gathered| is_watched(gathered.line));
    }

    /// Forgets what was being gathered: the connection is gone.
    pub fn clear(&mut self) {
        self.gathered.clear();
        self.last.clear();
        self.under_way.clear();
        self.first = None;
    }

    /// A line's next section: what was not complete of its last one never will be.
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

    /// Zeros right after real traffic are doubtful, until the tables had their time to confirm them.
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

/// Since when a line is in doubt.
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
