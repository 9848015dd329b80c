//! Several relays over a bus: viewers and agents need not meet on the same one.

use std::time::Duration;

use anyhow::{Result, ensure};
use tests::harness::{Nats, Outpost, PATIENCE, Relay, RelaySetup, Viewer, signal};
use tests::simulated_router::Setup;
use tokio::time::{Instant, sleep};

use crate::every_sample_arrives::{mark, samples_shown, until_whole};

/// Two relays on one bus; the agent of the line may go to both, and begins at the first.
struct Cluster {
    bus: Nats,
    first: Relay,
    second: Relay,
    outpost: Outpost,
    /// A link to the line.
    link: String,
}

/// The sign-in of docs/cluster.md, which allows the subjects of relays and no others.
const PERMISSIONS: &str = r#"
authorization {
  users: [{
    user: "relay", password: "a-secret"
    permissions: {
      publish: ["linelight.v1.hello", "linelight.v1.who", "linelight.v1.events", "linelight.v1.relay.*"]
      subscribe: ["linelight.v1.hello", "linelight.v1.who", "linelight.v1.events", "linelight.v1.relay.*"]
    }
  }]
}"#;

impl Cluster {
    async fn start() -> Result<Self> {
        Self::on(Nats::start().await?, Vec::new()).await
    }

    async fn on(bus: Nats, mut flags: Vec<String>) -> Result<Self> {
        flags.push(format!("--bus={}", bus.url()));
        let first = Relay::start(RelaySetup { flags, ..RelaySetup::default() }).await?;
        let token = first.add_agent("core-1", &["*"]).await?;
        let second = first.start_twin().await?;
        let both = format!("--relay=ws://{},ws://{}", first.address, second.address);
        let outpost = Outpost::with_token(first.address, token, Setup::concentrator(3), &[&both]).await?;
        let link = first.token("alice").await?;
        let cluster = Self { bus, first, second, outpost, link };
        for relay in [&cluster.first, &cluster.second] {
            until_metric(relay, "linelight_peers", 1.0).await?;
        }
        until_metric(&cluster.first, "linelight_uplinks", 1.0).await?;
        Ok(cluster)
    }
}

