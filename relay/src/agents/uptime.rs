//! An agent's uptime on the relay's steady scale.
//!
//! Routers boot in 1970 and their clocks step and drift, so the relay believes no clock but its own. Nothing here reads
//! a clock: `now` is an argument.

use crate::clock::Steady;

/// Parts of the window. Each keeps its least delay.
const PARTS: usize = 12;

/// Length of one part, milliseconds. A window of two minutes outlives a minute of congestion, and follows an oscillator
/// with an error of 100 ppm to 12 ms.
const PART_MS: i64 = 10_000;

/// The mapping's speed: at most 20 ms in 1,000, so that the chart's seconds look equal.
const SLEW_SHARE: i64 = 50;

/// A mapping with a greater error is corrected at once, milliseconds: slewing would take minutes.
const STEP_MS: i64 = 5_000;

/// Maps one agent epoch's uptime to the relay's steady scale.
///
/// Every message takes some time to arrive, and never less than none. So the smallest difference (received minus
/// uptime) of a window is the best; the mapping slews towards that.
#[derive(Debug, Clone)]
pub(crate) struct UptimeClock {
    least: [Option<i64>; PARTS],
    part: i64,
    offset: Option<i64>,
    slewed: i64,
}

impl Default for UptimeClock {
    fn default() -> Self {
        Self { least: [None; PARTS], part: 0, offset: None, slewed: 0 }
    }
}

impl UptimeClock {
    /// Takes an uptime sent at once and received at `now`. Batches from the backlog do not count.
    pub(crate) fn observe(&mut self, uptime_ms: u64, now: Steady) {
        let Ok(uptime) = i64::try_from(uptime_ms) else { return };
        let now = now.as_millis();
        self.turn(now.div_euclid(PART_MS));
        let seen = now.saturating_sub(uptime);
        let least = &mut self.least[self.part.rem_euclid(PARTS as i64) as usize];
        *least = Some(least.map_or(seen, |least| least.min(seen)));
        self.slew(now);
    }

    /// The steady time of an uptime; without any observation yet, `now`.
    pub(crate) fn steady(&self, uptime_ms: u64, now: Steady) -> Steady {
        match (self.offset, i64::try_from(uptime_ms)) {
            (Some(offset), Ok(uptime)) => Steady::from_millis(uptime.saturating_add(offset)),
            _ => now,
        }
    }

    /// Empties the parts beyond the window.
    fn turn(&mut self, part: i64) {
        let over = (part - self.part).clamp(0, PARTS as i64);
        for step in 1..=over {
            self.least[(self.part + step).rem_euclid(PARTS as i64) as usize] = None;
        }
        if over == PARTS as i64 {
            self.least = [None; PARTS];
        }
        self.part = self.part.max(part);
    }

    fn slew(&mut self, now: i64) {
        let Some(target) = self.least.iter().flatten().min().copied() else { return };
        let offset = match self.offset {
            Some(offset) if target.saturating_sub(offset).saturating_abs() <= STEP_MS => {
                let reach = ((now - self.slewed).max(0) / SLEW_SHARE).max(1);
                offset + (target - offset).clamp(-reach, reach)
            }
            _ => target,
        };
        self.offset = Some(offset);
        self.slewed = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The agent starts when the relay's steady clock is at 1,000,000.
    const START: i64 = 1_000_000;

    fn at(milliseconds: i64) -> Steady {
        Steady::from_millis(milliseconds)
    }

    fn tick(clock: &mut UptimeClock, uptime: i64, delay: i64) -> i64 {
        let now = START + uptime + delay;
        clock.observe(uptime as u64, at(now));
        clock.steady(uptime as u64, at(now)).as_millis()
    }

    #[test]
    fn a_late_batch_moves_nothing() {
        let mut clock = UptimeClock::default();
        assert_eq!(tick(&mut clock, 1_000, 20), START + 1_020);
        assert_eq!(tick(&mut clock, 2_000, 900), START + 2_020);
        assert_eq!(tick(&mut clock, 3_000, 20), START + 3_020);
    }

    #[test]
    fn a_first_batch_that_was_late_is_put_right_slowly() {
        let mut clock = UptimeClock::default();
        let mut previous = tick(&mut clock, 1_000, 820);
        for second in 2..60 {
            let at = tick(&mut clock, second * 1_000, 20);
            assert!((980..=1_020).contains(&(at - previous)), "{} after {previous}", at);
            previous = at;
        }
        assert_eq!(previous, START + 59_020);
    }

    #[test]
    fn drift_is_followed_within_the_window() {
        let mut clock = UptimeClock::default();
        // The agent's oscillator loses 100 ppm, 360 ms in an hour.
        let mut error = 0;
        for second in 1..=3_600 {
            let now = START + second * 1_000 + 20;
            let uptime = (second * 1_000 - second / 10) as u64;
            clock.observe(uptime, at(now));
            error = now - 20 - clock.steady(uptime, at(now)).as_millis();
        }
        assert!(error.abs() <= 40, "{error} ms");
    }

    #[test]
    fn two_weeks_of_drift_leave_order_and_ages_right() {
        for ppm in [-100, 100] {
            let (mut clock, mut previous) = (UptimeClock::default(), None);
            for second in 1..=14 * 86_400_i64 {
                let made = START + second * 1_000;
                // The link is good at least twice a minute, and otherwise late by up to 0.8 s.
                let delay = if second % 30 < 2 { 20 } else { 20 + second * 7_919 % 800 };
                let uptime = (second * 1_000 - second * ppm / 1_000) as u64;
                clock.observe(uptime, at(made + delay));
                let at = clock.steady(uptime, at(made + delay)).as_millis();
                assert!((at - made - 20).abs() <= 40, "{ppm} ppm, second {second}: {} ms", at - made - 20);
                assert!(previous.is_none_or(|previous| (975..=1_025).contains(&(at - previous))), "second {second}");
                previous = Some(at);
            }
        }
    }

    #[test]
    fn a_suspended_agent_is_put_right_at_once_when_the_window_is_over() {
        let mut clock = UptimeClock::default();
        tick(&mut clock, 1_000, 20);
        // The agent's uptime stood still for an hour.
        let now = START + 3_602_020;
        clock.observe(2_000, at(now));
        assert_eq!(clock.steady(2_000, at(now)), at(now));
    }

    #[test]
    fn an_absurd_uptime_is_now() {
        let mut clock = UptimeClock::default();
        clock.observe(u64::MAX, at(5));
        assert_eq!(clock.steady(u64::MAX, at(5)), at(5));
        clock.observe(i64::MAX as u64, at(5));
        clock.observe(0, Steady::MAX);
        clock.steady(u64::MAX / 2, at(5));
    }

    proptest! {
        #[test]
        fn a_tick_of_a_second_stays_near_a_second(delays in prop::collection::vec(0i64..3_000, 1..400)) {
            let mut clock = UptimeClock::default();
            let mut previous: Option<i64> = None;
            for (n, delay) in delays.iter().enumerate() {
                let uptime = (n as i64 + 1) * 1_000;
                // Batches arrive in order on one uplink: a delay holds up all batches behind it.
                let at = tick(&mut clock, uptime, *delay);
                if let Some(previous) = previous {
                    prop_assert!((900..=1_100).contains(&(at - previous)));
                }
                previous = Some(at);
            }
        }
    }
}
