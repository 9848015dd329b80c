//! The agent as a process of its machine: supervised, logging to standard error, asked by health checks.

pub mod health;
pub mod logging;
pub mod supervisor;
