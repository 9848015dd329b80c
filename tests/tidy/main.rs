//! Rules of the code that no compiler checks.
//!
//! `imports` finds imports by parsing, `house` has the table of wings, and `rules` has everything else.
#![allow(clippy::unwrap_used, clippy::panic)]

mod files;
mod house;
mod imports;
mod rules;
