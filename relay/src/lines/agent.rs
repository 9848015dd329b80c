//! One agent as its lines know it, across uplinks and runs: its reachability, and its watches.

use crate::clock::Steady;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use shared::LineHandle;
use shared::control;
use tokio::sync::Notify;

/// A shorter loss of the uplink is none, milliseconds: a restart of the relay's proxy is no outage of a line.
pub(crate) const UNREACHABLE_AFTER_MS: i64 = 3_000;

/// No loss.
const PRESENT: i64 = Steady::MAX.as_millis();

/// The interval between samples until an agent says another, milliseconds.
pub(crate) const USUAL_INTERVAL_MS: u32 = 1_000;

/// One agent.
///
/// A line under its lock reads atomics here, and takes no second lock.
#[derive(Debug)]
pub struct Agent {
    pub(crate) name: Arc<str>,
    table: AtomicU32,
    /// When the uplink was lost, or `PRESENT`.
    lost: AtomicI64,
    /// When the uplink of the table before this one was lost.
    lost_before: AtomicI64,
    /// When the router stopped answering, or `PRESENT`.
    router_lost: AtomicI64,
    interval: AtomicU32,
    /// True if the operator lets the agent report lines of agents with narrower patterns.
    shares_lines: AtomicBool,
    /// The relay that has the agent's uplink, unless that is this one.
    holder: Option<Mutex<Arc<str>>>,
    /// True while that relay cannot be reached.
    is_out_of_touch: AtomicBool,
    /// Lines taken from agents that still spoke for them.
    taken: AtomicU64,
    /// Short; taken under a line's lock, and takes none itself.
    watches: Mutex<Watches>,
}

