//! Puts lines into streams: newcomers into small streams, small streams into larger ones.

use std::time::Duration;

use shared::LineHandle;
use shared::control::WatchRefusal;
use tokio::time::Instant;

use super::action::Action;
use super::naming::Naming;
use super::pace::Pace;
use super::stream::{Stream, StreamId};
use super::streams::Streams;
use super::watches::{Company, Nameable, Watched, Watches};
use super::way::Way;
use crate::routeros::commands::Interval;
use crate::sessions::LineTable;

/// Decides the lines of each stream, within the configured limits.
#[derive(Debug)]
pub(super) struct Placement {
    pace: Pace,
    max_streams: usize,
    /// The most interfaces in one stream.
    pub(super) room: usize,
    restart_pause: Duration,
}

/// The state for a decision, to be changed.
pub(super) struct Circumstances<'a> {
    pub(super) watches: &'a mut Watches,
    pub(super) streams: &'a mut Streams,
    pub(super) naming: &'a mut Naming,
    pub(super) table: &'a LineTable,
    pub(super) interval: Interval,
    pub(super) now: Instant,
}

/// The state for a question, read only.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) watches: &'a Watches,
    pub(super) streams: &'a Streams,
    pub(super) interval: Interval,
    pub(super) now: Instant,
}

/// A line without a stream for all sessions. Similar lines may share a stream.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    line: LineHandle,
    strikes: u8,
    flapping: bool,
    by_name: bool,
    company: Company,
}

impl Placement {
    /// Begins with no stream opened. One place of `max_streams` is kept for a merge.
    pub(super) fn new(max_streams: usize, room: usize, restart_pause: Duration) -> Self {
        Self { pace: Pace::default(), max_streams: max_streams.max(2), room: room.max(1), restart_pause }
    }

    /// Puts waiting lines into small streams, at once.
    pub(super) fn place_newcomers(&mut self, at: &mut Circumstances<'_>, actions: &mut Vec<Action>) {
        self.try_names(at, actions);
        if at.naming.holds_newcomers(at.now) {
            return;
        }
        let mut waiting: Vec<_> = at.waiting().collect();
        // Suspects together and last: their refusal then costs no sound line.
        waiting.sort_by_key(|waiting| (waiting.flapping, waiting.by_name, waiting.strikes));
        let mut waiting = waiting.as_slice();
        while let Some((first, rest)) = waiting.split_first() {
            if !self.has_capacity_for(first.line, at) {
                at.watches.remove(first.line);
                actions.push(Action::Refuse(first.line, WatchRefusal::TooManyWatched));
                waiting = rest;
                continue;
            }
            if at.streams.len() + 1 >= self.max_streams || !self.pace.allows(at.now) {
                return;
            }
            let opened = self.open_for(first, waiting, at, actions);
            waiting = waiting.get(opened..).unwrap_or_default();
        }
    }

    /// Asks for the interfaces of a refused stream again, by name. The refused stream has counted against the pace, so
    /// this one does not.
    fn try_names(&mut self, at: &mut Circumstances<'_>, actions: &mut Vec<Action>) {
        let Some(mut lines) = at.naming.lines_to_try() else { return };
        lines.retain(|line| at.watches.get(*line).is_some_and(|watched| !watched.placed));
        let lines = self.fitting(lines.into_iter(), self.room, at.table);
        if lines.is_empty() {
            at.naming.drop_trial();
            return;
        }
        let stream = at.streams.create(at.interval, at.naming.way(), at.now);
        self.open(stream, &lines, at, actions);
    }

    /// Opens a stream for the first of the waiting lines and the similar ones. Returns the number of lines.
    fn open_for(
        &mut self,
        first: &Waiting,
        waiting: &[Waiting],
        at: &mut Circumstances<'_>,
        actions: &mut Vec<Action>,
    ) -> usize {
        let apart = (first.flapping || first.by_name) && at.view().streams_apart() + 1 < self.max_streams / 2;
        let (room, lines) = if apart { (1, 1) } else { (self.room >> first.strikes.min(5), first.company.0) };
        let alike = waiting.iter().take_while(|other| other.is_like(first)).map(|other| other.line);
        let lines = self.fitting(alike.take(lines), room.max(1), at.table);
        let way = if first.by_name { Way::Names } else { at.naming.way() };
        let mut stream = at.streams.create(at.interval, way, at.now);
        stream.is_apart = apart;
        self.pace.note_opened(at.now);
        self.open(stream, &lines, at, actions);
        lines.len()
    }

    /// Opens a stream in the place of others, one at a time: of small streams if there are more than needed, of a stream
    /// with dead interfaces, or of one with another interval.
    pub(super) fn merge(&mut self, at: &mut Circumstances<'_>, actions: &mut Vec<Action>) {
        let view = at.view();
        if !self.may_merge(view) {
            return;
        }
        let chosen = self.worth_merging(view);
        if chosen.is_empty() {
            return;
        }
        let of_chosen = at.streams.iter().filter(|stream| chosen.contains(&stream.id));
        let mut lines: Vec<_> = of_chosen.flat_map(|stream| stream.live().map(|slot| slot.line)).collect();
        lines.sort_unstable();
        lines.dedup();
        let lines = self.fitting(lines.into_iter(), self.room, at.table);
        self.pace.note_merge(at.now);
        self.pace.note_opened(at.now);
        let stream = at.streams.create(at.interval, at.naming.way(), at.now);
        self.open(stream, &lines, at, actions);
    }

    fn may_merge(&self, view: View<'_>) -> bool {
        let settled = view.streams.iter().all(Stream::is_warm);
        let crowded = view.streams.len() + 1 >= self.max_streams;
        let urgent = crowded || view.streams.iter().any(|stream| view.is_about_to_end(stream));
        settled
            && view.streams.len() < self.max_streams
            && self.pace.allows(view.now)
            && self.may_need_merge(view)
            && (urgent || self.pace.allows_merge(view.now))
    }

