//! The viewers of a soak: programs over TLS with a page's reconnects.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use tests::attacks::{Door, Socket, address};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::books::{Chart, SharedChart, look};
use crate::chance::Chance;

/// A page's timeouts for the snapshot, and between two frames (relay/web/src/live/socket.ts).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(25);
/// A page's waits before its next attempt, milliseconds (relay/web/src/live/backoff.ts).
const BACK_OFF: f64 = 1_000.0;
const LONGEST_BACK_OFF: f64 = 30_000.0;

/// How many viewers are looking at a line right now.
pub(crate) type Looking = Arc<AtomicUsize>;

/// One page that is open.
pub(crate) struct Viewer {
    /// The username of the viewer's line.
    pub(crate) line: String,
    /// The points seen.
    pub(crate) chart: SharedChart,
    /// The viewer's door.
    pub(crate) door: SocketAddr,
    task: AbortHandle,
}

impl Viewer {
    /// Opens a page.
    pub(crate) fn open(door: Door, line: String, chart: SharedChart, looking: Looking, seed: u64) -> Self {
        let through = door.address;
        let (from, chance) = (address([127, 9], seed as usize), Chance::new(seed));
        let page = Page { door, from, line: line.clone(), chart: Arc::clone(&chart), looking, chance };
        Self { line, chart, door: through, task: tokio::spawn(page.stay()).abort_handle() }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A frame as far as a soak reads it.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Frame {
    Snapshot {
        history: Columns,
    },
    Sample {
        t: i64,
        down: u64,
    },
    Samples(Columns),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Columns {
    t: Vec<i64>,
    down: Vec<u64>,
}

impl Columns {
    fn points(&self) -> impl Iterator<Item = (i64, u64)> {
        self.t.iter().copied().zip(self.down.iter().copied())
    }
}

struct Page {
    door: Door,
    /// Its own address: a subscriber's home.
    from: Ipv4Addr,
    line: String,
    chart: SharedChart,
    looking: Looking,
    chance: Chance,
}

impl Page {
    async fn stay(mut self) {
        let mut waited = 0.0;
        loop {
            if self.show().await {
                waited = 0.0;
            }
            let wait = self.chance.share() * LONGEST_BACK_OFF.min(BACK_OFF.max(waited));
            waited += wait;
            sleep(Duration::from_millis(wait as u64)).await;
        }
    }

    /// Connects and reads until the stream ends. Returns true after a snapshot.
    async fn show(&mut self) -> bool {
        let Ok(Ok(mut socket)) = timeout(CONNECT_TIMEOUT, self.connect()).await else { return false };
        let mut looks = None;
        while let Ok(Some(Ok(message))) = timeout(SILENCE, socket.next()).await {
            let Message::Text(text) = message else { continue };
            let Ok(frame) = serde_json::from_str(&text) else { break };
            if take(&mut look(&self.chart), &frame) {
                looks.get_or_insert_with(|| Looks::begin(&self.looking));
            }
        }
        look(&self.chart).link_broke();
        looks.is_some()
    }

    async fn connect(&self) -> Result<Socket> {
        self.door.watch(self.from, &json!({"type": "watch", "username": self.line})).await
    }
}

/// Takes a frame into a chart. Returns true for a snapshot.
fn take(chart: &mut Chart, frame: &Frame) -> bool {
    let now = Instant::now();
    match frame {
        Frame::Snapshot { history } => chart.take(true, history.points(), now),
        Frame::Samples(columns) => chart.take(false, columns.points(), now),
        Frame::Sample { t, down } => chart.take(false, [(*t, *down)], now),
        Frame::Other => {}
    }
    matches!(frame, Frame::Snapshot { .. })
}

/// One viewer that is looking.
struct Looks(Looking);

impl Looks {
    fn begin(looking: &Looking) -> Self {
        looking.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(looking))
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits until so many viewers are looking. Returns the elapsed time.
///
/// # Errors
/// When they are fewer for too long.
pub(crate) async fn until_looking(looking: &Looking, wanted: usize, patience: Duration) -> Result<Duration> {
    let began = Instant::now();
    loop {
        let now = looking.load(Ordering::Relaxed);
        if now >= wanted {
            return Ok(began.elapsed());
        }
        if began.elapsed() > patience {
            bail!("only {now} of {wanted} viewers have a snapshot after {patience:?}");
        }
        sleep(Duration::from_millis(20)).await;
    }
}
