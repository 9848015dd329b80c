//! Who may report a line: the registry of agents, a file changed by command and reloaded at once.

use std::sync::Arc;

use shared::Username;
use tokio::sync::watch;

/// The agents that may report, as their file says now.
#[derive(Clone)]
pub struct Registry {
    changes: Arc<watch::Sender<u64>>,
}

/// What one agent's token allows.
#[derive(Debug)]
pub struct Grant {
    /// The agent's name.
    pub name: Arc<str>,
}

impl Grant {
    /// Whether this agent may report a line.
    pub fn may_report(&self, _username: &Username) -> bool {
        true
    }
}

impl Registry {
    /// The grant of a token, if the registry knows it.
    pub fn authenticate(&self, _token: &[u8]) -> Option<Arc<Grant>> {
        None
    }

    /// Changes each time the file does.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The grant as it is now; `None` when the token was revoked.
    pub fn current(&self, _grant: &Grant) -> Option<Arc<Grant>> {
        None
    }
}
