//! The memory for two hours of averages of 20,000 lines, measured on the process: 1.2 KB a line.
//!
//! A separate test binary: nothing else allocates meanwhile. `--nocapture` prints the figures.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod measured;

use futures_util::{SinkExt, StreamExt};
use measured::{Reporting, hello, report, resident_bytes};
use relay::metrics::Metrics;
use shared::control::{FromAgent, LINES_PER_MESSAGE, Lines, encode};
use shared::frame::{self, Header, Reach};
use shared::{Epoch, LineHandle, Sample};
use tokio_tungstenite::tungstenite::Message;

const LINES: u32 = 20_000;

/// Two hours of half minutes.
const AVERAGES: u64 = 240;

const INTERVAL_MS: u64 = 30_000;

/// As many averages in one frame as an agent puts into one.
const IN_A_FRAME: usize = 2_000;

/// Nine lines in ten carry next to nothing.
fn average(handle: u32, nth: u64) -> Sample {
    let busy = if handle.is_multiple_of(10) { 10_000 } else { 1 };
    Sample { line: LineHandle(handle), download: busy * (1_000 + nth), upload: busy * 90 }
}

/// The frames of one reading of an agent's counters, from a backlog: their times are past.
fn frames(nth: u64, sequence: &mut u64) -> Vec<Vec<u8>> {
    let averages: Vec<_> = (1..=LINES).map(|handle| average(handle, nth)).collect();
    let reach = Reach { span_ms: INTERVAL_MS, interval_ms: INTERVAL_MS };
    let frame = |chunk: &[Sample]| {
        let header =
            Header { epoch: Epoch(1), sequence: *sequence, uptime_ms: (nth + 1) * INTERVAL_MS, replayed: true };
        *sequence += 1;
        let mut bytes = Vec::new();
        frame::encode_averages(&header, reach, chunk, &mut bytes);
        bytes
    };
    averages.chunks(IN_A_FRAME).map(frame).collect()
}

#[tokio::test]
async fn two_hours_of_averages_are_little_more_than_a_kilobyte_a_line() {
    let Reporting { socket, metrics, running: _running } = Reporting::begin().await;
    let (mut to_relay, mut from_relay) = socket.split();
    let uptime_ms = AVERAGES * INTERVAL_MS;
    to_relay.send(hello(uptime_ms)).await.unwrap();
    let handles: Vec<u32> = (1..=LINES).collect();
    for chunk in handles.chunks(LINES_PER_MESSAGE) {
        let lines = chunk.iter().map(|handle| report(*handle)).collect();
        let table = Lines { uptime_ms, more: chunk.last() != Some(&LINES), lines };
        to_relay.send(Message::text(encode(&FromAgent::Lines(table)))).await.unwrap();
    }
    assert!(from_relay.next().await.unwrap().unwrap().to_text().unwrap().contains("welcome"));
    // Acknowledgements are read: a full pipe would stop the relay.
    let reader = tokio::spawn(async move { while from_relay.next().await.is_some_and(|message| message.is_ok()) {} });
    let (mut sequence, mut before) = (1, 0);
    for nth in 0..AVERAGES {
        before = if nth == 0 { resident_bytes() } else { before };
        for frame in frames(nth, &mut sequence) {
            to_relay.send(Message::binary(frame)).await.unwrap();
        }
        if nth == 19 {
            settle(&metrics, nth + 1).await;
            println!("20,000 lines after ten minutes: {} MB more", (resident_bytes() - before) / 1_000_000);
        }
    }
    settle(&metrics, AVERAGES).await;
    let grown = resident_bytes() - before;
    let each = grown / u64::from(LINES);
    println!("20,000 lines with two hours of averages: {} MB more, {each} bytes a line", grown / 1_000_000);
    assert!((1_000..=1_250).contains(&each), "{each} bytes");
    reader.abort();
}

/// Waits until the relay has taken so many readings.
async fn settle(metrics: &Metrics, readings: u64) {
    while metrics.averages.get() < readings * u64::from(LINES) {
        tokio::task::yield_now().await;
    }
}
