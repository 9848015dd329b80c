//! What a relay pays for those who only wait: lines that nobody watches, agents that have nothing to report.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::machine::{Processors, cpu_us, resident};
use crate::servers;
use crate::uplinks::{Fleet, Routers};

/// Lines of one router: within what a relay takes of an agent.
const LINES_PER_ROUTER: usize = 20_000;

/// Bytes of resident memory for a reported line that nobody watches.
///
/// # Errors
/// When the relay fails.
pub(crate) async fn line(lines: usize, processors: Processors) -> Result<f64> {
    let routers = Routers { count: lines.div_ceil(LINES_PER_ROUTER), lines_each: LINES_PER_ROUTER.min(lines) };
    let relay = servers::relay(false, routers.count, processors).await?;
    let before = resident(relay.process)?;
    let _fleet = Fleet::connect(relay.relay.address, None, routers).await?;
    sleep(Duration::from_secs(1)).await;
    Ok((resident(relay.process)? - before) / (routers.count * routers.lines_each) as f64)
}

/// What an agent without watched lines costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Agent {
    /// Bytes of resident memory.
    pub(crate) memory: f64,
    /// Microseconds of processor time a second.
    pub(crate) cpu: f64,
}

/// Connects so many agents over TLS.
///
/// # Errors
/// When the relay fails, or refuses one.
pub(crate) async fn agents(count: usize, window: Duration, processors: Processors) -> Result<Agent> {
    let relay = servers::relay(true, count, processors).await?;
    let before = resident(relay.process)?;
    let _fleet = Fleet::connect(relay.relay.address, relay.tls.as_ref(), Routers { count, lines_each: 0 }).await?;
    sleep(Duration::from_secs(1)).await;
    let cpu = cpu_us(relay.process)?;
    sleep(window).await;
    let cpu = (cpu_us(relay.process)? - cpu) / window.as_secs_f64() / count as f64;
    Ok(Agent { memory: (resident(relay.process)? - before) / count as f64, cpu })
}
