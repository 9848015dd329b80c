//! Rows of the router that are too large to be kept: each is logged once a connection, by its name.

use super::conversation::Purpose;
use crate::routeros::dialogue::in_words;
use crate::routeros::sentence::Sentence;

/// So many rows are logged on one connection.
const LOGGED: usize = 16;

/// The rows that were logged.
#[derive(Debug, Default)]
pub(super) struct LeftOut(Vec<String>);

impl LeftOut {
    /// Logs the row, unless the log has it already or has enough.
    pub(super) fn note(&mut self, purpose: Purpose, row: &Sentence<'_>) {
        let name = ["name", "user", ".id"].iter().find_map(|attribute| row.get(attribute)).map(in_words);
        let row = name.unwrap_or_else(|| "without a name".to_owned());
        if self.0.len() < LOGGED && !self.0.contains(&row) {
            tracing::warn!(?purpose, row, "router's row is too large and left out: shorten its name and its comment");
            self.0.push(row);
        }
    }

    /// The connection went.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
