//! One server under one load: what a delivered frame costs it, what a viewer costs it, and how late frames are.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;

use crate::machine::{Processors, cpu_us, resident};
use crate::servers::{self, Kind};
use crate::uplinks::Routers;
use crate::viewers::{Crowd, usernames};

/// After the last viewer joined: agents have heard of every watch, and the joins' own work is done.
const SETTLE: Duration = Duration::from_secs(2);
/// Lines of one router that are watched: a busy evening on a concentrator.
const LINES_PER_ROUTER: usize = 50;

/// How many watch how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) viewers: usize,
    pub(crate) lines: usize,
    pub(crate) routers: usize,
}

impl Shape {
    /// Viewers of lines on routers of which a usual part is watched.
    pub(crate) fn usual(viewers: usize, lines: usize) -> Self {
        Self { viewers, lines, routers: lines.div_ceil(LINES_PER_ROUTER) }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Microseconds of the server's processor time for a delivered frame.
    pub(crate) cpu: f64,
    /// The same of the agents that feed it.
    pub(crate) agents_cpu: f64,
    /// Bytes of resident memory for a viewer, beyond the process with its lines.
    pub(crate) memory: f64,
    /// Milliseconds from the sample's making to its arrival, half of the frames.
    pub(crate) p50: f64,
    /// The same for all but a hundredth.
    pub(crate) p99: f64,
    /// The same for all.
    pub(crate) max: f64,
}

/// Runs one server under a load and measures for so long.
///
/// # Errors
/// When the server or a viewer fails, or a twentieth of the frames does not arrive.
pub(crate) async fn measure(kind: Kind, shape: Shape, window: Duration, processors: Processors) -> Result<Outcome> {
    let routers = Routers { count: shape.routers, lines_each: shape.lines.div_ceil(shape.routers) };
    let server = servers::start(kind, routers, processors).await?;
    sleep(Duration::from_secs(1)).await;
    let idle = resident(server.process)?;
    let crowd = Crowd::join(&server.endpoint, shape.viewers, &usernames(shape.lines)).await?;
    sleep(SETTLE).await;
    let before = (cpu_us(server.process)?, server.agents_cpu_us()?);
    crowd.begin();
    sleep(window).await;
    let used = (cpu_us(server.process)? - before.0, server.agents_cpu_us()? - before.1);
    let seen = crowd.end()?;
    let memory = (resident(server.process)? - idle) / shape.viewers as f64;
    let (frames, due) = (seen.delays.len() as f64 + seen.merged as f64, shape.viewers as f64 * window.as_secs_f64());
    ensure!(frames > due * 0.95, "{}: {frames} of {due} frames arrived: too much for this machine", kind.name());
    let at = |share: f64| seen.delays.get((share * (seen.delays.len() - 1) as f64) as usize).copied().unwrap_or(0);
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| f64::from(at(share)) / 1e3);
    Ok(Outcome { cpu: used.0 / frames, agents_cpu: used.1 / frames, memory, p50, p99, max })
}
