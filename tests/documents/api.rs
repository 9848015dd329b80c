//! docs/api.md: the examples show a line, and the tables name every frame, field, state and close code.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use relay::wire::viewer_frame::{FromViewer, LineState, Notice, ViewerFrame};
use serde_json::Value;
use shared::close::{Close, Retry};
use tests::harness::{Relay, RelaySetup, Site};
use tests::simulated_router::Setup;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::blocks::{blocks, document, root, rows, the_block};
use crate::example::Example;

const API: &str = "docs/api.md";

async fn site() -> Result<Site> {
    let site = Site::start(Setup::concentrator(3)).await?;
    site.outpost.set_rates(b"alice", 19_800_000, 1_200_000);
    site.viewer("alice").await?.until_state("running").await?;
    Ok(site)
}

async fn example(site: &Site, language: &str) -> Result<Example> {
    let link = site.relay.link("alice", "1d").await?;
    Example::start(language, &the_block(API, language), &[("LINK", &link)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_shows_a_line() -> Result<()> {
    let site = site().await?;
    let mut curl = example(&site, "bash").await?;
    curl.until("the snapshot's event", |line| line == "event: snapshot").await?;
    let data = |line: &str| line.starts_with("data: ") && line.contains(r#""down":19800000,"up":1200000}"#);
    curl.until("a sample", |line| data(line) && line.contains(r#""type":"sample""#)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_shows_a_line() -> Result<()> {
    let site = site().await?;
    let mut python = example(&site, "python").await?;
    python.until("the state", |line| line == "alice is running").await?;
    python.until("a sample", |line| line == "19.80 Mbps down, 1.20 Mbps up").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript_shows_a_line_and_comes_back_to_a_restarted_relay() -> Result<()> {
    let mut site = site().await?;
    let mut javascript = example(&site, "javascript").await?;
    let sample = |line: &str| line == "19.80 Mbps down, 1.20 Mbps up";
    javascript.until("the state", |line| line == "the line is running").await?;
    javascript.until("a sample", sample).await?;
    site.relay.stop().await?;
    site.relay.resume().await?;
    javascript.until("a new stream", |line| line.starts_with("the line is ")).await?;
    javascript.until("a sample of the new stream", sample).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript_stays_away_after_a_refusal() -> Result<()> {
    let site = site().await?;
    let link = format!("http://{}/#wrong", site.relay.address);
    let mut javascript = Example::start("javascript", &the_block(API, "javascript"), &[("LINK", &link)])?;
    javascript.until("the code", |line| line == "ended: 4102").await?;
    assert!(javascript.ends().await?.success());
    Ok(())
}

#[test]
fn every_close_code_of_a_viewer_is_in_the_table() {
    let rows = rows(&document(API));
    for close in Close::ALL.into_iter().filter(|close| !(4000..4100).contains(&close.code())) {
        let row = rows.iter().find(|row| row[0] == close.code().to_string());
        let row = row.unwrap_or_else(|| panic!("{API} does not have the close code {}", close.code()));
        assert_eq!(row[1], format!("`{}`", close.name()));
        let retry = match close.retry() {
            Retry::BackOff => "back-off".to_owned(),
            Retry::After(seconds) => format!("after {seconds} s"),
            Retry::Never => "never".to_owned(),
        };
        assert_eq!(row[3], retry, "{}", close.name());
    }
}

#[test]
fn the_javascript_example_heeds_every_code_that_asks_for_more_than_the_back_off() {
    let code = the_block(API, "javascript");
    for close in Close::ALL.into_iter().filter(|close| close.code() >= 4100) {
        let number = close.code().to_string();
        match close.retry() {
            Retry::BackOff => assert!(!code.contains(&number), "{number}"),
            Retry::After(seconds) => assert!(code.contains(&format!("{number}: {seconds}")), "{number}"),
            Retry::Never => {
                let never = code.lines().find(|line| line.starts_with("const never")).unwrap();
                assert!(never.contains(&number), "{number}");
            }
        }
    }
}

#[test]
fn every_frame_has_an_example_and_every_field_a_word() {
    let text = document(API);
    let shown: Vec<Value> = blocks(&text, "json").iter().map(|block| serde_json::from_str(block).unwrap()).collect();
    let types: BTreeSet<_> = shown.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    let mut read = 0;
    for file in fs::read_dir(root().join("shared/golden/viewer")).unwrap() {
        let golden: Value = serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        let name = golden["type"].as_str().unwrap();
        assert!(types.contains(name), "{API} shows no {name}");
        assert!(text.contains(&format!("### `{name}`")), "{API} does not describe {name}");
        for field in golden.as_object().unwrap().keys() {
            assert!(text.contains(&format!("`{field}`")), "{API} does not say what {field} is");
        }
        read += 1;
    }
    assert!(read > 5, "the golden frames are gone");
}

#[test]
fn every_example_is_a_frame_of_today() {
    for block in blocks(&document(API), "json") {
        let text = block.trim();
        if text.contains(r#""type":"watch""#) {
            let FromViewer::Watch { .. } = serde_json::from_str(text).unwrap();
            continue;
        }
        let frame: ViewerFrame = serde_json::from_str(text).unwrap();
        assert_eq!(String::from_utf8(frame.to_json()).unwrap(), text);
    }
}

#[test]
fn every_state_and_notice_is_in_a_table() {
    let rows = rows(&document(API));
    let states = serde_json::from_str::<LineState>("\"\"").unwrap_err().to_string();
    let notices = serde_json::from_str::<Notice>("\"\"").unwrap_err().to_string();
    // serde lists the names: "unknown variant ``, expected one of `running`, `stalled`, …".
    let named = |error: &str| error.split('`').skip(3).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let all: Vec<_> = named(&states).into_iter().chain(named(&notices)).collect();
    assert!(all.len() >= 8, "{states}; {notices}");
    for name in all {
        assert!(rows.iter().any(|row| row[0] == format!("`{name}`")), "{API} does not have {name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_answers_a_code_is_in_the_table() -> Result<()> {
    const JSON: &str = "application/json";
    const RIGHT_SHAPE: &str = r#"{"code":"1234 5678"}"#;
    let relay = Relay::start(RelaySetup::default()).await?;
    let cases = [(JSON, "[]", "400"), ("text/plain", RIGHT_SHAPE, "415"), (JSON, RIGHT_SHAPE, "404")];
    let rows = rows(&document(API));
    let is_told = |(status, reason): &(String, String)| {
        rows.iter().any(|row| row[0] == *status && row[1] == format!("`{reason}`"))
    };
    for (content_type, body, expected) in cases {
        let answer = problem(&relay, content_type, body).await?;
        assert_eq!(answer.0, expected, "{answer:?}");
        assert!(is_told(&answer), "{API} does not have {answer:?}");
    }
    for _ in 1..10 {
        assert_eq!(problem(&relay, JSON, RIGHT_SHAPE).await?.0, "404", "ten wrong codes are answered");
    }
    let answer = problem(&relay, JSON, RIGHT_SHAPE).await?;
    assert!(answer.0 == "429" && is_told(&answer), "{API} does not have {answer:?}");
    Ok(())
}

/// Posts the body as a code, and returns the problem's status and reason.
async fn problem(relay: &Relay, content_type: &str, body: &str) -> Result<(String, String)> {
    let (host, length) = (relay.address, body.len());
    let request = format!(
        "POST /api/v1/code HTTP/1.1\r\nhost: {host}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(relay.address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_, problem) = answer.split_once("\r\n\r\n").with_context(|| answer.clone())?;
    let problem: Value = serde_json::from_str(problem).with_context(|| answer.clone())?;
    Ok((problem["status"].to_string(), problem["reason"].as_str().unwrap_or_default().to_owned()))
}
