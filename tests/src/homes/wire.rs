//! A wire between two TUN devices: takes packets at one end and gives them at the other, later or never.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tappers::linux::Tun;

/// The longest wait for a packet: the wire looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Bytes of the longest packet.
const LONGEST: usize = 2_048;

/// The most packets on the wire; more are lost.
const ON_THE_WIRE: usize = 10_000;

/// What the wire does to packets on their way to subscribers. The way back takes no time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Weather {
    /// The time on the way.
    pub delay: Duration,
    /// At most so much more, evenly spread. Packets overtake each other by it.
    pub jitter: Duration,
    /// The part of packets that is lost, 0 to 1.
    pub loss: f64,
    /// The part of packets that arrives twice, 0 to 1.
    pub doubled: f64,
}

/// The weather, which may change.
pub type SharedWeather = Arc<Mutex<Weather>>;

/// A packet on its way, by the time of its arrival.
type Travelling = Reverse<(Instant, u64, Vec<u8>)>;

/// The wire.
pub(super) struct Wire {
    near: Tun,
    far: Tun,
    weather: SharedWeather,
    stopped: Arc<AtomicBool>,
    dice: AtomicU64,
}

impl Wire {
    pub(super) fn new([near, far]: [Tun; 2], weather: SharedWeather, stopped: Arc<AtomicBool>) -> Self {
        Self { near, far, weather, stopped, dice: AtomicU64::new(1) }
    }

    /// Carries packets until told to stop.
    pub(super) fn carry(self) {
        let mut travelling = BinaryHeap::new();
        let mut packet = vec![0; LONGEST];
        while !self.stopped.load(Ordering::Relaxed) {
            let next = travelling.peek().map(|Reverse((due, ..)): &Travelling| *due);
            self.wait(next.map_or(LOOK, |next| next.saturating_duration_since(Instant::now()).min(LOOK)));
            while let Ok(length) = self.far.recv(&mut packet) {
                // A full end loses packets, as on any wire.
                let _ = self.near.send(&packet[..length]);
            }
            while let Ok(length) = self.near.recv(&mut packet) {
                self.take(&packet[..length], &mut travelling);
            }
            self.deliver(&mut travelling);
        }
    }

    fn wait(&self, longest: Duration) {
        let mut ends = [&self.near, &self.far].map(|end| PollFd::new(end, PollFlags::IN));
        let timeout = Timespec { tv_sec: 0, tv_nsec: longest.subsec_nanos().into() };
        let _ = poll(&mut ends, Some(&timeout));
    }

    fn take(&self, packet: &[u8], travelling: &mut BinaryHeap<Travelling>) {
        let weather = *self.weather.lock().unwrap_or_else(PoisonError::into_inner);
        let copies = if self.throw() < weather.doubled { 2 } else { 1 };
        for _ in 0..copies {
            if self.throw() >= weather.loss && travelling.len() < ON_THE_WIRE {
                let due = Instant::now() + weather.delay + weather.jitter.mul_f64(self.throw());
                travelling.push(Reverse((due, self.dice.load(Ordering::Relaxed), packet.to_vec())));
            }
        }
    }

    fn deliver(&self, travelling: &mut BinaryHeap<Travelling>) {
        while travelling.peek().is_some_and(|Reverse((due, ..))| *due <= Instant::now()) {
            if let Some(Reverse((_, _, packet))) = travelling.pop() {
                let _ = self.far.send(&packet);
            }
        }
    }

    /// A share from 0 to below 1: SplitMix64.
    fn throw(&self) -> f64 {
        let state = self.dice.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let value = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((value ^ (value >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