    /// True if a merge may be of use: the cheap question before the expensive one.
    pub(super) fn may_need_merge(&self, view: View<'_>) -> bool {
        view.streams.iter().any(|stream| view.is_spoiled(stream))
            || view.streams.len() > view.needed_streams(self.room) + 1
    }

    /// True if all streams together have room for the line, with one place kept free.
    fn has_capacity_for(&self, line: LineHandle, at: &Circumstances<'_>) -> bool {
        let all = at.watches.iter().filter(|watched| watched.placed || watched.line == line);
        let needed: usize = all.map(|watched| at.table.sessions_of(watched.line).take(self.room).count()).sum();
        needed <= (self.max_streams - 1) * self.room
    }

    /// As many of the lines, from the front, as there is room for; at least one.
    fn fitting(&self, lines: impl Iterator<Item = LineHandle>, room: usize, table: &LineTable) -> Vec<LineHandle> {
        let mut left = room;
        let fits = |line: &LineHandle| {
            let sessions = table.sessions_of(*line).take(self.room).count();
            let fits = sessions <= left || left == room;
            left = left.saturating_sub(sessions);
            fits
        };
        lines.take_while(fits).collect()
    }

    fn open(&self, mut stream: Stream, lines: &[LineHandle], at: &mut Circumstances<'_>, actions: &mut Vec<Action>) {
        for line in lines {
            stream.watch(*line, at.table.sessions_of(*line).take(self.room));
            at.watches.get_mut(*line).into_iter().for_each(|watched| watched.placed = true);
        }
        stream.review(at.table, |line| at.watches.has(line));
        at.naming.note_opened(&stream, at.now);
        actions.push(Action::Open(stream.id));
        at.streams.add(stream);
    }

    /// The streams to replace by one: several small ones, or one to be rebuilt.
    fn worth_merging(&self, view: View<'_>) -> Vec<StreamId> {
        let mut free: Vec<_> = view.streams.iter().filter(|stream| self.may_restart(stream, view)).collect();
        free.sort_by_key(|stream| (stream.live().count(), stream.id));
        let mut left = self.room;
        let fits = |stream: &&&Stream| {
            let live = stream.live().count();
            let fits = live <= left;
            left = left.saturating_sub(live);
            fits
        };
        let small: Vec<_> = free.iter().take_while(fits).map(|stream| stream.id).collect();
        if small.len() >= 2 && view.streams.len() > view.needed_streams(self.room) + 1 {
            return small;
        }
        free.iter().find(|stream| view.is_spoiled(stream)).map(|stream| stream.id).into_iter().collect()
    }

    /// True if the stream may be replaced now. A flapping line's own stream stays, and a large stream rests for a while at
    /// first.
    fn may_restart(&self, stream: &Stream, view: View<'_>) -> bool {
        let small = stream.slots.len() * 2 <= self.room;
        let rested = view.now.saturating_duration_since(stream.opened) >= self.restart_pause;
        let free = small || rested || view.is_about_to_end(stream);
        stream.live().next().is_some() && free && !view.is_apart(stream)
    }
}

impl Circumstances<'_> {
    fn view(&self) -> View<'_> {
        View { watches: self.watches, streams: self.streams, interval: self.interval, now: self.now }
    }

    fn waiting(&self) -> impl Iterator<Item = Waiting> {
        self.watches.iter().filter_map(|watched| {
            let due = watched.retry.is_due(self.table.readings(), self.now);
            let waits = !watched.placed
                && due
                && watched.nameable == Nameable::Yes
                && self.table.sessions_of(watched.line).next().is_some();
            let flapping = watched.changes.is_flapping(self.now);
            let (strikes, company, by_name) = (watched.retry.strikes, watched.retry.company, watched.by_name);
            waits.then_some(Waiting { line: watched.line, strikes, flapping, by_name, company })
        })
    }
}

impl Waiting {
    fn is_like(&self, other: &Self) -> bool {
        (self.strikes, self.flapping, self.by_name) == (other.strikes, other.flapping, other.by_name)
    }
}

impl View<'_> {
    /// True if every watched line has a producer, every stream is settled and no merge is needed.
    pub(super) fn is_settled(self, placement: &Placement) -> bool {
        self.watches.iter().all(Watched::is_settled)
            && self.streams.iter().all(Stream::is_settled)
            && !placement.may_need_merge(self)
    }

    /// True if the stream has dead interfaces, or another interval than is wanted.
    fn is_spoiled(self, stream: &Stream) -> bool {
        stream.interval != self.interval || stream.has_gone()
    }

    /// True if the router will end the stream for a missing interface: a replacement should come first.
    fn is_about_to_end(self, stream: &Stream) -> bool {
        self.streams.end_with_interfaces && stream.has_gone() && stream.live().next().is_some()
    }

    /// True if the stream has one line alone, because the line flaps or is asked for by name.
    fn is_apart(self, stream: &Stream) -> bool {
        let is_special = |watched: &Watched| watched.by_name || watched.changes.is_flapping(self.now);
        stream.is_apart && stream.live().any(|slot| self.watches.get(slot.line).is_some_and(is_special))
    }

    fn streams_apart(self) -> usize {
        self.streams.iter().filter(|stream| self.is_apart(stream)).count()
    }

    /// The smallest sufficient number of streams, with flapping lines apart.
    fn needed_streams(self, room: usize) -> usize {
        let shared = self.streams.iter().filter(|stream| !self.is_apart(stream));
        let live: usize = shared.map(|stream| stream.live().count()).sum();
        self.streams_apart() + live.div_ceil(room)
    }
}
