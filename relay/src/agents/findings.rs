//! The relay's knowledge of its agents, as data. `operators` adds the words.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use shared::control::Status;

use crate::clock::UnixMillis;

/// The answer of `/agents`: all remembered agents.
#[derive(Debug, Serialize, Deserialize)]
pub struct Agents {
    /// The relay's clock.
    pub now: UnixMillis,
    /// The agents by their names.
    pub agents: Vec<AgentFindings>,
}

/// The knowledge of one agent. Times are the relay's.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AgentFindings {
    /// The agent's name.
    pub name: String,
    /// The beginning of the uplink, if connected.
    pub connected_since: Option<UnixMillis>,
    /// The loss of the uplink, if not connected.
    pub lost_since: Option<UnixMillis>,
    /// The last status, if connected.
    #[serde(default)]
    pub heartbeat: Option<UnixMillis>,
    /// The agent's address.
    pub address: Option<IpAddr>,
    /// The agent's version.
    pub version: String,
    /// Lines of the present table.
    pub lines: usize,
    /// Lines beyond the agent's patterns.
    pub refused_lines: usize,
    /// Line reports of this uplink that did not count, because an agent with a narrower pattern reports the line.
    #[serde(default)]
    pub held_back: u64,
    /// Lines taken from agents that still spoke for them.
    #[serde(default)]
    pub taken: u64,
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
