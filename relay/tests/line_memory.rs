//! What an idle reported line costs, measured on the process: 600 bytes at most, 300 aimed at.
//!
//! A test binary of its own, so that nothing else allocates meanwhile.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use relay::agents::{Entries, Entry, Registry, TokenHash};
use relay::hub::Hub;
use relay::limits::Limits;
use relay::metrics::Metrics;
use relay::subscribers::Subscribers;
use relay::uplink;
use shared::control::{FromAgent, Hello, LINES_PER_MESSAGE, LineReport, Lines, Plan, Role, encode};
use shared::{Epoch, LineHandle, Username};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, protocol};

const LINES: u32 = 60_000;

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1_024
}

fn report(handle: u32) -> LineReport {
    LineReport {
        line: LineHandle(handle),
        username: Username::from_text(&format!("subscriber-{handle}@karoo.example")).unwrap(),
        role: Role::Server,
        sessions: 1,
        age_ms: Some(3_600_000),
        profile: Some(format!("{}-10", handle % 20)),
        plan: Plan { download: Some(50_000_000), upload: Some(10_000_000) },
        comment: None,
    }
}

#[tokio::test]
async fn an_idle_reported_line_is_small() {
    let entry =
        Entry { name: "a".into(), token_sha256: TokenHash::of(b"t"), lines: vec!["*".parse().unwrap()], created: 0 };
    let registry = Registry::new(Entries { agents: vec![entry] }).unwrap();
    let metrics = Arc::<Metrics>::default();
    let now = tokio::time::Instant::now();
    let hub = Hub::new(Limits::default(), Subscribers::none(), Arc::clone(&metrics), now);
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let config = Some(uplink::websocket_config());
    let served = WebSocketStream::from_raw_socket(theirs, protocol::Role::Server, config).await;
    let grant = registry.authenticate(b"t").unwrap();
    let (_drain, draining) = watch::channel(false);
    tokio::spawn(uplink::serve(served, grant, None, registry, hub, draining));

    let mut agent = WebSocketStream::from_raw_socket(ours, protocol::Role::Client, None).await;
    let hello = Hello { version: "0.1.0".into(), epoch: Epoch(1), oldest: 1, next: 1, uptime_ms: 60_000, lost: 0 };
    agent.send(Message::text(encode(&FromAgent::Hello(hello)))).await.unwrap();
    let handles: Vec<u32> = (1..=LINES).collect();
    let mut before = 0;
    for chunk in handles.chunks(LINES_PER_MESSAGE) {
        // Buffers and stacks have their size after the first message.
        before = if before == 0 && chunk[0] > 1 { resident_bytes() } else { before };
        let lines = chunk.iter().map(|handle| report(*handle)).collect();
        let table = Lines { uptime_ms: 60_000, more: chunk.last() != Some(&LINES), lines };
        agent.send(Message::text(encode(&FromAgent::Lines(table)))).await.unwrap();
    }
    assert!(agent.next().await.unwrap().unwrap().to_text().unwrap().contains("welcome"));
    assert_eq!(metrics.lines.get(), u64::from(LINES));
    let each = (resident_bytes() - before) / u64::from(LINES);
    println!("an idle reported line: {each} bytes");
    assert!(each <= 600, "{each} bytes");
}
