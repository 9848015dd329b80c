//! Legitimate viewers: logins during an attack, and streams from before.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::Message;

use ::tests::attacks::{Door, Socket, address};

/// Between two logins.
const APART: Duration = Duration::from_millis(200);
/// A page gives up an attempt after this time (relay/web/src/live/socket.ts).
const LOGIN_TIMEOUT: Duration = Duration::from_secs(20);

/// How logins went.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    pub(crate) tried: usize,
    /// The times from the first byte to the snapshot, of successful logins.
    took: Vec<Duration>,
}

impl Logins {
    /// Logs in for so long, each time from another address, and waits for the last ones.
    pub(crate) async fn during(door: &Door, watches: &[Value], length: Duration) -> Self {
        let (mut ticks, began) = (interval(APART), Instant::now());
        let mut running = JoinSet::new();
        let mut logins = Self::default();
        while began.elapsed() < length {
            ticks.tick().await;
            let (door, watch) = (door.clone(), watches[logins.tried % watches.len()].clone());
            let from = address([127, 9], logins.tried);
            running.spawn(async move { timeout(LOGIN_TIMEOUT, login(&door, from, &watch)).await });
            logins.tried += 1;
        }
        while let Some(ended) = running.join_next().await {
            logins.took.extend(ended.ok().and_then(Result::ok).and_then(Result::ok));
        }
        logins.took.sort_unstable();
        logins
    }

    pub(crate) fn in_time(&self) -> usize {
        self.took.len()
    }

    pub(crate) fn median_ms(&self) -> f64 {
        self.took.get(self.took.len() / 2).map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
    }

    pub(crate) fn worst_ms(&self) -> f64 {
        self.took.last().map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
    }
}

async fn login(door: &Door, from: Ipv4Addr, watch: &Value) -> Result<Duration> {
    let began = Instant::now();
    let mut socket = door.watch(from, watch).await?;
    next_frame(&mut socket, "snapshot").await?;
    Ok(began.elapsed())
}

/// The next frame of this type.
async fn next_frame(socket: &mut Socket, kind: &str) -> Result<Value> {
    loop {
        match socket.next().await.context("the relay closed the connection")?? {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text)?;
                if frame["type"] == kind {
                    return Ok(frame);
                }
            }
            Message::Close(close) => bail!("closed: {close:?}"),
            _ => {}
        }
    }
}

/// A viewer from before the attack.
pub(crate) struct Seated {
    seen: Arc<Mutex<Seen>>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Seen {
    newest: Option<i64>,
    /// Seconds without a sample, and the stream's end as one.
    lost: u64,
}

impl Seated {
    /// Opens a stream and waits for the first sample.
    pub(crate) async fn sit(door: &Door, from: Ipv4Addr, watch: &Value) -> Result<Self> {
        let mut socket = door.watch(from, watch).await?;
        timeout(LOGIN_TIMEOUT, next_frame(&mut socket, "sample")).await.context("no sample in time")??;
        let seen = Arc::<Mutex<Seen>>::default();
        let task = tokio::spawn(look(socket, Arc::clone(&seen))).abort_handle();
        Ok(Self { seen, task })
    }

    /// Returns the lost samples so far.
    pub(crate) fn lost(&self) -> u64 {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).lost
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn look(mut socket: Socket, seen: Arc<Mutex<Seen>>) {
    while let Ok(frame) = next_frame(&mut socket, "sample").await {
        let Some(time) = frame["t"].as_i64() else { continue };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let since = seen.newest.map_or(1_000, |newest| time - newest);
        // A sample a second: of three seconds' silence two samples are lost.
        seen.lost += ((since + 500) / 1_000 - 1).max(0).unsigned_abs();
        seen.newest = Some(time);
    }
    seen.lock().unwrap_or_else(PoisonError::into_inner).lost += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_of_nobody_is_none() {
        let nobody = Logins { tried: 3, took: Vec::new() };
        assert!(nobody.median_ms().is_nan() && nobody.worst_ms().is_nan());
        let took = [1, 2, 9].map(Duration::from_millis).to_vec();
        let some = Logins { tried: 4, took };
        assert_eq!((some.in_time(), some.median_ms(), some.worst_ms()), (3, 2.0, 9.0));
    }
}
