//! The batches of one run, counted.

use super::sequences::Sequences;

/// The batches of one run: received, and lost for ever.
#[derive(Debug, Default)]
pub(crate) struct Received {
    sequences: Sequences,
    batches: u64,
    samples: u64,
    lost: u64,
}

impl Received {
    /// Gives up everything below the agent's oldest batch. Returns the number of batches lost by that.
    pub(super) fn resume(&mut self, oldest: u64) -> u64 {
        self.sequences.give_up_below(oldest);
        self.sequences.take_lost()
    }

    /// Counts batches as lost for ever.
    pub(super) fn count_lost(&mut self, lost: u64) {
        self.lost = self.lost.saturating_add(lost);
    }

    /// Takes a batch's sequence number. True if the batch is new.
    pub(crate) fn insert(&mut self, sequence: u64) -> bool {
        let is_new = self.sequences.insert(sequence);
        self.batches += u64::from(is_new);
        is_new
    }

    /// Counts the samples of a batch.
    pub(crate) fn count_samples(&mut self, samples: u64) {
        self.samples += samples;
    }

    /// Gives up every batch below the agent's oldest.
    pub(crate) fn give_up_below(&mut self, oldest: u64) {
        self.sequences.give_up_below(oldest);
    }

    /// Returns the number of batches given up since the last call.
    pub(crate) fn take_lost(&mut self) -> u64 {
        let lost = self.sequences.take_lost();
        self.count_lost(lost);
        lost
    }

    /// Returns the lowest missing sequence number.
    pub(crate) fn next(&self) -> u64 {
        self.sequences.next()
    }

    /// True if any batch of the run has come.
    pub(crate) fn any(&self) -> bool {
        self.sequences.any()
    }

    pub(crate) fn batches(&self) -> u64 {
        self.batches
    }

    pub(crate) fn samples(&self) -> u64 {
        self.samples
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }
}
