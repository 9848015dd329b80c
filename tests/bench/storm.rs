//! Everybody comes at once: ten thousand pages opened together, each of a line with five minutes behind it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::time::{sleep, timeout};

use crate::machine::{Machine, cpu_us, peak, resident};
use crate::servers;
use crate::uplinks::{Fleet, Routers};
use crate::viewers::{Crowd, usernames};

/// Lines of one router, within a relay's limit for unwatched lines of an agent.
const LINES_PER_ROUTER: usize = 50;
/// Connections under way at once.
const AT_ONCE: usize = 2_000;
/// All history is taken by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// The figures of one storm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Milliseconds until the last snapshot.
    pub(crate) took: f64,
    /// Microseconds of the relay's processor time for one.
    pub(crate) cpu: f64,
    /// Bytes of memory at the most, beyond the process with its lines, for one.
    pub(crate) peak: f64,
    /// The same afterwards: a viewer, a line and the line's history.
    pub(crate) memory: f64,
}

/// Opens so many pages at once, one for each line.
///
/// # Errors
/// When one is refused, or the relay fails.
pub(crate) async fn of(viewers: usize, machine: Machine) -> Result<Outcome> {
    let routers = Routers { count: viewers.div_ceil(LINES_PER_ROUTER), lines_each: LINES_PER_ROUTER };
    let running = servers::relay(false, routers.count, machine).await?;
    let fleet = Fleet::connect(&running, routers).await?;
    let idle = resident(running.process)?;
    fleet.remember();
    let due = (routers.count * routers.lines_each * 300) as f64;
    let taken = async {
        while running.relay.metric("linelight_samples_total").await? < due {
            sleep(Duration::from_millis(100)).await;
        }
        // Late points are put into their places once a second.
        sleep(Duration::from_secs(2)).await;
        anyhow::Ok(())
    };
    timeout(PATIENCE, taken).await??;
    let (began, cpu) = (Instant::now(), cpu_us(running.process)?);
    let crowd = Crowd::storm(&running.endpoint(), viewers, &usernames(viewers), AT_ONCE).await?;
    let (took, cpu) = (began.elapsed(), cpu_us(running.process)? - cpu);
    sleep(Duration::from_secs(3)).await;
    ensure!(crowd.bytes() > viewers * 5_000, "{} bytes for {viewers} viewers: no full history", crowd.bytes());
    let each = |bytes: f64| (bytes - idle) / viewers as f64;
    Ok(Outcome {
        took: took.as_secs_f64() * 1e3,
        cpu: cpu / viewers as f64,
        peak: each(peak(running.process)?),
        memory: each(resident(running.process)?),
    })
}
