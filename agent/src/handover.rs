//! The value that the router's task and the uplink's task share: borrowed for a moment, never across an await.
//!
//! There is no channel. The backlog holds the batches to send, the watch set the lines to sample; the two
//! notifications only announce a change. So neither task ever waits for the other.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use shared::LineHandle;
use shared::control::{Status, WatchRefusal};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::backlog::Backlog;
use crate::clock::milliseconds;
use crate::response::Pending;
use crate::sessions::LineTable;

/// Whether there is an uplink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UplinkState {
    /// No relay has said welcome yet, or the uplink is lost and all watches have ended.
    Absent,
    /// A relay has said welcome, and the uplink stands.
    Open,
    /// The uplink is lost; the watches are kept for a while.
    Lost,
}

/// The shared value of the router's task and the uplink's task.
pub struct Handover {
    /// The lines of the router: written by the router's task, read by the uplink's.
    pub lines: RefCell<LineTable>,
    /// Encoded batches: pushed by the router's task, read by the uplink's.
    pub backlog: RefCell<Backlog>,
    /// The router's fields as of the `uptime_ms` in them: written by the router's task, read by the uplink's through
    /// [`Handover::status_at`].
    pub status: RefCell<Status>,
    /// The lines to sample for the relay: written by the uplink's task, read by the router's.
    pub watched: RefCell<WatchSet>,
    /// Written by the uplink's task, read by the router's and by health checks.
    pub uplink: Cell<UplinkState>,
    /// Whether the present or last relay takes averages: written by the uplink's task, read by the router's.
    pub averages: Cell<bool>,
    /// Whether the present or last relay takes details: written by the uplink's task, read by all.
    pub details: Cell<bool>,
    /// Outcomes of probes, and drops, that wait for the next samples: written by all tasks, read with each batch.
    pub pending: RefCell<Pending>,
    /// Lines, backlog or status changed, or a watch was refused.
    pub to_uplink: Notify,
    /// The watch set changed, or whether averages are wanted.
    pub to_router: Notify,
    /// The watch set changed, or whether details are wanted.
    pub to_prober: Notify,
    /// The agent's start, the origin of the uptime.
    pub started: Instant,
}

impl Handover {
    /// Starts with nothing to hand over.
    pub fn new(lines: LineTable, backlog: Backlog, watched: WatchSet, started: Instant) -> Self {
        Self {
            lines: RefCell::new(lines),
            backlog: RefCell::new(backlog),
            status: RefCell::new(Status { interval_ms: 1_000, ..Status::default() }),
            watched: RefCell::new(watched),
            uplink: Cell::new(UplinkState::Absent),
            averages: Cell::new(false),
            details: Cell::new(false),
            pending: RefCell::default(),
            to_uplink: Notify::new(),
            to_router: Notify::new(),
            to_prober: Notify::new(),
            started,
        }
    }

    /// The agent's monotonic uptime, in milliseconds.
    pub fn uptime_ms(&self, now: Instant) -> u64 {
        milliseconds(now.saturating_duration_since(self.started))
    }

    /// The status as of `now`: the router's fields with their age brought forward, and the backlog's.
    pub fn status_at(&self, now: Instant) -> Status {
        let mut status = self.status.borrow().clone();
        let uptime_ms = self.uptime_ms(now);
        status.router_age_ms = status.router_age_ms.saturating_add(uptime_ms.saturating_sub(status.uptime_ms));
        if let Some(age) = &mut status.table_age_ms {
            *age = age.saturating_add(uptime_ms.saturating_sub(status.uptime_ms));
        }
        status.uptime_ms = uptime_ms;
        let backlog = self.backlog.borrow();
        status.backlog_bytes = u32::try_from(backlog.bytes()).unwrap_or(u32::MAX);
        status.backlog_age_ms = u32::try_from(milliseconds(backlog.age(now))).unwrap_or(u32::MAX);
        status.oldest = Some(backlog.oldest_sequence());
        status.unacknowledged_ms = Some(milliseconds(backlog.unacknowledged_age(now)));
        status
    }
}

/// The lines to sample for the relay, and the ones refused by the router's task.
#[derive(Debug)]
pub struct WatchSet {
    wanted: BTreeSet<LineHandle>,
    refused: Vec<(LineHandle, WatchRefusal)>,
    capacity: usize,
    /// Whether a new uplink's set was begun since the router's task last looked.
    is_new_uplink: bool,
}

impl WatchSet {
    /// Returns an empty set of at most `capacity` lines; further lines are refused.
    pub const fn new(capacity: usize) -> Self {
        Self { wanted: BTreeSet::new(), refused: Vec::new(), capacity, is_new_uplink: false }
    }

    /// The lines wanted, by rising handle.
    pub fn wanted(&self) -> impl Iterator<Item = LineHandle> {
        self.wanted.iter().copied()
    }

    /// Whether the line is wanted.
    pub fn contains(&self, line: LineHandle) -> bool {
        self.wanted.contains(&line)
    }

