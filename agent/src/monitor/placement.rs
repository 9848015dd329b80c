//! Where lines go: newcomers into small streams, small streams into larger ones, the pace of both, and when to look again.

use std::time::Duration;

use shared::LineHandle;
use shared::control::WatchRefusal;
use tokio::time::Instant;

use super::stream::{Standing, Stream};
use super::{Action, Monitor, StreamId, find};
use crate::sessions::LineTable;

/// So many streams are opened within [`OPEN_WINDOW`] at most, whatever a relay wants.
const MAX_OPENS: usize = 10;
const OPEN_WINDOW: Duration = Duration::from_secs(10);

/// Between two takings-over of small streams at least.
const SMALL_PAUSE: Duration = Duration::from_secs(5);

/// While something is pending, streams are looked after this often.
const LOOK: Duration = Duration::from_millis(200);

/// When the last streams were opened.
#[derive(Debug, Default)]
pub(super) struct Pace {
    opens: heapless::Deque<Instant, MAX_OPENS>,
    merged: Option<Instant>,
}

impl Pace {
    fn allows(&self, now: Instant) -> bool {
        !self.opens.is_full()
            || self.opens.front().is_some_and(|first| now.saturating_duration_since(*first) >= OPEN_WINDOW)
    }

    fn note(&mut self, now: Instant) {
        if self.opens.is_full() {
            self.opens.pop_front();
        }
        // There is room: the oldest just left.
        let _ = self.opens.push_back(now);
    }
}

impl Monitor {
    /// When [`plan`](Self::plan) has something to do even if no row comes before; `None` with nothing watched.
    pub fn wake(&self, now: Instant) -> Option<Instant> {
        if self.is_idle() {
            return None;
        }
        let settled = self.watched.iter().all(|watched| watched.placed && watched.producer.is_some())
            && self.streams.iter().all(Stream::is_settled)
            && !self.may_need_merge(now);
        if !settled {
            return Some(now + LOOK);
        }
        let ends = self.watched.iter().filter_map(|watched| watched.ends).filter(|_| !self.held);
        self.streams.iter().map(Stream::suspect_at).chain(ends).min()
    }

    /// Brings every slot's standing up to the tables, when these or the watches changed.
    pub(super) fn review(&mut self, table: &LineTable, now: Instant, actions: &mut Vec<Action>) {
        if self.reviewed == Some(table.readings()) {
            return;
        }
        for watched in &mut self.watched {
            watched.note_sessions(fingerprint(table, watched.line), now);
        }
        self.refuse_unknown(table, actions);
        self.review_streams(table);
        self.review_places(table);
        self.reviewed = Some(table.readings());
    }

    /// Finds out which lines have all their sessions in one stream.
    fn review_places(&mut self, table: &LineTable) {
        self.watched.iter_mut().for_each(|watched| watched.placed = false);
        for stream in &self.streams {
            for slots in stream.slots.chunk_by(|a, b| a.line == b.line) {
                let Some(line) = slots.first().map(|slot| slot.line) else { continue };
                let live = slots.iter().filter(|slot| slot.standing == Standing::Live).count();
                let whole = live > 0 && live == table.sessions_of(line).take(self.room).count();
                find(&mut self.watched, line).into_iter().for_each(|watched| watched.placed |= whole);
            }
        }
    }

    /// Brings every slot's standing up to the tables now; what else follows is for the next plan.
    pub fn review_streams(&mut self, table: &LineTable) {
        self.reviewed = None;
        let watched = &self.watched;
        for stream in &mut self.streams {
            stream.review(table, |line| watched.binary_search_by_key(&line, |watched| watched.line).is_ok());
        }
    }

    /// A handle that names no line, because the table forgot it or the relay made it up.
    fn refuse_unknown(&mut self, table: &LineTable, actions: &mut Vec<Action>) {
        if table.readings() == 0 {
            return;
        }
        self.watched.retain(|watched| {
            let known = table.line(watched.line).is_some();
            if !known {
                actions.push(Action::Refuse(watched.line, WatchRefusal::UnknownLine));
            }
            known
        });
    }

