//! The system's randomness, for keys and tokens.

use anyhow::Result;

/// Fills a buffer with the system's randomness.
///
/// # Errors
/// Where the system gives none.
pub(crate) fn fill_random(buffer: &mut [u8]) -> Result<()> {
    getrandom::fill(buffer).map_err(|error| anyhow::anyhow!("the system gives no randomness: {error}"))
}
