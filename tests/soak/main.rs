//! A soak of the built relay under churn, with real agents on simulated routers and viewers over TLS. At the end all come
//! back at once after a restart. Every sample is accounted for, and memory, descriptors and tasks do not grow.
//!
//! Each router has a process of the built agent. Routers and viewers are tasks of this process. `books` compares
//! sent samples with shown ones, `gauges` reads the relay's metrics, `churn` has the faults, and `herd` the return of everybody.

mod books;
mod chance;
mod churn;
mod gauges;
mod herd;
mod strangers;
mod towers;
mod viewers;

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tests::attacks::Door;
use tests::harness::{Certificate, Relay, RelaySetup};
use tokio::time::sleep;

use books::Totals;
use churn::{Churn, until_uplinks};
use gauges::{Gauge, growth};
use herd::Return;
use strangers::Strangers;
use viewers::Viewer;

/// Soaks the built relay: churn for a while, then everybody back at once, then a table; fails on a leak or an unexplained loss.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
struct Arguments {
    /// How long the churn lasts
    #[arg(long, env = "SOAK_SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(0..))]
    seconds: u64,
    /// Agents, each a process with a simulated router
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// Lines of each agent
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    lines: u32,
    /// Viewers during the churn
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    viewers: u32,
    /// Viewers that come back at once after it; 0 for none
    #[arg(long, default_value_t = 10_000)]
    herd: u32,
    /// Seconds until the relay is as it was before the first connection; the longest is a viewer that vanished
    #[arg(long, default_value_t = 90)]
    idle_within: u64,
    /// Strangers attack from other addresses all the while
    #[arg(long, env = "SOAK_ATTACK", value_parser = clap::builder::FalseyValueParser::new())]
    attack: bool,
    /// A deliberate fault that must make the run fail
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
}

/// A deliberate fault, to test the soak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sabotage {
    /// Kills an agent with unsent samples.
    Lose,
    /// Some viewers never leave.
    Leak,
}

/// All agents are connected within this time after the last one's start.
const CONNECTED_WITHIN: Duration = Duration::from_secs(90);
/// How many viewers the sabotage keeps.
const KEPT: usize = 5;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).context("raising the limit of open files")?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(soak(&arguments))
}

async fn soak(arguments: &Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let certificate = Certificate::make(folder.path())?;
    let (agents, lines) = (arguments.agents as usize, arguments.lines as usize);
    let mut flags = certificate.flags.to_vec();
    flags.push("--access=open".to_owned());
    let setup = RelaySetup { flags, registry: Some(towers::registry(agents)), ..RelaySetup::default() };
    let relay = Relay::start(setup).await?;
    let base = idle(&relay).await?;
    print(&format!("soak: {agents} agents of {lines} lines, {} viewers, {} s", arguments.viewers, arguments.seconds))?;
    let towers = towers::start(relay.address, &certificate.file, agents, lines).await?;
    until_uplinks(&relay, agents, CONNECTED_WITHIN).await?;
    let mut churn = Churn::new(relay, towers, Arc::clone(&certificate.client)).await?;
    let door = Door { address: churn.relay.address, tls: certificate.client };
    let strangers = arguments.attack.then(|| Strangers::attack(door.clone()));
    let mut failures = Vec::new();
    if arguments.seconds > 0 {
        failures = under_churn(&mut churn, arguments).await?;
    }
    if arguments.herd > 0 {
        let back = herd::come_back(&mut churn.relay, &churn.towers, arguments.herd as usize, &door).await?;
        print(&words_of(&back, agents, arguments.herd))?;
    }
    if let Some(strangers) = strangers {
        let attempts = strangers.leave().await?;
        print(&format!("{attempts} attempts of strangers meanwhile"))?;
    }
    let kept = arguments.sabotage.filter(|sabotage| *sabotage == Sabotage::Leak).map_or(0, |_| KEPT);
    let line = churn.towers[0].lines[0].clone();
    let _kept: Vec<_> = (0..kept)
        .map(|nth| Viewer::open(door.clone(), line.clone(), Default::default(), churn.looking().clone(), nth as u64))
        .collect();
    failures.extend(until_idle(&mut churn, &base, Duration::from_secs(arguments.idle_within)).await?);
    ensure!(failures.is_empty(), "the soak failed: {}", failures.join("; "));
    print("soak: every sample is accounted for, and nothing grew")
}

