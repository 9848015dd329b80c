//! How long a viewer's right lasts, beside the end that its link names.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::revocations::Standing;

/// The duration of an admission: until the operator removes the key of its link, or revokes the link.
#[derive(Debug, Clone)]
pub struct Lease {
    /// True after the removal of the key.
    key_removed: Option<Arc<AtomicBool>>,
    standing: Option<Standing>,
}

impl Lease {
    /// Returns the lease of an admission without a link.
    pub fn endless() -> Self {
        Self { key_removed: None, standing: None }
    }

    /// Returns the lease of a link.
    pub(super) fn of_link(key_removed: &Arc<AtomicBool>, standing: Standing) -> Self {
        Self { key_removed: Some(Arc::clone(key_removed)), standing: Some(standing) }
    }

    /// True once the key was removed, or the link revoked.
    pub fn has_ended(&self) -> bool {
        self.key_removed.as_ref().is_some_and(|removed| removed.load(Ordering::Acquire))
            || self.standing.as_ref().is_some_and(Standing::has_ended)
    }
}
