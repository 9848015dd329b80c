//! The machine of a run: the clock, the processors and networks, and a process's use of them.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{
    CpuSet, LinkNameSpaceType, move_into_link_name_space, sched_getaffinity, sched_setaffinity, sched_yield,
};
use tappers::Interface;
use tappers::linux::Tun;
use tokio::task::yield_now;
use tokio::time::sleep;

/// Packets carried one way before the other way is looked at.
const AT_ONCE: usize = 64;

/// Of a packet, in bytes.
const LONGEST_PACKET: usize = 65_536;

/// The wire of `tests/bench/run`.
#[derive(Debug, Args)]
#[group(requires_all = ["server_address", "field_address", "field_network"])]
pub(crate) struct WireArguments {
    /// The servers' address
    #[arg(long, required = false)]
    server_address: IpAddr,
    /// The routers' address at the other end
    #[arg(long, required = false)]
    field_address: IpAddr,
    /// The file of the network there
    #[arg(long, required = false)]
    field_network: PathBuf,
}

/// How the machine is divided between what is measured and everything else: which processor each runs on, and which network
/// it is in.
#[derive(Clone, Copy)]
pub(crate) struct Machine {
    measured: usize,
    own: usize,
    /// `None` on loopback.
    wire: Option<&'static Wire>,
}

/// Two networks with a wire in between, as `tests/bench/run` makes them: the servers' and everybody else's.
struct Wire {
    server: IpAddr,
    field: IpAddr,
    near: File,
    far: File,
    ends: [Tun; 2],
}

impl Machine {
    /// Takes the first processor for what is measured and the last for this program, which moves there. With a wire, everybody
    /// but the servers is at its far end.
    ///
    /// # Errors
    /// When no processor may be used, or the wire is not there.
    pub(crate) fn divide(wire: Option<&WireArguments>) -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut usable = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu));
        let measured = usable.next().context("no processor may be used")?;
        let own = usable.next_back().unwrap_or(measured);
        pin(own)?;
        let wire = wire.map(Wire::find).transpose()?;
        // One for the life of the program.
        Ok(Self { measured, own, wire: wire.map(|wire| &*Box::leak(Box::new(wire))) })
    }

    /// The same without the wire: servers, viewers and agents are on loopback.
    pub(crate) fn on_loopback(self) -> Self {
        Self { wire: None, ..self }
    }

    /// The servers' address.
    pub(crate) fn server_address(self) -> IpAddr {
        self.wire.map_or(Ipv4Addr::LOCALHOST.into(), |wire| wire.server)
    }

    /// Whether everybody but the servers is at the far end of a wire.
    pub(crate) fn has_wire(self) -> bool {
        self.wire.is_some()
    }

    /// The routers' address.
    pub(crate) fn field_address(self) -> IpAddr {
        self.wire.map_or(Ipv4Addr::LOCALHOST.into(), |wire| wire.field)
    }

    /// Makes a socket or starts a program in the network of viewers, agents and routers, for good.
    pub(crate) fn in_the_field<T>(self, make: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(wire) = self.wire else { return make() };
        enter(&wire.far)?;
        let made = make();
        enter(&wire.near)?;
        made
    }

    /// Carries packets over the wire for as long as the program runs. Whoever sends pays for his own half and interrupts nobody,
    /// for this program looks by itself, until a second has passed without any. Agents and routers are let in between.
    pub(crate) async fn carry(self) {
        let Some(wire) = self.wire else { return };
        let mut packet = vec![0; LONGEST_PACKET];
        let mut last = Instant::now();
        loop {
            while wire.carry(&mut packet) > 0 {
                last = Instant::now();
            }
            if last.elapsed() < Duration::from_secs(1) {
                sched_yield();
                yield_now().await;
            } else {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// True if the measured program and the load take turns on one processor: every delay is then spoiled.
    pub(crate) fn are_one(self) -> bool {
        self.measured == self.own
    }

    /// Runs a future. Child processes start on the measured processor: a child begins on the thread's processor.
    pub(crate) async fn on_measured<T>(self, starting: impl Future<Output = Result<T>>) -> Result<T> {
        pin(self.measured)?;
        let started = starting.await;
        pin(self.own)?;
        started
    }
}

impl Wire {
    fn find(arguments: &WireArguments) -> Result<Self> {
        let open = |path: &Path| File::open(path).with_context(|| format!("opening {}", path.display()));
        let (near, far) = (open(Path::new("/proc/self/ns/net"))?, open(&arguments.field_network)?);
        let near_end = attach("server")?;
        enter(&far)?;
        let far_end = attach("field")?;
        enter(&near)?;
        let WireArguments { server_address: server, field_address: field, .. } = *arguments;
        Ok(Self { server, field, near, far, ends: [near_end, far_end] })
    }

    /// Carries the waiting packets of either end, one at a time. Returns their number.
    fn carry(&self, packet: &mut [u8]) -> usize {
        let mut carried = 0;
        let [near, far] = &self.ends;
        for (from, to) in [(near, far), (far, near)] {
            for _ in 0..AT_ONCE {
                let Ok(length) = from.recv(packet) else { break };
                // A full end loses packets, as on any wire.
                let _ = to.send(&packet[..length]);
                carried += 1;
            }
        }
        carried
    }
}

/// Takes the present network's end of the wire.
fn attach(name: &str) -> Result<Tun> {
    let open = || {
        let end = Tun::new_named(Interface::new(name)?)?;
        end.set_nonblocking(true)?;
        std::io::Result::Ok(end)
    };
    open().with_context(|| format!("attaching to {name}: tests/bench/run makes it"))
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

/// A process's highest resident memory, in bytes.
pub(crate) fn peak(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("status has no VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024.0)
}

/// Microseconds since a time of the wall clock, by the kernel's stamps.
pub(crate) fn since_us(then: Duration) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.saturating_sub(then).as_micros()).unwrap_or(u64::MAX)
}

/// The machine in a line.
pub(crate) fn description() -> String {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let value = text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start_matches([' ', '\t', ':'])));
        value.unwrap_or("unknown").trim().to_owned()
    };
    // All processors: this thread has been put on one.
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
