//! Logs rows of the router beyond the bounds, each by name and once a connection.

use super::purpose::Purpose;
use crate::routeros::dialogue::in_words;
use crate::routeros::sentence::Sentence;

/// The most rows logged on one connection.
const LOGGED: usize = 16;

/// The logged rows.
#[derive(Debug, Default)]
pub(super) struct LeftOut(Vec<String>);

impl LeftOut {
    /// Logs the row, unless it was logged before or the log has enough.
    pub(super) fn note(&mut self, purpose: Purpose, row: &Sentence<'_>) {
        let name = ["name", "user", ".id"].iter().find_map(|attribute| row.get(attribute)).map(in_words);
        let row = name.unwrap_or_else(|| "without a name".to_owned());
        if self.0.len() < LOGGED && !self.0.contains(&row) {
            tracing::warn!(?purpose, row, "router's row is too large and left out: shorten its name and its comment");
            self.0.push(row);
        }
    }

    /// Forgets the rows: the connection is gone.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
