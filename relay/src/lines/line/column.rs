//! One column of a line's days.

use super::Line;
use crate::clock::{Now, Steady};
use crate::lines::past::Column;
use crate::wire::viewer_frame::TimedSample;

impl Line {
    /// Returns the line's column of the time after `from` and up to `to`; `None` without an average.
    pub(crate) fn column(&self, (from, to): (Steady, Steady), now: Now) -> Option<Column> {
        let inner = self.lock();
        let averages = inner.averages.as_deref()?;
        let (begin, end) = (now.unix_of(from), now.unix_of(to));
        let samples = inner.live.as_deref().map(|live| live.feed().history(begin)).unwrap_or_default();
        let is_within = |sample: &TimedSample| sample.t > begin && sample.t <= end;
        let responses = samples.samples().filter(is_within).filter_map(|sample| sample.response);
        Column::of(averages.between(from, to), responses)
    }
}
