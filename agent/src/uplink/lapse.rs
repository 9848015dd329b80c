//! Watches outlive a lost uplink for a while: a relay's restart leaves no hole in a graph. Then they end: the router
//! is not asked for samples without a viewer.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use crate::handover::{Handover, UplinkState};

/// The state of the uplink, and the time of the loss.
#[derive(Debug, Default)]
pub(super) struct Lapse {
    state: Cell<State>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Absent,
    Open,
    Lost(Instant),
}

impl From<State> for UplinkState {
    fn from(state: State) -> Self {
        match state {
            State::Absent => Self::Absent,
            State::Open => Self::Open,
            State::Lost(_) => Self::Lost,
        }
    }
}

impl Lapse {
    /// Notes the relay's welcome.
    pub(super) fn welcomed(&self) {
        self.turn(State::Open);
    }

    /// Notes the end of an uplink; without a welcome nothing changes.
    pub(super) fn lost(&self, now: Instant) {
        if matches!(self.state.get(), State::Open) {
            self.turn(State::Lost(now));
        }
    }

    /// Notes that no uplink will return before the watches lapse.
    pub(super) fn gave_up(&self) {
        self.turn(State::Absent);
    }

    fn turn(&self, state: State) {
        self.state.set(state);
        self.changed.notify_one();
    }

    /// Updates the handover's state of the uplink, and ends the watches `outlive` after a loss.
    pub(super) async fn watch(&self, handover: &Handover, outlive: Duration) {
        loop {
            let state = self.state.get();
            handover.uplink.set(state.into());
            match state {
                State::Open => self.changed.notified().await,
                State::Absent => {
                    end_watches(handover);
                    self.changed.notified().await;
                }
                State::Lost(since) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = sleep_until(since + outlive) => self.state.set(State::Absent),
                },
            }
        }
    }
}

fn end_watches(handover: &Handover) {
    let mut watched = handover.watched.borrow_mut();
    if !watched.is_empty() {
        info!(lines = watched.len(), "no uplink for their samples: the watches end");
    }
    watched.clear();
    handover.to_router.notify_one();
}
