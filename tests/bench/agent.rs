//! The agent itself, reading routers for a real relay: its memory, its processor time and its bytes, beside clients of
//! JavaScript that read the same rows.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use shared::frame::{self, Header};
use shared::{Epoch, LineHandle, Sample};
use tests::harness::{Agent, AgentSetup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use crate::apis::{self, Apis};
use crate::machine::{Machine, cpu_us, resident};
use crate::servers;
use crate::uplinks::{self, Routers};
use crate::viewers::{Crowd, usernames};

/// After this time every watched line has samples.
const SETTLE: Duration = Duration::from_secs(6);
/// The same for a thousand lines of one router: how often an agent opens streams has a limit.
const SETTLE_MANY: Duration = Duration::from_secs(22);

/// The most watches of one agent; more interfaces are several routers' and several agents'.
pub(crate) const MOST_WATCHED: usize = 1_000;

/// The use of resources by agents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// Bytes of resident memory of one of them.
    pub(crate) memory: f64,
    /// Microseconds of processor time for a sample.
    pub(crate) cpu: f64,
    /// Bytes on the uplink for a sample: plain WebSocket, status and all.
    pub(crate) bytes: f64,
}

/// Lets agents watch so many interfaces, a thousand each at most.
///
/// # Errors
/// When a program fails, or a tenth of the samples does not arrive.
pub(crate) async fn watching(interfaces: usize, window: Duration, machine: Machine) -> Result<Use> {
    let routers = routers(interfaces);
    let machine = machine.on_loopback();
    let apis = Apis::open(routers, machine)?;
    let relay = servers::relay(false, routers.count, machine).await?;
    let meter = Meter::start(relay.relay.agents).await?;
    let flags = ["--max-watched=2000", "--streams=16", "--interfaces-per-stream=100"].map(str::to_owned);
    let agent = |(nth, router): (usize, &SocketAddr)| {
        Agent::start(&AgentSetup {
            router: *router,
            relay: format!("ws://{}", meter.address),
            token: uplinks::token(nth),
            password: apis::PASSWORD.to_owned(),
            flags: flags.to_vec(),
        })
    };
    let starting = async { apis.addresses.iter().enumerate().map(agent).collect::<Result<Vec<_>>>() };
    let agents = machine.on_measured(starting).await?;
    let processes: Vec<_> = agents.iter().filter_map(|agent| agent.program.id()).collect();
    let cpu_of_all = || processes.iter().map(|process| cpu_us(*process)).sum::<Result<f64>>();
    relay.has_lines(interfaces).await?;
    let crowd = Crowd::join(&relay.endpoint(), interfaces, &usernames(interfaces)).await?;
    sleep(if interfaces < MOST_WATCHED { SETTLE } else { SETTLE_MANY }).await;
    let (cpu, bytes) = (cpu_of_all()?, meter.passed.get());
    crowd.begin();
    sleep(window).await;
    let (cpu, bytes) = (cpu_of_all()? - cpu, meter.passed.get() - bytes);
    let seen = crowd.seen()?;
    crowd.end();
    let (samples, due) = (seen.delays.len() as f64, interfaces as f64 * window.as_secs_f64());
    ensure!(samples > due * 0.9, "{samples} of {due} samples arrived");
    let memory = processes.iter().map(|process| resident(*process)).sum::<Result<f64>>()? / processes.len() as f64;
    Ok(Use { memory, cpu: cpu / samples, bytes: bytes as f64 / samples })
}

/// The same of a client in JavaScript, with the same rows and without an uplink.
///
/// # Errors
/// When the client fails, or no row arrives.
pub(crate) async fn client(name: &str, interfaces: usize, window: Duration, machine: Machine) -> Result<Use> {
    let routers = routers(interfaces);
    let apis = Apis::open(routers, machine.on_loopback())?;
    let mut clients = Vec::new();
    for router in &apis.addresses {
        let mut command = Command::new("node");
        command.arg(servers::reference("clients.cjs")).arg(name).arg(router.to_string());
        clients.push(servers::spawn(&mut command, machine).await?);
    }
    sleep(SETTLE).await;
    let (mut cpu, mut rows, mut memory) = (0.0, 0.0, 0.0);
    for client in &mut clients {
        cpu -= cpu_us(client.process)?;
        rows -= client.last_count()?;
    }
    sleep(window).await;
    for client in &mut clients {
        cpu += cpu_us(client.process)?;
        rows += client.last_count()?;
        memory += resident(client.process)? / routers.count as f64;
    }
    ensure!(rows > 0.0, "{name}: no rows");
    // A slow client's cost counts for the rows taken.
    Ok(Use { memory, cpu: cpu / rows, bytes: 0.0 })
}

fn routers(interfaces: usize) -> Routers {
    Routers { count: interfaces.div_ceil(MOST_WATCHED), lines_each: interfaces.min(MOST_WATCHED) }
}

/// Bytes of a sample in a batch of a thousand busy lines: 50 Mbps at most, at random. No idle line makes the mean smaller.
pub(crate) fn batch_bytes() -> f64 {
    let rate = |n: u64, range: u64| n * 2_654_435_761 % range;
    let sample = |n: u32| Sample {
        line: LineHandle(n * 3),
        download: rate(u64::from(n) + 1, 50_000_000),
        upload: rate(u64::from(n) + 7, 5_000_000),
    };
    let samples: Vec<_> = (0..1_000).map(sample).collect();
    let header = Header { epoch: Epoch(1), sequence: 86_400, uptime_ms: 86_400_000, replayed: false };
    let mut bytes = Vec::new();
    frame::encode(&header, &samples, &mut bytes);
    bytes.len() as f64 / 1_000.0
}

/// A way to the relay with a count of the agent's bytes.
struct Meter {
    address: SocketAddr,
    passed: Rc<Cell<u64>>,
    task: JoinHandle<()>,
}

impl Meter {
    async fn start(relay: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, passed) = (listener.local_addr()?, Rc::new(Cell::new(0)));
        let counter = Rc::clone(&passed);
        let task = spawn_local(async move {
            while let Ok((agent, _)) = listener.accept().await {
                spawn_local(pass(agent, relay, Rc::clone(&counter)));
            }
        });
        Ok(Self { address, passed, task })
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(agent: TcpStream, relay: SocketAddr, passed: Rc<Cell<u64>>) {
    let Ok(relay) = TcpStream::connect(relay).await else { return };
    let ((mut agent_in, mut agent_out), (mut relay_in, mut relay_out)) = (agent.into_split(), relay.into_split());
    let up = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = agent_in.read(&mut bytes).await {
            passed.set(passed.get() + read as u64);
            if relay_out.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        _ = tokio::io::copy(&mut relay_in, &mut agent_out) => {}
    }
}
