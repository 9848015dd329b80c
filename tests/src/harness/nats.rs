//! A NATS server as the bus of relays, with a folder of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::programs::Program;

/// A running server on loopback.
pub struct Nats {
    /// The process.
    pub program: Program,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Nats {
    /// Starts a server that lets everybody in.
    ///
    /// # Errors
    /// When Debian's nats-server is not installed: run `tests/setup nats`.
    pub async fn start() -> Result<Self> {
        Self::start_with("").await
    }

    /// Starts a server with more configuration.
    ///
    /// # Errors
    /// As [`Nats::start`].
    pub async fn start_with(configuration: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let file = configuration_file(folder.path());
        std::fs::write(&file, format!("listen: \"{address}\"\n{configuration}\n"))?;
        Ok(Self { program: serve(&file).await?, address, folder })
    }

    /// Starts the server again at the same address, after [`Program::kill`] or [`Program::terminate`].
    ///
    /// # Errors
    /// When the server does not come up.
    pub async fn resume(&mut self) -> Result<()> {
        self.program = serve(&configuration_file(self.folder.path())).await?;
        Ok(())
    }

    /// The server's address as relays are given it.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }
}

fn configuration_file(folder: &Path) -> PathBuf {
    folder.join("nats.conf")
}

async fn serve(file: &Path) -> Result<Program> {
    ensure!(file.is_file(), "{} is missing", file.display());
    let mut command = Command::new("nats-server");
    command.arg("--config").arg(file);
    let mut program = Program::start(&mut command).context("nats-server is missing: run tests/setup nats")?;
    program.logged("that the bus is ready", |line| line.contains("Server is ready")).await?;
    Ok(program)
}
