//! The two ways to name an interface in `monitor-traffic`.

use crate::sessions::Session;

/// The way to name interfaces in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By `.id`; an interface without one by name.
    Ids,
    /// By name.
    Names,
}

impl Way {
    /// True if a command can name the session's interface.
    pub(super) fn can_name(self, session: &Session<'_>) -> bool {
        let by_id = self == Self::Ids && session.key.id().is_some();
        by_id || !session.name.contains(&b',')
    }
}