    /// Reopens streams that give no rows, and asks after sessions whose rows stopped.
    pub(super) fn check_silence(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let silent = |stream: &&Stream| now.saturating_duration_since(stream.heard) >= self.silence;
        if let Some(id) = self.streams.iter().find(silent).map(|stream| stream.id) {
            self.silent = self.silent.saturating_add(1);
            actions.push(if self.silent < 2 { Action::Cancel(id) } else { Action::Drop("streams give no rows") });
            self.give_up(id, now);
        }
        let mut suspect = false;
        for stream in &mut self.streams {
            suspect |= stream.is_suspect(now);
            for line in stream.set_aside_stopped() {
                suspect = true;
                find(&mut self.watched, line).into_iter().for_each(|watched| watched.strike(now));
            }
        }
        if suspect {
            actions.push(Action::Reread("rows stopped"));
        }
    }

    /// Takes the stream off the list, with a strike for each of its lines.
    fn give_up(&mut self, id: StreamId, now: Instant) {
        let stream = self.take(id);
        for slot in stream.iter().flat_map(Stream::live) {
            find(&mut self.watched, slot.line).into_iter().for_each(|watched| watched.strike(now));
        }
    }

    /// Puts lines that no stream samples into small streams, at once.
    pub(super) fn place_newcomers(&mut self, table: &LineTable, now: Instant, actions: &mut Vec<Action>) {
        let mut waiting: Vec<_> = self.unplaced(table, now).collect();
        // Suspects together and last: a stream that is refused then takes no sound line with it.
        waiting.sort_by_key(|(_, strikes, flapping)| (*flapping, *strikes));
        let mut waiting = waiting.as_slice();
        while let Some((&(first, strikes, flapping), rest)) = waiting.split_first() {
            if !self.has_capacity_for(first, table) {
                self.watched.retain(|watched| watched.line != first);
                actions.push(Action::Refuse(first, WatchRefusal::TooManyWatched));
                waiting = rest;
                continue;
            }
            if self.streams.len() + 1 >= self.max_streams || !self.pace.allows(now) {
                return;
            }
            let own = flapping && self.streams_apart(now) + 1 < self.max_streams / 2;
            let room = if own { 1 } else { self.room >> strikes.min(5) };
            let alike = waiting.iter().take_while(|(_, s, f)| (*s, *f) == (strikes, flapping));
            let lines = self.fitting(alike.map(|(line, ..)| *line), room.max(1), table);
            waiting = waiting.get(lines.len()..).unwrap_or_default();
            self.open(&lines, own, table, now, actions);
        }
    }

    /// Takes over from small streams when there are more than needed, and from streams with dead interfaces or another
    /// interval; one at a time.
    pub(super) fn merge(&mut self, table: &LineTable, now: Instant, actions: &mut Vec<Action>) {
        let settled = self.streams.iter().all(Stream::is_warm);
        if !settled || self.streams.len() >= self.max_streams || !self.pace.allows(now) || !self.may_need_merge(now) {
            return;
        }
        let crowded = self.streams.len() + 1 >= self.max_streams;
        let urgent = crowded || self.streams.iter().any(|stream| self.is_about_to_end(stream));
        if !urgent && self.pace.merged.is_some_and(|last| now.saturating_duration_since(last) < SMALL_PAUSE) {
            return;
        }
        let chosen = self.worth_merging(now);
        if chosen.is_empty() {
            return;
        }
        let of_chosen = self.streams.iter().filter(|stream| chosen.contains(&stream.id));
        let mut lines: Vec<_> = of_chosen.flat_map(|stream| stream.live().map(|slot| slot.line)).collect();
        lines.sort_unstable();
        lines.dedup();
        let lines = self.fitting(lines.into_iter(), self.room, table);
        self.pace.merged = Some(now);
        self.open(&lines, false, table, now, actions);
    }

    /// Cancels streams that nobody needs: all their lines left, or are fed by a later stream.
    pub(super) fn cancel_idle(&mut self, actions: &mut Vec<Action>) {
        let idle: Vec<_> = self
            .streams
            .iter()
            .filter(|stream| stream.live().all(|slot| self.is_superseded(stream.id, slot.line)))
            .map(|stream| stream.id)
            .collect();
        for id in idle {
            self.take(id);
            actions.push(Action::Cancel(id));
        }
    }

    /// A later stream gives the line's samples, or had time enough to.
    fn is_superseded(&self, stream: StreamId, line: LineHandle) -> bool {
        let fed_later = self.watched_line(line).is_some_and(|watched| watched.producer > Some(stream));
        let late = |later: &&Stream| later.id > stream && later.sections >= 4 && later.live_of(line) > 0;
        fed_later || self.streams.iter().any(|later| late(&later))
    }

