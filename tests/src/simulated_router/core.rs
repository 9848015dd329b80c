//! The shared part of all connections of one router: the state under one short lock, and the signals of changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::clock::Clock;
use super::misbehaviour::Misbehaviour;
use super::record::{Record, Stream};
use super::sentence::TagPlacement;
use super::state::{Change, World};
use super::{Login, Policies, Setup};

/// Changes by which a slow listen may lag before some are lost, as on a busy router.
const CHANGES: usize = 4096;
/// Injections by which a connection may lag.
const INJECTIONS: usize = 16;

/// Everything under the lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) misbehaviour: Misbehaviour,
    pub(crate) record: Record,
    pub(crate) tags: TagPlacement,
    pub(crate) empty: bool,
    pub(crate) policies: Policies,
    pub(crate) user: Vec<u8>,
    pub(crate) password: Vec<u8>,
}

/// Whether connections live and get answers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gate {
    /// Connections of an older generation end.
    pub(crate) generation: u64,
    /// Nobody gets an answer; nothing is closed.
    pub(crate) stalled: bool,
    /// The ports are closed.
    pub(crate) refusing: bool,
    /// The router is no more.
    pub(crate) stopped: bool,
}

pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) login: Login,
    pub(crate) seed: u64,
    pub(crate) max_sessions: usize,
    pub(crate) gate: watch::Sender<Gate>,
    pub(crate) injections: broadcast::Sender<Arc<[u8]>>,
    /// How many ports are open.
    pub(crate) listening: watch::Sender<usize>,
    changes: broadcast::Sender<Change>,
    revision: watch::Sender<u64>,
    // Every method holds this lock for one look or one change and never across an await: an async lock would gain nothing.
    state: Mutex<State>,
}

impl Core {
    pub(crate) fn new(setup: &Setup, world: World) -> Arc<Self> {
        let state = State {
            world,
            misbehaviour: Misbehaviour::default(),
            record: Record::default(),
            tags: setup.tags,
            empty: setup.empty,
            policies: setup.policies,
            user: setup.user.clone().into_bytes(),
            password: setup.password.clone().into_bytes(),
        };
        Arc::new(Self {
            clock: Clock::new(Instant::now(), setup.second),
            login: setup.login,
            seed: setup.seed,
            max_sessions: setup.max_sessions,
            gate: watch::Sender::new(Gate::default()),
            injections: broadcast::Sender::new(INJECTIONS),
            listening: watch::Sender::new(0),
            changes: broadcast::Sender::new(CHANGES),
            revision: watch::Sender::new(0),
            state: Mutex::new(state),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panics with the lock must not block the other tests.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The router's milliseconds since its start.
    pub(crate) fn now(&self) -> u64 {
        self.clock.milliseconds(Instant::now())
    }

    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Looks at the state with all byte counters brought up to now.
    pub(crate) fn read_settled<T>(&self, look: impl FnOnce(&State, u64) -> T) -> T {
        let mut state = self.lock();
        let now = self.now();
        state.world.settle(now);
        look(&state, now)
    }

    /// The same, and every later change.
    pub(crate) fn read_and_follow<T>(&self, look: impl FnOnce(&State, u64) -> T) -> (T, broadcast::Receiver<Change>) {
        self.read_settled(|state, now| (look(state, now), self.changes.subscribe()))
    }

    /// Changes the state, tells listeners, and wakes the waiters for a condition.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut State, u64) -> T) -> T {
        let result = {
            let mut state = self.lock();
            let now = self.now();
            let result = change(&mut state, now);
            // Told under the lock: a snapshot and the changes behind the snapshot fit together.
            for change in state.world.changes.drain(..) {
                let _ = self.changes.send(change);
            }
            result
        };
        self.revision.send_modify(|revision| *revision += 1);
        result
    }

    /// Completes as soon as the condition holds.
    pub(crate) async fn wait_until(&self, mut condition: impl FnMut(&State) -> bool) {
        let mut revision = self.revision.subscribe();
        while !self.read(&mut condition) {
            if revision.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits while the router is stalled.
    pub(crate) async fn answering(&self) {
        // The only possible error is a missing sender, and `self` holds the sender.
        let _ = self.gate.subscribe().wait_for(|gate| !gate.stalled).await;
    }

    /// Waits for some of the router's milliseconds.
    pub(crate) async fn pause(&self, milliseconds: u64) {
        tokio::time::sleep(self.duration(milliseconds)).await;
    }

    pub(crate) fn duration(&self, milliseconds: u64) -> Duration {
        self.clock.duration(milliseconds)
    }

    /// Writes a line to the router's log.
    pub(crate) fn log(&self, line: String) {
        self.update(|state, _| state.record.keep_line(line));
    }

    /// Enters a stream into the record, for as long as the guard lives.
    pub(crate) fn begin_stream(self: &Arc<Self>, stream: Stream) -> StreamGuard {
        let number = self.update(|state, _| state.record.begin(stream));
        StreamGuard { core: Arc::clone(self), number }
    }
}

/// A stream's place in the record; gone when the stream is.
pub(crate) struct StreamGuard {
    core: Arc<Core>,
    number: u64,
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.core.update(|state, _| state.record.streams.remove(&self.number));
    }
}
