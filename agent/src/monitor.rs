//! Which lines are sampled by which `monitor-traffic` streams: decides, and tells rows' owners. It does no I/O; time is
//! an argument.
//!
//! ```text
//! newcomers ─→ a small stream, at once
//!              small streams ─→ one larger, when there are more than needed
//! ```
//!
//! - A stream that takes over is opened before those that it replaces are cancelled, and a line changes over when the new
//!   stream's second section comes: nobody's samples stop because somebody else came or went.
//! - A watch lingers; an unwatch alone restarts nothing, and a line that comes back finds its stream still there.
//! - Each line has one stream at a time whose rows count, the newest that is warm: no second is counted twice.
//! - A line whose sessions change again and again gets a stream of its own: its trouble is then nobody else's.
//! - How often streams are opened has a limit that no relay lifts.

mod placement;
mod stream;

use std::collections::BTreeSet;
use std::time::Duration;

use shared::LineHandle;
use shared::control::{Role, WatchRefusal};
use tokio::time::Instant;

use crate::config::{AgentLimits, Timing};
use crate::routeros::commands::Interface;
use crate::sessions::LineTable;
use placement::Pace;
pub use stream::StreamId;
use stream::{Standing, Stream};

/// Above this CPU load, in percent, the router has better things to do than to be watched each second.
const BUSY_LOAD: u8 = 85;

/// Below this it has time again.
const CALM_LOAD: u8 = 60;

/// So many readings in a row above the one or below the other change the interval by a second.
const BUSY_READINGS: u8 = 3;
const CALM_READINGS: u8 = 6;

/// The router refuses intervals above 5 s.
const MAX_INTERVAL: u8 = 5;

/// More changes of a line's sessions than these, each within [`FLAP_WINDOW`] of the last, are flapping, until
/// [`CALM_AFTER`] without one.
const FLAPS: u8 = 3;
const FLAP_WINDOW: Duration = Duration::from_secs(60);
const CALM_AFTER: Duration = Duration::from_secs(300);

/// The longest wait before a line that no stream gives rows of is tried again.
const MAX_STRIKE_PAUSE: Duration = Duration::from_secs(30);

/// What is to be done about the router, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Open the stream, see [`Monitor::interfaces`].
    Open(StreamId),
    /// Cancel the stream.
    Cancel(StreamId),
    /// Tell the relay that the line is not sampled.
    Refuse(LineHandle, WatchRefusal),
    /// Read the session tables again: something may have vanished.
    Reread(&'static str),
    /// Drop the connection: streams that were reopened stay silent.
    Drop(&'static str),
}

/// Whose row it was, and that it is a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The line.
    pub line: LineHandle,
    /// Which end of the session the router is.
    pub role: Role,
    /// The stream.
    pub stream: StreamId,
    /// The stream's section, counted from 1.
    pub section: u32,
    /// How many rows of this section make up the line.
    pub of: u16,
}

/// What a row was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Whether it is the first of its stream's section.
    pub begins: bool,
    /// Whether it is the last one: rows come in the order of the command.
    pub ends: bool,
    /// The sample that it is (a part of), unless it is a warm-up or nobody's.
    pub reading: Option<Reading>,
}

#[derive(Debug)]
struct Watched {
    line: LineHandle,
    /// Since it is wanted no longer, when its watch ends.
    ends: Option<Instant>,
    /// Whether a stream has all its sessions, as of the last review.
    placed: bool,
    /// The stream whose rows count.
    producer: Option<StreamId>,
    /// A section of the producer that is passed over, for it comes too soon after the last stream's.
    skip: Option<u32>,
    last_row: Option<Instant>,
    /// What its sessions were at the last review; 0 without any.
    fingerprint: u64,
    changes: u8,
    changed: Option<Instant>,
    /// How often in a row it was placed and no row of it came.
    strikes: u8,
    not_before: Option<Instant>,
    /// Readings of the tables before which it is not placed.
    after_reading: u64,
}

