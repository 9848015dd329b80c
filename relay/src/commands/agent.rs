//! `linelight-relay agent`: the agents and their permitted lines. A running relay takes each change within a second.

use std::io::{self, Write};

use anyhow::Result;
use clap::Subcommand;

use super::store::change_agents;
use super::{private, times};
use crate::agents::findings::Agents;
use crate::agents::registry::{Entries, Entry, Pattern};
use crate::config::typed::PrivateArguments;
use crate::operators::audit::{Deed, What};
use crate::store::data_directory::DataDirectory;
use crate::store::database::location::Location;

#[derive(Debug, Subcommand)]
pub(super) enum AgentCommand {
    /// Adds an agent and prints its token, this once
    Add {
        /// The agent's name: letters, digits and - _ . @
        name: String,

        /// The usernames that the agent may report: *@realm, prefix*, one, or * for all; several are allowed. Where several agents report
        /// a username, the one with the narrowest pattern counts: give each a realm of its own rather than *
        #[arg(long, value_name = "PATTERN", required = true, num_args = 1..)]
        lines: Vec<Pattern>,

        /// The agent's sessions count beside those of agents with narrower patterns, as those of a spare concentrator
        #[arg(long)]
        shares_lines: bool,
    },
    /// Lists the agents and what they may report; while the relay runs, also how each agent and its router are
    List {
        #[command(flatten)]
        private: PrivateArguments,
    },
    /// Removes an agent; a running relay closes its uplink
    Revoke {
        /// The agent's name
        name: String,
    },
}

pub(super) fn run(command: AgentCommand, data: &DataDirectory, store: &Location, out: &mut impl Write) -> Result<()> {
    match command {
        AgentCommand::Add { name, lines, shares_lines } => {
            let added = |entries: &mut Entries| entries.add(&name, lines, shares_lines, times::unix_seconds());
            let token = change_agents(data, store, &Deed::new(What::RouterAdded).detail(&*name), added)?;
            // The token stands alone on standard output, so that a shell can write it to a file.
            writeln!(out, "{token}")?;
            Ok(())
        }
        AgentCommand::List { private } => list(&Entries::load(&data.agents())?, &private, out),
        AgentCommand::Revoke { name } => {
            let deed = Deed::new(What::RouterRevoked).detail(&*name);
            change_agents(data, store, &deed, |entries| entries.revoke(&name))
        }
    }
}

fn list(entries: &Entries, listener: &PrivateArguments, out: &mut impl Write) -> Result<()> {
    if entries.agents.is_empty() {
        // Remarks stand on standard error, beside the list.
        let _ = writeln!(io::stderr(), "there is no agent yet; `linelight-relay agent add` adds one");
        return Ok(());
    }
    let known = private::ask::<Agents>(listener, "/agents").map_err(|error| {
        let _ = writeln!(io::stderr(), "how the agents are is not shown: {error:#}");
    });
    let table = Table::of(entries);
    table.write_header(out)?;
    for agent in &entries.agents {
        table.write_row(agent, out)?;
        if let Ok(known) = &known {
            write_state(agent, known, out)?;
        }
    }
    Ok(())
}

/// The columns of the list; the last one has no width.
struct Table {
    name: usize,
    added: usize,
}

impl Table {
    fn of(entries: &Entries) -> Self {
        let width = |of: fn(&Entry) -> usize, header: &str| entries.agents.iter().map(of).chain([header.len()]).max();
        Self {
            name: width(|agent| agent.name.len(), "AGENT").unwrap_or(0),
            added: width(|agent| times::minute(agent.created).len(), "ADDED").unwrap_or(0),
        }
    }

    fn write_header(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { name, added } = *self;
        writeln!(out, "{:name$}  {:added$}  MAY REPORT", "AGENT", "ADDED")
    }

    fn write_row(&self, agent: &Entry, out: &mut impl Write) -> io::Result<()> {
        let Self { name, added } = *self;
        let lines: Vec<String> = agent.lines.iter().map(ToString::to_string).collect();
        write!(out, "{:name$}  {:added$}  {}", agent.name, times::minute(agent.created), lines.join("  "))?;
        match agent.shares_lines {
            true => writeln!(out, "  (shares lines)"),
            false => writeln!(out),
        }
    }
}

/// Writes the running relay's knowledge of an agent.
fn write_state(agent: &Entry, known: &Agents, out: &mut impl Write) -> Result<()> {
    let mut text = String::new();
    match known.agents.iter().find(|known| known.name == agent.name) {
        Some(found) => found.write(&mut text, known.now)?,
        None => text.push_str("  uplink  never connected since the relay started\n"),
    }
    out.write_all(text.as_bytes())?;
    Ok(())
}
