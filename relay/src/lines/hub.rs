//! The registry of lines: finds, makes and forgets lines, and gives seats to viewers.
//!
//! A line exists while an agent reports it or a viewer watches it. Watching an unreported name leaves nothing behind.
//! No lock covers all lines. Lines stand in shards, and every line has one short lock of its own. The order of locks is
//! a shard, a line, an agent's watches.

mod drain;
mod glances;
mod names;
mod unreported;

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, MutexGuard};
use shared::Username;
use shared::close::Close;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::{debug, warn};

use self::drain::Drain;
use self::unreported::UnreportedSeats;
use crate::clock::{Now, Steady, UnixMillis, drained, milliseconds};
use crate::limits::Limits;
use crate::lines::agent::Agent;
use crate::lines::audience::{Joined, Watcher};
use crate::lines::circumstances::Circumstances;
use crate::lines::claims::Takeover;
use crate::lines::line::{Findings, Line};
use crate::lines::narrowness::Narrowness;
use crate::lines::refusals::Refusals;
use crate::lines::report::Report;
use crate::metrics::Metrics;
use crate::net::address_group::AddressGroup;
use crate::subscribers::Subscribers;

/// Shards of the map of lines. There are far more shards than cores, so that two tasks rarely want the same one.
pub(crate) const SHARDS: usize = 64;

/// Parts of the periodic check within each second. One check of all lines at once would delay the samples that arrive
/// meanwhile.
pub(crate) const TURNS: usize = 8;

/// How long after the relay's start an unreported line is `starting` and not `unknown`, milliseconds: agents come back
/// within a minute.
const STARTING_MS: i64 = 60_000;

/// The wall clock counts as set when it moves by more than this against the steady clock, milliseconds.
const CLOCK_SET_MS: i64 = 500;

/// The registry of lines.
pub struct Hub {
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    subscribers: Subscribers,
    started: Instant,
    /// The wall clock's time of `started`, as [`UnixMillis`] counts. Follows the wall clock when somebody sets that.
    started_unix: AtomicI64,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    viewers: AtomicUsize,
    unreported: UnreportedSeats,
    drain: Drain,
    /// Refusals of late, for operators.
    pub(crate) refusals: Refusals,
}

#[derive(Default)]
struct Shard {
    lines: HashSet<ByName>,
    /// Lines with a ring of samples, which need the periodic check.
    live: Vec<Arc<Line>>,
}

/// A line, looked up by its username.
struct ByName(Arc<Line>);

impl Borrow<Username> for ByName {
    fn borrow(&self) -> &Username {
        self.0.username()
    }
}

impl Hash for ByName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.username().hash(state);
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.username() == other.0.username()
    }
}

impl Eq for ByName {}

