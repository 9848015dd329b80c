//! How a line answers, as shown: real probes to real kernels over a wire that this test makes slow, lossy or deaf.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tests::harness::{RelaySetup, Site, Viewer};
use tests::homes::{Homes, Weather};
use tests::simulated_router::Setup;
use tokio::time::Instant;

/// Runs a test on this thread, in a network with subscribers that answer. Where that cannot be had, there is no test.
fn among_homes(test: impl AsyncFnOnce(&Homes) -> Result<()>) -> Result<()> {
    let Some(homes) = Homes::apart()? else { return Ok(()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(test(&homes))
}

async fn watched() -> Result<(Site, Viewer)> {
    let flags = ["--probes-per-second=200"];
    let site = Site::start_with(Setup::concentrator(3), RelaySetup::default(), &flags).await?;
    let mut viewer = site.viewer("alice").await?;
    viewer.until_state("running").await?;
    Ok((site, viewer))
}

fn weather(delay_ms: u64) -> Weather {
    Weather { delay: Duration::from_millis(delay_ms), ..Weather::default() }
}

/// Microseconds of a sample's response.
fn micros(frame: &Value) -> Option<u64> {
    frame["rtt"].as_u64().filter(|_| frame["type"] == "sample")
}

fn is_lost(frame: &Value) -> bool {
    frame["type"] == "sample" && frame.get("rtt").is_some_and(Value::is_null)
}

#[test]
fn a_response_is_shown_as_the_wire_makes_it() -> Result<()> {
    among_homes(async |homes| {
        let (site, mut viewer) = watched().await?;
        for delay_ms in [4, 18, 90, 300] {
            homes.set_weather(weather(delay_ms));
            let delay = delay_ms * 1_000;
            // The machine may be busy: one response of them is as quick as the wire.
            let as_quick = |frame: &Value| micros(frame).is_some_and(|us| (delay..=delay + 1_000).contains(&us));
            viewer.until(&format!("a response of {delay_ms} ms"), as_quick).await?;
        }
        let way = viewer.frames().filter_map(|frame| frame["response"].as_str()).last();
        assert_eq!(way, Some("router"));
        viewer.until("the quiet response", |frame| frame["quiet"].is_u64()).await?;
        let explained = site.relay.explain("alice").await?;
        assert!(explained["last_response"].is_u64(), "{explained}");
        let again = site.viewer("alice").await?.until_snapshot().await?;
        assert!(again["history"]["rtt"].as_array().context("no responses in the history")?.len() > 3, "{again}");
        Ok(())
    })
}

#[test]
fn what_the_wire_loses_is_lost_and_what_comes_twice_or_late_counts_once() -> Result<()> {
    among_homes(async |homes| {
        let (_site, mut viewer) = watched().await?;
        homes.set_weather(Weather { doubled: 1.0, jitter: Duration::from_millis(3), ..weather(10) });
        viewer.until("a response", |frame| micros(frame).is_some()).await?;
        let before = viewer.frames().count();
        let deadline = Instant::now() + Duration::from_secs(30);
        while viewer.frames().skip(before).filter_map(micros).count() < 5 {
            viewer.next(deadline).await?;
        }
        assert!(!viewer.frames().any(is_lost), "doubled and overtaken, and none is lost");
        homes.set_weather(Weather { loss: 0.5, ..weather(10) });
        viewer.until("a loss", is_lost).await?;
        viewer.until("a response among the losses", |frame| micros(frame).is_some()).await?;
        homes.set_weather(Weather { loss: 1.0, ..weather(10) });
        viewer.until("a loss", is_lost).await?;
        homes.set_weather(weather(10));
        viewer.until("an end of the losses", |frame| micros(frame).is_some()).await?;
        Ok(())
    })
}

#[test]
fn a_router_that_answers_no_probes_is_silent_and_has_no_loss() -> Result<()> {
    among_homes(async |homes| {
        let (site, mut viewer) = watched().await?;
        viewer.until("a response", |frame| micros(frame).is_some()).await?;
        homes.set_answering(false)?;
        let mut deaf = site.viewer("ali").await?;
        deaf.until("silence", |frame| frame["response"] == "silent").await?;
        assert!(!deaf.frames().any(|frame| is_lost(frame) || micros(frame).is_some()));
        homes.set_answering(true)?;
        deaf.until("a response", |frame| micros(frame).is_some()).await?;
        Ok(())
    })
}

#[test]
fn where_no_router_answers_the_operator_is_told_and_the_page_says_nothing() -> Result<()> {
    among_homes(async |homes| {
        homes.set_answering(false)?;
        let (site, mut viewer) = watched().await?;
        let deadline = Instant::now() + Duration::from_secs(60);
        let fault = |explained: &Value| explained["reports"][0]["agent"]["status"]["response_fault"].is_string();
        while !fault(&site.relay.explain("alice").await?) {
            viewer.next(deadline).await.context("the agent's fault is not told")?;
        }
        assert!(!viewer.frames().any(|frame| is_lost(frame) || frame.get("response").is_some()));
        Ok(())
    })
}

#[test]
fn a_home_routers_line_is_measured_to_the_relay_without_any_right() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let site = Site::start_with(Setup::customer(), RelaySetup::default(), &["--probes-per-second=0"]).await?;
        let mut viewer = site.viewer("alice").await?;
        viewer.until("a response", |frame| micros(frame).is_some()).await?;
        let way = viewer.frames().filter_map(|frame| frame["response"].as_str()).last();
        assert_eq!(way, Some("provider"));
        viewer.until("the viewer's own response", |frame| frame["type"] == "self").await?;
        Ok(())
    })
}
