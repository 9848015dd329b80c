//! The registry of agents, changed by the command while the relay runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::process::Command;
use std::time::Duration;

use common::{PATIENCE, TestRelay, WEBSOCKET, bearer, eventually, head};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

fn agent(relay: &TestRelay, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_linelight-relay"))
        .args(["--data", relay.directory.path().to_str().unwrap(), "agent"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn is_known(relay: &TestRelay, token: &str) -> bool {
    relay.request("/agent/v1", &bearer(token)).await.status == 426
}

#[tokio::test]
async fn an_agent_comes_and_goes_while_the_relay_runs() {
    let relay = TestRelay::start(|config| config.limits.failed_attempts = u32::MAX);
    let token = agent(&relay, &["add", "home-7", "--lines", "ali"]);
    eventually("the token is known", async || is_known(&relay, &token).await).await;

    let mut uplink = TcpStream::connect(relay.addresses.agents).await.unwrap();
    let lines = format!("{WEBSOCKET}{}sec-websocket-protocol: linelight.agent.v1\r\n", bearer(&token));
    assert_eq!(head(&mut uplink, "/agent/v1", &lines).await.status, 101);
    let listed = agent(&relay, &["list"]);
    assert!(listed.contains("home-7") && listed.contains("ali") && !listed.contains(&token), "{listed}");

    assert_eq!(relay.metric("linelight_agents_registered").await, 1);
    agent(&relay, &["revoke", "home-7"]);
    eventually("the token is refused", async || !is_known(&relay, &token).await).await;
    let mut closed = Vec::new();
    timeout(PATIENCE, uplink.read_to_end(&mut closed)).await.unwrap().unwrap();
    assert_eq!(closed.first(), Some(&0x88), "its uplink is closed");
    assert_eq!(relay.metric("linelight_agents_registered").await, 0);
}

#[tokio::test]
async fn an_agent_started_right_after_agent_add_is_let_in() {
    // Far longer than a command takes: the first request comes before a look at the file.
    let relay = TestRelay::start(|config| config.reload_every = Duration::from_secs(2));
    let token = agent(&relay, &["add", "tower", "--lines", "*"]);
    assert!(is_known(&relay, &token).await, "an unknown token waits for the next reload");
}

#[tokio::test]
async fn a_registry_that_cannot_be_read_leaves_the_last_good_one() {
    let relay = TestRelay::start(|config| config.limits.failed_attempts = u32::MAX);
    let token = agent(&relay, &["add", "tower", "--lines", "*@karoo.example", "ali"]);
    eventually("the token is known", async || is_known(&relay, &token).await).await;
    let path = relay.data().agents();
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, &good[..good.len() / 2]).unwrap();
    relay.metric_reaches("linelight_file_reload_failures_total", 1).await;
    assert!(is_known(&relay, &token).await);
    std::fs::remove_file(&path).unwrap();
    relay.metric_reaches("linelight_file_reload_failures_total", 2).await;
    assert!(is_known(&relay, &token).await);
    let reloads = relay.metric("linelight_file_reloads_total").await;
    std::fs::write(&path, &good).unwrap();
    relay.metric_reaches("linelight_file_reloads_total", reloads + 1).await;
    assert!(is_known(&relay, &token).await);
}

#[tokio::test]
async fn commands_at_once_lose_nothing() {
    let relay = TestRelay::start(|_| {});
    let directory = relay.directory.path().to_str().unwrap();
    let children: Vec<_> = (0..8)
        .map(|n| {
            Command::new(env!("CARGO_BIN_EXE_linelight-relay"))
                .args(["--data", directory, "agent", "add", &format!("agent-{n}"), "--lines", "*"])
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(agent(&relay, &["list"]).lines().skip(1).count(), 8, "a row for each, under the header");
}
