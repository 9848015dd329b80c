//! Subscribers' routers that answer probes: a real kernel in a network of its own has the addresses of the simulated router's sessions,
//! and a wire between two TUN devices carries the packets with delay, jitter, loss, doubling and reordering.
//!
//! Kernels here and in many containers have no `netem`. Root's rights and TUN are needed.

mod wire;

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result, ensure};
use rustix::process::geteuid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tappers::Interface;
use tappers::linux::Tun;

use wire::Wire;
pub use wire::{SharedWeather, Weather};

/// The addresses of the simulated router's sessions.
const HOMES: &str = "100.64.0.0/16";

/// The near end's own address (RFC 5737).
const NEAR: &str = "192.0.2.1";

/// The network of all subscribers, and the wire to it.
pub struct Homes {
    weather: SharedWeather,
    stopped: Arc<AtomicBool>,
    carrier: Option<JoinHandle<()>>,
    networks: Vec<String>,
    /// The subscribers' network.
    far: String,
}

impl Homes {
    /// Makes the subscribers' network and a network for this thread, and moves this thread there: programs that it starts see the
    /// subscribers and nothing else. `None` without the rights, or without TUN.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn apart() -> Result<Option<Self>> {
        if !is_possible() {
            return Ok(None);
        }
        let mut homes = Self::unconnected(SharedWeather::default());
        let near = format!("linelight-near-{}", std::process::id());
        homes.add_network(&near)?;
        enter(&near)?;
        homes.connect().map(|()| Some(homes))
    }

    /// Makes the subscribers' network beside the present one, which has a route to it as long as this lives. `None` as of
    /// [`apart`](Self::apart).
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn beside(weather: SharedWeather) -> Result<Option<Self>> {
        if !is_possible() {
            return Ok(None);
        }
        let mut homes = Self::unconnected(weather);
        homes.connect().map(|()| Some(homes))
    }

    fn unconnected(weather: SharedWeather) -> Self {
        Self { weather, stopped: Arc::default(), carrier: None, networks: Vec::new(), far: String::new() }
    }

    fn add_network(&mut self, name: &str) -> Result<()> {
        ip(&["netns", "add", name])?;
        self.networks.push(name.to_owned());
        ip(&["-n", name, "link", "set", "lo", "up"])
    }

    /// Makes the far network, and the wire between it and the present one.
    fn connect(&mut self) -> Result<()> {
        let present = File::open("/proc/thread-self/ns/net")?;
        let far = format!("linelight-far-{}", std::process::id());
        self.add_network(&far)?;
        enter(&far)?;
        let far_end = tun("homes");
        enter_file(&present)?;
        let ends = [tun("linelight-lines")?, far_end?];
        ip(&["link", "set", "linelight-lines", "up"])?;
        ip(&["address", "add", NEAR, "dev", "linelight-lines"])?;
        ip(&["route", "add", HOMES, "dev", "linelight-lines"])?;
        ip(&["-n", &far, "link", "set", "homes", "up"])?;
        // Every address of the range is the far kernel's own.
        ip(&["-n", &far, "route", "add", "local", HOMES, "dev", "lo"])?;
        ip(&["-n", &far, "route", "add", "default", "dev", "homes"])?;
        let wire = Wire::new(ends, Arc::clone(&self.weather), Arc::clone(&self.stopped));
        self.carrier = Some(std::thread::spawn(move || wire.carry()));
        self.far = far;
        Ok(())
    }

    /// Changes what the wire does to packets.
    pub fn set_weather(&self, weather: Weather) {
        *self.weather.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = weather;
    }

    /// Says whether subscribers' routers answer probes.
    ///
    /// # Errors
    /// When the far network's setting cannot be written.
    pub fn set_answering(&self, answers: bool) -> Result<()> {
        let setting = format!("echo {} >/proc/sys/net/ipv4/icmp_echo_ignore_all", u8::from(!answers));
        ip(&["netns", "exec", &self.far, "sh", "-c", &setting])
    }
}

impl Drop for Homes {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = self.carrier.take().map(JoinHandle::join);
        for network in &self.networks {
            let _ = ip(&["netns", "delete", network]);
        }
    }
}

fn tun(name: &str) -> Result<Tun> {
    let tun = Tun::new_named(Interface::new(name)?)?;
    tun.set_nonblocking(true)?;
    Ok(tun)
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output().context("starting ip: install iproute2")?;
    ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn is_possible() -> bool {
    geteuid().is_root() && Path::new("/dev/net/tun").exists()
}

fn enter(network: &str) -> Result<()> {
    let file = File::open(format!("/run/netns/{network}")).with_context(|| format!("opening the network {network}"))?;
    enter_file(&file)
}

fn enter_file(file: &File) -> Result<()> {
    Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?)
}
