//! The whole system as its users have it: the built agent and relay, a simulated router, viewers of another make.
//!
//! In real time, with the intervals of production; each test has programs and ports of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod averages;
mod drain;
mod hostile;
mod lines;
mod names;
mod no_hole;
mod outages;
mod rates;
mod seen;
mod sessions;
mod sharing;
mod soak;
mod two_relays;
