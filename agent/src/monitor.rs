//! Decides which `monitor-traffic` streams to open and cancel for the watched lines, and finds the line of each row. No
//! I/O; time is an argument.
//!
//! ```text
//! newcomers ─→ a small stream, at once
//!              small streams ─→ one larger, when there are more than needed
//! ```
//!
//! - A new stream is opened before the replaced ones are cancelled. A line changes over at the new stream's second section,
//!   so nobody's samples stop because another viewer came or went.
//! - A watch lingers after the last viewer. An unwatch alone restarts nothing, and a returning viewer finds the stream.
//! - Each line has one producer at a time, the newest warm stream. No second is counted twice.
//! - A flapping line gets a stream of its own, and only this stream is restarted again and again.
//! - The agent limits how often streams are opened, whatever a relay wants.

mod action;
mod load;
mod naming;
mod pace;
mod placement;
mod stream;
mod streams;
mod watches;
mod way;

use shared::LineHandle;
use shared::control::{Role, WatchRefusal};
use tokio::time::{Duration, Instant};

use crate::config::{AgentLimits, Timing};
use crate::routeros::commands::{Interface, Interval};
use crate::sessions::LineTable;
pub use action::Action;
use load::Load;
use naming::{Naming, Verdict};
use placement::{Circumstances, Placement, View};
pub use stream::{Refusal, StreamId};
use stream::{Standing, Stream};
use streams::Streams;
use watches::Watches;
use way::Way;

/// The time between two plans while a line waits for the first row or a merge is pending.
const LOOK: Duration = Duration::from_millis(200);

/// The line of a row, and the row's place among the line's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The line.
    pub line: LineHandle,
    /// The router's end of the session.
    pub role: Role,
    /// The stream.
    pub stream: StreamId,
    /// The stream's section, counted from 1.
    pub section: u32,
    /// How many rows of this section make up the line.
    pub of: u16,
}

/// A row's place in the stream, and the sample in the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// True for the first row of a section.
    pub begins: bool,
    /// True for the last row of a section: rows come in the order of the command.
    pub ends: bool,
    /// The sample, or a part of one. `None` for a warm-up row and for an unwatched line.
    pub reading: Option<Reading>,
}

/// The watched lines and their streams.
#[derive(Debug)]
pub struct Monitor {
    watches: Watches,
    streams: Streams,
    placement: Placement,
    load: Load,
    naming: Naming,
    /// The reading of the tables at the last review; `None` if watches or streams changed since.
    reviewed: Option<u64>,
}

impl Monitor {
    /// Begins with nothing watched.
    pub fn new(limits: &AgentLimits, timing: &Timing) -> Self {
        Self {
            watches: Watches::new(limits.max_watched, timing.streams.linger, timing.streams.return_linger),
            streams: Streams::new(timing.streams.stream_silence),
            placement: Placement::new(limits.streams, limits.interfaces_per_stream, timing.streams.restart_pause),
            load: Load::new(),
            naming: Naming::default(),
            reviewed: None,
        }
    }

    /// Replaces the set of wanted lines. Returns the lines beyond the agent's own limit. `is_new_uplink`: the relay may
    /// have lost its viewers, and unwanted lines linger until the viewers are back.
    #[must_use]
    pub fn want(
        &mut self,
        wanted: impl Iterator<Item = LineHandle>,
        is_new_uplink: bool,
        now: Instant,
    ) -> Vec<LineHandle> {
        self.reviewed = None;
        self.watches.want(&wanted.collect(), is_new_uplink, now)
    }

    /// Lets no watch end while `held`: nobody can say whether a line's viewers are back.
    pub const fn hold(&mut self, held: bool) {
        self.watches.hold(held);
    }

    /// Returns the actions needed now, by the last reading of the tables.
    pub fn plan(&mut self, table: &LineTable, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.watches.end_due(now) {
            self.reviewed = None;
        }
        self.review(table, now, &mut actions);
        self.check_silence(now, &mut actions);
        let interval = self.load.interval();
        let mut at = Circumstances {
            watches: &mut self.watches,
            streams: &mut self.streams,
            naming: &mut self.naming,
            table,
            interval,
            now,
        };
        self.placement.place_newcomers(&mut at, &mut actions);
        self.placement.merge(&mut at, &mut actions);
        self.cancel_idle(&mut actions);
        actions
    }

    /// When [`plan`](Self::plan) has something to do even if no row comes before; `None` with nothing watched.
    pub fn wake(&self, now: Instant) -> Option<Instant> {
        if self.is_idle() {
            return None;
        }
        let view = View { watches: &self.watches, streams: &self.streams, interval: self.load.interval(), now };
        if !view.is_settled(&self.placement) {
            return Some(now + LOOK);
        }
        self.streams.iter().map(Stream::suspect_at).chain(self.watches.next_end()).min()
    }

