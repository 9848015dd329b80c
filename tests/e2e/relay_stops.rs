//! A relay after SIGTERM. It sends agents and viewers away one by one, nobody delays its end, and all come back.

use std::time::Duration;

use anyhow::{Result, ensure};
use tests::harness::{PATIENCE, RelaySetup, Site, Viewer, programs};
use tests::simulated_router::Setup;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// A container engine kills a container this long after SIGTERM.
const KILLED_AFTER: Duration = Duration::from_secs(10);

const VIEWERS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_sent_away_one_by_one_and_comes_back() -> Result<()> {
    let open = RelaySetup { flags: vec!["--access=open".to_owned()], ..RelaySetup::default() };
    let mut site = Site::start_with(Setup::concentrator(3), open, &[]).await?;
    site.outpost.set_rates(b"alice", 5_000_000, 500_000);
    let mut viewers = Vec::new();
    for _ in 0..VIEWERS {
        let mut viewer = Viewer::with_username(site.relay.address, "alice").await?;
        viewer.until_rates(5_000_000, 500_000).await?;
        viewers.push(viewer);
    }
    // A silent viewer does not delay the relay's end.
    let mut half_open = TcpStream::connect(site.relay.address).await?;
    half_open.write_all(b"GET /agent/v1 HTTP/1.1\r\nhost: ").await?;
    let told = Instant::now();
    let mut leaving = JoinSet::new();
    for mut viewer in viewers {
        leaving.spawn(async move { viewer.until_closed().await.map(|code| (code, told.elapsed())) });
    }
    let status = timeout(KILLED_AFTER, site.relay.stop()).await??;
    ensure!(status.success() && told.elapsed() < Duration::from_millis(8_500), "{status} after {:?}", told.elapsed());
    let left = leaving.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    ensure!(left.iter().all(|(code, _)| *code == 1001), "{left:?}");
    let times = || left.iter().map(|(_, time)| *time);
    let spread = times().max().unwrap_or_default() - times().min().unwrap_or_default();
    ensure!(spread > Duration::from_millis(300), "all at once: {left:?}");
    site.outpost.agent.program.logged("that the relay goes", |line| line.contains("no uplink")).await?;
    site.relay.resume().await?;
    let mut viewer = Viewer::with_username(site.relay.address, "alice").await?;
    viewer.until_rates(5_000_000, 500_000).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_is_red_from_the_word_on() -> Result<()> {
    let mut site = Site::start(Setup::concentrator(3)).await?;
    let mut viewer = site.viewer("alice").await?;
    viewer.until_state("running").await?;
    ensure!(site.relay.get("/readyz").await? == "ready\n");
    let id = site.relay.program.id().unwrap_or_default();
    programs::signal(id, "TERM").await?;
    let deadline = Instant::now() + PATIENCE;
    // Its viewer is still connected.
    while site.relay.get("/readyz").await.is_ok() {
        ensure!(Instant::now() < deadline, "still ready");
    }
    ensure!(site.relay.get("/healthz").await? == "ok\n", "it is not dead yet");
    ensure!(viewer.until_closed().await? == 1001);
    site.relay.program.terminate().await.ok();
    Ok(())
}
