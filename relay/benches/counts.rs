//! What tests/counts/run counts instructions and allocations of: an uplink's batches become updates, and updates become
//! viewers' bytes, over streams in memory and in paused time.
//!
//! Usage: `counts LINES VIEWERS_A_LINE SECONDS`; prints the allocations. Instructions are the difference of two runs.

#![allow(clippy::unwrap_used, reason = "whoever runs it wants to know where it failed")]
#![expect(clippy::print_stdout, reason = "it is what the program is for")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use relay::agents::fleet::Fleet;
use relay::agents::registry::{Entries, Entry, Registry, TokenHash};
use relay::agents::uplink::{self, Caller};
use relay::limits::Limits;
use relay::lines::hub::Hub;
use relay::metrics::Metrics;
use relay::net::site::Site;
use relay::subscribers::Subscribers;
use relay::viewers::context::ViewerContext;
use relay::viewers::links::Access;
use relay::viewers::viewer::serve_websocket;
use shared::control::{FromAgent, Hello, LineReport, Lines, Plan, Role, encode};
use shared::frame::{self, Header};
use shared::{Epoch, LineHandle, Sample, Username};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, protocol};

fn main() {
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [lines, viewers, seconds] = numbers[..] else {
        // `cargo bench` has nothing to say here.
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let mut scene = runtime.block_on(Scene::new(lines, viewers));
    runtime.block_on(scene.seconds(20));
    let measured = allocation_counter::measure(|| runtime.block_on(scene.seconds(seconds)));
    println!("{}", measured.count_total);
    assert_eq!(scene.metrics.samples.get(), u64::from(lines * (20 + seconds)));
    assert!(scene.metrics.frames_sent.get() >= u64::from(lines * viewers * seconds));
}

struct Scene {
    agent: WebSocketStream<DuplexStream>,
    viewers: Vec<DuplexStream>,
    lines: u32,
    second: u64,
    metrics: Arc<Metrics>,
    started: Instant,
    _drain: watch::Sender<bool>,
}

impl Scene {
    async fn new(lines: u32, viewers: u32) -> Self {
        let metrics = Arc::<Metrics>::default();
        let started = Instant::now();
        let limits = Limits::default();
        let hub = Hub::new(limits.clone(), Subscribers::none(), Arc::clone(&metrics), started);
        let (sender, drain) = watch::channel(false);
        let registry = registry();
        let fleet = Fleet::new(Arc::clone(&hub));
        tokio::spawn(Arc::clone(&hub).run(drain.clone()));
        tokio::spawn(Arc::clone(&fleet).run(registry.clone(), drain.clone()));
        let agent = agent(lines, registry, fleet, drain.clone()).await;
        let site = Arc::new(Site::new(None, limits.failed_attempts, Arc::clone(&metrics)));
        let access = Arc::new(Access::open());
        let counted = Arc::clone(&metrics);
        let context = Arc::new(ViewerContext { hub, access, site, limits, brand: None, metrics: counted, drain });
        let mut watching = Vec::new();
        for nth in 0..lines * viewers {
            watching.push(viewer(nth % lines, &context).await);
        }
        Self { agent, viewers: watching, lines, second: 0, metrics, started, _drain: sender }
    }

    async fn seconds(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.second += 1;
            let batch = self.batch();
            self.agent.send(Message::binary(batch)).await.unwrap();
            sleep(Duration::from_secs(1)).await;
            let mut bytes = [0; 8 * 1024];
            for viewer in &mut self.viewers {
                let read = viewer.read(&mut bytes).await.unwrap();
                // A ping is answered by a pong, masked with zeros.
                if bytes[..read].ends_with(&[0x89, 0]) {
                    viewer.write_all(&[0x8A, 0x80, 0, 0, 0, 0]).await.unwrap();
                }
            }
        }
    }

    fn batch(&self) -> Vec<u8> {
        let sample = |line| Sample { line: LineHandle(line), download: 14_780_000 + self.second, upload: 620_000 };
        let samples: Vec<_> = (0..self.lines).map(sample).collect();
        let uptime_ms = self.started.elapsed().as_millis() as u64;
        let mut bytes = Vec::with_capacity(16 * samples.len());
        frame::encode(
            &Header { epoch: Epoch(1), sequence: self.second, uptime_ms, replayed: false },
            &samples,
            &mut bytes,
        );
        bytes
    }
}

fn username(line: u32) -> String {
    format!("subscriber-{line}@karoo.example")
}

fn registry() -> Registry {
    let lines = vec!["*".parse().unwrap()];
    let entry = Entry { name: "a".into(), token_sha256: TokenHash::of(b"t"), lines, shares_lines: false, created: 0 };
    Registry::new(Entries { agents: vec![entry] }).unwrap()
}

/// An uplink that has reported so many lines and was welcomed; what the relay says later is not read.
async fn agent(
    lines: u32,
    registry: Registry,
    fleet: Arc<Fleet>,
    drain: watch::Receiver<bool>,
) -> WebSocketStream<DuplexStream> {
    let (ours, theirs) = duplex(1024 * 1024);
    let served =
        WebSocketStream::from_raw_socket(theirs, protocol::Role::Server, Some(uplink::websocket_config())).await;
    let grant = registry.authenticate(b"t").unwrap();
    tokio::spawn(uplink::serve(served, Caller { grant, address: None }, registry, fleet, drain));
    let mut agent = WebSocketStream::from_raw_socket(ours, protocol::Role::Client, None).await;
    let hello = Hello { version: "0.1.0".into(), epoch: Epoch(1), oldest: 1, next: 1, uptime_ms: 0, lost: 0 };
    agent.send(Message::text(encode(&FromAgent::Hello(hello)))).await.unwrap();
    let report = |line| LineReport {
        line: LineHandle(line),
        username: Username::from_text(&username(line)).unwrap(),
        role: Role::Server,
        sessions: 1,
        age_ms: Some(3_600_000),
        profile: None,
        plan: Plan::default(),
        plan_shared: false,
        comment: None,
    };
    let table = Lines { uptime_ms: 0, more: false, lines: (0..lines).map(report).collect() };
    agent.send(Message::text(encode(&FromAgent::Lines(table)))).await.unwrap();
    assert!(agent.next().await.unwrap().unwrap().to_text().unwrap().contains("welcome"));
    agent
}

/// A viewer that has its snapshot.
async fn viewer(line: u32, context: &Arc<ViewerContext>) -> DuplexStream {
    let (mut ours, theirs) = duplex(8 * 1024);
    tokio::spawn(serve_websocket(theirs, Bytes::new(), None, Arc::clone(context), None));
    let watch = format!(r#"{{"type":"watch","username":"{}"}}"#, username(line));
    ours.write_all(&[0x81, 0x80 | watch.len() as u8, 0, 0, 0, 0]).await.unwrap();
    ours.write_all(watch.as_bytes()).await.unwrap();
    assert!(ours.read(&mut [0; 8 * 1024]).await.unwrap() > 0);
    ours
}
