//! Many viewers of a line cost the router one stream. An unwatched line costs the router nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use tests::harness::{RelaySetup, Site};
use tests::simulated_router::{Command, Record, Setup};
use tokio::time::{Instant, timeout};

/// How many monitor-traffic streams read an interface.
fn streams_of(record: &Record, interface: &[u8]) -> usize {
    record.monitors().filter(|stream| stream.interfaces.iter().any(|name| name == interface)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_viewers_cost_one_stream_and_the_last_one_ends_it() -> Result<()> {
    let site = Site::start(Setup::concentrator(3)).await?;
    site.outpost.set_rates(b"alice", 5_000_000, 500_000);
    let mut viewers = Vec::new();
    for _ in 0..10 {
        viewers.push(site.viewer("alice").await?);
    }
    for viewer in &mut viewers {
        viewer.until_rates(5_000_000, 500_000).await?;
    }
    assert_eq!(site.router().record(|record| streams_of(record, b"<pppoe-alice>")), 1);
    drop(viewers);
    let left = Instant::now();
    let none_left = site.router().wait_until(|record| record.monitors().next().is_none());
    timeout(Duration::from_secs(20), none_left).await.context("a stream runs 20 s after the last viewer left")?;
    assert!(left.elapsed() > Duration::from_secs(5), "a reload of the page must not restart the stream");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_coming_and_going_leave_no_hole() -> Result<()> {
    let site = Site::start(Setup::concentrator(12)).await?;
    site.outpost.set_rates(b"alice", 5_000_000, 500_000);
    let mut watching = site.viewer("alice").await?;
    watching.until_rates(5_000_000, 500_000).await?;
    let others = ["ali", "bob@fibre", "Bob", "caf%E9", "smith,john", "support-desk", "alice-1"];
    let mut staying = Vec::new();
    for (nth, other) in others.into_iter().enumerate() {
        let mut viewer = site.viewer(other).await?;
        viewer.until_sample().await?;
        // Every other one leaves at once, in the middle of its first seconds.
        if nth % 2 == 0 {
            staying.push(viewer);
        }
    }
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        watching.until_sample().await?;
    }
    let chart = watching.chart();
    let holes: Vec<_> = chart.windows(2).filter(|pair| pair[1].t - pair[0].t > 1_600).collect();
    assert!(holes.is_empty() && chart.len() > 20, "{holes:?} in {} points", chart.len());
    assert!(chart.iter().all(|point| (point.down, point.up) == (5_000_000, 500_000)), "{chart:?}");
    Ok(())
}

/// Every command to a router without watches.
const LISTING: [&str; 9] = [
    "/interface/pppoe-client/listen",
    "/interface/pppoe-client/print",
    "/interface/pppoe-server/listen",
    "/interface/pppoe-server/print",
    "/interface/print",
    "/login",
    "/ppp/active/listen",
    "/system/identity/print",
    "/system/resource/print",
];

/// Every further command for a watched line.
const WATCHING: [&str; 6] = [
    "/interface/monitor-traffic",
    "/ppp/active/print",
    "/ppp/profile/print",
    "/ppp/secret/print",
    "/queue/simple/print",
    "/system/clock/print",
];

fn said(site: &Site) -> BTreeSet<String> {
    let commands = site.router().commands();
    commands.iter().map(|command| String::from_utf8_lossy(command.sentence.command()).into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unwatched_lines_cost_the_router_nothing_beyond_the_listing_and_one_table_of_counters() -> Result<()> {
    let seldom = ["--averages-seconds", "300"];
    let site = Site::start_with(Setup::concentrator(12), RelaySetup::default(), &seldom).await?;
    let counters =
        |record: &Record| record.commands().filter(|command| command.sentence.command() == b"/interface/print").count();
    let listings = |record: &Record| {
        record.commands().filter(|command| command.sentence.command() == b"/interface/pppoe-client/print").count()
    };
    // The check at the start has a connection of its own, and closes it.
    let settled = site
        .router()
        .wait_until(|record| listings(record) >= 2 && counters(record) >= 1 && record.connections().len() == 1);
    timeout(Duration::from_secs(10), settled).await.context("the agent does not settle")?;
    // A follow-up of one reading of the sessions would come before the next reading.
    site.router().session_down(b"bob@fibre");
    let again = site.router().wait_until(|record| listings(record) >= 3);
    timeout(Duration::from_secs(20), again).await.context("a change is not looked at")?;
    assert_eq!(said(&site), LISTING.map(str::to_owned).into());
    let is_counters = |command: &&Command| command.sentence.command() == b"/interface/print";
    assert_eq!(
        site.router().commands().iter().filter(is_counters).count(),
        1,
        "one table for all lines, once an interval"
    );

    let mut viewer = site.viewer("alice").await?;
    viewer.until_sample().await?;
    viewer.until_sample().await?;
    let known: BTreeSet<_> = LISTING.into_iter().chain(WATCHING).map(str::to_owned).chain(["/cancel".into()]).collect();
    assert!(said(&site).is_subset(&known), "{:?}", said(&site).difference(&known));
    let alice = site.router().ports().into_iter().find(|port| port.username == b"alice").context("no port")?;
    for command in site.router().commands() {
        let (sentence, text) = (&command.sentence, command.sentence.to_text());
        match sentence.command() {
            b"/interface/monitor-traffic" => {
                assert_eq!(
                    sentence.attribute("interface"),
                    Some(alice.id.as_bytes()),
                    "only alice's interface: {text}"
                );
            }
            menu if menu.ends_with(b"/print") => {
                let list = sentence.attribute(".proplist").context(format!("a menu was read whole: {text}"))?;
                assert!(list.split(|byte| *byte == b',').all(|name| name != b"password"), "{text}");
            }
            _ => {}
        }
    }
    Ok(())
}
