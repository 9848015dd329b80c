//! One username on several routers is one line. Its rates are not added up, and the line survives a move.

use anyhow::{Result, ensure};
use tests::harness::{Outpost, Relay, RelaySetup, Viewer};
use tests::simulated_router::Setup;

async fn viewer_of(relay: &Relay, username: &str) -> Result<Viewer> {
    Viewer::with_token(relay.address, &relay.token(username).await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_concentrator_and_a_home_router_are_not_added_up() -> Result<()> {
    let relay = Relay::start(RelaySetup::default()).await?;
    let home = Outpost::start(&relay, "home", &["alice"], Setup::customer(), &[]).await?;
    home.set_rates(b"alice", 3_000_000, 300_000);
    let mut viewer = viewer_of(&relay, "alice").await?;
    viewer.until_rates(3_000_000, 300_000).await?;
    let core = Outpost::start(&relay, "core", &["*"], Setup::concentrator(1), &[]).await?;
    core.set_rates(b"alice", 10_000_000, 1_000_000);
    viewer.until_rates(10_000_000, 1_000_000).await?;
    for _ in 0..5 {
        viewer.until_sample().await?;
    }
    let chart = viewer.chart();
    let seen: std::collections::BTreeSet<_> = chart.iter().map(|point| point.down).collect();
    ensure!(seen.iter().all(|down| *down != 13_000_000), "added up: {seen:?}");
    let since = chart.iter().position(|point| point.down == 10_000_000).unwrap_or_default();
    ensure!(chart[since..].iter().all(|point| point.down != 3_000_000), "the client session came back: {chart:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_moves_goes_on_in_the_open_page() -> Result<()> {
    let relay = Relay::start(RelaySetup::default()).await?;
    let from = Outpost::start(&relay, "core-1", &["*"], Setup::concentrator(1), &[]).await?;
    let to = Outpost::start(&relay, "core-2", &["*"], Setup::default(), &[]).await?;
    from.set_rates(b"alice", 3_000_000, 300_000);
    to.set_rates(b"alice", 4_000_000, 400_000);
    let mut viewer = viewer_of(&relay, "alice").await?;
    viewer.until_rates(3_000_000, 300_000).await?;
    to.router.session_up(b"alice");
    from.router.session_down(b"alice");
    viewer.until_rates(4_000_000, 400_000).await?;
    ensure!(viewer.chart().windows(2).all(|pair| pair[0].t < pair[1].t));
    ensure!(!viewer.chart().iter().any(|point| point.down == 7_000_000), "added up");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_every_line_takes_no_line_from_one_of_its_realm() -> Result<()> {
    let relay = Relay::start(RelaySetup::default()).await?;
    let north = Outpost::start(&relay, "north", &["alice*"], Setup::concentrator(1), &[]).await?;
    let any = Outpost::start(&relay, "any", &["*"], Setup::default(), &[]).await?;
    north.set_rates(b"alice", 3_000_000, 300_000);
    any.set_rates(b"alice", 4_000_000, 400_000);
    let mut viewer = viewer_of(&relay, "alice").await?;
    viewer.until_rates(3_000_000, 300_000).await?;
    any.router.session_up(b"alice");
    while relay.metric("linelight_reports_held_back_total").await? == 0.0 {
        viewer.until_sample().await?;
    }
    for _ in 0..3 {
        viewer.until_sample().await?;
    }
    ensure!(viewer.chart().iter().all(|point| point.down != 4_000_000), "the claim counts: {:?}", viewer.chart());
    let list = relay.agent_list().await?;
    ensure!(list.contains("did not count: agents with narrower patterns"), "{list}");

    // The operator's word on it, in the registry's file of a running relay.
    let registry = relay.data().join("agents.json");
    let mut agents: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&registry)?)?;
    agents["agents"][1]["shares_lines"] = true.into();
    std::fs::write(&registry, agents.to_string())?;
    viewer.until_rates(4_000_000, 400_000).await?;
    ensure!(relay.metric("linelight_lines_taken_over_total").await? == 1.0);
    let list = relay.agent_list().await?;
    ensure!(list.contains("took 1 for which another agent still spoke"), "{list}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_reports_what_it_may_and_no_more() -> Result<()> {
    let relay = Relay::start(RelaySetup::default()).await?;
    let outpost = Outpost::start(&relay, "home", &["alice"], Setup::concentrator(3), &[]).await?;
    outpost.set_rates(b"alice", 1_000_000, 100_000);
    let mut alice = viewer_of(&relay, "alice").await?;
    alice.until_rates(1_000_000, 100_000).await?;
    let mut ali = viewer_of(&relay, "ali").await?;
    let snapshot = ali.until_snapshot().await?;
    ensure!(["unknown", "starting"].contains(&snapshot["state"].as_str().unwrap_or("")), "{snapshot}");
    let refused = relay.explain("ali").await?;
    ensure!(refused.to_string().contains("home"), "explain does not say that home was refused: {refused}");
    Ok(())
}
