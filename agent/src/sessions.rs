//! The router's lines, and the interfaces of each. No I/O: the rows of the tables come from the router's task.
//!
//! Each reading of the tables is whole. A reading replaces all sessions, and the lines follow.
//!
//! | a username's rows | the line |
//! |---|---|
//! | live server sessions | their sum, with their count |
//! | no live server session, live client ones | the sum of those |
//! | none live, or none at all any more | offline, since |
//!
//! Memory: at most `capacity` rows (40 bytes and two names each) in this reading and as much in the next, and at most
//! `capacity` lines (144 bytes, a username, a shared profile's name, and a comment of up to 256 bytes if comments are
//! reported).

mod ending;
mod line;
mod listing;
mod plans;
mod table;

pub use line::Line;
pub use listing::{InterfaceKey, ListedSession, Listing, MAX_NAME};
pub use plans::PlanReading;
pub use table::{LineTable, Session};

#[cfg(test)]
pub(crate) mod tests;
