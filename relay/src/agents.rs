//! Agents: who may report a line, what an uplink says, and how all agents are.

pub(crate) mod control;
pub mod findings;
pub mod fleet;
pub(crate) mod ledger;
pub(crate) mod member;
pub mod registry;
pub(crate) mod reporter;
pub(crate) mod routes;
mod survey;
pub mod uplink;
pub(crate) mod uptime;
