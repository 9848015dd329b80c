//! The agent itself, reading a simulated router for a real relay: its memory, its processor time and its bytes.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use shared::frame::{self, Header};
use shared::{Epoch, LineHandle, Sample, Username};
use tests::harness::{Agent, AgentSetup};
use tests::router::{Setup, SimulatedRouter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use crate::machine::{Processors, cpu_us, resident};
use crate::servers;
use crate::viewers::Crowd;

/// Until every line that is watched has its samples: an agent restarts a full stream once a minute at most, and puts
/// newcomers into a small one meanwhile.
const SETTLE: Duration = Duration::from_secs(20);

/// What an agent uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// Bytes of resident memory.
    pub(crate) memory: f64,
    /// Microseconds of processor time for a sample.
    pub(crate) cpu: f64,
    /// Bytes on the uplink for a sample: plain WebSocket, status and all.
    pub(crate) bytes: f64,
}

/// Lets an agent watch so many interfaces.
///
/// # Errors
/// When a program fails, or a tenth of the samples does not arrive.
pub(crate) async fn watching(interfaces: usize, window: Duration, processors: Processors) -> Result<Use> {
    let router = SimulatedRouter::start(Setup::concentrator(interfaces)).await?;
    let relay = servers::relay(false, 0, processors).await?;
    let token = relay.relay.add_agent("concentrator", &["*"]).await?;
    let meter = Meter::start(relay.relay.address).await?;
    let setup = AgentSetup {
        router: router.address().context("the router has no port")?,
        relay: format!("ws://{}", meter.address),
        token,
        password: Setup::default().password,
        flags: ["--max-watched=2000", "--streams=16", "--interfaces-per-stream=100"].map(str::to_owned).to_vec(),
    };
    let agent = processors.on_measured(async { Agent::start(&setup) }).await?;
    let process = agent.program.id().context("the agent has ended")?;
    let lines = usernames(&router)?;
    relay.has_lines(lines.len()).await?;
    let crowd = Crowd::join(&relay.endpoint(), lines.len(), &lines).await?;
    sleep(SETTLE).await;
    let (cpu, bytes) = (cpu_us(process)?, meter.passed.get());
    crowd.begin();
    sleep(window).await;
    let (cpu, bytes) = (cpu_us(process)? - cpu, meter.passed.get() - bytes);
    let seen = crowd.end()?;
    let (samples, due) = (seen.delays.len() as f64, lines.len() as f64 * window.as_secs_f64());
    ensure!(samples > due * 0.9, "{samples} of {due} samples arrived");
    Ok(Use { memory: resident(process)?, cpu: cpu / samples, bytes: bytes as f64 / samples })
}

/// Bytes of a sample in a batch of a thousand busy lines, which idle ones do not make smaller: 50 Mbps at most, at random.
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

fn usernames(router: &SimulatedRouter) -> Result<Vec<String>> {
    let text = |bytes: &[u8]| Ok(Username::from_bytes(bytes)?.to_text());
    router.ports().iter().filter(|port| !port.username.is_empty()).map(|port| text(&port.username)).collect()
}

/// A way to the relay that counts what the agent sends.
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
