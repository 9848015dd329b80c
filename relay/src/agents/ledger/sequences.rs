//! The batches of an epoch by number: recognises doubles, and knows the lowest missing number.

use std::collections::BTreeMap;

/// Remembered holes. A reconnect makes one or two. Beyond this number the oldest hole counts as given up.
const MAX_HOLES: usize = 64;

/// Sequence numbers received, as everything below a cursor and some ranges above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sequences {
    next: u64,
    /// Start to end (exclusive), apart from each other and above `next`.
    ahead: BTreeMap<u64, u64>,
    any: bool,
    lost: u64,
}

impl Default for Sequences {
    fn default() -> Self {
        Self { next: 1, ahead: BTreeMap::new(), any: false, lost: 0 }
    }
}

impl Sequences {
    /// The lowest sequence number still missing.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Whether any batch of the epoch has come.
    pub(crate) fn any(&self) -> bool {
        self.any
    }

    /// Takes a batch's sequence number. True if the batch is new.
    pub(crate) fn insert(&mut self, sequence: u64) -> bool {
        if sequence < self.next || sequence == u64::MAX {
            return false;
        }
        let below = self.ahead.range(..=sequence).next_back().map(|(&start, &end)| (start, end));
        let start = match below {
            Some((_, end)) if end > sequence => return false,
            Some((start, end)) if end == sequence => start,
            _ => sequence,
        };
        let end = self.ahead.remove(&(sequence + 1)).unwrap_or(sequence + 1);
        self.ahead.insert(start, end);
        self.any = true;
        self.advance();
        if self.ahead.len() > MAX_HOLES {
            self.give_up_below(self.ahead.keys().next().copied().unwrap_or(0));
        }
        true
    }

    /// Nothing below `sequence` comes any more.
    pub(crate) fn give_up_below(&mut self, sequence: u64) {
        if sequence > self.next {
            let had: u64 = self.ahead.range(..sequence).map(|(&start, &end)| end.min(sequence) - start).sum();
            self.lost += sequence - self.next - had;
            self.next = sequence;
        }
        self.advance();
    }

    /// How many were given up since this was last asked.
    pub(crate) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    fn advance(&mut self) {
        while let Some(first) = self.ahead.first_entry().filter(|first| *first.key() <= self.next) {
            self.next = self.next.max(first.remove());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn live_ones_first_then_the_missing() {
        let mut sequences = Sequences::default();
        assert!(sequences.insert(1) && sequences.insert(2));
        assert!(sequences.insert(10) && sequences.insert(11));
        assert_eq!(sequences.next(), 3);
        assert!(!sequences.insert(2) && !sequences.insert(10));
        (3..9).for_each(|missing| assert!(sequences.insert(missing)));
        assert_eq!(sequences.next(), 9);
        assert!(sequences.insert(9));
        assert_eq!((sequences.next(), sequences.ahead.len()), (12, 0));
    }

    #[test]
    fn what_the_agent_has_no_more_is_given_up() {
        let mut sequences = Sequences::default();
        sequences.insert(50);
        sequences.give_up_below(50);
        assert_eq!(sequences.next(), 51);
        sequences.give_up_below(7);
        assert_eq!(sequences.next(), 51);
    }

    #[test]
    fn what_is_given_up_is_counted_and_what_came_is_not() {
        let mut sequences = Sequences::default();
        [1, 2, 5, 6, 9].into_iter().for_each(|came| assert!(sequences.insert(came)));
        sequences.give_up_below(6);
        assert_eq!((sequences.take_lost(), sequences.next()), (2, 7), "3 and 4");
        sequences.give_up_below(20);
        assert_eq!((sequences.take_lost(), sequences.take_lost()), (12, 0), "7, 8 and 10 to 19");
    }

    #[test]
    fn holes_are_bounded() {
        let mut sequences = Sequences::default();
        (1..10_000).for_each(|n| assert!(sequences.insert(n * 2)));
        assert!(sequences.ahead.len() <= MAX_HOLES);
        assert!(!sequences.insert(u64::MAX));
    }

    proptest! {
        #[test]
        fn like_a_plain_set(numbers in prop::collection::vec(1u64..60, 0..200)) {
            let mut sequences = Sequences::default();
            let mut all = std::collections::BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(sequences.insert(number), all.insert(number));
                let missing = (1..).find(|n| !all.contains(n)).unwrap();
                prop_assert_eq!(sequences.next(), missing);
            }
        }
    }
}
