//! The machine of a run: its clock, its processors and networks, and what a process has used of them.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, LinkNameSpaceType, move_into_link_name_space, sched_getaffinity, sched_setaffinity};
use tests::bench::mark;

/// How the machine is divided between what is measured and everything else: which processor each runs on, and which network
/// the viewers are in.
#[derive(Clone, Copy)]
pub(crate) struct Machine {
    measured: usize,
    own: usize,
    /// `None` where all are on loopback.
    wire: Option<&'static Wire>,
}

/// Two networks with a wire in between, as `tests/bench/run` makes them: the servers' and the viewers'.
struct Wire {
    server: IpAddr,
    servers: File,
    viewers: File,
}

impl Machine {
    /// Takes the first processor for what is measured and the last for this program, which moves there. With the servers'
    /// address on a wire, and the file of the network at its other end, viewers are there.
    ///
    /// # Errors
    /// When no processor may be used, or the viewers' network is not there.
    pub(crate) fn divide(wire: Option<(IpAddr, &Path)>) -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut usable = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu));
        let measured = usable.next().context("no processor may be used")?;
        let own = usable.next_back().unwrap_or(measured);
        pin(own)?;
        let wire = wire.map(|(server, viewers)| Wire::find(server, viewers)).transpose()?;
        // One for the life of the program.
        Ok(Self { measured, own, wire: wire.map(|wire| &*Box::leak(Box::new(wire))) })
    }

    /// The same without the wire: servers and all who connect to them are on loopback.
    pub(crate) fn on_loopback(self) -> Self {
        Self { wire: None, ..self }
    }

    /// Where servers listen.
    pub(crate) fn server_address(self) -> IpAddr {
        self.wire.map_or(Ipv4Addr::LOCALHOST.into(), |wire| wire.server)
    }

    /// Whether viewers are in a network of their own.
    pub(crate) fn has_wire(self) -> bool {
        self.wire.is_some()
    }

    /// Makes a socket where viewers are: it stays in the network in which it was made.
    pub(crate) fn at_viewers<T>(self, make: impl FnOnce() -> std::io::Result<T>) -> Result<T> {
        let Some(wire) = self.wire else { return Ok(make()?) };
        enter(&wire.viewers)?;
        let made = make();
        enter(&wire.servers)?;
        Ok(made?)
    }

    /// Whether the measured program and its load take turns on one processor, which spoils every delay.
    pub(crate) fn are_one(self) -> bool {
        self.measured == self.own
    }

    /// Runs a future whose child processes start on the measured processor: a child is where its parent's thread is.
    pub(crate) async fn on_measured<T>(self, starting: impl Future<Output = Result<T>>) -> Result<T> {
        pin(self.measured)?;
        let started = starting.await;
        pin(self.own)?;
        started
    }
}

impl Wire {
    fn find(server: IpAddr, viewers: &Path) -> Result<Self> {
        let open = |path: &Path| File::open(path).with_context(|| format!("opening {}", path.display()));
        let wire = Self { server, servers: open(Path::new("/proc/self/ns/net"))?, viewers: open(viewers)? };
        enter(&wire.viewers)?;
        enter(&wire.servers)?;
        Ok(wire)
    }
}

fn enter(network: &File) -> Result<()> {
    let network = move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network));
    network.context("changing the network: tests/bench/run must be run by root")
}

fn pin(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).with_context(|| format!("moving to processor {cpu}"))
}

/// Allows this program and its children as many open files as the system grants: each viewer is one.
pub(crate) fn allow_files() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).context("raising the limit of open files")
}

/// Processor time of all threads of a process, in microseconds, from the scheduler's own count.
pub(crate) fn cpu_us(process: u32) -> Result<f64> {
    let mut nanoseconds = 0u64;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between the listing and the look.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanoseconds += text.split(' ').next().and_then(|figure| figure.parse::<u64>().ok()).context("schedstat")?;
    }
    Ok(nanoseconds as f64 / 1e3)
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(process: u32) -> Result<f64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).context("smaps_rollup has no Rss")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024.0)
}

/// The most memory that a process has had resident, in bytes.
pub(crate) fn peak(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("status has no VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024.0)
}

/// A count of microseconds that both ends of a measurement share.
pub(crate) fn age_us(marked: u64) -> u64 {
    mark::age(marked, mark::now_us())
}

/// The machine in a line.
pub(crate) fn description() -> String {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let value = text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start_matches([' ', '\t', ':'])));
        value.unwrap_or("unknown").trim().to_owned()
    };
    // All that there are: this thread has been put on one.
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processors = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{processors} processors, {}; {} of memory; Linux {}",
        field("/proc/cpuinfo", "model name"),
        field("/proc/meminfo", "MemTotal"),
        kernel.trim()
    )
}
