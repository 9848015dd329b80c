//! Operators: the words about findings, and the private listener. Reads every other wing; no other wing imports this one.

pub mod explain;
pub mod guard;
pub mod likeness;
pub(crate) mod private;
pub mod search;
