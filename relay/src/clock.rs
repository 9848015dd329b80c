//! The relay's own time: one instant on its two scales, and deadlines. Nothing here reads a clock: `now` is an argument.

use std::ops::{Add, AddAssign, Sub};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// The arithmetic of an instant in milliseconds, on either scale. The difference of two is in milliseconds.
macro_rules! milliseconds_of {
    ($scale:ident) => {
        impl $scale {
            /// Before every other instant.
            pub(crate) const MIN: Self = Self(i64::MIN);

            /// Returns the instant so many milliseconds after the scale's zero.
            pub const fn from_millis(milliseconds: i64) -> Self {
                Self(milliseconds)
            }

            /// Returns the milliseconds since the scale's zero.
            pub const fn as_millis(self) -> i64 {
                self.0
            }

            /// Returns the instant so many milliseconds later, at most the last of the scale.
            pub(crate) const fn saturating_add(self, milliseconds: i64) -> Self {
                Self(self.0.saturating_add(milliseconds))
            }

            /// Returns the instant so many milliseconds earlier, at least [`Self::MIN`].
            pub(crate) const fn saturating_sub(self, milliseconds: i64) -> Self {
                Self(self.0.saturating_sub(milliseconds))
            }

            /// Returns the milliseconds since an earlier instant; less than zero since a later one. Never overflows.
            pub const fn since(self, earlier: Self) -> i64 {
                self.0.saturating_sub(earlier.0)
            }
        }

        impl Add<i64> for $scale {
            type Output = Self;

            fn add(self, milliseconds: i64) -> Self {
                Self(self.0 + milliseconds)
            }
        }

        impl Sub<i64> for $scale {
            type Output = Self;

            fn sub(self, milliseconds: i64) -> Self {
                Self(self.0 - milliseconds)
            }
        }

        impl Sub for $scale {
            type Output = i64;

            fn sub(self, earlier: Self) -> i64 {
                self.0 - earlier.0
            }
        }
    };
}

/// An instant of the relay's steady clock. Its zero is the relay's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Steady(i64);

milliseconds_of!(Steady);

impl Steady {
    /// After every other instant.
    pub(crate) const MAX: Self = Self(i64::MAX);

    /// Returns the instant so many milliseconds earlier, of an agent's number.
    pub(crate) const fn saturating_sub_unsigned(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_sub_unsigned(milliseconds))
    }

    /// Rounds a deadline that may be met early down to [`GATHERING_MS`], so that one wake-up serves many.
    pub(crate) const fn gathered(self) -> Self {
        Self(self.0 - self.0.rem_euclid(GATHERING_MS))
    }
}

/// A time by the wall clock. Its zero is the beginning of 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(i64);

milliseconds_of!(UnixMillis);

impl From<SystemTime> for UnixMillis {
    /// A time before 1970 becomes 1970.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, milliseconds))
    }
}

impl From<UnixMillis> for SystemTime {
    /// A time before 1970 becomes 1970.
    fn from(time: UnixMillis) -> Self {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(time.0).unwrap_or(0))
    }
}

impl AddAssign<i64> for UnixMillis {
    fn add_assign(&mut self, milliseconds: i64) {
        self.0 += milliseconds;
    }
}

/// One instant on the relay's two scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// By the steady clock.
    pub steady: Steady,
    /// By the wall clock.
    pub unix: UnixMillis,
}

/// Clamps ages above ten years, in milliseconds, so that time arithmetic cannot overflow.
pub(crate) const LONGEST_MS: i64 = 10 * 365 * 86_400_000;

/// Wake-ups for deadlines that may be met early come at multiples of this time, milliseconds.
pub(crate) const GATHERING_MS: i64 = 125;

impl Now {
    /// Clamps an agent's instant to between [`LONGEST_MS`] ago and now.
    pub(crate) fn past(self, steady: Steady) -> Steady {
        steady.clamp(self.steady.saturating_sub(LONGEST_MS), self.steady)
    }

    /// Returns the wall clock's time of another instant.
    pub fn unix_of(self, steady: Steady) -> UnixMillis {
        self.unix.saturating_add(steady.since(self.steady))
    }

    /// Returns the instant so many milliseconds from now.
    pub fn plus(self, milliseconds: i64) -> Self {
        Self { steady: self.steady + milliseconds, unix: self.unix + milliseconds }
    }
}

/// Completes when the relay stops. An error means the same: the sender ends with the relay.
pub(crate) async fn drained(drain: &mut watch::Receiver<bool>) {
    let _ = drain.wait_for(|drain| *drain).await;
}

/// Returns whole seconds since 1970; 0 before.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_of_one_moment_are_met_together_and_none_late() {
        for deadline in [-1, 0, 1, 124, 125, 126, 10_000, 12_345_678] {
            let met = Steady(deadline).gathered().0;
            assert!(met <= deadline && deadline - met < GATHERING_MS, "{deadline}: {met}");
            assert_eq!(Steady(met).gathered().0, met);
        }
        assert_eq!(Steady(10_130).gathered(), Steady(10_249).gathered());
    }
}
