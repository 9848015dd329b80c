//! What Linelight is tried against: a simulated RouterOS router, and the harness that joins it to an agent and a relay,
//! and an interpreter of RouterOS scripts over a model of a router's configuration.

pub mod bench;
pub mod harness;
pub mod router;
pub mod routeros_script;
