//! The protocol between Linelight's agent and relay: the uplink's messages and their types.
//!
//! The crate depends on neither side, does no I/O and reads no clock.
//!
//! - [`username`]: a PPPoE username is bytes; here is its one text form.
//! - [`sample`]: one line's rates and response at one instant, and the handle that names the line on the uplink.
//! - [`frame`]: a batch of samples as one binary WebSocket message.
//! - [`control`]: everything else on the uplink, as JSON text messages.
//! - [`escape`]: text from outside, made harmless for a terminal or a log.
//! - [`close`]: every WebSocket close code, with what the other side does next.

pub mod close;
pub mod control;
pub mod escape;
pub mod frame;
pub mod sample;
pub mod username;

pub use sample::{Detail, Epoch, LineHandle, Response, Sample};
pub use username::Username;

/// The WebSocket subprotocol of the uplink (RFC 6455, section 1.9).
pub const UPLINK_SUBPROTOCOL: &str = "linelight.agent.v1";

/// The path of the uplink on the relay.
pub const UPLINK_PATH: &str = "/agent/v1";

/// The header of every HTTP answer of a relay. An answer without the header tells the agent that a proxy or a content
/// filter answered.
pub const RELAY_HEADER: &str = "linelight";

/// The largest uplink message in either direction, in bytes: a batch of 20,000 samples, or 2,000 line reports.
pub const MAX_UPLINK_FRAME: usize = 256 * 1024;

/// How long a line stays watched without an uplink, and how old a batch in the agent's backlog may become, in seconds.
pub const BACKLOG_SECONDS: u64 = 120;
