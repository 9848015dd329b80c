//! The response of a line while nothing loads it: the lowest tenth of the last two hours' responses, as one number.
//!
//! Each response above the estimate moves it up a little, each below moves it down nine times as much. The two are in
//! balance where one response in ten is below. Nothing else is kept of the responses.

/// Responses before the estimate is told.
const KNOWN_AFTER: u16 = 10;

/// The estimate moves by a part of itself; after so many responses the part stays the same. A line that is full for ten
/// minutes moves it by less than a tenth.
const SETTLED_AFTER: u16 = 1_000;

/// The part of responses below the estimate.
const TENTH: f32 = 0.1;

/// The estimate is told again after a change of more than this part.
const NEWS: f32 = 0.1;

/// The quiet response of one line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quiet {
    /// Microseconds.
    estimate: f32,
    /// As last told, microseconds; zero before.
    told: u32,
    responses: u16,
}

impl Quiet {
    /// Returns the quiet response in microseconds, once it is known.
    pub(super) fn micros(self) -> Option<u32> {
        (self.told > 0).then_some(self.told)
    }

    /// Takes a response in microseconds. True if [`micros`](Self::micros) changed.
    pub(super) fn take(&mut self, micros: u32) -> bool {
        let response = micros as f32;
        self.responses = (self.responses + 1).min(SETTLED_AFTER);
        let step = self.estimate / f32::from(self.responses);
        self.estimate = if self.responses == 1 {
            response
        } else if response < self.estimate {
            (self.estimate - step * (1.0 - TENTH)).max(response)
        } else {
            (self.estimate + step * TENTH).min(response)
        };
        self.tell()
    }

    fn tell(&mut self) -> bool {
        let told = self.told as f32;
        let is_news = (self.estimate - told).abs() > told * NEWS;
        if self.responses < KNOWN_AFTER || !is_news {
            return false;
        }
        self.told = (self.estimate as u32).max(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(responses: impl IntoIterator<Item = u32>) -> Quiet {
        let mut quiet = Quiet::default();
        for response in responses {
            quiet.take(response);
        }
        quiet
    }

    /// Responses between 10 and 20 ms, all equally likely.
    fn spread(count: u32) -> impl Iterator<Item = u32> {
        (0..count).map(|nth| 10_000 + nth.wrapping_mul(7_919) % 10_000)
    }

    #[test]
    fn the_lowest_tenth_is_found() {
        let quiet = after(spread(7_200));
        assert!((10_700.0..11_300.0).contains(&quiet.estimate), "{quiet:?}");
    }

    #[test]
    fn too_few_responses_say_nothing() {
        assert_eq!(after(spread(9)).micros(), None);
        assert!(after(spread(10)).micros().is_some());
    }

    #[test]
    fn ten_minutes_of_a_full_line_hardly_move_the_estimate() {
        let quiet = after([12_000; 600].into_iter().chain([340_000; 600]));
        assert!(quiet.micros().is_some_and(|micros| micros < 13_200), "{quiet:?}");
    }

    #[test]
    fn a_shorter_way_is_learned_and_told() {
        let mut quiet = after([40_000; 2_000]);
        let told = (0..2_000).filter(|_| quiet.take(12_000)).count();
        assert!(quiet.micros().is_some_and(|micros| micros < 13_400), "{quiet:?}");
        assert!((1..20).contains(&told), "told {told} times");
    }

    #[test]
    fn steady_responses_are_told_once() {
        let mut quiet = Quiet::default();
        assert_eq!((0..5_000).filter(|_| quiet.take(12_000)).count(), 1);
    }
}
