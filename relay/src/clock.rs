//! The relay's own time: one instant on its two scales, and deadlines. Nothing here reads a clock: `now` is an argument.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// One instant on the relay's two scales, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since the relay started; steady.
    pub steady: i64,
    /// Unix time by the relay's clock.
    pub unix: i64,
}

/// No outage, no session and no sample is older, milliseconds: ten years. What an agent says beyond it is cut, so that no number
/// of its leads out of the scales.
pub(crate) const LONGEST_MS: i64 = 10 * 365 * 86_400_000;

/// Deadlines that may be a little early are met together, so many times a second and not each by itself: to be woken costs more
/// than most of what is then done. Milliseconds.
pub(crate) const GATHERING_MS: i64 = 125;

/// The moment at which a deadline of the steady scale is met: at it, or less than [`GATHERING_MS`] before.
pub(crate) fn gathered(deadline: i64) -> i64 {
    deadline - deadline.rem_euclid(GATHERING_MS)
}

impl Now {
    /// A steady time as an agent makes it seem, brought to between [`LONGEST_MS`] ago and now.
    pub(crate) fn past(self, steady: i64) -> i64 {
        steady.clamp(self.steady.saturating_sub(LONGEST_MS), self.steady)
    }

    /// Unix time of another instant of the steady scale.
    pub fn unix_of(self, steady: i64) -> i64 {
        self.unix.saturating_add(steady.saturating_sub(self.steady))
    }

    /// The instant so many milliseconds from now.
    pub fn plus(self, milliseconds: i64) -> Self {
        Self { steady: self.steady + milliseconds, unix: self.unix + milliseconds }
    }
}

/// Completes when the relay stops; an error means that whoever would say so has gone, the relay with it.
pub(crate) async fn drained(drain: &mut watch::Receiver<bool>) {
    let _ = drain.wait_for(|drain| *drain).await;
}

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn unix_ms(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_of_one_moment_are_met_together_and_none_late() {
        for deadline in [-1, 0, 1, 124, 125, 126, 10_000, 12_345_678] {
            let met = gathered(deadline);
            assert!(met <= deadline && deadline - met < GATHERING_MS, "{deadline}: {met}");
            assert_eq!(gathered(met), met);
        }
        assert_eq!(gathered(10_130), gathered(10_249));
    }
}
