//! The whole system from end to end: the built agent and relay, a simulated router, and independent viewers.
//!
//! The tests run in real time with the intervals of production. Each test has programs and ports of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod averages;
mod every_sample_arrives;
mod hostile_peers;
mod line_on_several_routers;
mod operator_view;
mod outages;
mod rates;
mod relay_stops;
mod response;
mod sessions;
mod several_relays;
mod shared_streams;
mod short_soak;
mod two_relays;
mod usernames;
