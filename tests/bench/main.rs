//! Measures Linelight beside other servers and beside the design's figures, and prints a table of medians.
//!
//! Everything runs on this machine: the measured program on one processor, the load on another, with a wire in between.

mod agent;
mod apis;
mod desk;
mod fanout;
mod idle;
mod machine;
mod page;
mod servers;
mod storm;
mod table;
mod uplinks;
mod viewers;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use tokio::task::{LocalSet, spawn_local};

use crate::agent::Use;
use crate::fanout::{Outcome, Shape};
use crate::idle::Waiting;
use crate::machine::{Machine, WireArguments};
use crate::servers::Kind;
use crate::table::{Book, Table, Unit};

/// A busy machine may spoil a measurement: so many attempts in all.
const ATTEMPTS: u32 = 3;

/// Measures Linelight side by side with other servers, in interleaved rounds, and prints a table of medians.
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
    /// Only these servers, in comparing parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    servers: Vec<Kind>,
    /// The folder of the binaries of `container/build`.
    #[arg(long, default_value = "target/static")]
    static_builds: PathBuf,
    #[command(flatten)]
    wire: Option<WireArguments>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Viewers of lines, plain: the relay and the references.
    Fanout,
    /// Viewers over TLS.
    Tls,
    /// How the cost grows with viewers.
    Growth,
    /// Idle lines, idle viewers and idle agents.
    Idle,
    /// The agent and the binaries, beside other clients.
    Agent,
    /// Ten thousand joins at once.
    Storm,
    /// The page in Chromium.
    Page,
    /// The console, its search, and an import by the billing API.
    Desk,
}

/// So many sockets are read between two looks at the wire.
const READS_AT_ONCE: usize = 32;

/// A must was missed.
const MISSED: u8 = 1;
/// A figure is missing: a busy machine, or no such program.
const UNMEASURED: u8 = 2;

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let machine = Machine::divide(arguments.wire.as_ref())?;
    machine::allow_files()?;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_io_events_per_tick(READS_AT_ONCE).build()?;
    let Arguments { quick, ref servers, .. } = arguments;
    let bench = Bench { machine, quick, servers: servers.clone(), book: Book::default(), unmeasured: 0 };
    let measuring = async {
        spawn_local(machine.carry());
        bench.run(&arguments).await
    };
    runtime.block_on(LocalSet::new().run_until(measuring))
}

struct Bench {
    machine: Machine,
    quick: bool,
    /// Empty for all.
    servers: Vec<Kind>,
    book: Book,
    unmeasured: usize,
}

impl Bench {
    async fn run(mut self, arguments: &Arguments) -> Result<ExitCode> {
        let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
        for round in 1..=arguments.rounds {
            say(&format!("round {round} of {}", arguments.rounds))?;
            self.round(round, &wanted).await?;
        }
        say("once")?;
        self.once(&wanted).await?;
        if wanted(Part::Agent) {
            self.sizes(&arguments.static_builds)?;
        }
        say(&format!("\n{}", machine::description()))?;
        if self.machine.are_one() {
            say("One processor for all: delays say nothing, and ratios little.")?;
        }
        if !self.machine.has_wire() {
            say(
                "All on loopback: the kernel's work for the viewers is counted with the servers'. tests/bench/run does better.",
            )?;
        }
        let table = self.book.render();
        say(&table.text)?;
        self.conclude(&table, arguments.only.is_empty() && arguments.servers.is_empty())
    }

    /// Comparisons with a neighbour, round by round.
    async fn round(&mut self, round: u32, wanted: &impl Fn(Part) -> bool) -> Result<()> {
        let (wire, loopback) = (self.machine, self.machine.on_loopback());
        if wanted(Part::Fanout) {
            let all = [Kind::BareLoop, Kind::Relay, Kind::OldStack, Kind::UWebSockets];
            // No must is beside uWebSockets: three rounds suffice.
            let kinds = if round <= 3 { &all[..] } else { &all[..3] };
            let (ten, one) = (self.shape(10_000, 1_000), self.shape(10_000, 10_000));
            self.compare("ten", kinds, ten, wire).await?;
            self.compare("one", kinds, one, wire).await?;
            self.compare("loopback ten", &all[..3], ten, loopback).await?;
            self.compare("loopback one", &all[..2], one, loopback).await?;
        }
        if wanted(Part::Tls) {
            let (kinds, shape) = ([Kind::BareLoop, Kind::RelayTls], self.shape(3_000, 300));
            self.compare("loopback tls", &kinds, shape, loopback).await?;
            self.compare("tls", &kinds, shape, wire).await?;
        }
        Ok(())
    }

    /// Figures without a neighbour, and figures for the growth of costs.
    async fn once(&mut self, wanted: &impl Fn(Part) -> bool) -> Result<()> {
        if wanted(Part::Agent) {
            self.agent().await?;
        }
        if wanted(Part::Idle) {
            self.idle().await?;
        }
        if wanted(Part::Storm) {
            self.storm().await?;
        }
        if wanted(Part::Page) {
            self.page().await?;
        }
        if wanted(Part::Desk) {
            self.desk().await?;
        }
        if wanted(Part::Growth) {
            self.growth().await?;
        }
        Ok(())
    }