impl Hub {
    /// Returns an empty hub of a relay that started at `now`.
    pub fn new(limits: Limits, subscribers: Subscribers, metrics: Arc<Metrics>, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            limits,
            metrics,
            subscribers,
            started: now,
            started_unix: AtomicI64::new(UnixMillis::from(SystemTime::now()).as_millis()),
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            viewers: AtomicUsize::new(0),
            unreported: UnreportedSeats::default(),
            drain: Drain::default(),
            refusals: Refusals::default(),
        })
    }

    /// Checks all lines, a part at a time, until every viewer has left after `drain` turned true.
    pub async fn run(self: Arc<Self>, mut drain: watch::Receiver<bool>) {
        let mut names = self.subscribers.changes();
        let mut turns = tokio::time::interval(Duration::from_secs(1) / TURNS as u32);
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut second = Second::default();
        while !(self.is_draining() && self.viewers() == 0) {
            tokio::select! {
                _ = turns.tick() => self.take_turn(&mut second, &mut names),
                _ = seconds.tick() => self.look_after(SystemTime::now()),
                () = drained(&mut drain), if !self.is_draining() => self.begin_drain(),
            }
        }
    }

    /// Returns this moment on the relay's scales.
    pub fn now(&self) -> Now {
        self.at(Instant::now())
    }

    fn at(&self, instant: Instant) -> Now {
        let steady = match instant.checked_duration_since(self.started) {
            Some(since) => milliseconds(since),
            None => -milliseconds(self.started - instant),
        };
        let started = UnixMillis::from_millis(self.started_unix.load(Ordering::Relaxed));
        Now { steady: Steady::from_millis(steady), unix: started + steady }
    }

    /// Returns the number of all viewers.
    pub(crate) fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    /// True once the relay stops.
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.has_begun()
    }

    /// Takes a seat at a line.
    ///
    /// # Errors
    /// [`Close::RelayFull`], [`Close::LineFull`], [`Close::TooManyUnknown`], or [`Close::GoingAway`] while the relay stops.
    pub(crate) fn join(self: &Arc<Self>, request: &SeatRequest<'_>) -> Result<Seat, Close> {
        if self.is_draining() {
            return Err(Close::GoingAway);
        }
        let SeatRequest { username, group, unreported, watcher } = *request;
        let place = Place::take(self).or_else(|| self.place_of_unreported(request)).ok_or(Close::RelayFull)?;
        let circumstances = self.circumstances(self.now());
        let (line, joined) = self.with_line(username, |shard, line| {
            if line.activate(circumstances) {
                shard.live.push(Arc::clone(line));
            }
            line.join((group, watcher), self.limits.seats(), circumstances)
        });
        let Some(Joined { number, displaces }) = joined else {
            self.refuse(username, "viewer refused: the line has as many viewers as it may have");
            return Err(Close::LineFull);
        };
        if let Some(displaced) = displaces {
            self.refuse(username, displaced.words());
        }
        let mut seat = Seat { place, line, number, unreported: None };
        if unreported == Unreported::Counted && !seat.line.is_reported() {
            let limit = (!circumstances.starting).then_some(self.limits.unreported_per_address);
            self.unreported.hold(group, &seat.line, number, limit)?;
            seat.unreported = Some(group);
        }
        Ok(seat)
    }

    /// In a full relay, takes the place of a viewer of an unreported username: for a line that an agent reports, or for a link.
    fn place_of_unreported(self: &Arc<Self>, request: &SeatRequest<'_>) -> Option<Place> {
        let is_reported =
            || self.shard(request.username).lines.get(request.username).is_some_and(|line| line.0.is_reported());
        let may_displace = request.unreported == Unreported::Allowed || is_reported();
        (may_displace && self.unreported.give_way()).then(|| Place::beyond(self))
    }

    /// Returns the knowledge of one line.
    pub(crate) fn findings(&self, username: &Username, now: Now) -> Findings {
        let line = self.shard(username).lines.get(username).map(|found| Arc::clone(&found.0));
        let circumstances = self.circumstances(now);
        line.map_or_else(|| Findings::none(username, circumstances), |line| line.findings(circumstances))
    }

    /// Returns the subscribers in use.
    pub(crate) fn subscribers(&self) -> &Subscribers {
        &self.subscribers
    }

    /// Returns the usernames of all lines that an agent reports. Locks one shard after the other.
    pub(crate) fn reported(&self) -> Vec<Username> {
        let mut usernames = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            let lines = shard.lines.iter().filter(|line| line.0.is_reported());
            usernames.extend(lines.map(|line| line.0.username().clone()));
        }
        usernames
    }

    /// Remembers a refusal for operators.
    pub(crate) fn refuse(&self, username: &Username, what: impl Into<String>) {
        self.refusals.remember(username, what.into(), self.now());
    }

    /// Returns the agent's time to leave a relay that stops.
    pub(crate) fn agent_leaves(&self, name: &str, now: Steady) -> Steady {
        self.drain.agent_leaves(name, now)
    }

    /// Gives a line one more report, and returns the line.
    pub(crate) fn report(&self, username: &Username, report: Report, circumstances: Circumstances<'_>) -> Arc<Line> {
        let (line, takeover) = self.with_line(username, |_, line| line.report(report, circumstances));
        self.note(&line, takeover);
        line
    }

    /// Decides again which report of a line counts, after a change of an agent.
    pub(crate) fn settle(&self, line: &Line, circumstances: Circumstances<'_>) {
        self.note(line, line.settle(circumstances));
    }

    /// Takes the narrowness of an agent's changed pattern for a line.
    pub(crate) fn take_claim(&self, agent: &Arc<Agent>, narrowness: Narrowness, line: &Line, now: Now) {
        self.note(line, line.take_claim(agent, narrowness, self.circumstances(now)));
    }

    /// Tells the operator of a takeover: by a metric, `explain`, `agent list` and the log. A legitimate move looks the same while both
    /// routers have the session.
    fn note(&self, line: &Line, takeover: Option<Takeover>) {
        let Some(Takeover { by, from, is_wider }) = takeover else { return };
        self.metrics.lines_taken_over.increment();
        let pattern = if is_wider { ", by a wider pattern" } else { "" };
        let what =
            format!("the line passed to agent {} while agent {} still spoke for it{pattern}", by.name, from.name);
        self.refuse(line.username(), what);
        debug!(by = &*by.name, from = &*from.name, is_wider, username = %line.username(), "line taken over");
        if by.count_taken() {
            let (by_name, from) = (&*by.name, &*from.name);
            warn!(
                by = by_name,
                from,
                is_wider,
                taken = by.taken(),
                "agent took lines for which another agent still spoke; see explain"
            );
        }
    }

    /// Drops those reports of an agent that `is_forgotten` names. Forgets the line with its last report.
    pub(crate) fn forget_reports(
        &self,
        agent: &Arc<Agent>,
        line: &Arc<Line>,
        now: Now,
        is_forgotten: impl Fn(&Report) -> bool,
    ) {
        line.forget(agent, self.circumstances(now), is_forgotten);
        self.forget_if_unused(line);
    }

    pub(crate) fn circumstances(&self, now: Now) -> Circumstances<'_> {
        Circumstances { now, starting: now.steady.as_millis() < STARTING_MS, subscribers: &self.subscribers }
    }

    /// Finds or makes a line, and hands the line to `work` before anybody can forget it.
    fn with_line<T>(&self, username: &Username, work: impl FnOnce(&mut Shard, &Arc<Line>) -> T) -> (Arc<Line>, T) {
        let mut shard = self.shard(username);
        let line = match shard.lines.get(username) {
            Some(found) => Arc::clone(&found.0),
            None => {
                let line = Arc::new(Line::new(username.clone()));
                shard.lines.insert(ByName(Arc::clone(&line)));
                self.metrics.lines.increment();
                line
            }
        };
        let result = work(&mut shard, &line);
        (line, result)
    }

    /// Forgets a line that no agent and no viewer knows.
    fn forget_if_unused(&self, line: &Line) {
        let mut shard = self.shard(line.username());
        // Another task may have forgotten the line since, and a third may have made a new line of that name.
        let is_held = shard.lines.get(line.username()).is_some_and(|held| std::ptr::eq(Arc::as_ptr(&held.0), line));
        if is_held && line.is_unused() {
            shard.lines.remove(line.username());
            shard.live.retain(|live| !std::ptr::eq(Arc::as_ptr(live), line));
            self.metrics.lines.decrement();
        }
    }

    /// Gives a ring of samples to a line that nobody watches.
    pub(crate) fn adopt(&self, line: &Arc<Line>, now: Now) {
        let mut shard = self.shard(line.username());
        if line.activate(self.circumstances(now)) {
            shard.live.push(Arc::clone(line));
        }
    }

    /// Checks the next part of all lines.
    pub(crate) fn take_turn(&self, second: &mut Second, names: &mut watch::Receiver<u64>) {
        if second.turn == 0 {
            second.names_changed = names.has_changed().unwrap_or(false);
            names.mark_unchanged();
        }
        if self.is_draining() {
            // The agents have left because the relay told them to. No line becomes unreachable by that.
            return;
        }
        let part = SHARDS / TURNS;
        second.live += self.age_shards(second.turn * part..(second.turn + 1) * part, second.names_changed);
        second.turn += 1;
        if second.turn == TURNS {
            self.metrics.lines_live.set(second.live as u64);
            *second = Second::default();
        }
    }

    /// Checks the lines of these shards. Returns the number of lines that keep their samples.
    pub(crate) fn age_shards(&self, shards: Range<usize>, names_changed: bool) -> usize {
        let now = self.now();
        let mut live = 0;
        for shard in self.shards.get(shards).unwrap_or_default() {
            let mut shard = shard.lock();
            shard.live.retain(|line| {
                let is_left_alone = !names_changed && line.is_at_rest(now);
                is_left_alone || line.age(self.circumstances(now), names_changed)
            });
            live += shard.live.len();
        }
        live
    }

    /// Does the work of each second that belongs to no line.
    fn look_after(&self, wall: SystemTime) {
        self.follow_wall_clock(wall);
        self.end_surplus();
    }

    /// Ends what an address has too many of at lines without a report. While the relay starts, no line has one.
    pub(crate) fn end_surplus(&self) {
        if !self.circumstances(self.now()).starting {
            self.unreported.end_surplus(self.limits.unreported_per_address);
        }
    }

    /// Follows a wall clock that was set, so that the page shows the time on the wall.
    fn follow_wall_clock(&self, wall: SystemTime) {
        let off = UnixMillis::from(wall) - self.now().unix;
        if off.abs() > CLOCK_SET_MS {
            self.started_unix.fetch_add(off, Ordering::Relaxed);
        }
    }

    pub(crate) fn begin_drain(&self) {
        self.drain.begin(self.now().steady, self.viewers());
        self.wake_viewers();
    }

    /// Wakes every viewer's task, which then looks whether it is to end.
    pub(crate) fn wake_viewers(&self) {
        for shard in &self.shards {
            let shard = shard.lock();
            shard.live.iter().for_each(|live| live.wake());
        }
    }

    fn shard(&self, username: &Username) -> MutexGuard<'_, Shard> {
        let at = self.hasher.hash_one(username) as usize % SHARDS;
        self.shards[at].lock()
    }
}

