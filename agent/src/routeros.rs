//! The RouterOS API: what it takes to ask a router and to understand its answers. It knows nothing of lines or relays.
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
