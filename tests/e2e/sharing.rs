//! Many viewers of a line cost the router one stream; a line that nobody watches costs it nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use tests::harness::Site;
use tests::router::{Record, Setup};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unwatched_lines_cost_the_router_nothing_beyond_the_listing() -> Result<()> {
    let site = Site::start(Setup::concentrator(12)).await?;
    let mut viewer = site.viewer("alice").await?;
    viewer.until_sample().await?;
    let (mut commands, mut interfaces) = (BTreeSet::new(), BTreeSet::new());
    for command in site.router().commands() {
        let sentence = command.sentence;
        commands.insert(String::from_utf8_lossy(sentence.command()).into_owned());
        let text = sentence.to_text();
        if sentence.command() == b"/interface/monitor-traffic" {
            interfaces.insert(sentence.attribute("interface").map(<[u8]>::to_vec));
        }
        let asks = |name: &str| {
            sentence.attribute(".proplist").is_some_and(|list| list.split(|b| *b == b',').any(|p| p == name.as_bytes()))
        };
        assert!(!asks("password"), "a password was asked for: {text}");
        if ["/ppp/secret/print", "/interface/pppoe-client/print"]
            .iter()
            .any(|menu| sentence.command() == menu.as_bytes())
        {
            assert!(sentence.attribute(".proplist").is_some(), "a menu with passwords was read whole: {text}");
        }
    }
    assert_eq!(interfaces.len(), 1, "only alice's interface: {interfaces:?}");
    let read_only = |command: &String| {
        ["/print", "/listen", "/monitor-traffic", "/login", "/cancel"].iter().any(|verb| command.ends_with(verb))
    };
    assert!(commands.iter().all(read_only), "{commands:?}");
    Ok(())
}
