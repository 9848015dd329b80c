//! The circumstances under which a line's state is decided.

use crate::clock::Now;
use crate::subscribers::Subscribers;

/// What a line's state depends on besides its reports.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    /// The time.
    pub(crate) now: Now,
    /// True in the relay's first minute.
    pub(crate) starting: bool,
    /// The customers of all lines.
    pub(crate) subscribers: &'a Subscribers,
}
