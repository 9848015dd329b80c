//! What Linelight is tried against: a simulated RouterOS router, and the harness that joins it to an agent and a relay.

pub mod harness;
pub mod router;