    fn conclude(&self, table: &Table, is_whole: bool) -> Result<ExitCode> {
        if self.quick {
            say("A quick run: its figures say that the measuring works, and no more.")?;
            return Ok(ExitCode::from(if self.unmeasured > 0 { UNMEASURED } else { 0 }));
        }
        if self.unmeasured > 0 {
            say(&format!("{} measurements failed, as said above: is the machine busy?", self.unmeasured))?;
        }
        if is_whole && table.absent > 0 {
            say(&format!("{} figures of the design are not in this table", table.absent))?;
        }
        if table.missed > 0 {
            say(&format!("{} figures are beyond what they must be", table.missed))?;
            return Ok(ExitCode::from(MISSED));
        }
        let is_complete = self.unmeasured == 0 && (table.absent == 0 || !is_whole);
        Ok(ExitCode::from(if is_complete { 0 } else { UNMEASURED }))
    }

    /// A measurement's figures; an error after too many failures.
    async fn again<T>(&mut self, mut measure: impl AsyncFnMut() -> Result<T>) -> Result<Option<T>> {
        for _ in 0..ATTEMPTS {
            match measure().await {
                Ok(outcome) => return Ok(Some(outcome)),
                Err(error) => say(&format!("  void: {error:#}"))?,
            }
        }
        self.unmeasured += 1;
        Ok(None)
    }

    fn window(&self) -> Duration {
        Duration::from_secs(if self.quick { 3 } else { 5 })
    }

    fn shape(&self, viewers: usize, lines: usize) -> Shape {
        let part = if self.quick { 10 } else { 1 };
        Shape::usual(viewers / part, lines / part)
    }

    async fn compare(&mut self, label: &str, kinds: &[Kind], shape: Shape, machine: Machine) -> Result<()> {
        let window = self.window();
        let servers = self.servers.clone();
        for &kind in kinds.iter().filter(|kind| servers.is_empty() || servers.contains(kind)) {
            let measured = self.again(|| fanout::measure(kind, shape, window, machine)).await?;
            if let Some(outcome) = measured {
                self.note_fanout(label, kind, shape, &outcome)?;
            }
        }
        Ok(())
    }

    fn note_fanout(&mut self, label: &str, kind: Kind, shape: Shape, outcome: &Outcome) -> Result<()> {
        let Shape { viewers, lines, routers } = shape;
        let agents = if outcome.agents_cpu > 0.0 { format!(" + {:.2}", outcome.agents_cpu) } else { String::new() };
        say(&format!(
            "  {label}: {viewers} viewers of {lines} lines of {routers} routers, {}: {:.2}{agents} µs a frame, {:.2} KB a viewer, p50 {:.1} p99 {:.1} max {:.1} ms",
            kind.name(),
            outcome.cpu,
            outcome.memory / 1e3,
            outcome.p50,
            outcome.p99,
            outcome.max
        ))?;
        let mut note = |figure: &str, unit, value| self.book.note(&format!("{label} {figure} {kind:?}"), unit, value);
        note("cpu", Unit::Microseconds, outcome.cpu);
        if outcome.agents_cpu > 0.0 {
            note("agents cpu", Unit::Microseconds, outcome.agents_cpu);
            note("all cpu", Unit::Microseconds, outcome.cpu + outcome.agents_cpu);
        }
        note("memory", Unit::Bytes, outcome.memory);
        note("p50", Unit::Milliseconds, outcome.p50);
        note("p99", Unit::Milliseconds, outcome.p99);
        note("max", Unit::Milliseconds, outcome.max);
        Ok(())
    }

    /// With viewers, one and ten a line, and over TLS; with lines and with agents, for as many viewers.
    async fn growth(&mut self) -> Result<()> {
        let machine = self.machine;
        for viewers in [1_000, 5_000, 15_000] {
            for (label, lines) in [("ten", viewers / 10), ("one", viewers)] {
                let label = format!("{viewers} viewers {label}");
                self.compare(&label, &[Kind::BareLoop, Kind::RelayFed], self.shape(viewers, lines), machine).await?;
            }
        }
        for (label, lines) in [("ten", 500), ("one", 5_000)] {
            self.compare(&format!("5000 {label}"), &[Kind::RelayTls], self.shape(5_000, lines), machine).await?;
        }
        for lines in [500, 1_000, 2_500, 5_000] {
            let shape = Shape { routers: 10, ..self.shape(5_000, lines) };
            self.compare(&format!("5000 of {lines} lines"), &[Kind::RelayFed], shape, machine).await?;
        }
        for routers in [10, 100, 500] {
            let shape = Shape { routers, ..self.shape(5_000, 5_000) };
            self.compare(&format!("5000 from {routers} agents"), &[Kind::RelayFed], shape, machine).await?;
        }
        Ok(())
    }

