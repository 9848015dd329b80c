//! docs/portal.md: each example's link opens the line at a relay.

use anyhow::{Context, Result};
use relay::viewers::links::keys::Keys;
use tests::harness::{Relay, RelaySetup, Viewer};

use crate::blocks::{blocks, document, the_block};
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

async fn opens_its_line(language: &str) -> Result<()> {
    let relay = Relay::start(RelaySetup::default()).await?;
    let keys = relay.data().join("keys.json");
    let keys = keys.to_str().context("the folder's name is not UTF-8")?;
    let code = the_block(PORTAL, language);
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
    opens_its_line("php").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_of_python_opens_its_line() -> Result<()> {
    opens_its_line("python").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_of_node_opens_its_line() -> Result<()> {
    opens_its_line("javascript").await
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
