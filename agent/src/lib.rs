//! Linelight's agent: reads PPPoE lines' rates from a RouterOS API and streams them to a relay.
//!
//! A sample's way through it is one street: [`routeros`] (bytes, sentences, commands), [`sessions`] (which lines there
//! are), `sampler` (rows to samples), [`batch`], [`backlog`], [`uplink`]. Two tasks walk it, the router's and the
//! uplink's, and share one [`handover`]; neither waits for the other.

pub mod backlog;
pub mod batch;
pub mod check;
pub mod config;
pub mod handover;
pub mod routeros;
pub mod sessions;
pub mod tls;
