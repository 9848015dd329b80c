//! Connections: listening, TLS, the peer's address, failed logins, the WebSocket handshake. Knows neither viewers nor agents.

pub mod acme;
pub mod address_group;
pub(crate) mod answers;
pub mod attempts;
pub mod folder;
pub(crate) mod handshake;
pub mod head_bytes;
pub mod listener;
pub mod origin;
pub(crate) mod outward;
pub mod peer;
pub mod places;
pub(crate) mod problem;
pub mod proofs;
mod request_head;
mod shares;
pub mod site;
pub mod tls;
pub(crate) mod turns;
