//! A whole site: a simulated router, an agent and a relay, with a network between them that can be cut.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use super::programs::{Agent, AgentSetup, Relay, RelaySetup};
use super::proxy::Proxy;
use super::viewer::Viewer;
use crate::simulated_router::{Rate, Rates, Setup, SimulatedRouter};

/// One router and its agent.
pub struct Outpost {
    /// The router.
    pub router: SimulatedRouter,
    /// Between the agent and the router's API.
    pub api: Proxy,
    /// Between the agent and the relay.
    pub uplink: Proxy,
    /// The agent.
    pub agent: Agent,
}

impl Outpost {
    /// Starts a router and an agent that may report the lines of these patterns.
    ///
    /// # Errors
    /// When a program is not built or a port cannot be had.
    pub async fn start(relay: &Relay, name: &str, patterns: &[&str], setup: Setup, flags: &[&str]) -> Result<Self> {
        let token = relay.add_agent(name, patterns).await?;
        Self::with_token(relay.address, token, setup, flags).await
    }

    /// The same with a known token.
    ///
    /// # Errors
    /// As [`Outpost::start`].
    pub async fn with_token(relay: SocketAddr, token: String, setup: Setup, flags: &[&str]) -> Result<Self> {
        let password = setup.password.clone();
        let router = SimulatedRouter::start(setup).await?;
        let api = Proxy::start(router.address().context("the router has no port")?).await?;
        let uplink = Proxy::start(relay).await?;
        let agent = Agent::start(&AgentSetup {
            router: api.address(),
            relay: format!("ws://{}", uplink.address()),
            token,
            password,
            flags: flags.iter().map(ToString::to_string).collect(),
        })?;
        Ok(Self { router, api, uplink, agent })
    }

    /// Sets a line's exact rates, in bits per second as the subscriber sees them.
    pub fn set_rates(&self, username: &[u8], download: u64, upload: u64) {
        self.router.set_rate(username, Rate::Exact(Rates::new(download, upload)));
    }
}

/// One relay and one outpost.
pub struct Site {
    /// The relay.
    pub relay: Relay,
    /// The router and its agent, `core-1`; the agent may report every line.
    pub outpost: Outpost,
}

impl Site {
    /// Starts all of it, with a router as in `setup`.
    ///
    /// # Errors
    /// When a program is not built or does not come up.
    pub async fn start(setup: Setup) -> Result<Self> {
        Self::start_with(setup, RelaySetup::default(), &[]).await
    }

    /// The same with a relay and an agent told otherwise.
    ///
    /// # Errors
    /// As [`Site::start`].
    pub async fn start_with(setup: Setup, relay: RelaySetup, flags: &[&str]) -> Result<Self> {
        let relay = Relay::start(relay).await?;
        let outpost = Outpost::start(&relay, "core-1", &["*"], setup, flags).await?;
        Ok(Self { relay, outpost })
    }

    /// The simulated router.
    pub fn router(&self) -> &SimulatedRouter {
        &self.outpost.router
    }

    /// Opens the page's stream of a line by a link of its own.
    ///
    /// # Errors
    /// When there is no link or no stream.
    pub async fn viewer(&self, username: &str) -> Result<Viewer> {
        Viewer::with_token(self.relay.address, &self.relay.token(username).await?).await
    }
}
