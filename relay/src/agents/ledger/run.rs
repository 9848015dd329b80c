//! One run of an agent, from start to end, over all uplinks.

use std::net::IpAddr;

use shared::Epoch;
use shared::control::{Hello, Status};

use crate::agents::uptime::UptimeClock;
use crate::clock::{Now, Steady};
use crate::lines::report::cut;

/// The present or last run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    epoch: Option<Epoch>,
    /// Maps the run's uptime to the relay's time.
    pub(crate) clock: UptimeClock,
    version: String,
    peer: Option<IpAddr>,
    connected: Steady,
    /// The agent's uptime at the uplink's hello, milliseconds.
    begun_at: u64,
    heartbeat: Steady,
    status: Option<Status>,
    /// True once the table of lines behind the hello has come.
    pub(crate) has_table: bool,
    /// Line reports of this uplink that did not count, because an agent with a narrower pattern reports the line.
    pub(crate) held_back: u64,
    /// True once the log has a warning of lines beyond the agent's patterns.
    pub(crate) is_warned: bool,
}

impl Run {
    /// Begins an uplink of this run, or of a new one.
    pub(super) fn begin_uplink(&mut self, hello: &Hello, peer: Option<IpAddr>, now: Now) {
        let is_resumed = self.epoch == Some(hello.epoch);
        let clock = if is_resumed { std::mem::take(&mut self.clock) } else { UptimeClock::default() };
        *self = Self {
            epoch: Some(hello.epoch),
            clock,
            version: cut(&hello.version).to_owned(),
            peer,
            connected: now.steady,
            begun_at: hello.uptime_ms,
            heartbeat: now.steady,
            ..Self::default()
        };
        self.clock.observe(hello.uptime_ms, now.steady);
    }

    /// Takes a status that came at `now`. Returns the one before.
    pub(crate) fn set_status(&mut self, status: Status, now: Now) -> Option<Status> {
        self.heartbeat = now.steady;
        self.status.replace(status)
    }

    /// Returns the run's random number; `None` before the first run.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// Returns the agent's version, cut to a sane length.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Returns the agent's address, where known.
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Returns the beginning of the uplink.
    pub(crate) fn connected(&self) -> Steady {
        self.connected
    }

    /// Returns the agent's uptime at the uplink's hello, milliseconds.
    pub(crate) fn begun_at(&self) -> u64 {
        self.begun_at
    }

    /// Returns the arrival of the last status, or of the hello.
    pub(crate) fn heartbeat(&self) -> Steady {
        self.heartbeat
    }

    /// Returns the last status of this uplink.
    pub(crate) fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }
}
