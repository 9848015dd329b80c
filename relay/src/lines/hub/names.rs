//! The names of the lines that agents report, for the console's search.

use std::sync::Arc;

use shared::Username;

use super::Hub;
use crate::lines::line::Line;
use crate::lines::status::ReportedName;

impl Hub {
    /// Returns the reported lines that `is_wanted` chooses, each with its username and the names in the report that counts.
    pub(crate) fn reported_names(&self, is_wanted: impl Fn(&Username) -> bool) -> Vec<ReportedName> {
        let circumstances = self.circumstances(self.now());
        let mut names = Vec::new();
        for shard in &self.shards {
            let lines: Vec<Arc<Line>> = shard.lock().lines.iter().map(|line| Arc::clone(&line.0)).collect();
            let wanted = lines.iter().filter(|line| is_wanted(line.username()));
            names.extend(wanted.filter_map(|line| line.reported_name(circumstances)));
        }
        names.sort_unstable();
        names
    }

    /// True if an agent reports the line, or did before it was lost.
    pub(crate) fn is_reported(&self, username: &Username) -> bool {
        self.shard(username).lines.get(username).is_some_and(|found| found.0.is_reported())
    }
}
