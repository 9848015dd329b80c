//! Every line's average rates over about half a minute, from the byte counters of the line's interfaces. Pure: time is an
//! argument, and the router's task sends the command.
//!
//! One table is read for all lines, watched or not. The difference of two readings gives an average. A guess is not made:
//! an interface that is new, has another `.id` or counts less than before starts anew, because another session counts
//! there, or the counter wrapped. After a long pause between readings everything starts anew.
//!
//! Memory: 64 bytes a live session (32 in each of two readings) and 24 bytes a line, kept from one reading to the next.

use std::time::Duration;

use shared::Sample;
use shared::frame::Reach;
use shared::sample::MAX_RATE;
use tokio::time::Instant;

use crate::clock::milliseconds;
use crate::routeros::sentence::Sentence;
use crate::sampler;
use crate::sessions::{InterfaceKey, Line, LineTable};

/// Two readings further apart than so many intervals give no average.
const LONGEST_REACH: u32 = 4;

/// The pause after a reading, as a multiple of the reading's own time; the other tables have the same.
const SHARE: u32 = 4;

/// The wait after a router refused both forms of the table. Somebody may allow the table meanwhile.
const REFUSED_PAUSE: Duration = Duration::from_secs(600);

/// The form of the command. Some routers need `=stats=`, and some refuse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// With `=stats=`.
    Stats,
    /// Without.
    Plain,
}

/// One interface's counters at one reading.
#[derive(Debug, Clone, Copy)]
struct Counter {
    /// The hash of the interface's name, to find its session by.
    name: InterfaceKey,
    /// The interface's `.id`. A reconnect changes the `.id`.
    id: InterfaceKey,
    rx: u64,
    tx: u64,
}

/// One reading of the counters; a complete one is in order of the names' hashes.
#[derive(Debug, Default)]
struct Reading {
    counters: Vec<Counter>,
    /// The arrival of the first row; `None` is no reading.
    at: Option<Instant>,
}

/// The averages of a complete reading.
#[derive(Debug)]
pub struct Completed<'a> {
    /// The time of the reading.
    pub at: Instant,
    /// How far back they reach.
    pub reach: Reach,
    /// At least one average, by rising handle.
    pub averages: &'a mut [Sample],
}

/// Reads counters at intervals and makes averages of them.
#[derive(Debug)]
pub struct Averages {
    interval: Option<Duration>,
    due: Option<Instant>,
    /// The start of the reading under way.
    asked: Option<Instant>,
    form: Form,
    /// True if the reading under way is refused.
    void: bool,
    /// True once the refusal is logged.
    is_logged: bool,
    fresh: Reading,
    last: Reading,
    averages: Vec<Sample>,
}

impl Averages {
    /// Begins with no reading; without an `interval` none is ever made.
    pub const fn new(interval: Option<Duration>) -> Self {
        Self {
            interval,
            due: None,
            asked: None,
            form: Form::Stats,
            void: false,
            is_logged: false,
            fresh: Reading::new(),
            last: Reading::new(),
            averages: Vec::new(),
        }
    }

    /// When the next reading is due; `None` while one is under way, or without an interval.
    pub fn wake(&self, now: Instant) -> Option<Instant> {
        self.interval.filter(|_| self.asked.is_none()).map(|_| self.due.unwrap_or(now))
    }

    /// Begins a reading if one is due. Returns the form of the command.
    pub fn begin(&mut self, now: Instant) -> Option<Form> {
        let interval = self.interval?;
        self.wake(now).filter(|due| *due <= now)?;
        let mut next = self.due.unwrap_or(now) + interval;
        while next < now + interval / 2 {
            next += interval;
        }
        (self.due, self.asked, self.void) = (Some(next), Some(now), false);
        self.fresh.clear();
        Some(self.form)
    }

    /// Takes a row. Interfaces without a known session are passed over.
    pub fn row(&mut self, row: &Sentence<'_>, lines: &LineTable, now: Instant) {
        self.fresh.at.get_or_insert(now);
        let Some(name) = row.get("name").filter(|name| lines.line_on(name).is_some()) else { return };
        let Some((rx, tx)) = row.integer("rx-byte").zip(row.integer("tx-byte")) else { return };
        if self.fresh.counters.len() < lines.capacity() {
            let id = InterfaceKey::read(row, name);
            self.fresh.counters.push(Counter { name: InterfaceKey::new(None, name), id, rx, tx });
        }
    }

    /// Takes the router's refusal.
    pub fn trap(&mut self) {
        self.void = true;
    }