    /// Finds the line of a row. `None` for a row of an unknown stream or interface, and for a doubled row.
    pub fn row(&mut self, stream: StreamId, name: Option<&[u8]>, number: Option<u64>, now: Instant) -> Option<Row> {
        let stream = self.streams.get_mut(stream)?;
        let place = stream.place(name, number, now)?;
        if stream.sections == 1 && place.begins && self.naming.note_answer(stream) {
            self.reviewed = None;
        }
        let ends = place.slot + 1 == stream.slots.len();
        let reading = Self::reading(&mut self.watches, stream, place.slot, now);
        self.streams.heard();
        Some(Row { begins: place.begins, ends, reading })
    }

    /// Records a stream's end by the router.
    pub fn ended(&mut self, stream: StreamId, readings: u64, now: Instant) {
        let Some(stream) = self.take(stream) else { return };
        if self.judge(&stream, readings) == Verdict::WrongWay {
            let lines = stream.live().map(|slot| slot.line);
            lines.for_each(|line| self.watches.get_mut(line).into_iter().for_each(|watched| watched.retry.excuse()));
            return;
        }
        // A known missing interface explains the end: the tables need not be read.
        let lines = stream.lines();
        let is_refused = stream.sections == 0 && stream.refusal == Some(Refusal::Interfaces);
        let explained = stream.is_warm() && stream.has_gone();
        self.streams.end_with_interfaces |= explained;
        for slot in stream.live() {
            if let Some(watched) = self.watches.get_mut(slot.line) {
                watched.retry.after_reading = readings + u64::from(!explained);
                match lines {
                    _ if stream.is_warm() => {}
                    1 if is_refused => watched.refused_alone(&stream, &self.naming, now),
                    _ if is_refused => watched.retry.strike_of_many(lines),
                    _ => watched.retry.strike(now),
                }
            }
        }
    }

    /// Records the end of the connection, and of every stream.
    pub fn disconnected(&mut self, readings: u64) {
        self.streams.clear();
        self.naming.disconnected();
        self.reviewed = None;
        for watched in self.watches.iter_mut() {
            (watched.producer, watched.skip) = (None, None);
            watched.retry.restart(readings);
        }
    }

    /// Records why the router is about to end the stream; [`ended`](Self::ended) follows.
    pub fn refused(&mut self, stream: StreamId, refusal: Refusal) {
        self.streams.get_mut(stream).into_iter().for_each(|stream| stream.refusal = Some(refusal));
    }

    /// Forgets the way of naming: the router has another RouterOS version.
    pub fn forget_naming(&mut self) {
        self.naming.forget();
        self.reviewed = None;
    }

    /// Takes the router's CPU load, in percent.
    pub fn note_load(&mut self, percent: u8) {
        self.load.note(percent);
    }

    /// Brings every slot's standing up to the tables now. New streams and merges wait for the next plan.
    pub fn review_streams(&mut self, table: &LineTable) {
        self.reviewed = None;
        self.streams.review(table, &self.watches);
    }

    /// The interfaces and the interval for the stream's command.
    pub fn interfaces(&self, stream: StreamId) -> Option<(Vec<Interface<'_>>, Interval)> {
        let stream = self.streams.get(stream)?;
        let names = stream.slots.iter().map(|slot| match slot.key.id() {
            Some(id) if stream.way == Way::Ids => Interface::Id(id),
            _ => Interface::Name(&slot.name),
        });
        Some((names.collect(), stream.interval))
    }

    /// True if the line's samples are made of the stream's rows.
    pub fn produces(&self, stream: StreamId, line: LineHandle) -> bool {
        self.watches.get(line).is_some_and(|watched| watched.producer == Some(stream))
            && self.streams.get(stream).is_some_and(|stream| stream.live_of(line) > 0)
    }

    /// True if the line is watched, or lingers.
    pub fn is_watched(&self, line: LineHandle) -> bool {
        self.watches.has(line)
    }

    /// True if no line is watched.
    pub const fn is_idle(&self) -> bool {
        self.watches.is_empty()
    }

    /// The watched lines, by rising handle.
    pub fn lines(&self) -> impl Iterator<Item = LineHandle> {
        self.watches.iter().map(|watched| watched.line)
    }

    /// The number of open streams.
    pub const fn streams(&self) -> usize {
        self.streams.len()
    }

    /// The interval between samples.
    pub const fn interval(&self) -> Interval {
        self.load.interval()
    }

