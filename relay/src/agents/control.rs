//! The requests of other tasks to an uplink's task.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use shared::close::Close;
use tokio::sync::Notify;

/// The requests of other tasks to an uplink's task.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// Something below changed, or the watch set did.
    pub(crate) wake: Arc<Notify>,
    /// Why the uplink is to end.
    end: Mutex<Option<Close>>,
    /// Somebody asks whether the other side still answers.
    probed: AtomicBool,
    /// Notified when the other side has spoken.
    pub(crate) answered: Notify,
}

impl Control {
    /// Ends the uplink.
    pub(crate) fn end(&self, close: Close) {
        *self.end.lock() = Some(close);
        self.wake.notify_one();
    }

    /// Returns the reason to end the uplink, if there is one.
    pub(crate) fn ended(&self) -> Option<Close> {
        *self.end.lock()
    }

    /// Asks whether the other side still answers.
    pub(crate) fn probe(&self) {
        self.probed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether an answer is wanted.
    pub(crate) fn is_probed(&self) -> bool {
        self.probed.load(Ordering::Acquire)
    }

    /// The other side said something.
    pub(crate) fn heard(&self) {
        if self.probed.swap(false, Ordering::AcqRel) {
            self.answered.notify_one();
        }
    }
}