async fn until_metric(relay: &Relay, name: &str, wanted: f64) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let value = relay.metric(name).await?;
        if value == wanted {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{name} is {value} and never {wanted}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_sees_a_line_whose_agent_is_at_another_relay() -> Result<()> {
    let Cluster { bus: _bus, first, second, outpost, link } = Cluster::start().await?;
    let body = async {
        let begun = Instant::now();
        let mut viewer = Viewer::with_token(second.address, &link).await?;
        samples_shown(&mut viewer, 3).await?;
        let account = until_whole(&mut viewer, &outpost, b"alice", begun).await?;
        ensure!(account.shown >= 3, "{account:?}");
        ensure!(second.metric("linelight_uplinks").await? == 0.0);
        ensure!(second.metric("linelight_lines_of_peers").await? == 1.0);
        ensure!(first.metric("linelight_peer_watches").await? == 1.0);
        // A viewer who comes later sees what the owner holds.
        let mut late = Viewer::with_token(first.address, &link).await?;
        ensure!(late.until_snapshot().await?["history"]["t"].as_array().is_some_and(|t| t.len() >= 3));
        drop((viewer, late));
        until_metric(&first, "linelight_peer_watches", 0.0).await
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(&outpost, b"alice") => never,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_is_killed_and_the_other_relay_goes_on_without_a_hole() -> Result<()> {
    let Cluster { bus: _bus, mut first, second, outpost, link } = Cluster::start().await?;
    let body = async {
        let mut viewer = Viewer::with_token(second.address, &link).await?;
        samples_shown(&mut viewer, 3).await?;
        let killed = Instant::now();
        first.program.kill().await?;
        until_whole(&mut viewer, &outpost, b"alice", killed).await?;
        until_metric(&second, "linelight_lines_of_peers", 0.0).await
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(&outpost, b"alice") => never,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_is_taken_out_and_comes_back_without_a_hole() -> Result<()> {
    let Cluster { bus: _bus, mut first, mut second, outpost, link } = Cluster::start().await?;
    let body = async {
        let mut viewer = Viewer::with_token(second.address, &link).await?;
        samples_shown(&mut viewer, 3).await?;
        let (stopped, ended) = (Instant::now(), first.stop().await?);
        ensure!(ended.success(), "{ended}");
        until_whole(&mut viewer, &outpost, b"alice", stopped).await?;
        first.resume().await?;
        let mut other = Viewer::with_token(first.address, &link).await?;
        samples_shown(&mut other, 3).await?;
        // The agent goes back to its first relay, and the viewer there goes on.
        let (stopped, ended) = (Instant::now(), second.stop().await?);
        ensure!(ended.success(), "{ended}");
        until_whole(&mut other, &outpost, b"alice", stopped).await.map(drop)
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(&outpost, b"alice") => never,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bus_dies_and_comes_back() -> Result<()> {
    let Cluster { mut bus, first, second, outpost, link } = Cluster::start().await?;
    let body = async {
        let mut viewer = Viewer::with_token(second.address, &link).await?;
        let mut own = Viewer::with_token(first.address, &link).await?;
        samples_shown(&mut viewer, 3).await?;
        samples_shown(&mut own, 3).await?;
        bus.program.kill().await?;
        let state = viewer.until_state("unreachable").await?;
        ensure!(state["notice"] == "out_of_touch", "{state}");
        ensure!(second.get("/readyz").await?.contains("bus"), "the relay says what it lacks");
        own.until_sample().await?;
        bus.resume().await?;
        let back = Instant::now();
        viewer.until_state("running").await?;
        until_whole(&mut viewer, &outpost, b"alice", back).await?;
        ensure!(own.frames().all(|frame| frame["state"] != "unreachable"), "an own line needs no bus");
        Ok(())
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(&outpost, b"alice") => never,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_stopped_for_a_while_is_followed_again() -> Result<()> {
    let Cluster { bus: _bus, first, second, outpost, link } = Cluster::start().await?;
    let body = async {
        let mut viewer = Viewer::with_token(second.address, &link).await?;
        samples_shown(&mut viewer, 3).await?;
        let (process, stopped) = (first.program.id().unwrap_or_default(), Instant::now());
        signal(process, "STOP").await?;
        until_metric(&second, "linelight_peers", 0.0).await?;
        signal(process, "CONT").await?;
        until_metric(&second, "linelight_peers", 1.0).await?;
        until_whole(&mut viewer, &outpost, b"alice", stopped).await?;
        Ok(())
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(&outpost, b"alice") => never,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permissions_for_the_subjects_of_relays_are_enough() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let secret = folder.path().join("bus");
    std::fs::write(&secret, "relay:a-secret\n")?;
    let flags = vec![format!("--bus-credentials={}", secret.display())];
    let cluster = Cluster::on(Nats::start_with(PERMISSIONS).await?, flags).await?;
    let mut viewer = Viewer::with_token(cluster.second.address, &cluster.link).await?;
    samples_shown(&mut viewer, 3).await?;
    let log = cluster.bus.program.log().join("\n");
    ensure!(!log.contains("Violation"), "{log}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_the_bus_refuses_serves_its_own_lines() -> Result<()> {
    let bus = Nats::start_with(PERMISSIONS).await?;
    let flags = vec![format!("--bus={}", bus.url())];
    let relay = Relay::start(RelaySetup { flags, ..RelaySetup::default() }).await?;
    let _outpost = Outpost::start(&relay, "core-1", &["*"], Setup::concentrator(3), &[]).await?;
    let mut viewer = Viewer::with_token(relay.address, &relay.token("alice").await?).await?;
    samples_shown(&mut viewer, 2).await?;
    ensure!(relay.get("/readyz").await?.contains("degraded: the bus"));
    Ok(())
}