impl Agent {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            table: AtomicU32::new(0),
            lost: AtomicI64::new(0),
            lost_before: AtomicI64::new(0),
            router_lost: AtomicI64::new(PRESENT),
            interval: AtomicU32::new(USUAL_INTERVAL_MS),
            shares_lines: AtomicBool::new(false),
            holder: None,
            is_out_of_touch: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            watches: Mutex::default(),
        }
    }

    /// Returns an agent whose uplink another relay has.
    pub(crate) fn elsewhere(name: Arc<str>) -> Self {
        Self { holder: Some(Mutex::new("".into())), ..Self::new(name) }
    }

    /// True if another relay has the agent's uplink.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.holder.is_some()
    }

    /// Returns the relay that has the agent's uplink, unless that is this one.
    pub(crate) fn holder(&self) -> Option<Arc<str>> {
        self.holder.as_ref().map(|holder| Arc::clone(&holder.lock()))
    }

    /// True while another relay has the agent and cannot be reached.
    pub(crate) fn is_out_of_touch(&self) -> bool {
        self.is_out_of_touch.load(Ordering::Relaxed)
    }

    /// Takes whether the relay that has the agent can be reached.
    pub(crate) fn set_out_of_touch(&self, is_out_of_touch: bool) {
        self.is_out_of_touch.store(is_out_of_touch, Ordering::Relaxed);
    }

    /// Takes the relay that has the agent's uplink.
    pub(crate) fn set_holder(&self, name: Arc<str>) {
        if let Some(holder) = &self.holder {
            *holder.lock() = name;
        }
    }

    /// Returns the number of tables that the agent began to send, one for each uplink.
    pub(crate) fn table(&self) -> u32 {
        self.table.load(Ordering::Acquire)
    }

    /// An uplink is there and begins a new table.
    pub(crate) fn begin_table(&self, now: Steady) {
        let lost = self.lost.swap(PRESENT, Ordering::AcqRel);
        self.lost_before.store(lost.min(now.as_millis()), Ordering::Release);
        self.router_lost.store(PRESENT, Ordering::Release);
        self.table.fetch_add(1, Ordering::AcqRel);
    }

    /// The uplink is gone.
    pub(crate) fn uplink_lost(&self, now: Steady) {
        self.lost.store(now.as_millis(), Ordering::Release);
    }

    /// Returns the time of the uplink's loss; `None` while the uplink is there.
    pub(crate) fn lost(&self) -> Option<Steady> {
        instant(self.lost.load(Ordering::Acquire))
    }

    /// Another relay has the agent by now: a lost uplink will not come back here.
    pub(crate) fn give_way(&self, now: Steady) {
        let long_ago = now.as_millis().saturating_sub(UNREACHABLE_AFTER_MS);
        let earlier = |lost: i64| (lost != PRESENT).then_some(lost.min(long_ago));
        let _: Result<_, _> = self.lost.try_update(Ordering::AcqRel, Ordering::Acquire, earlier);
    }

    /// Returns the time since when the router does not answer; `None` while it answers.
    pub(crate) fn router_lost(&self) -> Option<Steady> {
        instant(self.router_lost.load(Ordering::Acquire))
    }

    /// When the uplink of the table before this one was lost.
    pub(crate) fn lost_before(&self) -> Steady {
        Steady::from_millis(self.lost_before.load(Ordering::Acquire))
    }

    /// Takes the router's reachability, and the time of its last change.
    pub(crate) fn router_changed(&self, reachable: bool, since: Steady) {
        self.router_lost.store(if reachable { PRESENT } else { since.as_millis().min(PRESENT - 1) }, Ordering::Release);
    }

    /// Milliseconds between samples.
    pub(crate) fn interval(&self) -> u32 {
        self.interval.load(Ordering::Relaxed)
    }

    /// Takes the time between samples. True if the time is new.
    pub(crate) fn set_interval(&self, milliseconds: u32) -> bool {
        let interval = milliseconds.clamp(USUAL_INTERVAL_MS, 60_000);
        self.interval.swap(interval, Ordering::Relaxed) != interval
    }

    /// True if the agent's reports count beside those of agents with narrower patterns.
    pub(crate) fn shares_lines(&self) -> bool {
        self.shares_lines.load(Ordering::Relaxed)
    }

    pub(crate) fn set_shares_lines(&self, shares_lines: bool) {
        self.shares_lines.store(shares_lines, Ordering::Relaxed);
    }

    /// Returns the number of lines taken from agents that still spoke for them.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Counts a line taken from another agent. True for the first one and each tenfold of it, so that logs have few of them.
    pub(crate) fn count_taken(&self) -> bool {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
        taken == 10_u64.pow(taken.ilog10())
    }

    /// Returns the time since when reports of that table cannot be trusted; `None` while agent and router answer.
    pub(crate) fn unreachable_since(&self, table: u32, now: Steady) -> Option<Steady> {
        let present = table == self.table();
        let lost = if present { &self.lost } else { &self.lost_before };
        let uplink = instant(lost.load(Ordering::Acquire)).filter(|lost| now.since(*lost) >= UNREACHABLE_AFTER_MS);
        let router = instant(self.router_lost.load(Ordering::Acquire)).filter(|_| present);
        uplink.into_iter().chain(router).min()
    }

    pub(crate) fn watches(&self) -> MutexGuard<'_, Watches> {
        self.watches.lock()
    }
}

/// Returns the instant of an atomic; `None` for [`PRESENT`].
fn instant(milliseconds: i64) -> Option<Steady> {
    (milliseconds != PRESENT).then_some(Steady::from_millis(milliseconds))
}

/// How asking for a line's samples went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WatchOutcome {
    /// The agent is asked.
    Asked,
    /// As many lines are watched as may be.
    Full,
    /// The handle is of an earlier table.
    Stale,
}

/// The lines that an agent watches. Ten viewers of a line are one watch.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    table: u32,
    wanted: HashSet<LineHandle>,
    /// Changes that the agent has not been told. A change back removes the entry.
    changed: BTreeSet<LineHandle>,
    generation: u64,
    limit: usize,
    uplink: Option<Arc<Notify>>,
}

impl Watches {
    /// Begins an empty set for a new table, whose changes wake `uplink`.
    pub(crate) fn begin(&mut self, table: u32, limit: usize, uplink: Arc<Notify>) {
        *self = Self { table, limit, uplink: Some(uplink), ..Self::default() };
    }

    /// Empties the set: the uplink is gone.
    pub(crate) fn end(&mut self) {
        *self = Self { table: self.table, ..Self::default() };
    }

