//! Says a lasting fault once, and then ever more rarely: a router's log holds 1,000 lines and may be written to flash.

/// One fault, in the words last logged.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    words: String,
    times: u32,
}

impl Complaint {
    /// Counts the fault; returns the count if the fault is to be logged now: at the first time,
    /// then at the second, fourth, eighth and so on, and at once when the words change.
    pub(super) fn note(&mut self, words: &str) -> Option<u32> {
        if self.words != words {
            words.clone_into(&mut self.words);
            self.times = 0;
        }
        self.times = self.times.saturating_add(1);
        self.times.is_power_of_two().then_some(self.times)
    }

    /// Forgets the fault, once passed.
    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.times = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lasting_fault_is_said_ever_more_rarely_and_a_new_one_at_once() {
        let mut complaint = Complaint::default();
        let said: Vec<_> = (0..100).filter_map(|_| complaint.note("down")).collect();
        assert_eq!(said, [1, 2, 4, 8, 16, 32, 64]);
        assert_eq!(complaint.note("refused"), Some(1));
        assert_eq!(complaint.note("down"), Some(1));
        complaint.clear();
        assert_eq!(complaint.note("down"), Some(1));
    }
}