/// The watched lines and the streams that sample them.
#[derive(Debug)]
pub struct Monitor {
    watched: Vec<Watched>,
    streams: Vec<Stream>,
    next_stream: u32,
    interval: u8,
    busy: u8,
    calm: u8,
    by_name: bool,
    /// Whether the router was seen to end streams whose interface is gone.
    brittle: bool,
    /// Streams in a row that the router ended before a row came.
    refused: u8,
    /// Streams in a row that fell silent.
    silent: u8,
    pace: Pace,
    reviewed: Option<u64>,
    /// Whether watches do not end.
    held: bool,
    max_watched: usize,
    max_streams: usize,
    room: usize,
    linger: Duration,
    return_linger: Duration,
    silence: Duration,
    restart_pause: Duration,
}

impl Monitor {
    /// Begins with nothing watched.
    pub fn new(limits: &AgentLimits, timing: &Timing) -> Self {
        Self {
            watched: Vec::new(),
            streams: Vec::new(),
            next_stream: 1,
            interval: 1,
            busy: 0,
            calm: 0,
            by_name: false,
            brittle: false,
            refused: 0,
            silent: 0,
            pace: Pace::default(),
            reviewed: None,
            held: false,
            max_watched: limits.max_watched,
            // One place is kept for a stream that takes over from others.
            max_streams: limits.streams.max(2),
            room: limits.interfaces_per_stream.max(1),
            linger: timing.streams.linger,
            return_linger: timing.streams.return_linger,
            silence: timing.streams.stream_silence,
            restart_pause: timing.streams.restart_pause,
        }
    }

    /// Takes what the relay wants watched now; `anew` where an uplink has just begun, whose relay may have lost its viewers:
    /// then what it does not want lingers until they are back. Gives what is more than the agent's own limit allows.
    #[must_use]
    pub fn want(&mut self, wanted: impl Iterator<Item = LineHandle>, anew: bool, now: Instant) -> Vec<LineHandle> {
        let wanted: BTreeSet<_> = wanted.collect();
        let linger = if anew { self.return_linger } else { self.linger };
        for watched in &mut self.watched {
            watched.ends = match watched.ends {
                _ if wanted.contains(&watched.line) => None,
                None => Some(now + linger),
                ends => ends,
            };
        }
        let mut refused = Vec::new();
        for line in wanted {
            match self.watched.binary_search_by_key(&line, |watched| watched.line) {
                Err(_) if !self.has_room() => refused.push(line),
                Err(_) => self.add(line),
                Ok(_) => {}
            }
        }
        self.reviewed = None;
        refused
    }

    /// Lets no watch end while `held`: nobody can say that a line's viewers are back.
    pub const fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Decides what is to be done, as of the tables.
    pub fn plan(&mut self, table: &LineTable, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        self.end_watches(now);
        self.review(table, now, &mut actions);
        self.check_silence(now, &mut actions);
        self.place_newcomers(table, now, &mut actions);
        self.merge(table, now, &mut actions);
        self.cancel_idle(&mut actions);
        actions
    }

    /// Tells whose row it is.
    pub fn row(&mut self, stream: StreamId, name: Option<&[u8]>, number: Option<u64>, now: Instant) -> Option<Row> {
        let stream = self.streams.iter_mut().find(|known| known.id == stream)?;
        let place = stream.place(name, number, now)?;
        (self.refused, self.silent) = (0, 0);
        let ends = place.slot + 1 == stream.slots.len();
        let reading = Self::reading(&mut self.watched, stream, place.slot, now);
        Some(Row { begins: place.begins, ends, reading })
    }

    /// Takes note that the router ended the stream.
    pub fn ended(&mut self, stream: StreamId, readings: u64, now: Instant) {
        let Some(stream) = self.take(stream) else { return };
        if stream.sections == 0 {
            self.count_refusal();
        }
        // An interface that is known to be gone explains the end: the tables need not be asked.
        let explained = stream.is_warm() && stream.has_gone();
        self.brittle |= explained;
        for slot in stream.live() {
            if let Some(watched) = find(&mut self.watched, slot.line) {
                watched.after_reading = readings + u64::from(!explained);
                if !stream.is_warm() {
                    watched.strike(now);
                }
            }
        }
    }

