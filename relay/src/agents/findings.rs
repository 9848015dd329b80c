//! The relay's knowledge of its agents, as data. `operators` finds the words.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use shared::control::Status;

/// The answer of `/agents`: every agent that the relay remembers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Agents {
    /// The relay's clock.
    pub now: i64,
    /// The agents by their names.
    pub agents: Vec<AgentFindings>,
}

/// What the relay knows of an agent.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AgentFindings {
    /// Its name.
    pub name: String,
    /// Since when it is connected.
    pub connected_since: Option<i64>,
    /// Since when it is not.
    pub lost_since: Option<i64>,
    /// When it last said how it is, while it is connected.
    #[serde(default)]
    pub heartbeat: Option<i64>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Its version.
    pub version: String,
    /// Lines that it reports.
    pub lines: usize,
    /// Lines that it reports and may not.
    pub refused_lines: usize,
    /// Lines that it is asked for samples of.
    pub watched: usize,
    /// Batches of this run.
    pub batches: u64,
    /// Samples of this run.
    pub samples: u64,
    /// Batches of this run that never came: the agent's backlog was shorter than an outage.
    pub batches_lost: u64,
    /// What it last said of itself and its router.
    pub status: Option<Status>,
}