    async fn idle(&mut self) -> Result<()> {
        let (part, window) = if self.quick { (10, self.window()) } else { (1, idle::PERIOD) };
        let machine = self.machine;
        let lines = self.again(|| idle::lines(100_000 / part, window, machine)).await?;
        self.note_waiting("idle line", lines)?;
        let viewers = self.again(|| idle::viewers(10_000 / part, window, machine)).await?;
        self.note_waiting("idle viewer", viewers)?;
        let agents = self.again(|| idle::agents(10_000 / part, window, machine)).await?;
        if agents.is_some() {
            self.book.note("idle agents", Unit::Count, f64::from(10_000 / part as u32));
        }
        self.note_waiting("idle agent", agents)
    }

    fn note_waiting(&mut self, name: &str, waiting: Option<Waiting>) -> Result<()> {
        let Some(Waiting { memory, cpu }) = waiting else { return Ok(()) };
        say(&format!("  an {name}: {memory:.0} B and {cpu:.2} µs a second"))?;
        self.book.note(name, Unit::Bytes, memory);
        self.book.note(&format!("{name} cpu"), Unit::Microseconds, cpu);
        Ok(())
    }

    async fn storm(&mut self) -> Result<()> {
        let (viewers, machine) = (if self.quick { 1_000 } else { 10_000 }, self.machine);
        let Some(storm) = self.again(|| storm::of(viewers, machine)).await? else { return Ok(()) };
        say(&format!(
            "  {viewers} joins at once: {:.0} ms, {:.0} µs each, {:.2} KB each at the peak and {:.2} KB after it",
            storm.took,
            storm.cpu,
            storm.peak / 1e3,
            storm.memory / 1e3
        ))?;
        self.book.note("storm took", Unit::Milliseconds, storm.took);
        self.book.note("storm cpu", Unit::Microseconds, storm.cpu);
        self.book.note("storm peak", Unit::Bytes, storm.peak);
        self.book.note("storm memory", Unit::Bytes, storm.memory);
        Ok(())
    }

    async fn page(&mut self) -> Result<()> {
        let machine = self.machine;
        let Some(figures) = self.again(|| page::figures(machine)).await? else { return Ok(()) };
        say(&format!("  the page: {figures}"))?;
        for (name, unit) in [
            ("first", Unit::Milliseconds),
            ("slow", Unit::Milliseconds),
            ("script", Unit::Milliseconds),
            ("task", Unit::Milliseconds),
            ("transfer", Unit::Bytes),
            ("early", Unit::Bytes),
            ("late", Unit::Bytes),
        ] {
            if let Some(value) = figures[name].as_f64() {
                self.book.note(&format!("page {name}"), unit, value);
            }
        }
        Ok(())
    }

    async fn desk(&mut self) -> Result<()> {
        let (subscribers, machine) = (if self.quick { 10_000 } else { 100_000 }, self.machine);
        let Some(figures) = self.again(|| desk::of(subscribers, machine)).await? else { return Ok(()) };
        let p99 = |times: &[f64]| desk::percentile(times, 99);
        say(&format!(
            "  {subscribers} subscribers: imported in {:.0} ms; {} searches, median {:.2} and p99 {:.2} ms, plain scans {:.1} and {:.1} ms",
            figures.import,
            figures.searches.len(),
            desk::percentile(&figures.searches, 50),
            p99(&figures.searches),
            desk::percentile(&figures.scans, 50),
            p99(&figures.scans),
        ))?;
        let mut note = |name: &str, unit, value| self.book.note(&format!("desk {name}"), unit, value);
        note("import", Unit::Milliseconds, figures.import);
        note("search p99", Unit::Milliseconds, p99(&figures.searches));
        note("scan p99", Unit::Milliseconds, p99(&figures.scans));
        note("index", Unit::Bytes, figures.index);
        note("first load", Unit::Bytes, figures.first_load);
        for took in figures.sign_ins {
            note("sign-in", Unit::Milliseconds, took);
        }
        for took in figures.revocations {
            note("revoked", Unit::Milliseconds, took);
        }
        Ok(())
    }

    async fn agent(&mut self) -> Result<()> {
        let (window, machine) = (self.window(), self.machine);
        for interfaces in [1, 100, 1_000, 5_000] {
            let used = self.again(|| agent::watching(interfaces, window, machine)).await?;
            self.note_reader("agent", interfaces, used)?;
            for client in ["node-routeros", "mikronode-ng"] {
                let used = self.again(|| agent::client(client, interfaces, window, machine)).await?;
                self.note_reader(client, interfaces, used)?;
            }
        }
        self.book.note("batch bytes", Unit::Bytes, agent::batch_bytes());
        Ok(())
    }

    fn note_reader(&mut self, name: &str, interfaces: usize, used: Option<Use>) -> Result<()> {
        let Some(Use { memory, cpu, bytes }) = used else { return Ok(()) };
        say(&format!(
            "  {name}, {interfaces} watched: {:.2} MB, {cpu:.1} µs and {bytes:.1} bytes a sample",
            memory / 1e6
        ))?;
        self.book.note(&format!("{name} {interfaces} memory"), Unit::Bytes, memory);
        self.book.note(&format!("{name} {interfaces} cpu"), Unit::Microseconds, cpu);
        if bytes > 0.0 {
            self.book.note(&format!("{name} {interfaces} bytes"), Unit::Bytes, bytes);
        }
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

fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
