//! The recent past of unwatched lines, from the router's byte counters.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tests::harness::{RelaySetup, Site, Viewer};
use tests::simulated_router::{Command, Record, Setup};
use tokio::time::timeout;

/// The shortest interval for averages.
const FLAGS: [&str; 2] = ["--averages-seconds", "2"];

/// Compares rates in bits per second. The tolerance covers a slow reading on a busy machine.
const DOWNLOAD: u64 = 14_780_000;
const UPLOAD: u64 = 620_000;
const TOLERANCE: u64 = 20;

async fn site() -> Result<Site> {
    let site = Site::start_with(Setup::concentrator(3), RelaySetup::default(), &FLAGS).await?;
    site.outpost.set_rates(b"alice", DOWNLOAD, UPLOAD);
    Ok(site)
}

/// Waits for so many further readings of the counters.
async fn readings(site: &Site, more: usize) -> Result<()> {
    let is_counters = |command: &&Command| command.sentence.command() == b"/interface/print";
    let count = |record: &Record| record.commands().filter(is_counters).count();
    let before = site.router().commands().iter().filter(is_counters).count();
    let read = site.router().wait_until(|record| count(record) >= before + more);
    timeout(Duration::from_secs(60), read).await.context("the counters are not read")
}

/// The averages in a frame, download and upload; `None` is a gap.
fn averages(frame: &Value) -> Vec<(Option<u64>, Option<u64>)> {
    let averages = if frame["type"] == "snapshot" { &frame["averages"] } else { frame };
    let column = |name: &str| averages[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let columns = column("down").iter().zip(column("up"));
    columns.map(|(down, up)| (down.as_u64(), up.as_u64())).collect()
}

fn is_near(found: Option<u64>, wanted: u64) -> bool {
    found.is_some_and(|found| found.abs_diff(wanted) * 100 <= wanted * TOLERANCE)
}

/// Opens one page after the other until a snapshot is as wanted.
async fn until_opened(site: &Site, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<(Viewer, Value)> {
    for _ in 0..20 {
        let mut viewer = site.viewer("alice").await?;
        let snapshot = viewer.until_snapshot().await?;
        if wanted(&snapshot) {
            return Ok((viewer, snapshot));
        }
        drop(viewer);
        readings(site, 1).await?;
    }
    anyhow::bail!("no page opens with {what}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_nobody_watched_opens_with_its_past() -> Result<()> {
    let site = site().await?;
    readings(&site, 4).await?;
    assert!(site.router().active_streams().iter().all(|stream| stream.interfaces.is_empty()), "nobody watches");
    let is_past = |pair: &(Option<u64>, Option<u64>)| is_near(pair.0, DOWNLOAD) && is_near(pair.1, UPLOAD);
    let has_past = |snapshot: &Value| averages(snapshot).iter().filter(|pair| is_past(pair)).count() >= 3;
    let (mut viewer, snapshot) = until_opened(&site, "its past", has_past).await?;
    assert_eq!(snapshot["averages"]["interval"], 2_000);
    let [start, now] = [&snapshot["averages"]["start"], &snapshot["now"]].map(|time| time.as_i64().unwrap());
    assert!(start < now && start > now - 120_000, "{snapshot}");
    viewer.until_rates(DOWNLOAD.cast_signed(), UPLOAD.cast_signed()).await?;
    let newer = viewer.until("a newer one", |frame| frame["type"] == "averages").await?;
    assert!(averages(&newer).len() <= 3, "only what is new: {newer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reconnect_is_a_gap_and_no_spike() -> Result<()> {
    let site = site().await?;
    site.outpost.set_rates(b"alice", 800_000_000, UPLOAD);
    readings(&site, 4).await?;
    site.router().session_down(b"alice");
    site.router().session_up(b"alice");
    site.outpost.set_rates(b"alice", DOWNLOAD, UPLOAD);
    let has_both = |snapshot: &Value| {
        let found = averages(snapshot);
        let fast = found.iter().position(|pair| is_near(pair.0, 800_000_000));
        let slow = found.iter().rposition(|pair| is_near(pair.0, DOWNLOAD));
        fast.zip(slow).is_some_and(|(fast, slow)| found[fast..slow].contains(&(None, None)))
    };
    let (_, snapshot) = until_opened(&site, "both sessions and a gap between them", has_both).await?;
    let highest = averages(&snapshot).iter().filter_map(|pair| pair.0).max();
    assert!(highest.is_some_and(|highest| highest < 1_600_000_000), "{snapshot}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switched_off_nothing_is_read_and_nothing_is_sent() -> Result<()> {
    let off = ["--averages-seconds", "off"];
    let site = Site::start_with(Setup::concentrator(3), RelaySetup::default(), &off).await?;
    let mut viewer = site.viewer("alice").await?;
    for _ in 0..5 {
        viewer.until_sample().await?;
    }
    assert!(viewer.frames().all(|frame| frame["type"] != "averages" && frame.get("averages").is_none()));
    let commands = site.router().commands();
    assert!(commands.iter().all(|command| command.sentence.command() != b"/interface/print"));
    assert!(site.relay.metric("linelight_averages_total").await?.abs() < 0.5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_monitor_traffic_keeps_failing_averages_stand_in() -> Result<()> {
    let site = site().await?;
    site.router().misbehave(|misbehaviour| misbehaviour.refused = vec!["/interface/monitor-traffic".to_owned()]);
    let mut viewer = site.viewer("alice").await?;
    let state = viewer.until("a stand-in", |frame| frame["notice"] == "averages").await?;
    assert_eq!((&state["state"], &state["interval"]), (&"running".into(), &2_000.into()));
    viewer
        .until("its figures", |frame| {
            frame["type"] == "averages" && averages(frame).iter().any(|pair| is_near(pair.0, DOWNLOAD))
        })
        .await?;
    site.router().misbehave(|misbehaviour| misbehaviour.refused = Vec::new());
    viewer.until("the usual state", |frame| frame["state"] == "running" && frame.get("notice").is_none()).await?;
    viewer.until_rates(DOWNLOAD.cast_signed(), UPLOAD.cast_signed()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_the_router_names_neither_way_has_averages_and_its_reason() -> Result<()> {
    let site = site().await?;
    let ports = site.router().ports();
    let alice = ports.iter().find(|port| port.username == b"alice").unwrap().name.clone();
    site.router().misbehave(|misbehaviour| misbehaviour.unmonitored = vec![String::from_utf8(alice).unwrap()]);
    let mut viewer = site.viewer("alice").await?;
    viewer.until("a stand-in", |frame| frame["notice"] == "averages").await?;
    let is_told = async || anyhow::Ok(site.relay.get("/explain/alice").await?.contains("neither by .id nor by name"));
    let told = timeout(Duration::from_secs(30), async {
        while !is_told().await? {
            viewer.until("a frame", |_| true).await?;
        }
        anyhow::Ok(())
    });
    told.await.context("explain does not say why")??;
    let mut late = site.viewer("alice").await?;
    let snapshot = late.until_snapshot().await?;
    assert_eq!((&snapshot["state"], &snapshot["notice"]), (&"running".into(), &"averages".into()), "at once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_uplink_leaves_no_hole_in_the_averages_either() -> Result<()> {
    let site = site().await?;
    readings(&site, 4).await?;
    let before = site.relay.metric("linelight_averages_total").await?;
    site.outpost.uplink.set(tests::harness::Network::Cut);
    readings(&site, 3).await?;
    site.outpost.uplink.set(tests::harness::Network::Up);
    let is_whole = |snapshot: &Value| {
        let found = averages(snapshot);
        found.len() >= 8 && found.iter().all(|pair| pair.0.is_some())
    };
    until_opened(&site, "a past without a hole", is_whole).await?;
    assert!(site.relay.metric("linelight_averages_total").await? > before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_with_narrow_counters_that_does_not_know_stats_has_a_past_too() -> Result<()> {
    let site = site().await?;
    site.router().misbehave(|misbehaviour| {
        (misbehaviour.narrow_counters, misbehaviour.unknown_stats) = (true, true);
    });
    let has_past = |snapshot: &Value| averages(snapshot).iter().filter(|pair| is_near(pair.0, DOWNLOAD)).count() >= 2;
    until_opened(&site, "its past", has_past).await?;
    let asked = site.router().commands();
    let asked = asked.iter().rfind(|command| command.sentence.command() == b"/interface/print").unwrap();
    assert!(asked.sentence.attribute("stats").is_none());
    Ok(())
}
