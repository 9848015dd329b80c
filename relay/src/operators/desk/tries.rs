//! Wrong codes, by address: whoever guesses soon has no more tries, and takes none from the codes of others.

use std::net::IpAddr;
use std::time::Instant;

use crate::net::attempts::FailedAttempts;

/// Wrong codes of one address within a minute.
const A_MINUTE: u32 = 10;

/// The wrong codes of the last minute.
#[derive(Debug)]
pub(crate) struct Tries(FailedAttempts);

impl Default for Tries {
    fn default() -> Self {
        Self(FailedAttempts::new(A_MINUTE))
    }
}

impl Tries {
    /// True if the address has no try left.
    pub(super) fn are_over(&self, address: Option<IpAddr>) -> bool {
        self.0.is_over(address.into(), Instant::now())
    }

    /// Counts a wrong code.
    pub(super) fn fail(&self, address: Option<IpAddr>) {
        self.0.fail(address.into(), Instant::now());
    }
}
