//! Each link is cut in turn. The page names the cut link, and everything comes back by itself.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::harness::{Network, Proxy, RelaySetup, Site, Viewer, programs};
use tests::simulated_router::Setup;
use tokio::process::Command;
use tokio::time::Instant;

async fn watched(flags: &[&str]) -> Result<(Site, Viewer)> {
    let site = Site::start_with(Setup::concentrator(3), RelaySetup::default(), flags).await?;
    site.outpost.set_rates(b"alice", 5_000_000, 500_000);
    let mut viewer = site.viewer("alice").await?;
    viewer.until_rates(5_000_000, 500_000).await?;
    Ok((site, viewer))
}

async fn is_back(site: &Site, viewer: &mut Viewer) -> Result<()> {
    viewer.until_state("running").await?;
    site.outpost.set_rates(b"alice", 6_000_000, 600_000);
    viewer.until_rates(6_000_000, 600_000).await?;
    Ok(())
}

/// The way of a link's bytes changes for a while.
async fn a_link_is(network: Network, link: fn(&Site) -> &Proxy) -> Result<()> {
    let (site, mut viewer) = watched(&[]).await?;
    link(&site).set(network);
    viewer.until_state("unreachable").await?;
    link(&site).set(Network::Up);
    is_back(&site, &mut viewer).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_connection_is_cut() -> Result<()> {
    a_link_is(Network::Cut, |site| &site.outpost.api).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_connection_is_half_open() -> Result<()> {
    a_link_is(Network::Silent, |site| &site.outpost.api).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_uplink_is_cut() -> Result<()> {
    a_link_is(Network::Cut, |site| &site.outpost.uplink).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_relay_restarts() -> Result<()> {
    let (mut site, mut viewer) = watched(&[]).await?;
    site.relay.stop().await?;
    assert_eq!(viewer.until_closed().await?, 1001);
    site.relay.resume().await?;
    let mut viewer = site.viewer("alice").await?;
    let first = viewer.until_snapshot().await?;
    assert!(first["state"] != "unknown", "a relay that has just started must not say that a line is unknown: {first}");
    is_back(&site, &mut viewer).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_is_killed_and_its_supervisor_brings_it_back() -> Result<()> {
    let (site, mut viewer) = watched(&["--supervise=always"]).await?;
    let supervisor = site.outpost.agent.program.id().context("the agent does not run")?;
    let before = child_of(supervisor).await?;
    programs::signal(before, "KILL").await?;
    is_back(&site, &mut viewer).await?;
    let after = child_of(supervisor).await?;
    ensure!(before != after && site.outpost.agent.program.id() == Some(supervisor));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_was_offline_before_the_agent_was_killed_still_is() -> Result<()> {
    let (site, viewer) = watched(&["--supervise=always"]).await?;
    drop(viewer);
    site.router().session_down(b"alice");
    let mut alice = site.viewer("alice").await?;
    let since = alice.until_state("offline").await?["since"].clone();
    let supervisor = site.outpost.agent.program.id().context("the agent does not run")?;
    let before = child_of(supervisor).await?;
    programs::signal(before, "KILL").await?;
    // Another line shows that the agent's next process works.
    let mut ali = site.viewer("ali").await?;
    site.outpost.set_rates(b"ali", 6_000_000, 600_000);
    ali.until_rates(6_000_000, 600_000).await?;
    ensure!(child_of(supervisor).await? != before);
    let end = Instant::now() + Duration::from_secs(5);
    while alice.next(end).await.is_ok() {}
    let mut late = site.viewer("alice").await?;
    let first = late.until("a snapshot", |frame| frame["type"] == "snapshot").await?;
    ensure!(first["state"] == "offline" && first["since"] == since, "offline since {since} before, and now: {first}");
    let known = |frame: &&serde_json::Value| ["offline", "unreachable"].iter().any(|state| frame["state"] == *state);
    let frames: Vec<_> = alice.frames().collect();
    ensure!(frames.iter().skip_while(|frame| !known(frame)).all(known), "{frames:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_told_to_stop_says_goodbye() -> Result<()> {
    let (mut site, mut viewer) = watched(&["--supervise=always"]).await?;
    let asked = Instant::now();
    let status = site.outpost.agent.program.terminate().await?;
    ensure!(status.success() && asked.elapsed().as_secs() < 2, "{status} after {:?}", asked.elapsed());
    viewer.until_state("unreachable").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_agent_is_shown_no_longer() -> Result<()> {
    let (site, mut viewer) = watched(&[]).await?;
    site.relay.revoke_agent("core-1").await?;
    // In its first minute the relay calls no line unknown.
    viewer.until_state("starting").await?;
    ensure!(viewer.frames().last().is_some_and(|frame| frame["sessions"] == 0));
    let end = Instant::now() + Duration::from_secs(5);
    while let Ok(frame) = viewer.next(end).await {
        ensure!(frame["type"] != "sample", "a revoked agent's sample was shown: {frame}");
    }
    Ok(())
}

async fn child_of(process: u32) -> Result<u32> {
    let output = Command::new("ps").args(["-o", "pid=", "--ppid", &process.to_string()]).output().await?;
    let text = String::from_utf8(output.stdout)?;
    text.split_whitespace().next().and_then(|id| id.parse().ok()).with_context(|| format!("{process} has no child"))
}
