//! One server under one load: the cost of a delivered frame, the cost of a viewer, and the delay of frames.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;

use crate::machine::{Machine, cpu_us, resident};
use crate::servers::{self, Kind};
use crate::uplinks::Routers;
use crate::viewers::{Crowd, Seen, usernames};

/// After the last viewer joined: agents have heard of every watch, and the joins' own work is done.
const SETTLE: Duration = Duration::from_secs(2);
/// Watched lines of one router: a busy evening on a concentrator.
const LINES_PER_ROUTER: usize = 50;

/// How many watch how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) viewers: usize,
    pub(crate) lines: usize,
    pub(crate) routers: usize,
}

impl Shape {
    /// Viewers, where a usual part of each router's lines is watched.
    pub(crate) fn usual(viewers: usize, lines: usize) -> Self {
        Self { viewers, lines, routers: lines.div_ceil(LINES_PER_ROUTER) }
    }
}

/// The figures of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Microseconds of the server's processor time for a delivered frame.
    pub(crate) cpu: f64,
    /// The same of the server's agents.
    pub(crate) agents_cpu: f64,
    /// Bytes of resident memory for a viewer, beyond the process with its lines.
    pub(crate) memory: f64,
    /// Milliseconds from the sample's making to the arrival, half of the frames, in the median second.
    pub(crate) p50: f64,
    /// The same for all but a hundredth of a second's frames.
    pub(crate) p99: f64,
    /// The same for all of all seconds.
    pub(crate) max: f64,
}

/// Runs one server under a load and measures for so long.
///
/// # Errors
/// When the server or a viewer fails, or a twentieth of the frames does not arrive.
pub(crate) async fn measure(kind: Kind, shape: Shape, window: Duration, machine: Machine) -> Result<Outcome> {
    let routers = Routers { count: shape.routers, lines_each: shape.lines.div_ceil(shape.routers) };
    let server = servers::start(kind, routers, machine).await?;
    sleep(Duration::from_secs(1)).await;
    let idle = resident(server.process)?;
    let crowd = Crowd::join(&server.endpoint, shape.viewers, &usernames(shape.lines)).await?;
    sleep(SETTLE).await;
    let before = (cpu_us(server.process)?, server.agents_cpu_us()?);
    crowd.begin();
    let mut seconds = Vec::new();
    for _ in 0..window.as_secs() {
        sleep(Duration::from_secs(1)).await;
        seconds.push(crowd.seen()?);
    }
    let used = (cpu_us(server.process)? - before.0, server.agents_cpu_us()? - before.1);
    crowd.end();
    let memory = (resident(server.process)? - idle) / shape.viewers as f64;
    let frames = seconds.iter().map(|seen| seen.delays.len() as f64 + seen.merged as f64).sum::<f64>();
    let due = (shape.viewers * seconds.len()) as f64;
    ensure!(
        frames > due * kind.least_share(),
        "{}: {frames} of {due} frames arrived: too much for this machine",
        kind.name()
    );
    let [p50, p99] = [0.5, 0.99].map(|share| median_second(&seconds, share));
    let max = seconds.iter().filter_map(|seen| seen.delays.last()).max().map_or(0.0, |&most| f64::from(most) / 1e3);
    Ok(Outcome { cpu: used.0 / frames, agents_cpu: used.1 / frames, memory, p50, p99, max })
}

/// The delay, in milliseconds, that such a share of a second's frames has at most, in the median second: what else runs on
/// the machine may spoil one.
fn median_second(seconds: &[Seen], share: f64) -> f64 {
    let at = |seen: &Seen| seen.delays.get((share * (seen.delays.len().max(1) - 1) as f64) as usize).copied();
    let mut delays: Vec<_> = seconds.iter().filter_map(at).collect();
    delays.sort_unstable();
    delays.get(delays.len() / 2).map_or(0.0, |&delay| f64::from(delay) / 1e3)
}
