//! When a certificate is renewed, and how long the relay waits after a failure. Pure: the time is an argument.

use std::time::{Duration, SystemTime};

use super::super::tls::Validity;

/// The part of a certificate's life after which it is replaced, in eighths: three eighths are left then, so that there are
/// days for trying before the last third begins.
const USED: u32 = 5;

/// Returns when a certificate should be replaced.
pub(super) fn renewal(validity: Validity) -> SystemTime {
    let life = validity.not_after.duration_since(validity.not_before).unwrap_or_default();
    validity.not_before + life / 8 * USED
}

/// The waits after failures.
#[derive(Debug)]
pub(super) struct Pace {
    first: Duration,
    longest: Duration,
    next_wait: Duration,
    not_before: Option<SystemTime>,
}

impl Pace {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next_wait: first, not_before: None }
    }

    /// Returns when the next try may begin that is due at `due`. A clock that was set back does not lengthen a wait.
    pub(super) fn not_before(&self, due: SystemTime, now: SystemTime) -> SystemTime {
        let waited = self.not_before.map(|at| at.min(now + self.longest));
        waited.map_or(due, |at| at.max(due))
    }

    pub(super) fn failed(&mut self, now: SystemTime) {
        self.not_before = Some(now + self.next_wait);
        self.next_wait = (self.next_wait * 2).min(self.longest);
    }

    pub(super) fn succeeded(&mut self) {
        (self.next_wait, self.not_before) = (self.first, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(days: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY * days
    }

    #[test]
    fn a_certificate_is_replaced_before_the_last_third_of_its_life() {
        for life in [6, 45, 90, 398] {
            let validity = Validity { not_before: at(1_000), not_after: at(1_000 + life) };
            let renewal = renewal(validity);
            let (third, half) = (validity.not_after - DAY * life / 3, validity.not_after - DAY * life / 2);
            assert!(half < renewal && renewal < third, "{life} days");
        }
        let odd = Validity { not_before: at(2), not_after: at(1) };
        assert_eq!(renewal(odd), at(2), "a life of nothing is no panic");
    }

    #[test]
    fn failures_wait_twice_as_long_each_time_and_a_success_forgets_them() {
        let (now, minute) = (at(1_000), Duration::from_secs(60));
        let mut pace = Pace::new(minute, minute * 6);
        assert_eq!(pace.not_before(now, now), now);
        for waits in [1, 2, 4, 6, 6] {
            pace.failed(now);
            assert_eq!(pace.not_before(now, now), now + minute * waits);
        }
        assert_eq!(pace.not_before(now + DAY, now), now + DAY, "what is due later waits longer");
        let back = now - DAY;
        assert_eq!(pace.not_before(back, back), back + minute * 6, "a clock set back");
        pace.succeeded();
        assert_eq!(pace.not_before(now, now), now);
        pace.failed(now);
        assert_eq!(pace.not_before(now, now), now + minute);
    }
}
