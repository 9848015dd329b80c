//! The page's cost for the reader: Chromium opens the page from the release build's relay.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tests::bench::username;
use tokio::process::Command;
use tokio::time::timeout;

use crate::machine::Machine;
use crate::servers;
use crate::uplinks::{Fleet, Routers};
use crate::viewers::{Crowd, usernames};

/// An hour of virtual time is a minute of real time.
const PATIENCE: Duration = Duration::from_secs(240);

/// The figures of tests/browser/page-cost.mjs, by their names there.
///
/// # Errors
/// When Chromium or the driver is missing, or the page shows no figure.
pub(crate) async fn figures(machine: Machine) -> Result<Value> {
    let routers = Routers { count: 1, lines_each: 1 };
    let running = servers::relay(false, routers.count, machine.on_loopback()).await?;
    let _fleet = Fleet::connect(&running, routers).await?;
    // The line is being watched: how soon an agent begins is not the page's doing.
    let _crowd = Crowd::join(&running.endpoint(), 1, &usernames(1)).await?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/page-cost.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(format!("http://{}/line/{}", running.relay.address, username(0)));
    command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.context("the page's figures did not come in time")??;
    serde_json::from_slice(&output.stdout)
        .context("the page was not measured: tests/setup browser installs what it needs")
}
