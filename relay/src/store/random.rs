//! The system's randomness, for keys and tokens.

use anyhow::Result;

/// Fills a buffer with the system's randomness.
///
/// # Errors
/// The system gives no randomness.
pub(crate) fn fill_random(buffer: &mut [u8]) -> Result<()> {
    getrandom::fill(buffer).map_err(|error| anyhow::anyhow!("the system gives no randomness: {error}"))
}
