//! Linelight's agent: reads PPPoE lines' rates from a RouterOS API and streams them to a relay.
//!
//! A sample's way through it is one street: [`routeros`] (bytes, sentences, commands), [`sessions`] (which lines there
//! are), [`sampler`] (rows to samples; [`averages`] of all lines from their counters), [`batch`], [`backlog`], [`uplink`]. Two tasks walk it, the [`router`]'s and the
//! uplink's, and a third, the [`prober`]'s, measures the [`response`] of watched lines. They share one [`handover`]; none waits for another. [`run`] joins them.

pub mod averages;
pub mod backlog;
pub mod backoff;
pub mod batch;
pub mod check;
mod clock;
pub mod config;
pub mod handover;
pub mod monitor;
pub mod prober;
pub mod process;
pub mod reach;
pub mod response;
pub mod router;
pub mod routeros;
pub mod sampler;
pub mod sessions;
mod shown;
pub mod stop;
pub mod tls;
pub mod uplink;

use std::rc::Rc;
use std::time::Duration;

use shared::{BACKLOG_SECONDS, Epoch};
use tokio::time::Instant;
use tracing::{info, warn};

use backlog::Backlog;
use batch::Batcher;
use config::Config;
use handover::{Handover, WatchSet};
use process::health;
use sessions::LineTable;
use stop::Stop;

/// Runs the agent until told to stop: the router's task, the uplink's task, and once the walk of [`check`].
/// Ends after the uplink's goodbye.
pub async fn run(config: Config, stop: Stop) {
    let epoch = Epoch(backoff::seed());
    let handover = Rc::new(new_handover(&config));
    info!(version = env!("CARGO_PKG_VERSION"), router = %config.router.address, "agent starts");
    for warning in &config.warnings {
        warn!("{warning}");
    }
    let uplink = uplink::run(config.relay.clone(), config.uplink.clone(), epoch, Rc::clone(&handover), stop);
    let router = router::run(&config.router, &config.limits, &config.timing, Batcher::new(epoch), &handover);
    tokio::select! {
        () = uplink => {}
        never = router => match never {},
        never = prober::run(config.limits.probes_per_second, &handover) => match never {},
        () = log_check(&config) => {}
        () = health::answer(&config, &handover) => {}
    }
    info!("agent stops");
}

fn new_handover(config: &Config) -> Handover {
    let backlog = Backlog::new(config.limits.backlog_bytes, Duration::from_secs(BACKLOG_SECONDS));
    let lines = LineTable::new(config.limits.sessions);
    Handover::new(lines, backlog, WatchSet::new(config.limits.sessions), Instant::now())
}

async fn log_check(config: &Config) {
    check::log(config).await;
    std::future::pending().await
}
