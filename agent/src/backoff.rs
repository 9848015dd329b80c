//! How long to wait before the next attempt: full jitter, so that a fleet that lost its relay together does not come
//! back together. Pure: the randomness is a seed.

use std::time::Duration;

/// Waits between 0 and a bound that doubles with each attempt.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    attempts: u32,
    state: u64,
}

impl Backoff {
    /// The first wait is up to `base`, each later one up to twice the one before, and never above `cap`.
    pub const fn new(base: Duration, cap: Duration, seed: u64) -> Self {
        Self { base, cap, attempts: 0, state: seed }
    }

    /// Starts anew, after something worked.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let bound = self.base.saturating_mul(1 << self.attempts.min(16)).min(self.cap);
        self.attempts = self.attempts.saturating_add(1);
        self.up_to(bound)
    }

    /// A wait that was asked for, and up to half as long again.
    pub fn at_least(&mut self, least: Duration) -> Duration {
        least + self.up_to(least / 2)
    }

    fn up_to(&mut self, bound: Duration) -> Duration {
        // 53 bits fill the fraction of a float exactly.
        let share = (self.random() >> 11) as f64 / (1u64 << 53) as f64;
        bound.mul_f64(share)
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): spreads waits, guards nothing.
    const fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A seed from the system; where it has none to give, waits are merely predictable.
pub fn seed() -> u64 {
    getrandom::u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_secs(2);
    const CAP: Duration = Duration::from_secs(60);

    #[test]
    fn waits_fill_a_bound_that_doubles_up_to_the_cap() {
        for (attempt, bound) in [(0, 2), (1, 4), (2, 8), (3, 16), (4, 32), (5, 60), (40, 60)] {
            let bound = Duration::from_secs(bound);
            let waits: Vec<_> = (0..1_000)
                .map(|seed| {
                    let mut backoff = Backoff::new(BASE, CAP, seed);
                    (0..attempt).for_each(|_| assert!(backoff.wait() < CAP));
                    backoff.wait()
                })
                .collect();
            assert!(waits.iter().all(|wait| *wait < bound), "attempt {attempt}");
            assert!(waits.iter().any(|wait| *wait < bound / 10) && waits.iter().any(|wait| *wait > bound * 9 / 10));
            let mean = waits.iter().sum::<Duration>() / 1_000;
            assert!(mean > bound * 2 / 5 && mean < bound * 3 / 5, "attempt {attempt}: {mean:?}");
        }
    }

    #[test]
    fn after_a_success_it_starts_anew() {
        let mut backoff = Backoff::new(BASE, CAP, 1);
        (0..20).for_each(|_| assert!(backoff.wait() < CAP));
        backoff.reset();
        assert!(backoff.wait() < BASE);
    }

    #[test]
    fn an_asked_for_wait_is_never_shortened() {
        let mut backoff = Backoff::new(BASE, CAP, 7);
        for _ in 0..1_000 {
            let wait = backoff.at_least(CAP);
            assert!(wait >= CAP && wait < CAP * 3 / 2);
        }
    }
}
