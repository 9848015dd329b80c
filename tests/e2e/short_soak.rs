//! A short `make soak` passes. With lost samples or leaked viewers it fails.

use anyhow::{Context, Result, ensure};
use tests::harness::programs::built;
use tokio::process::Command;

/// Runs a soak. Returns true if the soak passed, and its output.
async fn soak(arguments: &str) -> Result<(bool, String)> {
    let mut command = Command::new(built("soak")?);
    let output = command.args(arguments.split(' ')).output().await.context("starting the soak")?;
    let text = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_soak_accounts_for_every_sample() -> Result<()> {
    let (passed, text) = soak("--seconds 30 --agents 4 --lines 5 --viewers 30 --herd 0").await?;
    ensure!(passed && text.contains("+ 0 unexplained") && text.contains("idle again"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_and_viewers_come_back_after_a_restart() -> Result<()> {
    let (passed, text) = soak("--seconds 0 --agents 8 --lines 10 --herd 400").await?;
    ensure!(passed && text.contains("all 8 agents are back") && text.contains("handshakes failed: 0"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soak_that_loses_samples_fails() -> Result<()> {
    let (passed, text) = soak("--seconds 24 --agents 2 --lines 5 --viewers 20 --herd 0 --sabotage lose").await?;
    ensure!(!passed && text.contains("samples are not accounted for") && text.contains("shown to nobody"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soak_that_leaks_fails() -> Result<()> {
    let (passed, text) = soak("--seconds 0 --agents 1 --lines 1 --herd 0 --idle-within 5 --sabotage leak").await?;
    ensure!(!passed && text.contains("descriptors") && text.contains("viewers 5 instead of 0"), "{text}");
    Ok(())
}
