//! What other relays are to hear of: lines that somebody begins to watch here, and lines whose reports changed here.
//!
//! Usernames are gathered until the cluster takes them. Both sets are as large as the hub's own table of lines at most.

use std::collections::HashSet;

use parking_lot::Mutex;
use shared::Username;
use tokio::sync::Notify;

/// The gathered usernames.
#[derive(Debug, Default)]
pub(crate) struct Outlook {
    /// Short; taken under a shard's lock, and takes none itself.
    gathered: Mutex<Gathered>,
    /// Notified with the first username.
    pub(crate) wake: Notify,
}

/// Usernames since the last look.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Lines that a viewer joined.
    pub(crate) watched: HashSet<Username>,
    /// Lines whose reports by this relay's own agents changed.
    pub(crate) changed: HashSet<Username>,
}

impl Outlook {
    /// A viewer joined a line.
    pub(super) fn watched(&self, username: &Username) {
        self.gathered.lock().watched.insert(username.clone());
        self.wake.notify_one();
    }

    /// An agent of this relay reports a line otherwise than before.
    pub(super) fn changed(&self, username: &Username) {
        self.gathered.lock().changed.insert(username.clone());
    }

    /// Takes what was gathered.
    pub(crate) fn take(&self) -> Gathered {
        std::mem::take(&mut *self.gathered.lock())
    }
}
