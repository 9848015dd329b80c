//! Checks the way from the configuration to the router and to the relay: a line for each step, with a remedy.
//!
//! `linelight-agent check` prints the steps. The agent also logs them at each start, because a container has no shell.
//! At the start, the check reads no rates: nobody watches yet.

pub(crate) mod step;

use std::io::{self, Write};

use shared::escape::one_line;
use tracing::{info, warn};

pub use step::{Outcome, Step};

use crate::config::Config;
use crate::router::Reach;
use crate::{prober, router, uplink};

/// Walks both ways and writes the steps of each. Returns true if all went well.
///
/// # Errors
/// When `out` cannot be written to.
pub async fn print(config: &Config, out: &mut impl Write) -> io::Result<bool> {
    let mut steps = configuration_steps(config);
    print_steps(&steps, out)?;
    let probes = vec![prober::check(config.limits.probes_per_second)];
    for way in [router_steps(config, Reach::Rates).await, probes, uplink::probe(&config.relay, &config.uplink).await] {
        print_steps(&way, out)?;
        steps.extend(way);
    }
    Ok(!steps.iter().any(Step::is_failed))
}

/// Walks both ways and logs one line if all is well, or else a line for each step with a fault.
pub async fn log(config: &Config) {
    let (router, relay) =
        tokio::join!(router_steps(config, Reach::Sessions), uplink::probe(&config.relay, &config.uplink));
    let steps: Vec<_> = configuration_steps(config).into_iter().chain(router).chain(relay).collect();
    for step in steps.iter().filter(|step| !step.is_passed()) {
        warn!("check: {}", one_line(&step.to_string()));
    }
    if !steps.iter().any(Step::is_failed) {
        info!(steps = steps.len(), "check: the whole way to the router and to the relay works");
    }
}

async fn router_steps(config: &Config, reach: Reach) -> Vec<Step> {
    router::probe(&config.router, &config.timing, reach).await
}

fn configuration_steps(config: &Config) -> Vec<Step> {
    let read = Step::passed("configuration", "flags, variables and files are understood");
    let warnings = config.warnings.iter().map(|warning| Step::doubtful("configuration", warning, ""));
    std::iter::once(read).chain(warnings).collect()
}

fn print_steps(steps: &[Step], out: &mut impl Write) -> io::Result<()> {
    steps.iter().try_for_each(|step| writeln!(out, "{}", one_line(&step.to_string())))?;
    out.flush()
}
