//! The router's task.

use std::convert::Infallible;

use crate::batch::Batcher;
use crate::check::Step;
use crate::config::{AgentLimits, RouterConfig, Timing};
use crate::handover::Handover;

/// Keeps a connection to the router for ever, and hands over what it says.
pub async fn run(
    router: &RouterConfig,
    limits: &AgentLimits,
    timing: &Timing,
    batcher: Batcher,
    handover: &Handover,
) -> Infallible {
    let _ = (router, limits, timing, batcher, handover);
    std::future::pending().await
}

/// Walks to the router once: reachable, login, policies, sessions seen.
pub async fn probe(router: &RouterConfig, limits: &AgentLimits, timing: &Timing) -> Vec<Step> {
    let _ = (router, limits, timing);
    Vec::new()
}