/// The progress of one second's periodic check.
#[derive(Default)]
pub(crate) struct Second {
    turn: usize,
    /// True if the subscribers changed before this second began.
    names_changed: bool,
    /// Lines with samples, counted so far.
    live: usize,
}

/// One of the relay's places for viewers, given back when dropped.
struct Place(Arc<Hub>);

impl Place {
    /// Takes a free place; `None` without one.
    fn take(hub: &Arc<Hub>) -> Option<Self> {
        let one_more = |taken: usize| (taken < hub.limits.viewers).then_some(taken + 1);
        hub.viewers.try_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Self::taken(hub))
    }

    /// Takes a place before the viewer who was told to leave has left.
    fn beyond(hub: &Arc<Hub>) -> Self {
        hub.viewers.fetch_add(1, Ordering::Relaxed);
        Self::taken(hub)
    }

    fn taken(hub: &Arc<Hub>) -> Self {
        hub.metrics.viewers.increment();
        hub.metrics.viewers_joined.increment();
        Self(Arc::clone(hub))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.viewers.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.viewers.decrement();
    }
}

/// An admitted viewer's request for a seat.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeatRequest<'a> {
    /// The line.
    pub(crate) username: &'a Username,
    /// The viewer's address.
    pub(crate) group: AddressGroup,
    pub(crate) unreported: Unreported,
    pub(crate) watcher: Watcher,
}

