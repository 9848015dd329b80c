//! A relay with an agent, a router and people, and one measurement.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use shared::username::Username;
use tests::attacks::{Attack, Door, Flood, address};
use tests::harness::{Agent, AgentSetup, Certificate, Relay, RelaySetup};
use tests::simulated_router::{Setup, SimulatedRouter};
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::people::{Logins, Seated};

/// Lines of the router, each with a seated viewer.
const LINES: usize = 8;
/// Between two looks at the relay's memory.
const LOOK: Duration = Duration::from_millis(250);
/// From an attack's end to the last look at the relay's memory.
const REST: Duration = Duration::from_secs(3);
/// The relay's first minute, and some more.
const STARTED_WITHIN: Duration = Duration::from_secs(90);

/// The access of a stage's relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Link,
    Open,
}

/// How a relay is to run for an attack.
pub(crate) struct Needs {
    pub(crate) access: Access,
    pub(crate) flags: &'static [&'static str],
}

impl Needs {
    /// Returns the needs of an attack.
    pub(crate) fn of(attack: Attack) -> Self {
        let flags: &[&str] = match attack {
            Attack::IdleRequests | Attack::IdleWebSockets => &["--max-connections=3000"],
            Attack::ForgedForwarded => &["--trusted-proxy=127.7.0.0/16", "--forwarded-header=X-Forwarded-For"],
            Attack::SeatsOfNoLine => &["--max-viewers=1000"],
            _ => &[],
        };
        let access = if attack == Attack::SeatsOfNoLine { Access::Open } else { Access::Link };
        Self { access, flags }
    }
}

/// A relay with an agent, a router and viewers.
pub(crate) struct Stage {
    relay: Relay,
    door: Door,
    watches: Vec<Value>,
    seated: Vec<Seated>,
    _agent: Agent,
    _router: SimulatedRouter,
    _folder: tempfile::TempDir,
}

/// The figures of one measurement.
pub(crate) struct Phase {
    pub(crate) logins: Logins,
    pub(crate) attempts_a_second: f64,
    pub(crate) held: usize,
    /// The relay's memory in bytes: before, at its highest, and after a rest.
    pub(crate) memory: [f64; 3],
    pub(crate) lost: u64,
    pub(crate) limited: u64,
}

impl Stage {
    /// Starts everything and seats a viewer at each line.
    pub(crate) async fn start(needs: Needs) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let certificate = Certificate::make(folder.path())?;
        let mut flags = certificate.flags.to_vec();
        flags.extend(needs.flags.iter().map(|flag| (*flag).to_owned()));
        flags.extend((needs.access == Access::Open).then(|| "--access=open".to_owned()));
        let relay = Relay::start(RelaySetup { flags, ..RelaySetup::default() }).await?;
        let setup = Setup::concentrator(LINES);
        let password = setup.password.clone();
        let router = SimulatedRouter::start(setup).await?;
        let agent = Agent::start(&AgentSetup {
            router: router.address().context("the router has no port")?,
            relay: format!("wss://{}", relay.address),
            token: relay.add_agent("core-1", &["*"]).await?,
            password,
            flags: vec![format!("--relay-ca={}", certificate.file.display())],
        })?;
        let door = Door { address: relay.address, tls: certificate.client };
        let mut stage = Self {
            watches: watches(&relay, &router, needs.access).await?,
            relay,
            door,
            seated: Vec::new(),
            _agent: agent,
            _router: router,
            _folder: folder,
        };
        if needs.access == Access::Open {
            until_started(&stage.relay).await?;
        }
        for (nth, watch) in stage.watches.iter().enumerate() {
            stage.seated.push(Seated::sit(&stage.door, address([127, 8], nth), watch).await?);
        }
        Ok(stage)
    }

    /// Measures logins for so long, with an attack from so many addresses beside them, which runs on the attackers' threads.
    pub(crate) async fn measure(
        &self,
        attack: Option<Attack>,
        attackers: &Handle,
        addresses: u16,
        length: Duration,
    ) -> Result<Phase> {
        let before = self.memory().await?;
        let (lost, limited) = (self.lost(), self.limited().await?);
        let (attempts, held) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut highest = before;
        let began = Instant::now();
        let logins = {
            let sources: Vec<Ipv4Addr> = (0..usize::from(addresses)).map(|nth| address([127, 7], nth)).collect();
            let flood = async {
                let Some(attack) = attack else { return std::future::pending().await };
                let (door, watch, pace) = (&self.door, &self.watches[0], attack.pace());
                let on = attackers.clone();
                Flood { attack, pace, door, sources: &sources, watch, on, attempts: &attempts, held: &held }.run().await
            };
            tokio::select! {
                logins = Logins::during(&self.door, &self.watches, length) => logins,
                failed = flood => return Err(failed),
                failed = self.watch_memory(&mut highest) => return Err(failed),
            }
        };
        let lasted = began.elapsed();
        sleep(REST).await;
        Ok(Phase {
            logins,
            attempts_a_second: attempts.load(Ordering::Relaxed) as f64 / lasted.as_secs_f64(),
            held: held.load(Ordering::Relaxed),
            memory: [before, highest, self.memory().await?],
            lost: self.lost() - lost,
            limited: self.limited().await? - limited,
        })
    }

    async fn watch_memory(&self, highest: &mut f64) -> anyhow::Error {
        loop {
            sleep(LOOK).await;
            match self.memory().await {
                Ok(memory) => *highest = highest.max(memory),
                Err(error) => return error,
            }
        }
    }

    async fn memory(&self) -> Result<f64> {
        self.relay.metric("process_resident_memory_bytes").await
    }

    async fn limited(&self) -> Result<u64> {
        Ok(self.relay.metric("linelight_failed_attempts_limited_total").await? as u64)
    }

    fn lost(&self) -> u64 {
        self.seated.iter().map(Seated::lost).sum()
    }
}

/// Waits for the end of the relay's first minute. Before, agents may still come back, and every username may be a line's.
async fn until_started(relay: &Relay) -> Result<()> {
    let began = Instant::now();
    while relay.explain("nobody").await?["state"] == "starting" {
        ensure!(began.elapsed() < STARTED_WITHIN, "the relay is still starting after {STARTED_WITHIN:?}");
        sleep(LOOK).await;
    }
    Ok(())
}

/// A first frame for each line.
async fn watches(relay: &Relay, router: &SimulatedRouter, access: Access) -> Result<Vec<Value>> {
    let mut watches = Vec::new();
    for username in router.ports().iter().filter_map(|port| Username::from_bytes(&port.username).ok()) {
        let username = username.to_text();
        watches.push(match access {
            Access::Open => json!({"type": "watch", "username": username}),
            Access::Link => json!({"type": "watch", "token": relay.token(&username).await?}),
        });
    }
    Ok(watches)
}