    /// How many lines are wanted.
    pub fn len(&self) -> usize {
        self.wanted.len()
    }

    /// Whether none is wanted.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Adds a line; beyond the capacity the line is refused at once.
    pub fn add(&mut self, line: LineHandle) {
        if self.wanted.len() < self.capacity || self.wanted.contains(&line) {
            self.wanted.insert(line);
        } else {
            self.note_refusal(line, WatchRefusal::TooManyWatched);
        }
    }

    /// Removes a line.
    pub fn remove(&mut self, line: LineHandle) {
        self.wanted.remove(&line);
        self.refused.retain(|(refused, _)| *refused != line);
    }

    /// Begins a new uplink's set. Lines outside the new set may still be wanted by pages on their way back.
    pub fn begin_uplink(&mut self) {
        self.clear();
        self.is_new_uplink = true;
    }

    /// Takes whether a set was [begun](Self::begin_uplink) since the last call.
    pub fn take_new_uplink(&mut self) -> bool {
        std::mem::take(&mut self.is_new_uplink)
    }

    /// Removes all lines.
    pub fn clear(&mut self) {
        self.wanted.clear();
        self.refused.clear();
    }

    /// Removes a line from the watch set because the router's task refuses it; the relay gets the reason. Notify
    /// [`Handover::to_uplink`] afterwards.
    pub fn refuse(&mut self, line: LineHandle, reason: WatchRefusal) {
        if self.wanted.remove(&line) {
            self.note_refusal(line, reason);
        }
    }

    /// Tells the relay of a refusal, and leaves the set as it is.
    pub(crate) fn reject(&mut self, line: LineHandle, reason: WatchRefusal) {
        self.note_refusal(line, reason);
    }

    /// True if there are refusals to tell.
    pub const fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Takes at most `limit` refusals of one reason; `None` when there are no more.
    pub fn take_refused(&mut self, limit: usize) -> Option<(WatchRefusal, Vec<LineHandle>)> {
        let reason = self.refused.first()?.1;
        let lines: Vec<_> =
            self.refused.iter().filter(|(_, why)| *why == reason).map(|(line, _)| *line).take(limit).collect();
        self.refused.retain(|(line, _)| !lines.contains(line));
        Some((reason, lines))
    }

    /// Keeps a refusal to be told; as many as the set has room for, then the rest goes untold and the relay shows
    /// those lines as stalled.
    fn note_refusal(&mut self, line: LineHandle, reason: WatchRefusal) {
        if self.refused.len() < self.capacity && !self.refused.iter().any(|(known, _)| *known == line) {
            self.refused.push((line, reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const A: LineHandle = LineHandle(1);
    const B: LineHandle = LineHandle(2);
    const C: LineHandle = LineHandle(3);

    #[test]
    fn beyond_its_capacity_a_watch_is_refused_and_told() {
        let mut watched = WatchSet::new(2);
        for line in [A, B, C, B] {
            watched.add(line);
        }
        assert_eq!(watched.wanted().collect::<Vec<_>>(), [A, B]);
        assert_eq!(watched.take_refused(10), Some((WatchRefusal::TooManyWatched, vec![C])));
        assert_eq!(watched.take_refused(10), None);
    }

    #[test]
    fn refusals_are_told_by_reason_and_forgotten_with_their_watch() {
        let mut watched = WatchSet::new(10);
        [A, B, C].into_iter().for_each(|line| watched.add(line));
        watched.refuse(A, WatchRefusal::UnknownLine);
        watched.refuse(B, WatchRefusal::TooManyWatched);
        watched.refuse(C, WatchRefusal::UnknownLine);
        watched.refuse(C, WatchRefusal::UnknownLine);
        watched.remove(A);
        assert!(watched.is_empty());
        assert_eq!(watched.take_refused(1), Some((WatchRefusal::TooManyWatched, vec![B])));
        assert_eq!(watched.take_refused(1), Some((WatchRefusal::UnknownLine, vec![C])));
        assert_eq!(watched.take_refused(1), None);
    }

    #[test]
    fn a_status_is_brought_forward_to_now() {
        let started = Instant::now();
        let backlog = Backlog::new(64 * 1024, Duration::from_secs(120));
        let handover = Handover::new(LineTable::new(10), backlog, WatchSet::new(10), started);
        *handover.status.borrow_mut() =
            Status { uptime_ms: 1_000, router_age_ms: 500, table_age_ms: Some(700), ..Status::default() };
        handover.backlog.borrow_mut().push(started + Duration::from_millis(2_000), b"batch");
        let status = handover.status_at(started + Duration::from_millis(4_000));
        assert_eq!((status.uptime_ms, status.router_age_ms, status.table_age_ms), (4_000, 3_500, Some(3_700)));
        assert_eq!((status.oldest, status.unacknowledged_ms), (Some(1), Some(2_000)));
        assert_eq!((status.backlog_bytes, status.backlog_age_ms), (5, 2_000));
    }
}
