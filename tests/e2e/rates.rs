//! The figures are the router's, exactly, on both roles.

use anyhow::Result;
use tests::harness::Site;
use tests::simulated_router::Setup;

/// Checks a viewer's samples under exact rates of the router, and after a change of these rates.
async fn follows(setup: Setup) -> Result<()> {
    let site = Site::start(setup).await?;
    site.outpost.set_rates(b"alice", 14_780_000, 620_000);
    let mut viewer = site.viewer("alice").await?;
    viewer.until_state("running").await?;
    viewer.until_rates(14_780_000, 620_000).await?;
    site.outpost.set_rates(b"alice", 1_234_567_890, 0);
    viewer.until_rates(1_234_567_890, 0).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_concentrators_tx_is_the_subscribers_download() -> Result<()> {
    follows(Setup::concentrator(3)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_routers_rx_is_the_subscribers_download() -> Result<()> {
    follows(Setup::customer()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_sessions_of_one_line_are_added_up_and_counted() -> Result<()> {
    let site = Site::start(Setup::concentrator(1)).await?;
    let first = site.router().ports().into_iter().find(|port| port.username == b"alice").unwrap();
    let second = site.router().session_up(b"alice");
    assert_ne!(first.name, second.name);
    let exact = |down, up| tests::simulated_router::Rate::Exact(tests::simulated_router::Rates::new(down, up));
    site.router().set_interface_rate(&first.name, exact(10_000_000, 1_000_000));
    site.router().set_interface_rate(&second.name, exact(2_000_000, 300_000));
    let mut viewer = site.viewer("alice").await?;
    viewer.until("two sessions", |frame| frame["sessions"] == 2).await?;
    viewer.until_rates(12_000_000, 1_300_000).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_is_read_from_the_router_the_right_way_round() -> Result<()> {
    let site = Site::start(Setup::default()).await?;
    site.router().set_secret(b"alice", "home-50", b"");
    site.router().session_up(b"alice");
    let mut viewer = site.viewer("alice").await?;
    let planned = |frame: &serde_json::Value| frame["type"] == "snapshot" && frame["plan"]["down"].is_u64();
    let snapshot = viewer.until("a plan", planned).await?;
    assert_eq!(snapshot["plan"], serde_json::json!({"down": 50_000_000, "up": 10_000_000}), "{snapshot}");
    Ok(())
}
