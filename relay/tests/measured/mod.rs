//! For tests of memory: the process's size, and an agent with many lines.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(unreachable_pub, missing_docs, reason = "shared by test binaries alone")]

use std::sync::Arc;

use relay::agents::fleet::Fleet;
use relay::agents::registry::{Entries, Entry, Registry, TokenHash};
use relay::agents::uplink::{self, Caller};
use relay::limits::Limits;
use relay::lines::hub::Hub;
use relay::metrics::Metrics;
use relay::subscribers::Subscribers;
use shared::control::{FromAgent, Hello, LineReport, Plan, Role, encode};
use shared::{Epoch, LineHandle, Username};
use tokio::io::DuplexStream;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, protocol};

pub fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1_024
}

/// An agent's end of an uplink to a separate hub.
pub struct Reporting {
    pub socket: WebSocketStream<DuplexStream>,
    pub metrics: Arc<Metrics>,
    /// While this is held, the relay does not stop.
    pub running: watch::Sender<bool>,
}

impl Reporting {
    pub async fn begin() -> Self {
        let lines = vec!["*".parse().unwrap()];
        let entry =
            Entry { name: "a".into(), token_sha256: TokenHash::of(b"t"), lines, shares_lines: false, created: 0 };
        let registry = Registry::new(Entries { agents: vec![entry] }).unwrap();
        let metrics = Arc::<Metrics>::default();
        let now = tokio::time::Instant::now();
        let fleet = Fleet::new(Hub::new(Limits::default(), Subscribers::none(), Arc::clone(&metrics), now));
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let config = Some(uplink::websocket_config());
        let served = WebSocketStream::from_raw_socket(theirs, protocol::Role::Server, config).await;
        let grant = registry.authenticate(b"t").unwrap();
        let (running, draining) = watch::channel(false);
        tokio::spawn(uplink::serve(served, Caller { grant, address: None }, registry, fleet, draining));
        let socket = WebSocketStream::from_raw_socket(ours, protocol::Role::Client, None).await;
        Self { socket, metrics, running }
    }
}

pub fn hello(uptime_ms: u64) -> Message {
    let hello = Hello { version: "0.1.0".into(), epoch: Epoch(1), oldest: 1, next: 1, uptime_ms, lost: 0 };
    Message::text(encode(&FromAgent::Hello(hello)))
}

pub fn report(handle: u32) -> LineReport {
    LineReport {
        line: LineHandle(handle),
        username: Username::from_text(&format!("subscriber-{handle}@karoo.example")).unwrap(),
        role: Role::Server,
        sessions: 1,
        age_ms: Some(3_600_000),
        profile: Some(format!("{}-10", handle % 20)),
        plan: Plan { download: Some(50_000_000), upload: Some(10_000_000) },
        plan_shared: false,
        comment: None,
    }
}
