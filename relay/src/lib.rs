//! Linelight's relay: takes samples from agents and fans them out to viewers by PPPoE username.
//!
//! A sample's way: [`agents`] → [`lines`] → [`viewers`]. [`operators`] read. A module imports its own wing, those below it in
//! this order, or the ground:
//!
//! | wing | holds |
//! |---|---|
//! | [`commands`], [`config`], [`relay`] | the program: what was asked for, and the joining of all |
//! | [`operators`] | words about findings, the private listener |
//! | [`cluster`] | other relays, whose lines are shown here too |
//! | [`agents`], [`viewers`] | both ends of the street; they do not know each other |
//! | [`lines`] | who reports a line, who watches it, and what it shows |
//! | [`subscribers`] | who a line's customer is and what they bought |
//! | [`net`] | listening, TLS, addresses, handshakes, answers |
//! | [`store`] | files that are kept |
//! | [`wire`] | bytes of frames |
//! | [`limits`], [`metrics`], [`clock`] | the ground |

pub mod agents;
pub mod clock;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod limits;
pub mod lines;
pub mod metrics;
pub mod net;
pub mod operators;
pub mod relay;
pub mod store;
pub mod subscribers;
#[cfg(test)]
mod tests;
pub mod viewers;
pub mod wire;
