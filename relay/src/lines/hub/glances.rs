//! Looks at many lines, for the console. Each line's lock is held for one line alone.

use std::sync::Arc;

use shared::Username;

use super::Hub;
use crate::lines::line::Line;
use crate::lines::line::glance::Glance;
use crate::wire::viewer_frame::Averages;

impl Hub {
    /// Returns a line at one look, with its averages.
    pub(crate) fn glance(&self, username: &Username) -> Glance {
        let circumstances = self.circumstances(self.now());
        // A line that nobody knows has the names of its row.
        let line = self.found(username).unwrap_or_else(|| Arc::new(Line::new(username.clone())));
        line.glance(circumstances, true)
    }

    /// Shows every line that an agent reports.
    pub(crate) fn glances(&self, mut show: impl FnMut(&Username, Glance)) {
        let circumstances = self.circumstances(self.now());
        for shard in &self.shards {
            let lines: Vec<Arc<Line>> = shard.lock().lines.iter().map(|line| Arc::clone(&line.0)).collect();
            for line in lines.iter().filter(|line| line.is_reported()) {
                show(line.username(), line.glance(circumstances, false));
            }
        }
    }

    /// Returns a line's averages of the last two hours.
    pub(crate) fn averages(&self, username: &Username) -> Option<Averages> {
        self.found(username).and_then(|line| line.past(self.now()))
    }

    pub(super) fn found(&self, username: &Username) -> Option<Arc<Line>> {
        self.shard(username).lines.get(username).map(|found| Arc::clone(&found.0))
    }
}