    /// Takes note that the connection is gone, and every stream with it.
    pub fn disconnected(&mut self, readings: u64) {
        self.streams.clear();
        (self.refused, self.silent, self.by_name, self.brittle) = (0, 0, false, false);
        self.reviewed = None;
        for watched in &mut self.watched {
            (watched.producer, watched.skip) = (None, None);
            (watched.strikes, watched.not_before, watched.after_reading) = (0, None, readings + 1);
        }
    }

    /// Takes the router's CPU load, in percent.
    pub fn load(&mut self, percent: u8) {
        (self.busy, self.calm) = match percent {
            percent if percent > BUSY_LOAD => (self.busy + 1, 0),
            percent if percent < CALM_LOAD => (0, self.calm.saturating_add(1)),
            _ => (0, 0),
        };
        let before = self.interval;
        if self.busy >= BUSY_READINGS {
            self.interval = MAX_INTERVAL.min(self.interval + 1);
            self.busy = 0;
        } else if self.calm >= CALM_READINGS {
            self.interval = 1.max(self.interval - 1);
            self.calm = 0;
        }
        if before != self.interval {
            tracing::info!(
                seconds = self.interval,
                load = percent,
                "interval between samples follows the router's load"
            );
        }
    }

    /// What the stream's command names, and its interval in seconds. Interfaces are named by their `.id`, whatever
    /// their names hold; where the router does not take that, by name.
    pub fn interfaces(&self, stream: StreamId) -> Option<(Vec<Interface<'_>>, u8)> {
        let stream = self.streams.iter().find(|known| known.id == stream)?;
        let names = stream.slots.iter().map(|slot| match slot.key.id() {
            Some(id) if !self.by_name || slot.name.contains(&b',') => Interface::Id(id),
            _ => Interface::Name(&slot.name),
        });
        Some((names.collect(), stream.interval))
    }

    /// Whether the stream's rows are what the line's samples are made of.
    pub fn produces(&self, stream: StreamId, line: LineHandle) -> bool {
        self.watched_line(line).is_some_and(|watched| watched.producer == Some(stream))
            && self.streams.iter().any(|known| known.id == stream && known.live_of(line) > 0)
    }

    /// Whether the line is watched, or lingers.
    pub fn is_watched(&self, line: LineHandle) -> bool {
        self.watched_line(line).is_some()
    }

    /// Whether any line is watched.
    pub const fn is_idle(&self) -> bool {
        self.watched.is_empty()
    }

    /// The watched lines, by rising handle.
    pub fn lines(&self) -> impl Iterator<Item = LineHandle> {
        self.watched.iter().map(|watched| watched.line)
    }

    /// Streams open.
    pub const fn streams(&self) -> usize {
        self.streams.len()
    }

    /// The interval between samples, in seconds.
    pub const fn interval(&self) -> u8 {
        self.interval
    }

    fn watched_line(&self, line: LineHandle) -> Option<&Watched> {
        let nth = self.watched.binary_search_by_key(&line, |watched| watched.line).ok()?;
        self.watched.get(nth)
    }

    /// A row counts when its stream is warm and is the line's producer, or takes that over now.
    fn reading(watched: &mut [Watched], stream: &Stream, slot: usize, now: Instant) -> Option<Reading> {
        let slot = stream.slots.get(slot).filter(|slot| slot.standing == Standing::Live && stream.is_warm())?;
        let watched = find(watched, slot.line)?;
        if watched.producer < Some(stream.id) {
            watched.take_over(stream, now);
        }
        if watched.producer != Some(stream.id) {
            return None;
        }
        (watched.strikes, watched.not_before) = (0, None);
        if watched.skip == Some(stream.sections) {
            return None;
        }
        watched.last_row = Some(now);
        Some(Reading { line: slot.line, role: slot.role, stream: stream.id, section: stream.sections, of: slot.of })
    }