    /// A row counts if the stream is warm and is the line's producer, or becomes the producer now.
    fn reading(watches: &mut Watches, stream: &Stream, slot: usize, now: Instant) -> Option<Reading> {
        let slot = stream.slots.get(slot).filter(|slot| slot.standing == Standing::Live && stream.is_warm())?;
        let watched = watches.get_mut(slot.line)?;
        if watched.producer < Some(stream.id) {
            watched.take_over(stream, now);
        }
        if watched.producer != Some(stream.id) {
            return None;
        }
        watched.clear();
        if watched.skip == Some(stream.sections) {
            return None;
        }
        watched.last_row = Some(now);
        Some(Reading { line: slot.line, role: slot.role, stream: stream.id, section: stream.sections, of: slot.of })
    }

    /// Brings streams and watches up to the tables, if these or the watches changed.
    fn review(&mut self, table: &LineTable, now: Instant, actions: &mut Vec<Action>) {
        if self.naming.review(table) {
            self.reviewed = None;
        }
        if self.reviewed == Some(table.readings()) {
            return;
        }
        if table.readings() > 0 {
            let unknown = self.watches.drop_unknown(table).into_iter();
            actions.extend(unknown.map(|line| Action::Refuse(line, WatchRefusal::UnknownLine)));
        }
        let refused = self.watches.iter_mut().filter_map(|watched| {
            let is_news = watched.review_names(&self.naming, table, now);
            is_news.then_some(Action::RouterRefuses(watched.line))
        });
        actions.extend(refused);
        self.streams.review(table, &self.watches);
        self.review_places(table);
        self.reviewed = Some(table.readings());
    }

    /// Marks the lines with all sessions in one stream.
    fn review_places(&mut self, table: &LineTable) {
        self.watches.iter_mut().for_each(|watched| watched.placed = false);
        for stream in self.streams.iter() {
            for slots in stream.slots.chunk_by(|a, b| a.line == b.line) {
                let Some(line) = slots.first().map(|slot| slot.line) else { continue };
                let live = slots.iter().filter(|slot| slot.standing == Standing::Live).count();
                let whole = live > 0 && live == table.sessions_of(line).take(self.placement.room).count();
                self.watches.get_mut(line).into_iter().for_each(|watched| watched.placed |= whole);
            }
        }
    }

    /// Reopens silent streams, and has the tables read after rows stopped.
    fn check_silence(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if let Some(id) = self.streams.silent(now) {
            let again = self.streams.count_silent();
            actions.push(if again { Action::Drop("streams give no rows") } else { Action::Cancel(id) });
            self.give_up(id, now);
        }
        let mut suspect = false;
        for stream in self.streams.iter_mut() {
            suspect |= stream.is_suspect(now);
            for line in stream.set_aside_stopped() {
                suspect = true;
                self.watches.get_mut(line).into_iter().for_each(|watched| watched.retry.strike(now));
            }
        }
        if suspect {
            actions.push(Action::Reread("rows stopped"));
        }
    }

    /// Takes the stream off the list, with a strike for each line.
    fn give_up(&mut self, id: StreamId, now: Instant) {
        let stream = self.take(id);
        self.naming.note_end(id);
        for slot in stream.iter().flat_map(Stream::live) {
            self.watches.get_mut(slot.line).into_iter().for_each(|watched| watched.retry.strike(now));
        }
    }

    /// Cancels unneeded streams: all lines left, or get their samples from a later stream.
    fn cancel_idle(&mut self, actions: &mut Vec<Action>) {
        let superseded = |stream: &Stream, line| {
            let producer = self.watches.get(line).and_then(|watched| watched.producer);
            self.streams.supersede(stream.id, line, producer)
        };
        let idle = self.streams.iter().filter(|stream| stream.live().all(|slot| superseded(stream, slot.line)));
        for id in idle.map(|stream| stream.id).collect::<Vec<_>>() {
            self.take(id);
            self.naming.note_end(id);
            actions.push(Action::Cancel(id));
        }
    }

    /// Takes the stream off the list. The lines then have no producer.
    fn take(&mut self, id: StreamId) -> Option<Stream> {
        let stream = self.streams.take(id)?;
        self.reviewed = None;
        for watched in self.watches.iter_mut().filter(|watched| watched.producer == Some(id)) {
            watched.producer = None;
        }
        Some(stream)
    }

    /// Learns from the end of a stream about the naming of interfaces.
    fn judge(&mut self, stream: &Stream, readings: u64) -> Verdict {
        if stream.sections > 0 || stream.refusal == Some(Refusal::Forbidden) {
            self.naming.note_end(stream.id);
            return Verdict::Suspect;
        }
        self.naming.note_refusal(stream, readings)
    }
}

#[cfg(test)]
mod tests;