/// The churn. Returns every failure.
async fn under_churn(churn: &mut Churn, arguments: &Arguments) -> Result<Vec<String>> {
    print(HEAD)?;
    let length = Duration::from_secs(arguments.seconds);
    let tell = |gauge: &Gauge, totals: &Totals| print(&row(gauge, totals));
    churn.run(arguments.viewers as usize, length, arguments.sabotage, tell).await?;
    let totals = churn.totals();
    let last = Gauge::read(&churn.relay, churn.began.elapsed()).await?;
    print(&row(&last, &totals))?;
    print(&summary(&totals, churn.faults()))?;
    // A restarted relay is another process, and rings fill during the first minutes.
    let steady: Vec<_> = churn.gauges.iter().copied().filter(|gauge| gauge.at >= length / 2).collect();
    let mut failures = growth(&steady);
    if !totals.balance() {
        print(&totals.examples.join("\n"))?;
        let (lost, disordered) = (totals.unaccounted, totals.disordered);
        failures.push(format!("{lost} samples are not accounted for, {disordered} points came out of order"));
    }
    Ok(failures)
}

/// Reads the gauges before the first connection, after the start of the relay's own tasks.
async fn idle(relay: &Relay) -> Result<Gauge> {
    let mut last = Gauge::read(relay, Duration::ZERO).await?;
    loop {
        sleep(Duration::from_millis(500)).await;
        let now = Gauge::read(relay, Duration::ZERO).await?;
        if (now.descriptors, now.tasks) == (last.descriptors, last.tasks) {
            return Ok(now);
        }
        last = now;
    }
}

/// Stops all agents. Returns a failure unless the relay gets back to its gauges before the first connection.
async fn until_idle(churn: &mut Churn, base: &Gauge, patience: Duration) -> Result<Option<String>> {
    for tower in &mut churn.towers {
        tower.stop().await?;
    }
    let began = Instant::now();
    loop {
        let gauge = Gauge::read(&churn.relay, churn.began.elapsed()).await?;
        let Some(above) = gauge.above(base) else {
            let (descriptors, tasks) = (gauge.descriptors, gauge.tasks);
            print(&format!("idle again: {descriptors} descriptors, {tasks} tasks, as before the first connection"))?;
            return Ok(None);
        };
        if began.elapsed() > patience {
            return Ok(Some(format!("{patience:?} after the last has left: {above}")));
        }
        sleep(Duration::from_millis(200)).await;
    }
}

const HEAD: &str = "   s  viewers  agents  memory MiB  descriptors  tasks      sent     shown      lost  unexplained";

fn row(gauge: &Gauge, totals: &Totals) -> String {
    format!(
        "{:>4}  {:>7}  {:>6}  {:>10.1}  {:>11}  {:>5}  {:>8}  {:>8}  {:>8}  {:>11}",
        gauge.at.as_secs(),
        gauge.viewers,
        gauge.uplinks,
        gauge.memory / 1_048_576.0,
        gauge.descriptors,
        gauge.tasks,
        totals.sent,
        totals.shown,
        totals.lost.values().sum::<u64>(),
        totals.unaccounted,
    )
}

fn summary(totals: &Totals, faults: u64) -> String {
    let mut text = format!(
        "{faults} faults; {} samples sent = {} shown ({} points at viewers)",
        totals.sent, totals.shown, totals.deliveries
    );
    for (reason, count) in &totals.lost {
        // Writing to a String has no way to fail.
        let _ = write!(text, " + {count} {}", reason.words());
    }
    let _ = write!(text, " + {} unexplained", totals.unaccounted);
    text
}

fn words_of(back: &Return, agents: usize, viewers: u32) -> String {
    format!(
        "restart under {viewers} viewers: ended after {:.1} s; listens after {:.1} s; then all {agents} agents are back after \
         {:.1} s, half of the viewers have their snapshot after {:.1} s, all after {:.1} s; TLS handshakes failed: {}; memory \
         {:.1} MiB",
        back.stopped.as_secs_f64(),
        back.ready.as_secs_f64(),
        back.agents.as_secs_f64(),
        back.half.as_secs_f64(),
        back.viewers.as_secs_f64(),
        back.handshakes_failed,
        back.memory / 1_048_576.0,
    )
}

fn print(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
