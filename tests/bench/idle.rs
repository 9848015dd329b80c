//! What a relay pays for those who only wait: lines that nobody watches, agents that have nothing to report, viewers of lines
//! that nobody reports.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::machine::{Machine, cpu_us, resident};
use crate::servers;
use crate::uplinks::{Fleet, Routers};
use crate::viewers::{Crowd, usernames};

/// Lines of one router, within a relay's limit for an agent.
const LINES_PER_ROUTER: usize = 20_000;

/// What happens again and again has happened to each within so long: a state is repeated and a status told each 10 s, a ping
/// written each 20 s.
pub(crate) const PERIOD: Duration = Duration::from_secs(20);

/// The cost of one among many waiting connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    /// Bytes of resident memory.
    pub(crate) memory: f64,
    /// Microseconds of processor time a second.
    pub(crate) cpu: f64,
}

/// Reports so many unwatched lines.
///
/// # Errors
/// When the relay fails.
pub(crate) async fn lines(lines: usize, window: Duration, machine: Machine) -> Result<Waiting> {
    let routers = Routers { count: lines.div_ceil(LINES_PER_ROUTER), lines_each: LINES_PER_ROUTER.min(lines) };
    let relay = servers::relay(false, routers.count, machine).await?;
    let before = resident(relay.process)?;
    let _fleet = Fleet::connect(&relay, routers).await?;
    waiting(relay.process, before, routers.count * routers.lines_each, window).await
}

/// Opens so many pages of unreported lines.
///
/// # Errors
/// When the relay fails, or refuses one.
pub(crate) async fn viewers(count: usize, window: Duration, machine: Machine) -> Result<Waiting> {
    let relay = servers::relay(false, 0, machine).await?;
    let before = resident(relay.process)?;
    let _crowd = Crowd::join(&relay.endpoint(), count, &usernames(count)).await?;
    waiting(relay.process, before, count, window).await
}

/// Connects so many agents over TLS.
///
/// # Errors
/// When the relay fails, or refuses one.
pub(crate) async fn agents(count: usize, window: Duration, machine: Machine) -> Result<Waiting> {
    let relay = servers::relay(true, count, machine).await?;
    let before = resident(relay.process)?;
    let _fleet = Fleet::connect(&relay, Routers { count, lines_each: 0 }).await?;
    waiting(relay.process, before, count, window).await
}

async fn waiting(process: u32, before: f64, count: usize, window: Duration) -> Result<Waiting> {
    sleep(Duration::from_secs(1)).await;
    let cpu = cpu_us(process)?;
    sleep(window).await;
    let cpu = (cpu_us(process)? - cpu) / window.as_secs_f64() / count as f64;
    Ok(Waiting { memory: (resident(process)? - before) / count as f64, cpu })
}
