//! The documents are true: their examples run against the built programs, and their tables hold every code and frame.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod architecture;
mod billing;
mod blocks;
mod configuration;
mod example;
mod links;
mod names;
mod portal;
