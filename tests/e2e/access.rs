//! Access to a line. A link opens one line until it expires. Without rights nobody learns anything.

use anyhow::Result;
use serde_json::Value;
use tests::harness::{RelaySetup, Site, Viewer};
use tests::simulated_router::Setup;

/// base64url of `{"alg":"none","typ":"JWT"}`.
const ALG_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

const LINK_REFUSED: u16 = 4102;
const LINK_EXPIRED: u16 = 4103;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_its_line_and_no_other() -> Result<()> {
    let site = Site::start(Setup::concentrator(3)).await?;
    let token = site.relay.token("alice").await?;
    let mut viewer = Viewer::with_token(site.relay.address, &token).await?;
    let snapshot = viewer.until_snapshot().await?;
    assert_eq!(snapshot["username"], "alice");
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let other = site.relay.token("Bob").await?;
    let [_, others_claims, _] = other.split('.').collect::<Vec<_>>()[..] else { panic!("{other}") };
    for forged in [
        format!("{header}.{others_claims}.{signature}"),
        format!("{ALG_NONE}.{claims}."),
        format!("{ALG_NONE}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        String::new(),
        "not a token".to_owned(),
    ] {
        let mut viewer = Viewer::with_token(site.relay.address, &forged).await?;
        assert_eq!(viewer.until_closed().await?, LINK_REFUSED, "{forged}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_ends_when_the_token_does() -> Result<()> {
    let site = Site::start(Setup::concentrator(3)).await?;
    let token = site.relay.token_for("alice", "6s").await?;
    let mut viewer = Viewer::with_token(site.relay.address, &token).await?;
    viewer.until_sample().await?;
    let error = viewer.until("the end", |frame| frame["type"] == "error").await?;
    assert_eq!(error["reason"], "link_expired");
    assert_eq!(viewer.until_closed().await?, LINK_EXPIRED);
    let mut late = Viewer::with_token(site.relay.address, &token).await?;
    assert_eq!(late.until_closed().await?, LINK_EXPIRED);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_rights_not_even_the_name_is_told() -> Result<()> {
    let site = Site::start(Setup::concentrator(3)).await?;
    site.viewer("alice").await?.until_state("running").await?;
    let mut answers = Vec::new();
    for username in ["alice", "nobody"] {
        let mut viewer = Viewer::with_username(site.relay.address, username).await?;
        let error = viewer.until("a refusal", |frame| frame["type"] == "error").await?;
        answers.push((error, viewer.until_closed().await?));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].1, LINK_REFUSED);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_access_shows_lines_by_name_and_no_customers() -> Result<()> {
    let relay = RelaySetup {
        flags: vec!["--access=open".to_owned()],
        subscribers: Some("username,customer,package,download,upload\nalice,Alice Baker,Home 50,50M,10M\n".to_owned()),
        ..RelaySetup::default()
    };
    let mut site = Site::start_with(Setup::concentrator(3), relay, &[]).await?;
    site.relay.program.logged("the warning", |line| line.contains("WARN") && line.contains("open")).await?;
    let mut viewer = Viewer::with_username(site.relay.address, "alice").await?;
    viewer.until_state("running").await?;
    viewer.until_sample().await?;
    let named =
        |frame: &&Value| frame["type"] == "snapshot" && !(frame["customer"].is_null() && frame["package"].is_null());
    assert_eq!(viewer.frames().find(named), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_subscribers_file_names_a_line_and_is_reloaded() -> Result<()> {
    let head = "\u{feff}username;customer;package;download;upload\r\n";
    let relay = RelaySetup {
        subscribers: Some(format!("{head}alice;Alice Baker;Home 50;50M;10M\r\n;nobody;;;\r\n")),
        ..RelaySetup::default()
    };
    let site = Site::start_with(Setup::concentrator(3), relay, &[]).await?;
    let mut viewer = site.viewer("alice").await?;
    let snapshot = viewer.until_snapshot().await?;
    assert_eq!((&snapshot["customer"], &snapshot["package"]), (&"Alice Baker".into(), &"Home 50".into()));
    assert_eq!(snapshot["plan"], serde_json::json!({"down": 50_000_000, "up": 10_000_000}));
    site.relay.write_subscribers(&format!("{head}alice;Alice Cooper;Home 100;100M;20M\r\n"))?;
    let renamed = |frame: &Value| frame["customer"] == "Alice Cooper" && frame["plan"]["down"] == 100_000_000;
    viewer.until("the new name", renamed).await?;
    Ok(())
}
