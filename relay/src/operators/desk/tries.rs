//! Codes typed, by address: whoever guesses soon has no more tries, and takes none from the codes of others.

use std::net::IpAddr;
use std::time::Instant;

use crate::net::attempts::FailedAttempts;

/// Codes of one address within a minute, wrong and right: requests at the same time have no more.
const A_MINUTE: u32 = 10;

/// The codes of the last minute.
#[derive(Debug)]
pub(crate) struct Tries(FailedAttempts);

impl Default for Tries {
    fn default() -> Self {
        Self(FailedAttempts::new(A_MINUTE))
    }
}

impl Tries {
    /// Counts a code before it is looked at. False if the address has no try left.
    pub(super) fn begin(&self, address: Option<IpAddr>) -> bool {
        self.0.fail(address.into(), Instant::now())
    }
}
