//! The servers that are compared: each a child process on the measured processor, with the same samples from somewhere.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::{ClientConfig, RootCertStore};
use tests::harness::programs::built;
use tests::harness::{Relay, RelaySetup};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::machine::Processors;
use crate::uplinks::{self, Fleet, Routers};
use crate::viewers::{Dialect, Endpoint};

const PATIENCE: Duration = Duration::from_secs(30);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Relay,
    RelayTls,
    BareLoop,
    OldStack,
    UWebSockets,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::RelayTls => "relay over TLS",
            Self::BareLoop => "bare send(2) loop",
            Self::OldStack => "old stack (socket.io)",
            Self::UWebSockets => "uWebSockets (Bun)",
        }
    }
}

/// A running server with its source of samples.
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    pub(crate) process: u32,
    _program: Program,
    _fleet: Option<Fleet>,
}

enum Program {
    Relay { _relay: Box<RunningRelay> },
    Other { _child: Child },
}

/// A relay of the release build and, with TLS, what its peers must trust.
pub(crate) struct RunningRelay {
    pub(crate) relay: Relay,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) process: u32,
    _certificate: tempfile::TempDir,
}

/// Starts a server and waits until its samples come.
///
/// # Errors
/// When it is not there or does not come up.
pub(crate) async fn start(kind: Kind, routers: Routers, processors: Processors) -> Result<Server> {
    let (lines, each) = ((routers.count * routers.lines_each).to_string(), routers.lines_each.to_string());
    let references = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/references");
    let command = |program: PathBuf, script: Option<&str>| {
        let mut command = Command::new(program);
        command.args(script.map(|script| references.join(script))).args([&lines, &each]);
        command
    };
    match kind {
        Kind::Relay | Kind::RelayTls => with_fleet(kind == Kind::RelayTls, routers, processors).await,
        Kind::BareLoop => {
            let mut command = command(built("bench-bare-loop")?, None);
            // The relay has a worker for each processor that it may use: the one that it is put on.
            other(command.arg("1"), Dialect::Linelight, processors).await
        }
        Kind::OldStack => {
            other(&mut command("node".into(), Some("old-stack.cjs")), Dialect::SocketIo, processors).await
        }
        Kind::UWebSockets => {
            let bun = references.join("node_modules/@oven/bun-linux-x64/bin/bun");
            other(&mut command(bun, Some("uwebsockets.cjs")), Dialect::Linelight, processors).await
        }
    }
}

async fn with_fleet(tls: bool, routers: Routers, processors: Processors) -> Result<Server> {
    let running = relay(tls, routers.count, processors).await?;
    let fleet = Fleet::connect(running.relay.address, running.tls.as_ref(), routers).await?;
    let endpoint = Endpoint { address: running.relay.address, dialect: Dialect::Linelight, tls: running.tls.clone() };
    let process = running.process;
    Ok(Server { endpoint, process, _program: Program::Relay { _relay: Box::new(running) }, _fleet: Some(fleet) })
}

/// Starts a relay that knows so many agents.
///
/// # Errors
/// When it is not built or does not come up.
pub(crate) async fn relay(tls: bool, agents: usize, processors: Processors) -> Result<RunningRelay> {
    let folder = tempfile::tempdir()?;
    let (mut flags, mut client) = (vec!["--access=open".to_owned()], None);
    if tls {
        let (certificate, trust) = certificate(folder.path())?;
        flags.extend(certificate);
        client = Some(trust);
    }
    let registry = Some(uplinks::registry(agents));
    let setup = RelaySetup { flags, registry, ..RelaySetup::default() };
    let relay = processors.on_measured(Relay::start(setup)).await?;
    let process = relay.program.id().context("the relay has ended")?;
    Ok(RunningRelay { relay, tls: client, process, _certificate: folder })
}

/// A certificate for 127.0.0.1 in a folder: the relay's flags, and a client that trusts it.
fn certificate(folder: &Path) -> Result<([String; 2], Arc<ClientConfig>)> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone())?;
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let flags = [format!("--tls-cert={}", certificate.display()), format!("--tls-key={}", key.display())];
    Ok((flags, Arc::new(client)))
}

async fn other(command: &mut Command, dialect: Dialect, processors: Processors) -> Result<Server> {
    let program = command.as_std().get_program().to_owned();
    let mut child = processors
        .on_measured(async { Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?) })
        .await
        .with_context(|| format!("starting {}", program.display()))?;
    let process = child.id().context("it has ended")?;
    let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
    let line = timeout(PATIENCE, lines.next_line()).await??.with_context(|| format!("{} ended", program.display()))?;
    let address = line.strip_prefix("ready ").with_context(|| format!("not ready: {line}"))?.parse()?;
    let endpoint = Endpoint { address, dialect, tls: None };
    Ok(Server { endpoint, process, _program: Program::Other { _child: child }, _fleet: None })
}
