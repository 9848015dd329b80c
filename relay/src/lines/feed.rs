//! The samples of a watched line: the ring, late ones, and the newest one as a frame.

use std::sync::Arc;

use super::audience::Cursor;
use super::averages::Change;
use super::ring::{HISTORY_MS, SampleRing};
use crate::clock::{Now, Steady, UnixMillis};
use crate::wire::response::Measured;
use crate::wire::viewer_frame::{History, TimedSample};

/// Late samples kept until they are merged: two streams' worth of a full history.
const MAX_LATE: usize = 600;

/// Two samples of one line nearer than this are one, as two relays time it, milliseconds: no agent sends samples more often than each
/// second.
const SAME_SAMPLE_MS: i64 = 400;

/// A sample older than the newest one by more than this voids the ring, milliseconds: a clock stepped back. A smaller step makes
/// the sample's time rise.
const STEP_BACK_MS: i64 = 5_000;

/// A line's samples, in the order of their times.
#[derive(Debug, Default)]
pub(super) struct Feed {
    ring: SampleRing,
    /// Samples from a backlog. They are merged at the next periodic check, within a second: merged at once, every batch would
    /// send a snapshot to everyone.
    late: Vec<TimedSample>,
    /// True while averages of earlier times wait to be told.
    has_late_averages: bool,
    /// The newest sample as a WebSocket frame, while a viewer's task has to write it. The JSON begins behind
    /// [`SHORT_HEADER`](crate::wire::websocket::SHORT_HEADER).
    newest: Option<Arc<[u8]>>,
    /// Changes when viewers must drop their samples.
    revision: u32,
    /// Samples pushed since the revision began.
    position: u64,
    last_arrival: Option<Steady>,
}

impl Feed {
    /// Adds a live sample, and returns it with its final time.
    pub(super) fn push(&mut self, mut sample: TimedSample, now: Now) -> TimedSample {
        self.last_arrival = Some(now.steady);
        sample.t = sample.t.min(now.unix);
        match self.ring.newest() {
            Some(newest) if newest - sample.t > STEP_BACK_MS => {
                self.ring.clear();
                self.begin_revision();
            }
            Some(newest) => sample.t = sample.t.max(newest + 1),
            None => {}
        }
        self.ring.push(sample);
        self.position += 1;
        self.newest = None;
        sample
    }

    /// Keeps a sample from a backlog for the next [`merge_late`](Self::merge_late).
    pub(super) fn push_late(&mut self, sample: TimedSample) {
        if self.late.len() < MAX_LATE {
            self.late.push(sample);
        }
    }

    /// Keeps samples that another relay held, for the next [`merge_late`](Self::merge_late). Two relays time one sample a little apart:
    /// of samples nearer than [`SAME_SAMPLE_MS`], the held one stays.
    pub(super) fn complete(&mut self, samples: Vec<TimedSample>) {
        let held: Vec<UnixMillis> = self.ring.iter().map(|sample| sample.t).collect();
        for sample in samples {
            let is_near = |t: UnixMillis| (t - sample.t).abs() <= SAME_SAMPLE_MS;
            let at = held.partition_point(|t| *t < sample.t);
            let is_held = held[at.saturating_sub(1)..held.len().min(at + 1)].iter().copied().any(is_near);
            if !is_held && !self.late.iter().any(|late| is_near(late.t)) {
                self.push_late(sample);
            }
        }
    }

    /// Notes a change of the line's averages.
    pub(super) fn averages_changed(&mut self, change: Change) {
        self.has_late_averages |= change == Change::Other;
    }

    /// Puts late samples into their places. True if viewers must drop their samples.
    pub(super) fn merge_late(&mut self) -> bool {
        let mut merged = std::mem::take(&mut self.has_late_averages);
        if !self.late.is_empty() {
            merged |= self.ring.merge(std::mem::take(&mut self.late));
        }
        if merged {
            self.begin_revision();
        }
        merged
    }

    /// True while something late waits to be merged.
    pub(super) fn has_late(&self) -> bool {
        !self.late.is_empty() || self.has_late_averages
    }

    /// Makes viewers drop their samples.
    pub(super) fn begin_revision(&mut self) {
        self.revision = self.revision.wrapping_add(1);
        self.position = 0;
        self.newest = None;
    }

    /// Keeps the newest sample's frame for the viewers' tasks.
    pub(super) fn keep_frame(&mut self, frame: &[u8]) {
        self.newest = Some(frame.into());
    }

    /// Returns the newest sample's time and frame, if a task has to write the frame.
    pub(super) fn newest_frame(&self) -> Option<(UnixMillis, &Arc<[u8]>)> {
        self.ring.newest().zip(self.newest.as_ref())
    }

    /// Returns the number of samples missed by a viewer; `None` for a viewer of another revision.
    pub(super) fn missed_by(&self, cursor: &Cursor) -> Option<u64> {
        (cursor.revision == Some(self.revision)).then(|| self.position.wrapping_sub(cursor.position))
    }

    /// Returns the cursor of a viewer with every sample, and with that version of the state.
    pub(super) fn cursor(&self, state: u32) -> Cursor {
        Cursor { revision: Some(self.revision), state, averages: 0, position: self.position }
    }

    /// Returns the newest `count` samples, oldest first.
    pub(super) fn last(&self, count: usize) -> History {
        self.ring.last(count).collect()
    }

    /// Returns the samples of the last minutes before `now`.
    pub(super) fn history(&self, now: UnixMillis) -> History {
        self.ring.iter().filter(|sample| sample.t >= now - HISTORY_MS).collect()
    }

    pub(super) fn newest(&self) -> Option<TimedSample> {
        self.ring.last(1).next()
    }

    /// Returns the newest response held.
    pub(super) fn newest_response(&self) -> Option<Measured> {
        self.ring.iter().filter_map(|sample| sample.response).last()
    }

    pub(super) fn len(&self) -> usize {
        self.ring.iter().count()
    }

    /// Returns the arrival of the last live sample.
    pub(super) fn last_arrival(&self) -> Option<Steady> {
        self.last_arrival
    }
}
