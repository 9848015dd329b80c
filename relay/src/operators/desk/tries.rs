//! What strangers ask for, counted by address: codes typed, and reads that ask the store. Whoever asks too often takes nothing from others.

use std::net::IpAddr;
use std::time::Instant;

use crate::net::attempts::FailedAttempts;

/// Codes of one address within a minute, wrong and right: requests at the same time have no more.
const CODES: u32 = 10;
/// Reads of one address within a minute: a page asks twice when it opens, and many subscribers share one address.
const READS: u32 = 600;

/// The requests of the last minute.
#[derive(Debug)]
pub(crate) struct Tries(FailedAttempts);

impl Tries {
    /// Counts codes.
    pub(super) fn of_codes() -> Self {
        Self(FailedAttempts::new(CODES))
    }

    /// Counts reads of the store.
    pub(super) fn of_reads() -> Self {
        Self(FailedAttempts::new(READS))
    }

    /// Counts a request before it is looked at. False if the address has no try left.
    pub(super) fn begin(&self, address: Option<IpAddr>) -> bool {
        self.0.fail(address.into(), Instant::now())
    }
}
