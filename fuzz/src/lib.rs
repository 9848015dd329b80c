//! The properties of any bytes: one module for each fuzz target, with one function. The function panics at a violation.
//!
//! Nothing here knows a fuzzer, so any program can try a fuzzer's find.

pub mod control;
pub mod framing;
pub mod samples;
pub mod sentences;
pub mod subscribers;
pub mod tokens;
pub mod usernames;
pub mod websocket;

/// The first byte as a length of pieces, from 1 to 64, and the rest: the fuzzer chooses the cut.
fn pieces(data: &[u8]) -> (usize, &[u8]) {
    data.split_first().map_or((1, data), |(&first, rest)| (usize::from(first % 64) + 1, rest))
}
