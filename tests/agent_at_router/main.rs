//! The agent's router task against the whole simulated router, over a pipe in paused time: how soon a line's state and rates are
//! known, and that nobody's graph shows what did not happen. Each bound is a promise to whoever looks at a line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod check;
mod company;
mod losses;
mod manners;
mod naming;
mod plans;
mod refusals;
mod rig;
mod vanishing;
mod watching;
