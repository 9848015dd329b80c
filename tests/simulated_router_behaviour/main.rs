//! The simulated router as its clients meet it: each documented behaviour and each misbehaviour, over in-memory streams with paused
//! time where time matters and over sockets where sockets do. Words are encoded and decoded by mikrotik-rs, an independent
//! implementation.
// Clippy's allowance for tests ends at the functions marked as such, and a client for tests is made of their helpers.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod client;
mod connections;
mod login;
mod menus;
mod misbehaviour;
mod monitor;
mod program;
mod streams;
