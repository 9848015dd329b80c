//! The batches for a relay: live ones as they come, then the missed ones.

use shared::frame;
use tokio::time::Instant;

use crate::backlog::{Backlog, Cursor};

/// Unsent batches of one uplink.
#[derive(Debug)]
pub(super) struct UnsentBatches {
    live: Cursor,
    /// The next missing batch; the missing ones end at `first_live`.
    missing: Option<Cursor>,
    first_live: u64,
    acknowledged: u64,
    /// The count of lost batches in the hello.
    lost: u64,
}

impl UnsentBatches {
    /// Returns a state before the hello.
    pub(super) fn new(backlog: &Backlog) -> Self {
        let live = backlog.cursor(backlog.next_sequence());
        Self { live, missing: None, first_live: live.sequence(), acknowledged: 0, lost: 0 }
    }

    /// Begins at the hello: batches from now on are live. Returns the count of lost batches.
    pub(super) fn begin(&mut self, backlog: &mut Backlog, now: Instant) -> u64 {
        backlog.expire(now);
        self.live = backlog.cursor(backlog.next_sequence());
        self.first_live = self.live.sequence();
        self.lost = backlog.lost();
        self.lost
    }

    /// Notes the welcome: the relay lacks batches from `next` on, and knows of the lost ones.
    pub(super) fn welcomed(&mut self, backlog: &mut Backlog, next: u64) {
        backlog.told_lost(self.lost);
        self.missing = Some(backlog.cursor(next));
        self.acknowledge(backlog, next);
    }

    /// Notes an acknowledgement of all batches below `next`.
    pub(super) fn acknowledge(&mut self, backlog: &mut Backlog, next: u64) {
        self.acknowledged = self.acknowledged.max(next);
        backlog.acknowledge(next);
    }

    /// Returns the lowest sequence number without an acknowledgement.
    pub(super) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Returns the next live batch, if any.
    pub(super) fn next_live(&mut self, backlog: &Backlog) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        backlog.read(&mut self.live, &mut bytes)?;
        Some(bytes)
    }

    /// Returns the next missing batch, if any, marked as sent again.
    pub(super) fn next_missing(&mut self, backlog: &Backlog) -> Option<Vec<u8>> {
        let cursor = self.missing.as_mut()?;
        let mut bytes = Vec::new();
        let sequence = backlog.read(cursor, &mut bytes);
        if sequence.is_none_or(|sequence| sequence >= self.first_live) {
            self.missing = None;
            return None;
        }
        frame::mark_replayed(&mut bytes);
        Some(bytes)
    }
}