    pub(crate) fn watch(&mut self, table: u32, line: LineHandle) -> WatchOutcome {
        if table != self.table || self.uplink.is_none() {
            return WatchOutcome::Stale;
        }
        if self.wanted.len() >= self.limit {
            return WatchOutcome::Full;
        }
        if self.wanted.insert(line) {
            self.toggle(line);
        }
        WatchOutcome::Asked
    }

    pub(crate) fn unwatch(&mut self, table: u32, line: LineHandle) {
        if table == self.table && self.wanted.remove(&line) {
            self.toggle(line);
        }
    }

    /// Drops a watch that the agent refused. The agent needs no word of its end.
    pub(crate) fn refused(&mut self, line: LineHandle) {
        self.wanted.remove(&line);
        self.changed.remove(&line);
    }

    /// Returns the whole set with its generation, for a welcome.
    pub(crate) fn all(&mut self) -> (u64, Vec<LineHandle>) {
        self.changed.clear();
        let mut all: Vec<_> = self.wanted.iter().copied().collect();
        all.sort_unstable();
        (self.generation, all)
    }

    /// Returns the changes for the agent; `None` without any.
    pub(crate) fn take_changes(&mut self) -> Option<control::Watches> {
        if self.changed.is_empty() {
            return None;
        }
        self.generation += 1;
        let (add, remove) = std::mem::take(&mut self.changed).into_iter().partition(|line| self.wanted.contains(line));
        Some(control::Watches { generation: self.generation, add, remove })
    }

    pub(crate) fn len(&self) -> usize {
        self.wanted.len()
    }

    pub(crate) fn contains(&self, line: LineHandle) -> bool {
        self.wanted.contains(&line)
    }

    fn toggle(&mut self, line: LineHandle) {
        if !self.changed.remove(&line) {
            self.changed.insert(line);
        }
        if let Some(uplink) = &self.uplink {
            uplink.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handles(lines: &[u32]) -> Vec<LineHandle> {
        lines.iter().copied().map(LineHandle).collect()
    }

    fn watches() -> Watches {
        let mut watches = Watches::default();
        watches.begin(1, 3, Arc::default());
        watches
    }

    #[test]
    fn changes_are_told_once_and_counted() {
        let mut watches = watches();
        for line in [3, 1] {
            assert_eq!(watches.watch(1, LineHandle(line)), WatchOutcome::Asked);
        }
        assert_eq!(
            watches.take_changes(),
            Some(control::Watches { generation: 1, add: handles(&[1, 3]), remove: vec![] })
        );
        assert_eq!(watches.take_changes(), None);
        watches.unwatch(1, LineHandle(3));
        watches.watch(1, LineHandle(2));
        assert_eq!(
            watches.take_changes(),
            Some(control::Watches { generation: 2, add: handles(&[2]), remove: handles(&[3]) })
        );
        assert_eq!(watches.all(), (2, handles(&[1, 2])));
    }

    #[test]
    fn what_is_taken_back_in_time_is_never_told() {
        let mut watches = watches();
        watches.watch(1, LineHandle(1));
        watches.unwatch(1, LineHandle(1));
        assert_eq!(watches.take_changes(), None);
    }

    #[test]
    fn an_earlier_table_and_a_full_set_are_said() {
        let mut watches = watches();
        assert_eq!(watches.watch(0, LineHandle(1)), WatchOutcome::Stale);
        (1..=3).for_each(|line| assert_eq!(watches.watch(1, LineHandle(line)), WatchOutcome::Asked));
        assert_eq!(watches.watch(1, LineHandle(4)), WatchOutcome::Full);
        watches.unwatch(0, LineHandle(1));
        assert!(watches.contains(LineHandle(1)));
        watches.end();
        assert_eq!((watches.len(), watches.watch(1, LineHandle(1))), (0, WatchOutcome::Stale));
    }

    #[test]
    fn a_refused_watch_is_asked_for_again_when_somebody_comes_again() {
        let mut watches = watches();
        watches.watch(1, LineHandle(1));
        watches.take_changes();
        watches.refused(LineHandle(1));
        assert_eq!(watches.take_changes(), None);
        watches.watch(1, LineHandle(1));
        assert_eq!(watches.take_changes().unwrap().add, handles(&[1]));
    }
}
