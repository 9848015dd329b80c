//! The registry of lines: finds, makes and forgets them, and gives seats to viewers.
//!
//! A line exists while an agent reports it or somebody watches it; watching an unreported name leaves nothing behind.
//! Nothing here locks all lines: they live in shards, and each has one short lock of its own. The order of locks is a shard, a
//! line, an agent's watches.

mod drain;

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::ops::Range;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use shared::Username;
use shared::close::Close;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use self::drain::Drain;
use crate::clock::{Now, drained, milliseconds, unix_ms};
use crate::limits::Limits;
use crate::lines::agent::Agent;
use crate::lines::circumstances::Circumstances;
use crate::lines::line::{Findings, Line};
use crate::lines::refusals::Refusals;
use crate::lines::report::Report;
use crate::metrics::Metrics;
use crate::subscribers::Subscribers;

/// Shards of the map of lines: far more than cores, so that two rarely meet at one.
pub(crate) const SHARDS: usize = 64;

/// Turns in which the shards are gone through within a second: all lines in one go would hold up the samples that come
/// meanwhile.
pub(crate) const TURNS: usize = 8;

/// How long after the relay's start an unreported line is `starting` and not `unknown`, milliseconds: agents come back
/// within a minute.
const STARTING_MS: i64 = 60_000;

/// A wall clock that moved by more than this beside the steady one, milliseconds, was set.
const CLOCK_SET_MS: i64 = 500;

/// The registry of lines.
pub struct Hub {
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    subscribers: Subscribers,
    started: Instant,
    /// Unix time of `started`, milliseconds; follows the wall clock when that is set.
    started_unix: AtomicI64,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    viewers: AtomicUsize,
    drain: Drain,
    /// Refusals of late, for operators.
    pub(crate) refusals: Refusals,
}

#[derive(Default)]
struct Shard {
    lines: HashSet<ByName>,
    /// Those with a ring of points, which time changes.
    live: Vec<Arc<Line>>,
}

