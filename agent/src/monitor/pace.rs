//! How often streams are opened: a limit of the agent's own, whatever a relay asks for.

use std::time::Duration;

use tokio::time::Instant;

/// The most streams opened within [`OPEN_WINDOW`].
const MAX_OPENS: usize = 10;
const OPEN_WINDOW: Duration = Duration::from_secs(10);

/// The least time between two merges of small streams.
const MERGE_PAUSE: Duration = Duration::from_secs(5);

/// When the last streams were opened, and when the last merge began.
#[derive(Debug, Default)]
pub(super) struct Pace {
    opens: heapless::Deque<Instant, MAX_OPENS>,
    merged: Option<Instant>,
}

impl Pace {
    /// True if one more stream may be opened now.
    pub(super) fn allows(&self, now: Instant) -> bool {
        !self.opens.is_full()
            || self.opens.front().is_some_and(|first| now.saturating_duration_since(*first) >= OPEN_WINDOW)
    }

    /// Records an opened stream.
    pub(super) fn note_opened(&mut self, now: Instant) {
        if self.opens.is_full() {
            self.opens.pop_front();
        }
        // There is room: the oldest was removed.
        let _ = self.opens.push_back(now);
    }

    /// True if the pause after the last merge is over. An urgent merge does not wait.
    pub(super) fn allows_merge(&self, now: Instant) -> bool {
        self.merged.is_none_or(|last| now.saturating_duration_since(last) >= MERGE_PAUSE)
    }

    /// Records a merge.
    pub(super) const fn note_merge(&mut self, now: Instant) {
        self.merged = Some(now);
    }
}
