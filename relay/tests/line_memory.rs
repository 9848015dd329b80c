//! The memory of an idle reported line, measured on the process: 600 bytes at most, 300 aimed at.
//!
//! A separate test binary: nothing else allocates meanwhile.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod measured;

use futures_util::{SinkExt, StreamExt};
use measured::{Reporting, hello, report, resident_bytes};
use shared::control::{FromAgent, LINES_PER_MESSAGE, Lines, encode};
use tokio_tungstenite::tungstenite::Message;

const LINES: u32 = 60_000;

#[tokio::test]
async fn an_idle_reported_line_is_small() {
    let Reporting { socket: mut agent, metrics, running: _running } = Reporting::begin().await;
    agent.send(hello(60_000)).await.unwrap();
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