/// A line found by its username.
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
    /// An empty hub of a relay that started at `now`.
    pub fn new(limits: Limits, subscribers: Subscribers, metrics: Arc<Metrics>, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            limits,
            metrics,
            subscribers,
            started: now,
            started_unix: AtomicI64::new(unix_ms(SystemTime::now())),
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            viewers: AtomicUsize::new(0),
            drain: Drain::default(),
            refusals: Refusals::default(),
        })
    }

    /// Ages all lines, a few at a time, until every viewer has left after `drain` turned true.
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
                _ = seconds.tick() => self.follow_wall_clock(SystemTime::now()),
                () = drained(&mut drain), if !self.is_draining() => self.begin_drain(),
            }
        }
    }

    /// The time on the relay's scales.
    pub fn now(&self) -> Now {
        self.at(Instant::now())
    }

    fn at(&self, instant: Instant) -> Now {
        let steady = match instant.checked_duration_since(self.started) {
            Some(since) => milliseconds(since),
            None => -milliseconds(self.started - instant),
        };
        Now { steady, unix: self.started_unix.load(Ordering::Relaxed) + steady }
    }

    /// The wall clock's time of `now`, for what is judged by it.
    pub(crate) fn system_time(now: Now) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(now.unix.unsigned_abs())
    }

    /// Viewers in all.
    pub(crate) fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    /// Whether the relay stops.
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.has_begun()
    }

    /// Takes a seat before a line.
    ///
    /// # Errors
    /// [`Close::RelayFull`], [`Close::LineFull`], or [`Close::GoingAway`] while the relay stops.
    pub(crate) fn join(self: &Arc<Self>, username: &Username) -> Result<Seat, Close> {
        if self.is_draining() {
            return Err(Close::GoingAway);
        }
        let place = Place::take(self)?;
        let now = self.now();
        let (line, number) = self.with_line(username, |shard, line| {
            if line.activate(self.circumstances(now)) {
                shard.live.push(Arc::clone(line));
            }
            line.join(self.limits.viewers_per_line, self.circumstances(now))
        });
        let Some(number) = number else {
            self.refuse(username, "viewer refused: the line has as many viewers as it may have");
            return Err(Close::LineFull);
        };
        Ok(Seat { place, line, number })
    }

    /// Returns what is known of one line.
    pub(crate) fn findings(&self, username: &Username, now: Now) -> Findings {
        let line = self.shard(username).lines.get(username).map(|found| Arc::clone(&found.0));
        let circumstances = self.circumstances(now);
        line.map_or_else(|| Findings::none(circumstances), |line| line.findings(circumstances))
    }

    /// Remembers a refusal for operators.
    pub(crate) fn refuse(&self, username: &Username, what: impl Into<String>) {
        self.refusals.remember(username, what.into(), self.now());
    }

    /// Returns when an agent is to leave a relay that stops, on the steady scale.
    pub(crate) fn agent_leaves(&self, name: &str, now: i64) -> i64 {
        self.drain.agent_leaves(name, now)
    }

    /// Gives a line one more report, and returns the line.
    pub(crate) fn report(&self, username: &Username, report: Report, circumstances: Circumstances<'_>) -> Arc<Line> {
        self.with_line(username, |_, line| line.report(report, circumstances)).0
    }

    /// Forgets the reports of an agent that `is_forgotten` names, and the line with its last one.
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
        Circumstances { now, starting: now.steady < STARTING_MS, subscribers: &self.subscribers }
    }

    /// Finds or makes a line, and does something with it before it can be forgotten.
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

    /// Forgets a line that neither an agent nor a viewer knows.
    fn forget_if_unused(&self, line: &Line) {
        let mut shard = self.shard(line.username());
        // Somebody else may have forgotten it since, and another have begun a new line of that name.
        let is_held = shard.lines.get(line.username()).is_some_and(|held| std::ptr::eq(Arc::as_ptr(&held.0), line));
        if is_held && line.is_unused() {
            shard.lines.remove(line.username());
            shard.live.retain(|live| !std::ptr::eq(Arc::as_ptr(live), line));
            self.metrics.lines.decrement();
        }
    }

    /// Gives a ring of points to a line that nobody watches.
    pub(crate) fn adopt(&self, line: &Arc<Line>, now: Now) {
        let mut shard = self.shard(line.username());
        if line.activate(self.circumstances(now)) {
            shard.live.push(Arc::clone(line));
        }
    }

    /// A part of what one second changes.
    pub(crate) fn take_turn(&self, second: &mut Second, names: &mut watch::Receiver<u64>) {
        if second.turn == 0 {
            second.names_changed = names.has_changed().unwrap_or(false);
            names.mark_unchanged();
        }
        if self.is_draining() {
            // Its agents have left because they were told to: no line is unreachable for that.
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

    /// What time does to the lines of these shards; `names_changed` when the subscribers file did. How many stay live.
    pub(crate) fn age_shards(&self, shards: Range<usize>, names_changed: bool) -> usize {
        let now = self.now();
        let mut live = 0;
        for shard in self.shards.get(shards).unwrap_or_default() {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.live.retain(|line| {
                let is_left_alone = !names_changed && line.is_at_rest(now);
                is_left_alone || line.age(self.circumstances(now), names_changed)
            });
            live += shard.live.len();
        }
        live
    }

    /// Takes a clock that was set, so that the times on the page are those on the wall.
    fn follow_wall_clock(&self, wall: SystemTime) {
        let off = unix_ms(wall) - self.now().unix;
        if off.abs() > CLOCK_SET_MS {
            self.started_unix.fetch_add(off, Ordering::Relaxed);
        }
    }

    pub(crate) fn begin_drain(&self) {
        self.drain.begin(self.now().steady, self.viewers());
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.live.iter().for_each(|live| live.wake());
        }
    }

    fn shard(&self, username: &Username) -> MutexGuard<'_, Shard> {
        let at = self.hasher.hash_one(username) as usize % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far the hub is with what it does each second.
#[derive(Default)]
pub(crate) struct Second {
    turn: usize,
    /// Whether the subscribers file changed before it began.
    names_changed: bool,
    /// Lines that were seen to be live.
    live: usize,
}

/// One of the relay's places for viewers, given back when dropped.
struct Place(Arc<Hub>);

impl Place {
    fn take(hub: &Arc<Hub>) -> Result<Self, Close> {
        let one_more = |taken: usize| (taken < hub.limits.viewers).then_some(taken + 1);
        hub.viewers.try_update(Ordering::Relaxed, Ordering::Relaxed, one_more).map_err(|_| Close::RelayFull)?;
        hub.metrics.viewers.increment();
        hub.metrics.viewers_joined.increment();
        Ok(Self(Arc::clone(hub)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.viewers.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.viewers.decrement();
    }
}

/// A viewer's seat before its line, given up when dropped; the last one ends the watch.
pub(crate) struct Seat {
    place: Place,
    pub(crate) line: Arc<Line>,
    /// Which of the line's it is.
    pub(crate) number: u32,
}

impl Seat {
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.place.0
    }

    /// When its viewer is to leave, on the steady scale; `None` unless the relay stops.
    pub(crate) fn leaves(&self) -> Option<i64> {
        self.hub().drain.viewer_leaves((Arc::as_ptr(&self.line).addr(), self.number))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.line.leave(self.number, self.hub().now()) {
            self.hub().forget_if_unused(&self.line);
        }
    }
}
