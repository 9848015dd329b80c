//! The wait before the next attempt. Full jitter spreads a fleet of agents over time after they lost their relay together.
//! No wait is longer than all waits before, so an agent is back soon after a short loss. Pure: the randomness is a seed.

use std::time::Duration;

/// Waits between 0 and a bound: the sum of the waits since the last success.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    waited: Duration,
    state: u64,
}

impl Backoff {
    /// The first waits are up to `base`, each later one up to the sum of those before, and never above `cap`.
    pub const fn new(base: Duration, cap: Duration, seed: u64) -> Self {
        Self { base, cap, waited: Duration::ZERO, state: seed }
    }

    /// Starts anew, after a success.
    pub const fn reset(&mut self) {
        self.waited = Duration::ZERO;
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let wait = self.up_to(self.waited.max(self.base).min(self.cap));
        self.waited = self.waited.saturating_add(wait);
        wait
    }

    /// A wait of `least`, and up to half as long again.
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

/// A seed from the system; without one the waits are predictable, and nothing else is lost.
pub fn seed() -> u64 {
    getrandom::u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_secs(2);
    const CAP: Duration = Duration::from_secs(60);

    #[test]
    fn no_wait_is_longer_than_those_before_it_or_the_cap() {
        for seed in 0..1_000 {
            let mut backoff = Backoff::new(BASE, CAP, seed);
            let mut waited = Duration::ZERO;
            for _ in 0..100 {
                let wait = backoff.wait();
                assert!(wait <= waited.clamp(BASE, CAP), "{wait:?} after {waited:?}");
                waited += wait;
            }
            assert!(waited > CAP * 20, "it does not hammer: {waited:?}");
        }
    }

    #[test]
    fn waits_fill_their_bound() {
        for (waits_before, bound) in [(0, BASE), (100, CAP)] {
            let waits = (0..1_000).map(|seed| {
                let mut backoff = Backoff::new(BASE, CAP, seed);
                (0..waits_before).for_each(|_| assert!(backoff.wait() < CAP));
                backoff.wait()
            });
            let waits: Vec<_> = waits.collect();
            assert!(waits.iter().any(|wait| *wait < bound / 10) && waits.iter().any(|wait| *wait > bound * 9 / 10));
            let mean = waits.iter().sum::<Duration>() / 1_000;
            assert!(mean > bound * 2 / 5 && mean < bound * 3 / 5, "{mean:?} of {bound:?}");
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
