//! Agents: their tokens and patterns, their uplinks, and their condition.

pub(crate) mod control;
pub(crate) mod enrolment;
pub mod findings;
pub mod fleet;
pub(crate) mod ledger;
pub(crate) mod member;
pub mod registry;
pub(crate) mod reporter;
pub(crate) mod routes;
pub mod script;
mod survey;
pub mod uplink;
pub(crate) mod uptime;
