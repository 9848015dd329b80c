//! The console over real sockets: who may do what, and every refusal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![allow(unreachable_pub, reason = "modules of one test")]

mod codes;
#[path = "../common/mod.rs"]
mod common;
mod company;
mod desk;
mod door;
mod lines;
mod links;
mod live;
mod meanwhile;
mod people;
#[path = "../postgresql/mod.rs"]
mod postgresql;
mod routers;
mod second_factor;
mod shared;
mod shell;
mod sign_in;
mod slow;
mod wall;
