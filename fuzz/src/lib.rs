//! What must hold for any bytes: one module for each fuzz target, each with one function that panics where it does not.
//!
//! Nothing here knows a fuzzer, so that bytes which one found can be tried by any program.

pub mod control;
pub mod framing;
pub mod samples;
pub mod sentences;
pub mod subscribers;
pub mod tokens;
pub mod usernames;
pub mod websocket;

/// The first byte as a length of pieces, from 1 to 64, and the rest: so that the fuzzer chooses how the bytes are cut.
fn pieces(data: &[u8]) -> (usize, &[u8]) {
    data.split_first().map_or((1, data), |(&first, rest)| (usize::from(first % 64) + 1, rest))
}
