//! The compared servers: each a child process on the measured processor, with the same samples.
//!
//! The relay and the old stack read the same routers' APIs, one through agents, the other by itself.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use rustls::{ClientConfig, RootCertStore};
use tests::harness::programs::built;
use tests::harness::{Agent, AgentSetup, Relay, RelaySetup};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use crate::apis::{self, Apis};
use crate::machine::{Machine, cpu_us};
use crate::uplinks::{self, Fleet, Routers};
use crate::viewers::{Dialect, Endpoint};

const PATIENCE: Duration = Duration::from_secs(30);

/// The measured server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// With an agent for each router.
    Relay,
    /// With uplinks of made-up samples: the agents are not the question.
    RelayFed,
    /// The same over TLS.
    RelayTls,
    /// Frames from a bare loop.
    BareLoop,
    /// Express, mikronode-ng and socket.io.
    OldStack,
    /// As shipped in Bun.
    #[value(name = "uwebsockets")]
    UWebSockets,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay and agents",
            Self::RelayFed => "relay",
            Self::RelayTls => "relay over TLS",
            Self::BareLoop => "bare send(2) loop",
            Self::OldStack => "old stack",
            Self::UWebSockets => "uWebSockets (Bun)",
        }
    }

    /// The share of the frames without which a run is void. The old stack may be at the end of its strength, which is a
    /// result: what a delivered frame costs it is known all the same.
    pub(crate) fn least_share(self) -> f64 {
        if self == Self::OldStack { 0.5 } else { 0.95 }
    }
}

/// A running server with a source of samples.
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    pub(crate) process: u32,
    agents: Vec<Agent>,
    _program: Program,
    _source: Source,
}

impl Server {
    /// The agents' processor time, microseconds.
    ///
    /// # Errors
    /// When one has ended.
    pub(crate) fn agents_cpu_us(&self) -> Result<f64> {
        self.agents.iter().map(|agent| cpu_us(agent.program.id().context("an agent has ended")?)).sum()
    }
}

enum Program {
    Relay { _relay: Box<RunningRelay> },
    Other { _running: Box<Running> },
}

/// The source of samples; none for a server with samples of its own.
enum Source {
    Own,
    Uplinks { _fleet: Fleet },
    Apis { _apis: Apis },
}

/// A relay of the release build and, with TLS, the certificate to trust.
pub(crate) struct RunningRelay {
    pub(crate) relay: Relay,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) process: u32,
    pub(crate) machine: Machine,
    _certificate: tempfile::TempDir,
}

impl RunningRelay {
    /// The viewers' address.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            address: self.relay.address,
            dialect: Dialect::Linelight,
            tls: self.tls.clone(),
            machine: self.machine,
        }
    }

    /// Waits until so many lines are reported.
    ///
    /// # Errors
    /// When they are not within half a minute.
    pub(crate) async fn has_lines(&self, lines: usize) -> Result<()> {
        let waiting = async {
            while self.relay.metric("linelight_lines").await? < lines as f64 {
                sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        };
        timeout(PATIENCE, waiting).await.context("the agents do not report their lines")?
    }
}

/// Starts a server and waits for samples.
///
/// # Errors
/// When the server is missing or does not come up.
pub(crate) async fn start(kind: Kind, routers: Routers, machine: Machine) -> Result<Server> {
    let listen = machine.server_address().to_string();
    let (lines, each) = ((routers.count * routers.lines_each).to_string(), routers.lines_each.to_string());
    match kind {
        Kind::Relay => with_agents(routers, machine).await,
        Kind::RelayFed | Kind::RelayTls => with_fleet(kind == Kind::RelayTls, routers, machine).await,
        Kind::BareLoop => {
            let mut command = Command::new(built("bench-bare-loop")?);
            // The relay has a worker for each allowed processor: one here.
            command.arg(&listen);
            other(command.args([&lines, &each, "1"]), Dialect::Linelight, Source::Own, machine).await
        }
        Kind::OldStack => {
            let apis = Apis::open(routers, machine)?;
            let mut command = Command::new("node");
            command.arg(reference("old-stack.cjs")).arg(&listen).args(apis.addresses.iter().map(ToString::to_string));
            other(&mut command, Dialect::SocketIo, Source::Apis { _apis: apis }, machine).await
        }
        Kind::UWebSockets => {
            let mut command = Command::new(reference("node_modules/@oven/bun-linux-x64/bin/bun"));
            command.arg(reference("uwebsockets.cjs")).args([&listen, &lines, &each]);
            other(&mut command, Dialect::Linelight, Source::Own, machine).await
        }
    }
}

/// A file of other people's servers.
pub(crate) fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/references").join(name)
}