/// How a seat counts at a line that no agent reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreported {
    /// Among the few of its address: anybody can ask for any username.
    Counted,
    /// For nothing: the operator signed a link for this username.
    Allowed,
}

#[cfg(test)]
impl<'a> SeatRequest<'a> {
    /// Returns a request without an address.
    pub(crate) fn of(username: &'a Username) -> Self {
        let watcher = Watcher::Subscriber;
        Self { username, group: AddressGroup::Unknown, unreported: Unreported::Counted, watcher }
    }
}

/// A viewer's seat at a line. Dropping the last seat ends the watch.
pub(crate) struct Seat {
    place: Place,
    pub(crate) line: Arc<Line>,
    /// The seat's number within the line.
    pub(crate) number: u32,
    /// Where the seat counts as one at a line without a report.
    unreported: Option<AddressGroup>,
}

impl Seat {
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.place.0
    }

    /// Returns the viewer's time to leave; `None` unless the relay stops.
    pub(crate) fn leaves(&self) -> Option<Steady> {
        self.hub().drain.viewer_leaves((Arc::as_ptr(&self.line).addr(), self.number))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(group) = self.unreported {
            self.hub().unreported.release(group, &self.line, self.number);
        }
        if self.line.leave(self.number, self.hub().circumstances(self.hub().now())) {
            self.hub().forget_if_unused(&self.line);
        }
    }
}
