//! The RouterOS API: commands to a router and the router's replies, without knowledge of lines or relays.
//!
//! ```text
//! commands ─→ dialogue ─→ connection ─→ router
//!             dialogue ←─ sentence ←─ framing ←─ connection
//! ```

pub mod commands;
pub mod connection;
pub mod dialogue;
pub mod framing;
pub mod greeting;
pub mod sentence;
