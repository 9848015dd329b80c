//! `linelight-relay agent`: who may report which lines. A running relay takes each change within a second.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;

use crate::agents::registry::{Entries, Pattern};
use crate::explain::Agents;
use crate::store::data_directory::DataDirectory;

/// For the relay's answer, on the same machine.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer, in bytes: a kilobyte for each of 10,000 agents, and some.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

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
    /// Lists the agents and what they may report; where the relay runs, how each is
    List {
        /// The relay's private listener
        #[arg(
            long,
            env = "LINELIGHT_SERVER_PRIVATE_LISTEN",
            value_name = "ADDRESS:PORT",
            default_value = "127.0.0.1:9100"
        )]
        private_listen: SocketAddr,
    },
    /// Removes an agent; its uplink is closed
    Revoke {
        /// The agent's name
        name: String,
    },
}

pub(super) fn run(command: AgentCommand, data: &DataDirectory, out: &mut impl Write) -> Result<()> {
    match command {
        AgentCommand::Add { name, lines } => add(&name, lines, data, out),
        AgentCommand::List { private_listen } => list(&Entries::load(&data.agents())?, private_listen, out),
        AgentCommand::Revoke { name } => change(data, |entries| entries.revoke(&name)),
    }
}

fn add(name: &str, lines: Vec<Pattern>, data: &DataDirectory, out: &mut impl Write) -> Result<()> {
    let token = change(data, |entries| entries.add(name, lines, unix_seconds()))?;
    // Alone on standard output, so that it can be written to a file.
    writeln!(out, "{token}")?;
    Ok(())
}

fn list(entries: &Entries, private: SocketAddr, out: &mut impl Write) -> Result<()> {
    let now = unix_seconds();
    let known = known_to_the_relay(private).map_err(|error| {
        // Beside the list, which is true without it.
        let _ = writeln!(io::stderr(), "no relay answers at {private}, so how the agents are is not shown: {error:#}");
    });
    let width = entries.agents.iter().map(|agent| agent.name.len()).max().unwrap_or(0);
    for agent in &entries.agents {
        let lines: Vec<String> = agent.lines.iter().map(ToString::to_string).collect();
        let days = now.saturating_sub(agent.created) / 86_400;
        writeln!(out, "{:width$}  added {days} days ago  {}", agent.name, lines.join("  "))?;
        let Ok(known) = &known else { continue };
        match known.agents.iter().find(|known| known.name == agent.name) {
            Some(found) => {
                let mut text = String::new();
                found.write(&mut text, known.now)?;
                out.write_all(text.as_bytes())?;
            }
            None => writeln!(out, "  uplink  never connected since the relay started")?,
        }
    }
    Ok(())
}

/// Asks the running relay.
fn known_to_the_relay(private: SocketAddr) -> Result<Agents> {
    let mut stream = TcpStream::connect_timeout(&private, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /agents HTTP/1.1\r\nhost: {private}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is not HTTP")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "the answer is {}", head.lines().next().unwrap_or_default());
    serde_json::from_str(body).context("the answer is not a list of agents")
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
