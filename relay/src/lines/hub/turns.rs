//! The periodic check of all lines, a part at a time, and what is done each second beside it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::{Hub, SHARDS};
use crate::clock::{UnixMillis, drained};

/// Parts of the periodic check within each second. One check of all lines at once would delay the samples that arrive
/// meanwhile.
pub(crate) const TURNS: usize = 8;

/// The wall clock counts as set when it moves by more than this against the steady clock, milliseconds.
const CLOCK_SET_MS: i64 = 500;

impl Hub {
    /// Checks all lines, a part at a time, until every viewer has left after `drain` turned true.
    pub async fn run(self: Arc<Self>, mut drain: watch::Receiver<bool>) {
        let mut names = self.subscribers.changes();
        let mut turns = tokio::time::interval(Duration::from_secs(1) / TURNS as u32);
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut second = Second::default();
        while !(self.is_draining() && self.viewers() == 0) {
            tokio::select! {
                _ = turns.tick() => self.take_turn(&mut second, &mut names),
                _ = seconds.tick() => self.look_after(SystemTime::now()),
                () = drained(&mut drain), if !self.is_draining() => self.begin_drain(),
            }
        }
    }

    /// Checks the next part of all lines.
    pub(crate) fn take_turn(&self, second: &mut Second, names: &mut watch::Receiver<u64>) {
        if second.turn == 0 {
            second.names_changed = names.has_changed().unwrap_or(false);
            names.mark_unchanged();
        }
        if self.is_draining() {
            // The agents have left because the relay told them to. No line becomes unreachable by that.
            return;
        }
        let part = SHARDS / TURNS;
        second.live += self.age_shards(second.turn * part..(second.turn + 1) * part, second.names_changed);
        second.turn += 1;
        if second.turn == TURNS {
            self.metrics.lines_live.set(second.live as u64);
            *second = Second::default();
        }
    }

    /// Checks the lines of these shards. Returns the number of lines that keep their samples.
    pub(crate) fn age_shards(&self, shards: Range<usize>, names_changed: bool) -> usize {
        let now = self.now();
        let mut live = 0;
        for shard in self.shards.get(shards).unwrap_or_default() {
            let mut shard = shard.lock();
            shard.live.retain(|line| {
                let is_left_alone = !names_changed && line.is_at_rest(now);
                is_left_alone || line.age(self.circumstances(now), names_changed)
            });
            live += shard.live.len();
        }
        live
    }

    /// Does the work of each second that belongs to no line.
    fn look_after(&self, wall: SystemTime) {
        self.follow_wall_clock(wall);
        self.end_surplus();
    }

    /// Ends what an address has too many of at lines without a report. While the relay starts, no line has one.
    pub(crate) fn end_surplus(&self) {
        if !self.circumstances(self.now()).starting {
            self.unreported.end_surplus(self.limits.unreported_per_address);
        }
    }

    /// Follows a wall clock that was set, so that the page shows the time on the wall.
    fn follow_wall_clock(&self, wall: SystemTime) {
        let off = UnixMillis::from(wall) - self.now().unix;
        if off.abs() > CLOCK_SET_MS {
            self.started_unix.fetch_add(off, Ordering::Relaxed);
        }
    }
}

/// The progress of one second's periodic check.
#[derive(Default)]
pub(crate) struct Second {
    turn: usize,
    /// True if the subscribers changed before this second began.
    names_changed: bool,
    /// Lines with samples, counted so far.
    live: usize,
}
