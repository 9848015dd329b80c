//! docs/portal.md: each example's link opens the line at a relay.

use std::time::Duration;

use anyhow::{Context, Result};
use relay::viewers::links::keys::Keys;
use tests::harness::{PATIENCE, Relay, RelaySetup, Viewer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::blocks::{blocks, document};
use crate::example::run;

const PORTAL: &str = "docs/portal.md";

/// A portal's usernames, each with the relay's text form.
const USERNAMES: [(&str, &str); 5] = [
    ("4446@karoo.example", "4446@karoo.example"),
    ("4446", "4446"),
    ("café \"1\"/ä\\b", "café \"1\"/ä\\b"),
    ("50%", "50%25"),
    ("caf%E9", "caf%25E9"),
];

async fn opens_its_line(language: &str, block: usize) -> Result<()> {
    let relay = Relay::start(RelaySetup::default()).await?;
    let keys = relay.data().join("keys.json");
    let keys = keys.to_str().context("the folder's name is not UTF-8")?;
    let code = blocks(&document(PORTAL), language).into_iter().nth(block).context("no such example")?;
    for (username, text_form) in USERNAMES {
        let link = run(language, &code, &[("KEYS", keys), ("USERNAME", username)]).await?;
        let token = link.strip_prefix("https://speed.example.net/#").with_context(|| format!("no link: {link}"))?;
        let mut viewer = Viewer::with_token(relay.address, token).await?;
        let snapshot = viewer.until_snapshot().await?;
        assert_eq!(snapshot["username"], text_form);
        let days = (snapshot["expires"].as_i64().unwrap() - snapshot["now"].as_i64().unwrap()) / 86_400_000;
        assert!((89..=90).contains(&days), "{days} days");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_of_php_opens_its_line() -> Result<()> {
    opens_its_line("php", 0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_of_python_opens_its_line() -> Result<()> {
    opens_its_line("python", 0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_of_node_opens_its_line() -> Result<()> {
    opens_its_line("javascript", 0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_of_pyjwt_opens_its_line() -> Result<()> {
    opens_its_line("python", 1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_of_jose_opens_its_line() -> Result<()> {
    opens_its_line("javascript", 1).await
}

/// Runs the last example of a language, which calls the API: its link opens its line, with the subscriber that it entered.
async fn calls_the_api(language: &str) -> Result<()> {
    let relay = Relay::start(RelaySetup::default()).await?;
    let key = relay.command(&["key", "add", "portal", "--scope", "subscribers", "links", "read"]).await?;
    let address = format!("http://{}/", relay.address);
    until_in_force(&relay, key.trim()).await?;
    let code = blocks(&document(PORTAL), language).pop().context("no example")?;
    for (username, text_form) in USERNAMES {
        let variables = [("RELAY", &*address), ("KEY", key.trim()), ("USERNAME", username)];
        let said = run(language, &code, &variables).await?;
        let (state, link) = said.split_once(' ').with_context(|| format!("no state and link: {said}"))?;
        assert!(["starting", "unknown"].contains(&state), "{said}");
        let token = link.strip_prefix(&format!("{address}#")).with_context(|| format!("no link: {link}"))?;
        let snapshot = Viewer::with_token(relay.address, token).await?.until_snapshot().await?;
        assert_eq!((&snapshot["username"], &snapshot["customer"]), (&text_form.into(), &"Protea Motors".into()));
        assert_eq!(snapshot["plan"]["down"], 50_000_000);
        let listed = relay.command(&["links", "list", &text_form.replace("%25", "%")]).await?;
        assert_eq!(listed.matches("revoked").count(), 1, "the link for the call is: {listed}");
    }
    Ok(())
}

/// Waits until the relay knows a key that a command made.
async fn until_in_force(relay: &Relay, key: &str) -> Result<()> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let request = format!(
        "GET /api/v1/subscribers HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n",
        relay.address
    );
    loop {
        let mut stream = TcpStream::connect(relay.address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        if answer.starts_with(b"HTTP/1.1 200") {
            return Ok(());
        }
        anyhow::ensure!(tokio::time::Instant::now() < deadline, "{}", String::from_utf8_lossy(&answer));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn php_calls_the_api() -> Result<()> {
    calls_the_api("php").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_calls_the_api() -> Result<()> {
    calls_the_api("python").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_calls_the_api() -> Result<()> {
    calls_the_api("javascript").await
}

/// A relay takes the document's key set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_set_that_is_shown_is_read() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("keys.json");
    std::fs::write(&file, &blocks(&document(PORTAL), "json")[0])?;
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    assert_eq!(Keys::load(&file)?.current().context("no key")?.id, "b3JhbmdlIQ");
    Ok(())
}
