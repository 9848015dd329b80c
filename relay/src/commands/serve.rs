//! `linelight-relay serve`: sets up logging, the runtime and the stop signals.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

use crate::config::Config;
use crate::relay::Relay;

/// The number of open files other than connections: listeners, the runtime's own files, files being read.
const OTHER_FILES: usize = 64;

pub(super) fn run(mut config: Config, level: LevelFilter) -> Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    config.data.present_keys()?;
    config.data.check_permissions()?;
    // Held until the process ends.
    let _held = config.data.hold()?;
    let wanted = config.limits.connections;
    // A relay out of open files cannot even accept a connection, so the relay closes connections above this limit.
    config.limits.connections = wanted.min(connections_granted());
    let granted = config.limits.connections;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
        let shutdown = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        let relay = Relay::bind(config)?;
        if granted < wanted {
            let remedy = "ulimit -n, or LimitNOFILE= under systemd";
            tracing::info!(connections = granted, wanted, remedy, "the limit of open files allows fewer connections");
        }
        relay.run(shutdown).await
    })
}

/// Raises the limit of open files to the system's maximum, and returns the possible number of connections.
///
/// A connection is an open file. A shell's usual limit of 1,024 exists for programs with select(2).
fn connections_granted() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    let granted = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    granted.unwrap_or(usize::MAX).saturating_sub(OTHER_FILES).max(1)
}
