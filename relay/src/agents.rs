//! Agents: who may report a line, and what an uplink says.

pub mod registry;
pub(crate) mod uptime;
