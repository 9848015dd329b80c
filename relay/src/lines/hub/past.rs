//! The columns of all lines.

use std::sync::Arc;

use super::Hub;
use crate::clock::UnixMillis;
use crate::lines::line::Line;
use crate::lines::past::Column;

impl Hub {
    /// Returns the lines that have a column of the time after `from` and up to `to`, each with the column.
    pub(crate) fn columns(&self, (from, to): (UnixMillis, UnixMillis)) -> Vec<(Arc<Line>, Column)> {
        let now = self.now();
        let steady = |at: UnixMillis| now.steady + at.since(now.unix);
        let span = (steady(from), steady(to));
        let mut columns = Vec::new();
        for shard in &self.shards {
            let lines: Vec<Arc<Line>> = shard.lock().lines.iter().map(|line| Arc::clone(&line.0)).collect();
            columns.extend(lines.into_iter().filter_map(|line| line.column(span, now).map(|column| (line, column))));
        }
        columns
    }
}
