//! The router's CPU load, and the interval between samples under this load.

use crate::routeros::commands::Interval;

/// A load above this, in percent, counts as busy: the router has more urgent work than samples.
const BUSY_PERCENT: u8 = 85;

/// A load below this, in percent, counts as calm.
const CALM_PERCENT: u8 = 60;

/// After so many busy readings in a row the interval grows by a second.
pub(super) const BUSY_READINGS: u8 = 3;

/// After so many calm readings in a row the interval shrinks by a second.
pub(super) const CALM_READINGS: u8 = 6;

/// The load's recent readings and the interval in force.
#[derive(Debug)]
pub(super) struct Load {
    interval: Interval,
    busy: u8,
    calm: u8,
}

impl Load {
    pub(super) const fn new() -> Self {
        Self { interval: Interval::SHORTEST, busy: 0, calm: 0 }
    }

    /// The interval between samples under the present load.
    pub(super) const fn interval(&self) -> Interval {
        self.interval
    }

    /// Takes a reading of the load, in percent.
    pub(super) fn note(&mut self, percent: u8) {
        (self.busy, self.calm) = match percent {
            percent if percent > BUSY_PERCENT => (self.busy + 1, 0),
            percent if percent < CALM_PERCENT => (0, self.calm.saturating_add(1)),
            _ => (0, 0),
        };
        if self.busy >= BUSY_READINGS {
            self.busy = 0;
            self.set_interval(self.interval.longer(), percent);
        } else if self.calm >= CALM_READINGS {
            self.calm = 0;
            self.set_interval(self.interval.shorter(), percent);
        }
    }

    fn set_interval(&mut self, interval: Interval, load: u8) {
        if interval != self.interval {
            tracing::info!(
                seconds = interval.seconds(),
                load,
                "interval between samples follows the router's CPU load"
            );
        }
        self.interval = interval;
    }
}
