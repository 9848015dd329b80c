//! How long a viewer's right lasts, beside the end that its link names.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::revocations::Standing;

/// The duration of an admission: until the operator removes the key of its link, or revokes the link; for staff, until their session ends.
#[derive(Debug, Clone)]
pub struct Lease {
    /// True after the removal of the key, or the end of the session.
    ended: Option<Arc<AtomicBool>>,
    standing: Option<Standing>,
}

impl Lease {
    /// Returns the lease of an admission without a link.
    pub fn endless() -> Self {
        Self { ended: None, standing: None }
    }

    /// Returns the lease of a link.
    pub(super) fn of_link(key_removed: &Arc<AtomicBool>, standing: Standing) -> Self {
        Self { ended: Some(Arc::clone(key_removed)), standing: Some(standing) }
    }

    /// Returns the lease of a session of staff; `ended` becomes true at its end.
    pub(crate) fn of_session(ended: Arc<AtomicBool>) -> Self {
        Self { ended: Some(ended), standing: None }
    }

    /// True once the key was removed, the link revoked, or the session ended.
    pub fn has_ended(&self) -> bool {
        self.ended.as_ref().is_some_and(|ended| ended.load(Ordering::Acquire))
            || self.standing.as_ref().is_some_and(Standing::has_ended)
    }
}
