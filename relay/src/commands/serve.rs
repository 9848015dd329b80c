//! `linelight-relay serve`: logging, the runtime and the signals that stop it.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

use crate::config::Config;

/// Open files that are no connections: listeners, the runtime's own, files being read.
const OTHER_FILES: usize = 64;

pub(super) fn run(mut config: Config, level: LevelFilter) -> Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let granted = connections_granted();
    if granted < config.limits.connections {
        // To close a connection beyond the limit is better than to be unable to accept it.
        config.limits.connections = granted;
        tracing::info!(
            connections = granted,
            "the limit of open files (ulimit -n, LimitNOFILE) allows so many connections"
        );
    }
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
        crate::relay::run(config, shutdown).await
    })
}

/// Each connection is an open file, and a shell's usual limit of 1,024 is for programs that use select(2): takes all that the
/// system grants, and gives back how many connections that allows.
fn connections_granted() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    let granted = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    granted.unwrap_or(usize::MAX).saturating_sub(OTHER_FILES).max(1)
}
