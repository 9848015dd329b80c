//! `linelight-relay agent`: who may report which lines. A running relay takes each change within a second.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use clap::Subcommand;

use crate::agents::{Entries, Pattern};
use crate::data_directory::DataDirectory;

#[derive(Debug, Subcommand)]
pub(super) enum AgentCommand {
    /// Adds an agent and prints its token, this once
    Add {
        /// The agent's name: letters, digits and - _ . @
        name: String,

        /// The usernames that it may report: one, *@realm, prefix* or *; several are allowed
        #[arg(long, value_name = "PATTERN", required = true, num_args = 1..)]
        lines: Vec<Pattern>,
    },
    /// Lists the agents and what they may report
    List,
    /// Removes an agent; its uplink is closed
    Revoke {
        /// The agent's name
        name: String,
    },
}

pub(super) fn run(command: AgentCommand, data: &DataDirectory, out: &mut impl Write) -> Result<()> {
    match command {
        AgentCommand::Add { name, lines } => add(&name, lines, data, out),
        AgentCommand::List => list(&Entries::load(&data.agents())?, out),
        AgentCommand::Revoke { name } => change(data, |entries| entries.revoke(&name)),
    }
}

fn add(name: &str, lines: Vec<Pattern>, data: &DataDirectory, out: &mut impl Write) -> Result<()> {
    let token = change(data, |entries| entries.add(name, lines, unix_seconds()))?;
    // Alone on standard output, so that it can be written to a file.
    writeln!(out, "{token}")?;
    Ok(())
}

fn list(entries: &Entries, out: &mut impl Write) -> Result<()> {
    let now = unix_seconds();
    let width = entries.agents.iter().map(|agent| agent.name.len()).max().unwrap_or(0);
    for agent in &entries.agents {
        let lines: Vec<String> = agent.lines.iter().map(ToString::to_string).collect();
        let days = now.saturating_sub(agent.created) / 86_400;
        writeln!(out, "{:width$}  added {days} days ago  {}", agent.name, lines.join("  "))?;
    }
    Ok(())
}

/// Reads, changes and replaces the registry while no other command does.
pub(super) fn change<T>(data: &DataDirectory, change: impl FnOnce(&mut Entries) -> Result<T>) -> Result<T> {
    let _lock = data.lock()?;
    let mut entries = Entries::load(&data.agents())?;
    let outcome = change(&mut entries)?;
    entries.save(&data.agents())?;
    Ok(outcome)
}

pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
