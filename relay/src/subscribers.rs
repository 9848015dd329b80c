//! Who a line's customer is and what they bought: the subscribers file (CSV), reloaded when it changes.

use std::sync::Arc;

use shared::Username;
use shared::control::Plan;
use tokio::sync::watch;

/// One row of the subscribers file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The customer's name.
    pub customer: Option<String>,
    /// The package's name.
    pub package: Option<String>,
    /// The plan's limits.
    pub plan: Plan,
}

/// The subscribers file as it is now.
#[derive(Clone)]
pub struct Subscribers {
    changes: Arc<watch::Sender<u64>>,
}

impl Subscribers {
    /// No subscribers file.
    pub fn none() -> Self {
        Self { changes: Arc::new(watch::Sender::new(0)) }
    }

    /// The row of a username.
    pub fn get(&self, _username: &Username) -> Option<Arc<Subscriber>> {
        None
    }

    /// Changes each time the file does.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
