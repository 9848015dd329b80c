//! The operator's view: `linelight-agent health`, and the relay's list of agents.

use anyhow::{Result, ensure};
use tests::harness::{Network, Outpost, PATIENCE, Site};
use tests::simulated_router::Setup;
use tokio::time::Instant;

/// Asks until the agent's answer begins with these words.
async fn until_health(outpost: &Outpost, well: bool, words: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (is_well, said) = outpost.agent.health().await?;
        if is_well == well && said.starts_with(words) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "health is {is_well}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agents_health_is_red_while_its_samples_reach_nobody() -> Result<()> {
    let site = Site::start(Setup::concentrator(3)).await?;
    until_health(&site.outpost, true, "well: lines watched 0").await?;
    let mut viewer = site.viewer("alice").await?;
    viewer.until_state("running").await?;
    until_health(&site.outpost, true, "well: lines watched 1").await?;
    site.outpost.uplink.set(Network::Silent);
    until_health(&site.outpost, false, "the relay has acknowledged no sample for").await?;
    site.outpost.uplink.set(Network::Cut);
    until_health(&site.outpost, false, "no relay has said welcome").await?;
    site.outpost.uplink.set(Network::Up);
    until_health(&site.outpost, true, "well").await?;
    site.outpost.api.set(Network::Cut);
    until_health(&site.outpost, false, "the router's API does not answer").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_agents_says_how_each_is() -> Result<()> {
    let mut site = Site::start(Setup::concentrator(3)).await?;
    site.relay.add_agent("spare", &["*@spare.example"]).await?;
    let mut viewer = site.viewer("alice").await?;
    viewer.until_state("running").await?;
    let deadline = Instant::now() + PATIENCE;
    let list = loop {
        let list = site.relay.agent_list().await?;
        if list.contains("  agent   sessions 3, watched 1") {
            break list;
        }
        ensure!(Instant::now() < deadline, "{list}");
    };
    for words in [
        "core-1  2",
        "  uplink  connected",
        ", heard ",
        "answers since",
        "API in ",
        "tables read ",
        "never connected since",
    ] {
        ensure!(list.contains(words), "no {words:?} in:\n{list}");
    }
    ensure!(site.relay.get("/explain/alice").await?.contains("\"batches_lost\":0"));
    let metrics = site.relay.get("/metrics").await?;
    for row in ["linelight_agents_registered 2", "linelight_agents_away 0", "linelight_routers_unreachable 0"] {
        ensure!(metrics.lines().any(|line| line == row), "no {row:?} in:\n{metrics}");
    }
    let version = format!("linelight_uplinks_by_version{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    ensure!(metrics.contains(&version), "no {version:?} in:\n{metrics}");
    site.outpost.agent.program.terminate().await?;
    let list = site.relay.agent_list().await?;
    ensure!(list.contains("  uplink  lost "), "{list}");
    Ok(())
}
