//! Attacks a built relay on loopback, within bounds, and prints the cost for everybody else: the times of logins beside their
//! times alone, the relay's memory, and the lost samples of seated viewers. The program asserts nothing.
//!
//! Each attack comes from one address of 127.0.0.0/8 and then from two hundred. Attackers, logins and relay share this machine's
//! processors. In the field attackers have machines of their own: here they run at a lower priority, so that a login waits for the
//! relay's work alone. Attempts in a second show how far they came. `--alone` shows the spread of the figures without an attack.

mod people;
mod stage;

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use tokio::runtime::{Builder, Handle, Runtime};

use people::Logins;
use stage::{Needs, Phase, Stage};
use tests::attacks::Attack;

/// Attacks a relay of its own on 127.0.0.1 and prints a table of what others notice.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
struct Arguments {
    /// How long each attack lasts, in seconds
    #[arg(long, env = "ATTACK_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=120))]
    seconds: u64,
    /// Only these attacks
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Attack>,
    /// From so many addresses, once each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 200], value_parser = clap::value_parser!(u16).range(1..=10_000))]
    addresses: Vec<u16>,
    /// Measures twice without an attack, for the spread
    #[arg(long)]
    alone: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).context("raising the limit of open files")?;
    let attackers = attackers()?;
    let ended = Builder::new_multi_thread().enable_all().build()?.block_on(run(&arguments, attackers.handle()));
    attackers.shutdown_background();
    ended
}

/// Threads at a lower priority.
fn attackers() -> Result<Runtime> {
    let lower = || {
        // Without it the figures are worse, and the program goes on.
        let _ = nice(LOWER);
    };
    Ok(Builder::new_multi_thread().enable_all().on_thread_start(lower).build()?)
}

/// The attackers' priority below everybody else's: about a tenth of the processors while others want them (nice(2)).
const LOWER: i32 = 10;

async fn run(arguments: &Arguments, attackers: &Handle) -> Result<()> {
    let length = Duration::from_secs(arguments.seconds);
    print(HEAD)?;
    for attack in
        Attack::value_variants().iter().filter(|attack| arguments.only.is_empty() || arguments.only.contains(attack))
    {
        let stage =
            Stage::start(Needs::of(*attack)).await.with_context(|| format!("the stage for {}", attack.name()))?;
        let alone = stage.measure(None, attackers, 0, length).await?;
        print(&row("nobody", 0, &alone, &alone.logins))?;
        for addresses in &arguments.addresses {
            let attack = (!arguments.alone).then_some(*attack);
            let phase = stage.measure(attack, attackers, *addresses, length).await?;
            print(&row(attack.map_or("nobody", Attack::name), *addresses, &phase, &alone.logins))?;
        }
    }
    print(
        "\nattempts: of the attack, in a second; held: connections at its end; logins: legitimate ones that got in, of those \n\
           that tried; times in milliseconds; memory of the relay in MiB; lost: samples that seated viewers did not see, and streams \n\
           that ended; limited: failed logins that the relay refused to look at.",
    )
}

const HEAD: &str = "attack                addresses  attempts   held  logins   median    worst  x alone  before  during   after  lost  limited";

fn row(name: &str, addresses: u16, phase: &Phase, alone: &Logins) -> String {
    let Phase { logins, memory: [before, during, after], .. } = phase;
    let mib = |bytes: &f64| bytes / 1_048_576.0;
    let count = format!("{}/{}", logins.in_time(), logins.tried);
    format!(
        "{name:<20}  {addresses:>9}  {:>8.0}  {:>5}  {count:>6}  {:>7.0}  {:>7.0}  {:>7.1}  {:>6.1}  {:>6.1}  {:>6.1}  {:>4}  {:>7}",
        phase.attempts_a_second,
        phase.held,
        logins.median_ms(),
        logins.worst_ms(),
        logins.median_ms() / alone.median_ms(),
        mib(before),
        mib(during),
        mib(after),
        phase.lost,
        phase.limited,
    )
}

fn print(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
