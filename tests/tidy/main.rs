//! Who may import whom, and other rules of the house that no compiler holds.
//!
//! `imports` finds the imports of a crate by parsing it, `house` has the wings and what each may import, `rules` the rest.
#![allow(clippy::unwrap_used, clippy::panic)]

mod files;
mod house;
mod imports;
mod rules;
