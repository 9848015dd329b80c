//! Three relays on one bus without hardware. Each half minute one of them is killed; what three viewers saw of it is printed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use parking_lot::Mutex;
use tests::harness::{Name, Nats, Outpost, Relay, RelaySetup, Viewer};
use tests::simulated_router::Setup;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

/// The relays.
const RELAYS: usize = 3;

/// A killed relay stays away for this long.
const AWAY: Duration = Duration::from_secs(10);

/// A pause between two points of a chart that is a hole, milliseconds: an agent's tick is one second.
const HOLE_MS: i64 = 1_900;

/// Runs three relays, a NATS server, a simulated concentrator and its agent on 127.0.0.1. Kills one relay after the other. Prints an
/// address of a page, which goes on whichever relay is killed, and what three viewers saw.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
struct Arguments {
    /// Seconds between two kills.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(15..))]
    every: u64,
    /// Kills until the end; without it, until Ctrl-C.
    #[arg(long)]
    kills: Option<usize>,
}

/// What one viewer saw since the last look.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    samples: usize,
    /// The longest time without a sample, as a person before the page waits.
    longest_wait: Duration,
    /// Holes in the chart as it is now.
    holes: usize,
}

type Watched = Arc<Mutex<BTreeMap<&'static str, Seen>>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let bus = Nats::start().await?;
    let mut relays = start_relays(&bus).await?;
    let token = relays[0].add_agent("core-1", &["*"]).await?;
    for _ in 1..RELAYS {
        let twin = relays[0].start_twin().await?;
        relays.push(twin);
    }
    let addresses: Vec<String> = relays.iter().map(|relay| format!("ws://{}", relay.address)).collect();
    let all = format!("--relay={}", addresses.join(","));
    let _outpost = Outpost::with_token(relays[0].address, token, Setup::concentrator(3), &[&all]).await?;
    let name = Name::start(&relays.iter().collect::<Vec<_>>()).await?;
    let watched = Watched::default();
    for username in ["alice", "ali", "bob@fibre"] {
        let link = relays[0].token(username).await?;
        tokio::spawn(watch(username, name.address(), link, Arc::clone(&watched)));
    }
    let link = relays[0].token("alice").await?;
    say(&format!("A page that goes on:  http://{}/#{link}", name.address()))?;
    let mut stop = signal(SignalKind::interrupt())?;
    tokio::select! {
        outcome = kill_in_turn(&mut relays, &arguments, &watched) => outcome,
        _ = stop.recv() => Ok(()),
    }
}

async fn start_relays(bus: &Nats) -> Result<Vec<Relay>> {
    let flags = vec![format!("--bus={}", bus.url()), "--brand=Karoo Wireless".to_owned()];
    Ok(vec![Relay::start(RelaySetup { flags, ..RelaySetup::default() }).await?])
}

/// Kills one relay after the other, starts each again, and says what the viewers saw of that.
async fn kill_in_turn(relays: &mut [Relay], arguments: &Arguments, watched: &Watched) -> Result<()> {
    for nth in 0..arguments.kills.unwrap_or(usize::MAX) {
        sleep(Duration::from_secs(arguments.every).saturating_sub(AWAY)).await;
        watched.lock().values_mut().for_each(|seen| *seen = Seen::default());
        let relay = relays.get_mut(nth % RELAYS).context("there is no such relay")?;
        relay.program.kill().await?;
        sleep(AWAY).await;
        relay.resume().await?;
        say(&format!("relay {} of {RELAYS} was killed, and is back after {} s", nth % RELAYS + 1, AWAY.as_secs()))?;
        for (username, seen) in watched.lock().iter() {
            let Seen { samples, longest_wait, holes } = seen;
            say(&format!(
                "  {username:<6} {samples:>3} samples, waited {longest_wait:.1?} at most, holes in the chart: {holes}"
            ))?;
        }
    }
    Ok(())
}

/// Watches a line as a page does: when the stream ends, another one begins.
async fn watch(username: &'static str, relay: std::net::SocketAddr, link: String, watched: Watched) {
    let mut last = Instant::now();
    loop {
        if let Ok(mut viewer) = Viewer::with_token(relay, &link).await {
            while let Ok(frame) = viewer.next(Instant::now() + AWAY).await {
                if frame["type"] == "sample" || frame["type"] == "snapshot" {
                    note(username, &viewer, &mut last, &watched);
                }
            }
        }
        sleep(Duration::from_millis(200)).await;
    }
}

fn note(username: &'static str, viewer: &Viewer, last: &mut Instant, watched: &Watched) {
    let chart = viewer.chart();
    let holes = chart.windows(2).filter(|pair| matches!(pair, [one, other] if other.t - one.t > HOLE_MS)).count();
    let mut watched = watched.lock();
    let seen = watched.entry(username).or_default();
    seen.samples += 1;
    seen.longest_wait = seen.longest_wait.max(last.elapsed());
    seen.holes = holes;
    *last = Instant::now();
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
