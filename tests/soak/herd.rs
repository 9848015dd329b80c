//! The relay restarts under thousands of viewers and all agents. Neither viewers nor agents starve the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, ensure};
use tests::attacks::Door;
use tests::harness::Relay;
use tokio::time::{Instant, sleep};

use crate::books::SharedChart;
use crate::churn::until_uplinks;
use crate::towers::Tower;
use crate::viewers::{Looking, Viewer, until_looking};

/// Everybody is back within this time, or the run fails.
const PATIENCE: Duration = Duration::from_secs(300);

/// How the return went, counted from when the relay was started again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Return {
    /// The relay's end after SIGTERM.
    pub(crate) stopped: Duration,
    /// Until it listened.
    pub(crate) ready: Duration,
    /// Until every agent had its uplink.
    pub(crate) agents: Duration,
    /// Until half of the viewers had their snapshot, and all.
    pub(crate) half: Duration,
    pub(crate) viewers: Duration,
    /// TLS handshakes that failed meanwhile.
    pub(crate) handshakes_failed: f64,
    /// The relay's memory with everybody there, bytes.
    pub(crate) memory: f64,
}

/// Opens so many viewers, restarts the relay under them and waits until all are back.
///
/// # Errors
/// When somebody is not back in time.
pub(crate) async fn come_back(relay: &mut Relay, towers: &[Tower], count: usize, door: &Door) -> Result<Return> {
    let looking = Looking::default();
    let lines: Vec<_> = towers.iter().flat_map(|tower| &tower.lines).collect();
    ensure!(!lines.is_empty(), "there are no lines to look at");
    let mut viewers = Vec::with_capacity(count);
    for nth in 0..count {
        let line = lines[nth % lines.len()].clone();
        viewers.push(Viewer::open(door.clone(), line, SharedChart::default(), Arc::clone(&looking), nth as u64));
        // The first opening is no herd.
        if nth % 64 == 63 {
            until_looking(&looking, nth / 2, PATIENCE).await?;
        }
    }
    until_looking(&looking, count, PATIENCE).await?;
    until_uplinks(relay, towers.len(), PATIENCE).await?;
    let told = Instant::now();
    relay.stop().await?;
    let stopped = told.elapsed();
    while looking.load(Ordering::Relaxed) > 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let started = Instant::now();
    relay.resume().await?;
    let ready = started.elapsed();
    let relay = &*relay;
    let (agents, half, all) = tokio::join!(
        until_uplinks(relay, towers.len(), PATIENCE),
        until_looking(&looking, count / 2, PATIENCE),
        until_looking(&looking, count, PATIENCE)
    );
    let since_start = |time: Result<Duration>| -> Result<Duration> { Ok(ready + time?) };
    Ok(Return {
        stopped,
        ready,
        agents: since_start(agents)?,
        half: since_start(half)?,
        viewers: since_start(all)?,
        handshakes_failed: relay.metric("linelight_tls_handshakes_failed_total").await?,
        memory: relay.metric("process_resident_memory_bytes").await?,
    })
}