    /// Whether one more line may be watched. Lingering ones give way, the nearest to its end first.
    fn has_room(&mut self) -> bool {
        if self.watched.len() < self.max_watched {
            return true;
        }
        let ending = self.watched.iter().enumerate().filter_map(|(nth, watched)| Some((watched.ends?, nth))).min();
        ending.map(|(_, nth)| self.watched.remove(nth)).is_some()
    }

    fn add(&mut self, line: LineHandle) {
        let place = self.watched.partition_point(|watched| watched.line < line);
        self.watched.insert(place, Watched::new(line));
    }

    fn end_watches(&mut self, now: Instant) {
        if self.held {
            return;
        }
        let before = self.watched.len();
        self.watched.retain(|watched| watched.ends.is_none_or(|ends| ends > now));
        if self.watched.len() != before {
            self.reviewed = None;
        }
    }

    /// Takes the stream off the list; lines that it fed are then fed by nobody.
    fn take(&mut self, stream: StreamId) -> Option<Stream> {
        let nth = self.streams.iter().position(|known| known.id == stream)?;
        self.reviewed = None;
        for watched in self.watched.iter_mut().filter(|watched| watched.producer == Some(stream)) {
            watched.producer = None;
        }
        Some(self.streams.remove(nth))
    }

    /// After two refusals in a row, whatever is asked for is asked for in the other way.
    fn count_refusal(&mut self) {
        self.refused = self.refused.saturating_add(1);
        if self.refused.is_multiple_of(2) {
            self.by_name = !self.by_name;
            tracing::info!(by_name = self.by_name, "router refuses the interfaces of a stream: named the other way");
        }
    }
}

impl Watched {
    const fn new(line: LineHandle) -> Self {
        Self {
            line,
            ends: None,
            placed: false,
            producer: None,
            skip: None,
            last_row: None,
            fingerprint: 0,
            changes: 0,
            changed: None,
            strikes: 0,
            not_before: None,
            after_reading: 0,
        }
    }

    /// From now on the stream's rows count. What comes within half an interval of the last stream's row is passed over,
    /// so that a second does not have two samples.
    fn take_over(&mut self, stream: &Stream, now: Instant) {
        let half = Duration::from_millis(u64::from(stream.interval) * 500);
        let soon = self.last_row.is_some_and(|last| now.saturating_duration_since(last) < half);
        self.producer = Some(stream.id);
        self.skip = soon.then_some(stream.sections);
    }

    /// Takes note of what its sessions are now.
    fn note_sessions(&mut self, fingerprint: u64, now: Instant) {
        if self.fingerprint == fingerprint {
            return;
        }
        let again = self.changed.is_some_and(|changed| now.saturating_duration_since(changed) < FLAP_WINDOW);
        self.changes = if again { self.changes.saturating_add(1) } else { 1 };
        // Its first sessions are no change.
        self.changed = (self.fingerprint != 0 || self.changed.is_some()).then_some(now);
        self.fingerprint = fingerprint;
    }

    fn is_flapping(&self, now: Instant) -> bool {
        self.changes > FLAPS && self.changed.is_some_and(|changed| now.saturating_duration_since(changed) < CALM_AFTER)
    }

    fn strike(&mut self, now: Instant) {
        // The first is free: a session may have gone just then.
        let pause = Duration::from_secs((1_u64 << self.strikes.min(5)) - 1).min(MAX_STRIKE_PAUSE);
        self.strikes = self.strikes.saturating_add(1);
        self.not_before = Some(now + pause);
    }
}

fn find(watched: &mut [Watched], line: LineHandle) -> Option<&mut Watched> {
    let nth = watched.binary_search_by_key(&line, |watched| watched.line).ok()?;
    watched.get_mut(nth)
}

#[cfg(test)]
mod tests;
