//! The relay's knowledge of its agents, as data. `operators` adds the words.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use shared::control::Status;

/// The answer of `/agents`: all remembered agents.
#[derive(Debug, Serialize, Deserialize)]
pub struct Agents {
    /// The relay's clock.
    pub now: i64,
    /// The agents by their names.
    pub agents: Vec<AgentFindings>,
}

/// The knowledge of one agent. Times are Unix milliseconds by the relay's clock.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AgentFindings {
    /// The agent's name.
    pub name: String,
    /// The beginning of the uplink, if connected.
    pub connected_since: Option<i64>,
    /// The loss of the uplink, if not connected.
    pub lost_since: Option<i64>,
    /// The last status, if connected.
    #[serde(default)]
    pub heartbeat: Option<i64>,
    /// The agent's address.
    pub address: Option<IpAddr>,
    /// The agent's version.
    pub version: String,
    /// Lines of the present table.
    pub lines: usize,
    /// Lines beyond the agent's patterns.
    pub refused_lines: usize,
    /// Lines under watch.
    pub watched: usize,
    /// Batches of this run.
    pub batches: u64,
    /// Samples of this run.
    pub samples: u64,
    /// Batches of this run lost for ever: the agent's backlog was shorter than an outage.
    pub batches_lost: u64,
    /// The last status.
    pub status: Option<Status>,
}
