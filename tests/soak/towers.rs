//! The agents of a soak: real agent processes, each with a simulated router and a breakable link to the
//! relay.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use ring::digest::{SHA256, digest};
use serde_json::json;
use tests::harness::{Agent, AgentSetup, Proxy};
use tests::simulated_router::{Rate, Setup, SimulatedRouter};
use tokio::time::sleep;

use crate::books::{Books, Sent};

/// Between two agents' starts: a site's routers do not boot in one second.
const APART: Duration = Duration::from_millis(50);

/// A router and its agent.
pub(crate) struct Tower {
    /// The router.
    pub(crate) router: SimulatedRouter,
    /// Between the agent and the router.
    pub(crate) api: Proxy,
    /// Between the agent and the relay.
    pub(crate) uplink: Proxy,
    /// The usernames of the router's lines.
    pub(crate) lines: Vec<String>,
    agent: Agent,
    setup: AgentSetup,
}

/// The relay's registry for so many agents, as JSON.
pub(crate) fn registry(count: usize) -> String {
    let entry = |nth: usize| {
        let hash: String = digest(&SHA256, token(nth).as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
        json!({"name": format!("tower-{nth}"), "token_sha256": hash, "lines": ["*"], "created": 0})
    };
    json!({"agents": (0..count).map(entry).collect::<Vec<_>>()}).to_string()
}

fn token(nth: usize) -> String {
    format!("linelight_agent_soak{nth:039}")
}

/// Starts all towers, each with this number of lines; `ca` signed the relay's certificate.
///
/// # Errors
/// When the agent is not built or a port cannot be had.
pub(crate) async fn start(relay: SocketAddr, ca: &Path, count: usize, lines_each: usize) -> Result<Vec<Tower>> {
    let mut towers = Vec::with_capacity(count);
    for nth in 0..count {
        towers.push(Tower::start(relay, ca, nth, lines_each).await?);
        sleep(APART).await;
    }
    Ok(towers)
}

impl Tower {
    async fn start(relay: SocketAddr, ca: &Path, nth: usize, lines_each: usize) -> Result<Self> {
        let router = SimulatedRouter::start(Setup { seed: nth as u64, ..Setup::default() }).await?;
        let lines: Vec<_> = (0..lines_each).map(|line| format!("line-{nth}-{line}@soak")).collect();
        for username in &lines {
            router.session_up(username.as_bytes());
            router.set_rate(username.as_bytes(), Rate::Clock);
        }
        let api = Proxy::start(router.address().context("the router has no port")?).await?;
        let uplink = Proxy::start(relay).await?;
        let setup = AgentSetup {
            router: api.address(),
            relay: format!("wss://{}", uplink.address()),
            token: token(nth),
            password: Setup::default().password,
            flags: vec![format!("--relay-ca={}", ca.display())],
        };
        Ok(Self { agent: Agent::start(&setup)?, router, api, uplink, lines, setup })
    }

    /// Kills the agent as a crash would and starts another in its place, with an empty ring.
    ///
    /// # Errors
    /// When the agent does not run or cannot be started.
    pub(crate) async fn crash(&mut self) -> Result<()> {
        self.agent.program.kill().await?;
        self.agent = Agent::start(&self.setup)?;
        Ok(())
    }

    /// Tells the agent to stop, and waits until it has.
    ///
    /// # Errors
    /// When the agent does not stop.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.agent.program.terminate().await.map(drop)
    }

    /// Enters the router's new samples into the books.
    pub(crate) fn report(&self, books: &mut Books) {
        for sample in self.router.take_samples() {
            let stream = (sample.connection, sample.tag.unwrap_or_default());
            let sent = Sent { mark: sample.download, at: sample.at, stream, first: sample.section == 0 };
            books.sent(&sample.username, sent);
        }
    }
}
