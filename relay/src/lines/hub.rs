//! The registry of lines: finds, makes and forgets lines, and gives seats to viewers.
//!
//! A line exists while an agent reports it or a viewer watches it. Watching an unreported name leaves nothing behind.
//! No lock covers all lines. Lines stand in shards, and every line has one short lock of its own. The order of locks is
//! a shard, a line, an agent's watches.

mod drain;
pub(crate) mod elsewhere;
mod glances;
mod names;
mod past;
mod reports;
pub(crate) mod seats;
pub(crate) mod turns;
mod unreported;

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use parking_lot::{Mutex, MutexGuard};
use shared::Username;
use tokio::time::Instant;

use self::drain::Drain;
use self::unreported::UnreportedSeats;
use crate::clock::{Now, Steady, UnixMillis, milliseconds};
use crate::limits::Limits;
use crate::lines::circumstances::Circumstances;
use crate::lines::line::Line;
use crate::lines::line::findings::Findings;
use crate::lines::outlook::Outlook;
use crate::lines::refusals::Refusals;
use crate::metrics::Metrics;
use crate::subscribers::Subscribers;

/// Shards of the map of lines. There are far more shards than cores, so that two tasks rarely want the same one.
pub(crate) const SHARDS: usize = 64;

/// How long after the relay's start an unreported line is `starting` and not `unknown`, milliseconds: agents come back
/// within a minute.
const STARTING_MS: i64 = 60_000;

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
    /// There once other relays are to hear of this one's lines.
    outlook: OnceLock<Arc<Outlook>>,
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
            outlook: OnceLock::new(),
            refusals: Refusals::default(),
        })
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
