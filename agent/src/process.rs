//! The agent as a process of its machine: supervisor, log on standard error, answers to health checks.

pub mod health;
pub mod logging;
pub mod supervisor;
