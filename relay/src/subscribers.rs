//! Who a line's customer is and what they bought: the subscribers file, reloaded when it changes.
//!
//! Reading one is [`parse`]'s work; here is the table in use. A line without a row shows what its agent reported.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result};
use shared::Username;
use shared::control::Plan;
use tokio::sync::watch;

use crate::store::data_directory;

pub use parse::{BadRow, FileError, Parsed};

mod limit;
pub mod parse;

/// The largest subscribers file, in bytes: some 500,000 rows.
const MAX_FILE: u64 = 64 * 1024 * 1024;
/// How many bad rows are told one by one; the rest are a count.
const ROWS_TOLD: usize = 20;

/// One row of the subscribers file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The customer's name.
    pub customer: Option<String>,
    /// The package's name.
    pub package: Option<String>,
    /// The plan's limits.
    pub plan: Plan,
}

/// The subscribers as their file says now; a clone is the same table.
#[derive(Clone)]
pub struct Subscribers {
    shared: Arc<Shared>,
}

struct Shared {
    // Held for one lookup, or to put a new table in place; parsing is done before.
    table: RwLock<Arc<Table>>,
    changes: watch::Sender<u64>,
}

type Table = HashMap<Username, Arc<Subscriber>>;

impl Subscribers {
    /// No subscribers file: every lookup finds nothing.
    pub fn none() -> Self {
        Self::new(Table::new())
    }

    /// These subscribers.
    pub fn new(table: HashMap<Username, Arc<Subscriber>>) -> Self {
        let shared = Shared { table: RwLock::new(Arc::new(table)), changes: watch::Sender::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// The row of a username.
    pub fn get(&self, username: &Username) -> Option<Arc<Subscriber>> {
        self.table().get(username).map(Arc::clone)
    }

    /// How many rows are in use.
    pub fn len(&self) -> usize {
        self.table().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Changes each time the table does.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Puts another table in place and tells all who wait for [`Self::changes`].
    pub fn replace(&self, table: HashMap<Username, Arc<Subscriber>>) {
        *self.shared.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        self.shared.changes.send_modify(|count| *count += 1);
    }

    /// Reads the file and puts its good rows in place; the bad ones are logged by their line numbers and given back.
    ///
    /// # Errors
    /// Where the file cannot be read or is not such a table at all; the rows in use are then the same as before.
    pub fn load(&self, path: &Path) -> Result<Vec<BadRow>> {
        let content = data_directory::read(path, MAX_FILE)?;
        let Parsed { table, bad } =
            parse::parse(&content).with_context(|| format!("{} is not a subscribers file", path.display()))?;
        report(path, &bad);
        self.replace(table);
        Ok(bad)
    }

    fn table(&self) -> Arc<Table> {
        Arc::clone(&self.shared.table.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn report(path: &Path, bad: &[BadRow]) {
    for BadRow { line, reason } in bad.iter().take(ROWS_TOLD) {
        tracing::warn!(file = %path.display(), line, %reason, "a row of the subscribers file is not used");
    }
    if let Some(more) = bad.len().checked_sub(ROWS_TOLD).filter(|more| *more > 0) {
        tracing::warn!(file = %path.display(), more, "more rows of the subscribers file are not used");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_told_and_a_bad_one_leaves_the_last() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("subscribers.csv");
        let ali = Username::from_text("ali").unwrap();
        let subscribers = Subscribers::none();
        let changes = subscribers.changes();

        std::fs::write(&path, "username,customer\nali,Ali Baba\n,nobody\n").unwrap();
        let bad = subscribers.load(&path).unwrap();
        assert_eq!(bad.iter().map(|row| row.line).collect::<Vec<_>>(), [3]);
        assert_eq!(subscribers.get(&ali).unwrap().customer.as_deref(), Some("Ali Baba"));
        assert_eq!((subscribers.len(), *changes.borrow()), (1, 1));

        std::fs::write(&path, "no such header\n").unwrap();
        assert!(subscribers.load(&path).is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(subscribers.load(&path).unwrap_err().to_string().contains("cannot read"));
        assert_eq!(subscribers.get(&ali).unwrap().customer.as_deref(), Some("Ali Baba"));
        assert_eq!(*changes.borrow(), 1);
    }
}