    /// Ends the reading: the table did not come in time. The next reading is compared with the last complete one.
    pub fn timed_out(&mut self, now: Instant) {
        self.end(now);
    }

    /// Forgets the reading under way: the connection is gone.
    pub fn disconnected(&mut self) {
        self.asked = None;
        self.form = Form::Stats;
    }

    /// Ends the reading: the table is complete. Returns the averages, if there are any.
    pub fn done(&mut self, lines: &LineTable, now: Instant) -> Option<Completed<'_>> {
        self.end(now)?;
        if self.void || (self.fresh.counters.is_empty() && lines.live_sessions() > 0) {
            self.ask_otherwise(now);
            return None;
        }
        self.is_logged = false;
        self.fresh.sort();
        let reach = self.reach();
        std::mem::swap(&mut self.last, &mut self.fresh);
        let (reach, at) = reach.zip(self.last.at)?;
        self.average(lines, reach);
        let averages = self.averages.as_mut_slice();
        (!averages.is_empty()).then_some(Completed { at, reach, averages })
    }

    /// Ends the reading under way, if there is one.
    fn end(&mut self, now: Instant) -> Option<()> {
        let took = now.saturating_duration_since(self.asked.take()?);
        self.due = self.due.map(|due| due.max(now + took * SHARE));
        Some(())
    }

    /// Changes to the other form: to the second one at once, and back to the first at the next reading.
    fn ask_otherwise(&mut self, now: Instant) {
        (self.form, self.due) = match self.form {
            Form::Stats => (Form::Plain, Some(now)),
            Form::Plain if self.void => {
                if !std::mem::replace(&mut self.is_logged, true) {
                    tracing::info!(
                        "router refuses its interfaces' byte counters: pages open without the last two hours"
                    );
                }
                (Form::Stats, Some(now + REFUSED_PAUSE))
            }
            Form::Plain => (Form::Stats, self.due),
        };
    }

    /// The time between the last reading and the fresh one.
    fn reach(&self) -> Option<Reach> {
        let interval = self.interval?;
        let span = self.fresh.at?.saturating_duration_since(self.last.at?);
        let told = Reach { span_ms: milliseconds(span), interval_ms: milliseconds(interval) };
        (told.span_ms > 0 && span <= interval * LONGEST_REACH).then_some(told)
    }

    /// Makes the averages. A line has one if all sessions of the line have.
    fn average(&mut self, lines: &LineTable, reach: Reach) {
        let Self { averages, last: after, fresh: before, .. } = self;
        averages.clear();
        averages.extend(lines.iter().filter(|line| line.sessions() > 0).filter_map(|line| {
            let (download, upload) = sum(line, lines, |name| Some((before.find(name)?, after.find(name)?)))?;
            let rate = |bytes: u64| bytes.saturating_mul(8_000) / reach.span_ms;
            let sample = Sample { line: line.handle(), download: rate(download), upload: rate(upload) };
            (sample.download.max(sample.upload) <= MAX_RATE).then_some(sample)
        }));
    }
}

/// The bytes of a line between two readings, as the subscriber sees download and upload.
fn sum(
    line: &Line,
    lines: &LineTable,
    readings: impl Fn(InterfaceKey) -> Option<(Counter, Counter)>,
) -> Option<(u64, u64)> {
    let mut total = (0_u64, 0_u64);
    for session in lines.sessions_of(line.handle()) {
        let (before, after) = readings(InterfaceKey::new(None, session.name))?;
        let (rx, tx) = after.since(&before)?;
        let (download, upload) = sampler::as_subscriber(session.role, rx, tx);
        total = (total.0.saturating_add(download), total.1.saturating_add(upload));
    }
    Some(total)
}

impl Counter {
    /// The bytes counted since `before`; `None` after a reconnect, or if the counters began anew.
    fn since(&self, before: &Self) -> Option<(u64, u64)> {
        let grown = self.rx.checked_sub(before.rx).zip(self.tx.checked_sub(before.tx));
        grown.filter(|_| self.id == before.id)
    }
}

impl Reading {
    const fn new() -> Self {
        Self { counters: Vec::new(), at: None }
    }

    fn clear(&mut self) {
        self.counters.clear();
        self.at = None;
    }

    fn sort(&mut self) {
        self.counters.sort_unstable_by_key(|counter| counter.name);
    }

    fn find(&self, name: InterfaceKey) -> Option<Counter> {
        let place = self.counters.binary_search_by_key(&name, |counter| counter.name).ok()?;
        self.counters.get(place).copied()
    }
}

#[cfg(test)]
mod tests;
