//! Measures Linelight against other servers and against the figures that it is built for, and prints a table of medians.
//!
//! Everything runs on this machine, over loopback: what is measured on one processor, its load on another.

mod agent;
mod apis;
mod fanout;
mod idle;
mod machine;
mod servers;
mod table;
mod uplinks;
mod viewers;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use tokio::task::LocalSet;

use crate::fanout::Shape;
use crate::machine::Processors;
use crate::servers::Kind;
use crate::table::{Book, Unit};

/// A measurement that a busy machine has spoiled is tried again, so often in all.
const ATTEMPTS: u32 = 3;

/// Measures Linelight side by side with what it is compared to, in interleaved rounds, and prints a table of medians.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
struct Arguments {
    /// How often everything is measured
    #[arg(long, env = "BENCH_ROUNDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// A tenth of the load for a third of the time: for development, not for figures.
    #[arg(long)]
    quick: bool,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Where `container/build` has left its binaries.
    #[arg(long, default_value = "target/static")]
    static_builds: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Viewers of lines, plain: the relay and its references.
    Fanout,
    /// Viewers over TLS.
    Tls,
    /// How the cost grows with viewers.
    Growth,
    /// Idle lines and idle agents.
    Idle,
    /// The agent and its binaries.
    Agent,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let processors = Processors::divide()?;
    machine::allow_files()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bench = Bench { processors, quick: arguments.quick, book: Book::default() };
    runtime.block_on(LocalSet::new().run_until(bench.run(&arguments)))
}

struct Bench {
    processors: Processors,
    quick: bool,
    book: Book,
}

impl Bench {
    async fn run(mut self, arguments: &Arguments) -> Result<()> {
        let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
        for round in 1..=arguments.rounds {
            say(&format!("round {round} of {}", arguments.rounds))?;
            if wanted(Part::Fanout) {
                let all = [Kind::BareLoop, Kind::Relay, Kind::UWebSockets, Kind::OldStack];
                self.compare("ten", &all, self.shape(10_000, 1_000)).await?;
                self.compare("one", &all, self.shape(10_000, 10_000)).await?;
            }
            if wanted(Part::Tls) {
                self.compare("tls", &[Kind::BareLoop, Kind::RelayTls], self.shape(3_000, 300)).await?;
            }
            if wanted(Part::Idle) {
                self.idle().await?;
            }
            if wanted(Part::Agent) {
                self.agent().await?;
            }
        }
        if wanted(Part::Growth) {
            self.growth().await?;
        }
        if wanted(Part::Agent) {
            self.sizes(&arguments.static_builds)?;
        }
        say(&format!("\n{}", machine::description()))?;
        if self.processors.are_one() {
            say("One processor for all: delays say nothing, and ratios little.")?;
        }
        say(&self.book.render(self.quick))
    }

    fn window(&self) -> Duration {
        Duration::from_secs(if self.quick { 3 } else { 10 })
    }

    fn shape(&self, viewers: usize, lines: usize) -> Shape {
        let part = if self.quick { 10 } else { 1 };
        Shape { viewers: viewers / part, lines: lines / part }
    }

    async fn compare(&mut self, label: &str, kinds: &[Kind], shape: Shape) -> Result<()> {
        for &kind in kinds {
            let outcome = again(|| fanout::measure(kind, shape, self.window(), self.processors)).await?;
            let Shape { viewers, lines } = shape;
            say(&format!(
                "  {viewers} viewers of {lines} lines, {}: {:.2}{} µs a frame, {:.2} KB a viewer, p50 {:.1} p99 {:.1} max {:.1} ms",
                kind.name(),
                outcome.cpu,
                if outcome.agents_cpu > 0.0 { format!(" + {:.2}", outcome.agents_cpu) } else { String::new() },
                outcome.memory / 1e3,
                outcome.p50,
                outcome.p99,
                outcome.max
            ))?;
            let mut note =
                |figure: &str, unit, value| self.book.note(&format!("{label} {figure} {kind:?}"), unit, value);
            note("cpu", Unit::Microseconds, outcome.cpu);
            note("agents cpu", Unit::Microseconds, outcome.agents_cpu);
            note("all cpu", Unit::Microseconds, outcome.cpu + outcome.agents_cpu);
            note("memory", Unit::Bytes, outcome.memory);
            note("p50", Unit::Milliseconds, outcome.p50);
            note("p99", Unit::Milliseconds, outcome.p99);
            note("max", Unit::Milliseconds, outcome.max);
        }
        Ok(())
    }

    async fn growth(&mut self) -> Result<()> {
        for viewers in [1_000, 5_000, 15_000] {
            for (label, lines) in [("ten", viewers / 10), ("one", viewers)] {
                let label = format!("{viewers} {label}");
                self.compare(&label, &[Kind::BareLoop, Kind::RelayFed], self.shape(viewers, lines)).await?;
            }
        }
        Ok(())
    }

    async fn idle(&mut self) -> Result<()> {
        let part = if self.quick { 10 } else { 1 };
        let line = again(|| idle::line(100_000 / part, self.processors)).await?;
        let agent = again(|| idle::agents(10_000 / part, self.window(), self.processors)).await?;
        say(&format!(
            "  an idle line {line:.0} B; an idle agent over TLS {:.1} KB and {:.1} µs a second",
            agent.memory / 1e3,
            agent.cpu
        ))?;
        self.book.note("idle line", Unit::Bytes, line);
        self.book.note("idle agent", Unit::Bytes, agent.memory);
        self.book.note("idle agent cpu", Unit::Microseconds, agent.cpu);
        self.book.note("idle agents", Unit::Count, f64::from(10_000 / part as u32));
        Ok(())
    }

    async fn agent(&mut self) -> Result<()> {
        for interfaces in [1, 100, 1_000] {
            let used = again(|| agent::watching(interfaces, self.window(), self.processors)).await?;
            say(&format!(
                "  agent, {interfaces} watched: {:.2} MB, {:.1} µs and {:.1} bytes a sample",
                used.memory / 1e6,
                used.cpu,
                used.bytes
            ))?;
            self.book.note(&format!("agent {interfaces} memory"), Unit::Bytes, used.memory);
            self.book.note(&format!("agent {interfaces} cpu"), Unit::Microseconds, used.cpu);
            self.book.note(&format!("agent {interfaces} bytes"), Unit::Bytes, used.bytes);
        }
        self.book.note("batch bytes", Unit::Bytes, agent::batch_bytes());
        Ok(())
    }

    fn sizes(&mut self, builds: &Path) -> Result<()> {
        for architecture in ["x86-64", "arm64", "armv7", "armv5"] {
            match std::fs::metadata(builds.join(architecture).join("linelight-agent")) {
                Ok(binary) => self.book.note(&format!("binary {architecture}"), Unit::Bytes, binary.len() as f64),
                Err(_) => say(&format!("no agent for {architecture}: container/build --arch {architecture} makes it"))?,
            }
        }
        Ok(())
    }
}

async fn again<T>(mut measure: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    for _ in 1..ATTEMPTS {
        match measure().await {
            Ok(outcome) => return Ok(outcome),
            Err(error) => say(&format!("  once more, for: {error:#}"))?,
        }
    }
    measure().await
}

fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
