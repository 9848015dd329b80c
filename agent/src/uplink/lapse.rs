//! Watches outlive a lost uplink for a while, so that a relay's restart leaves no hole, and then stop: a router is not
//! asked for samples that nobody will see.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use crate::handover::Handover;

/// Since when the uplink is lost.
#[derive(Debug, Default)]
pub(super) struct Lapse {
    lost: Cell<Option<Instant>>,
    live: Cell<bool>,
    changed: Notify,
}

impl Lapse {
    /// The relay said welcome.
    pub(super) fn found(&self) {
        self.live.set(true);
        self.lost.set(None);
        self.changed.notify_one();
    }

    /// The uplink ended; if it was lost already, it was lost then.
    pub(super) fn lost(&self, now: Instant) {
        self.live.set(false);
        self.lost.set(self.lost.get().or(Some(now)));
        self.changed.notify_one();
    }

    /// Says in the handover whether there is an uplink or it is lost, and clears the watch set each time that the uplink has been lost for `outlive`.
    pub(super) async fn watch(&self, handover: &Handover, outlive: Duration) {
        loop {
            handover.uplinked.set(self.live.get());
            handover.away.set(self.lost.get().is_some());
            let Some(lost) = self.lost.get() else {
                self.changed.notified().await;
                continue;
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep_until(lost + outlive) => self.clear(handover),
            }
        }
    }

    fn clear(&self, handover: &Handover) {
        self.lost.set(None);
        let mut watched = handover.watched.borrow_mut();
        if !watched.is_empty() {
            info!(lines = watched.len(), "no uplink for too long: the watches end");
        }
        watched.clear();
        handover.to_router.notify_one();
    }
}