async fn with_agents(routers: Routers, machine: Machine) -> Result<Server> {
    let running = relay(false, routers.count, machine).await?;
    let apis = Apis::open(routers, machine)?;
    // Only loopback is taken for safe without being told so.
    let flags: Vec<_> = ["--router-plaintext", "--relay-plaintext"].map(str::to_owned).into();
    let agent = |(nth, router): (usize, &SocketAddr)| {
        Agent::start(&AgentSetup {
            router: *router,
            relay: format!("ws://{}", running.relay.agents),
            token: uplinks::token(nth),
            password: apis::PASSWORD.to_owned(),
            flags: flags.clone(),
        })
    };
    let agents = machine.in_the_field(|| apis.addresses.iter().enumerate().map(agent).collect::<Result<Vec<_>>>())?;
    running.has_lines(routers.count * routers.lines_each).await?;
    let (endpoint, process) = (running.endpoint(), running.process);
    let program = Program::Relay { _relay: Box::new(running) };
    Ok(Server { endpoint, process, agents, _program: program, _source: Source::Apis { _apis: apis } })
}

async fn with_fleet(tls: bool, routers: Routers, machine: Machine) -> Result<Server> {
    let running = relay(tls, routers.count, machine).await?;
    let fleet = Fleet::connect(&running, routers).await?;
    let (endpoint, process) = (running.endpoint(), running.process);
    let program = Program::Relay { _relay: Box::new(running) };
    Ok(Server { endpoint, process, agents: Vec::new(), _program: program, _source: Source::Uplinks { _fleet: fleet } })
}

/// Starts a relay with so many agents.
///
/// # Errors
/// When the relay is not built or does not come up.
pub(crate) async fn relay(tls: bool, agents: usize, machine: Machine) -> Result<RunningRelay> {
    let folder = tempfile::tempdir()?;
    let agents_listen = SocketAddr::new(machine.server_address(), 0);
    let (mut flags, mut client) = (vec!["--access=open".to_owned(), format!("--agents-listen={agents_listen}")], None);
    if tls {
        let (certificate, trust) = certificate(folder.path(), machine.server_address())?;
        flags.extend(certificate);
        client = Some(trust);
    } else if machine.has_wire() {
        flags.push("--plaintext".to_owned());
    }
    let registry = Some(uplinks::registry(agents));
    let setup = RelaySetup { flags, registry, address: Some(machine.server_address()), ..RelaySetup::default() };
    let relay = machine.on_measured(Relay::start(setup)).await?;
    let process = relay.program.id().context("the relay has ended")?;
    Ok(RunningRelay { relay, tls: client, process, machine, _certificate: folder })
}

/// A certificate for loopback and another address in a folder: the relay's flags, and a client's trust.
fn certificate(folder: &Path, address: IpAddr) -> Result<([String; 2], Arc<ClientConfig>)> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), address.to_string()])?;
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone())?;
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let flags = [format!("--tls-cert={}", certificate.display()), format!("--tls-key={}", key.display())];
    Ok((flags, Arc::new(client)))
}

async fn other(command: &mut Command, dialect: Dialect, source: Source, machine: Machine) -> Result<Server> {
    let running = spawn(command, machine).await?;
    let endpoint = Endpoint { address: running.ready.parse()?, dialect, tls: None, machine };
    let process = running.process;
    Ok(Server {
        endpoint,
        process,
        agents: Vec::new(),
        _program: Program::Other { _running: Box::new(running) },
        _source: source,
    })
}

/// A program with a line `ready`, and then a line for each count.
pub(crate) struct Running {
    pub(crate) process: u32,
    /// The text behind `ready`.
    ready: String,
    counted: watch::Receiver<String>,
    _child: Child,
}

impl Running {
    /// The last printed number.
    ///
    /// # Errors
    /// Without a number yet.
    pub(crate) fn last_count(&self) -> Result<f64> {
        let line = self.counted.borrow();
        line.split(' ').next().and_then(|count| count.parse().ok()).with_context(|| format!("no count: {}", *line))
    }
}

/// Starts a program on the measured processor and waits for `ready`.
///
/// # Errors
/// When the program cannot be started, or ends.
pub(crate) async fn spawn(command: &mut Command, machine: Machine) -> Result<Running> {
    let program = command.as_std().get_program().to_owned();
    let mut child = machine
        .on_measured(async { Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?) })
        .await
        .with_context(|| format!("starting {}", program.display()))?;
    let process = child.id().context("it has ended")?;
    let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
    let line = timeout(PATIENCE, lines.next_line()).await??.with_context(|| format!("{} ended", program.display()))?;
    let ready = line.strip_prefix("ready ").with_context(|| format!("not ready: {line}"))?.to_owned();
    let (sender, counted) = watch::channel(String::new());
    spawn_local(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            // Nobody may want to know.
            let _ = sender.send(line);
        }
    });
    Ok(Running { process, ready, counted, _child: child })
}
