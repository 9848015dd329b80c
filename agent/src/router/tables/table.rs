//! The tables of a router.

/// A table of a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::router) enum Table {
    Server,
    Client,
    Profiles,
    Secrets,
    Addresses,
    Clock,
    Queues,
}

impl Table {
    /// True for the tables of sessions; the others are of the plans.
    pub(in crate::router) const fn is_of_sessions(self) -> bool {
        matches!(self, Self::Server | Self::Client)
    }
}