    /// The live lines that no stream has all sessions of: line, strikes, and whether it flaps.
    fn unplaced(&self, table: &LineTable, now: Instant) -> impl Iterator<Item = (LineHandle, u8, bool)> {
        self.watched.iter().filter_map(move |watched| {
            let due = watched.not_before.is_none_or(|due| due <= now) && watched.after_reading <= table.readings();
            let waits = !watched.placed && due && table.sessions_of(watched.line).next().is_some();
            waits.then(|| (watched.line, watched.strikes, watched.is_flapping(now)))
        })
    }

    /// Whether all streams together have room for the line, with one place kept free.
    fn has_capacity_for(&self, line: LineHandle, table: &LineTable) -> bool {
        let all = self.watched.iter().filter(|watched| watched.placed || watched.line == line);
        let needed: usize = all.map(|watched| table.sessions_of(watched.line).take(self.room).count()).sum();
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

    fn open(&mut self, lines: &[LineHandle], own: bool, table: &LineTable, now: Instant, actions: &mut Vec<Action>) {
        let id = StreamId(self.next_stream);
        self.next_stream += 1;
        let mut stream = Stream::new(id, self.interval, own, now);
        for line in lines {
            stream.watch(*line, table.sessions_of(*line).take(self.room));
            find(&mut self.watched, *line).into_iter().for_each(|watched| watched.placed = true);
        }
        let watched = &self.watched;
        stream.review(table, |line| watched.binary_search_by_key(&line, |watched| watched.line).is_ok());
        self.pace.note(now);
        self.streams.push(stream);
        actions.push(Action::Open(id));
    }

    /// The question that is asked often, without the answer's cost.
    fn may_need_merge(&self, now: Instant) -> bool {
        self.streams.iter().any(|stream| self.is_spoiled(stream)) || self.streams.len() > self.needed_streams(now) + 1
    }

    /// Whether it has dead interfaces, or another interval than is wanted.
    fn is_spoiled(&self, stream: &Stream) -> bool {
        stream.interval != self.interval || stream.has_gone()
    }

    /// The streams that one stream should take over from; several small ones, or one that must be rebuilt.
    fn worth_merging(&self, now: Instant) -> Vec<StreamId> {
        let mut free: Vec<_> = self.streams.iter().filter(|stream| self.may_restart(stream, now)).collect();
        free.sort_by_key(|stream| (stream.live().count(), stream.id));
        let mut left = self.room;
        let fits = |stream: &&&Stream| {
            let live = stream.live().count();
            let fits = live <= left;
            left = left.saturating_sub(live);
            fits
        };
        let small: Vec<_> = free.iter().take_while(fits).map(|stream| stream.id).collect();
        if small.len() >= 2 && self.streams.len() > self.needed_streams(now) + 1 {
            return small;
        }
        free.iter().find(|stream| self.is_spoiled(stream)).map(|stream| stream.id).into_iter().collect()
    }

    /// Whether the router will end it, for an interface of it is gone: better to be quicker.
    fn is_about_to_end(&self, stream: &Stream) -> bool {
        self.brittle && stream.has_gone() && stream.live().next().is_some()
    }

    /// A stream of one flapping line stays alone, and a large stream is let be for a while.
    fn may_restart(&self, stream: &Stream, now: Instant) -> bool {
        let small = stream.slots.len() * 2 <= self.room;
        let rested = now.saturating_duration_since(stream.opened) >= self.restart_pause;
        let free = small || rested || self.is_about_to_end(stream);
        stream.live().next().is_some() && free && !self.is_apart(stream, now)
    }

    fn is_apart(&self, stream: &Stream, now: Instant) -> bool {
        let flaps = |line| self.watched_line(line).is_some_and(|watched| watched.is_flapping(now));
        stream.own && stream.live().any(|slot| flaps(slot.line))
    }

    fn streams_apart(&self, now: Instant) -> usize {
        self.streams.iter().filter(|stream| self.is_apart(stream, now)).count()
    }

    /// As few streams as could do, those of flapping lines apart.
    fn needed_streams(&self, now: Instant) -> usize {
        let shared = self.streams.iter().filter(|stream| !self.is_apart(stream, now));
        let live: usize = shared.map(|stream| stream.live().count()).sum();
        self.streams_apart(now) + live.div_ceil(self.room)
    }
}

/// A line's sessions as one number; 0 without any.
fn fingerprint(table: &LineTable, line: LineHandle) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    let count = table.sessions_of(line).map(|session| (session.key, session.name).hash(&mut hasher)).count();
    if count == 0 { 0 } else { hasher.finish() | 1 }
}
