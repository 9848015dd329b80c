//! Operators: the provider's staff and their console, the words about findings, and the private listener. Reads every other
//! wing; no other wing imports this one.

pub mod api;
pub(crate) mod attempts;
pub mod audit;
pub mod company;
pub mod console;
pub mod desk;
pub mod explain;
pub mod guard;
pub mod likeness;
pub mod passwords;
pub mod people;
pub(crate) mod private;
pub(crate) mod qr;
pub mod search;
pub mod secret;
pub mod sessions;
pub mod slow_hook;
pub mod tickets;
pub(crate) mod totp;
