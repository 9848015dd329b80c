//! Linelight's relay: takes samples from agents and fans them out to viewers by PPPoE username.
//!
//! The way of a sample: [`uplink`] → [`clock`] → [`hub`] and [`line`] → [`viewer_frame`] → [`viewer`] and [`websocket`].
//! Around it: [`config`], [`listener`], [`tls`] and [`http`] bring connections in, [`access`] says who may see a line,
//! [`agents`] who may report one, [`subscribers`] names them, [`metrics`] and [`explain`] tell the operator.

pub mod access;
pub mod agents;
pub mod clock;
pub mod data_directory;
pub mod explain;
pub mod hub;
pub mod keys;
pub mod limits;
pub mod line;
pub mod metrics;
pub mod reload;
pub mod subscribers;
pub mod typed;
pub mod uplink;
pub mod viewer;
pub mod viewer_frame;
pub mod websocket;
