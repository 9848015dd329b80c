//! What the programs of tests/bench share: the shape of the work, and the mark by which a frame's age is known.

pub mod mark {
    //! A sample's download rate with a mark of its time: nine digits, as on a line of some hundred megabits.

    use rustix::time::{ClockId, clock_gettime};

    /// The smallest mark; smaller figures have fewer digits.
    const BASE: u64 = 100_000_000;
    /// Marks repeat after a quarter of an hour, in microseconds; no frame is under way for so long.
    const PERIOD: u64 = 900_000_000;

    /// Microseconds of the clock shared by all processes of the machine.
    pub fn now_us() -> u64 {
        let now = clock_gettime(ClockId::Monotonic);
        now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1_000
    }

    /// The mark of an instant, in microseconds.
    pub fn of(us: u64) -> u64 {
        BASE + us % PERIOD
    }

    /// How long before `now_us` a mark was made, in microseconds.
    pub fn age(mark: u64, now_us: u64) -> u64 {
        (now_us % PERIOD + PERIOD + BASE).wrapping_sub(mark) % PERIOD
    }
}

/// The name of a line.
pub fn username(line: usize) -> String {
    format!("line-{line:05}")
}

/// The line of a name.
pub fn line(username: &str) -> Option<usize> {
    username.strip_prefix("line-")?.parse().ok()
}

/// When within each second a router's tick is, in microseconds: routers start when they start, and so their ticks lie
/// anywhere in the second.
pub fn phase_us(router: usize) -> u64 {
    (router as u64 * 617_363) % 1_000_000
}

/// A line's upload, without a mark.
pub fn upload(line: usize) -> u64 {
    200_000 + line as u64 * 37 % 800_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_its_age_and_has_nine_digits() {
        for made in [0, 1, 899_999_999, 900_000_000, 12_345_678_901_234] {
            for age in [0, 1, 250_000, 60_000_000] {
                let mark = mark::of(made);
                assert_eq!(mark.to_string().len(), 9);
                assert_eq!(mark::age(mark, made + age), age, "made at {made}");
            }
        }
    }

    #[test]
    fn a_name_tells_its_line() {
        assert_eq!([0, 7, 99_999, 123_456].map(|n| line(&username(n))), [0, 7, 99_999, 123_456].map(Some));
        assert_eq!(line("alice"), None);
    }

    #[test]
    fn ticks_are_spread_over_the_second() {
        let mut taken = [0; 10];
        (0..200).for_each(|router| taken[phase_us(router) as usize / 100_000] += 1);
        assert!(taken.iter().all(|&routers| (10..=30).contains(&routers)), "{taken:?}");
    }
}
