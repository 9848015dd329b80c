//! Customers' names, packages and plans, from the subscribers file and from the API. A changed file is read again.
//!
//! [`parse`] reads a file and [`json`] what the API is given; [`book`] keeps the latter. Here is the table in use. A line without a row shows the names of its agent's report.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use encoding_rs::Encoding;
use parking_lot::{Mutex, RwLock};
use shared::Username;
use tokio::sync::watch;

use crate::store::data_directory;

pub use encoding::by_label as encoding_by_label;
pub use finding::{BadRow, Doubt, Fault, FileError, Matter, RowError};
pub use limit::{LimitError, in_words as rate_in_words};
pub use parse::{Layout, Parsed};
pub use subscriber::{Further, Subscriber};
pub use table::{Entered, Table};

pub mod book;
mod columns;
mod encoding;
mod finding;
mod further;
pub mod json;
mod limit;
mod lines;
mod number;
pub mod parse;
mod quotes;
mod spelling;
mod subscriber;
mod table;
mod unit;

/// The largest subscribers file, in bytes: some 500,000 rows.
pub(crate) const MAX_FILE: u64 = 64 * 1024 * 1024;
/// How many findings of a file are logged one by one; `check-subscribers` prints all.
const LOGGED: usize = 20;

/// The subscribers file of `serve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribersFile {
    /// The file's path.
    pub path: PathBuf,
    /// The encoding of a file without a byte-order mark that is not UTF-8.
    pub encoding: Option<&'static Encoding>,
}

impl SubscribersFile {
    /// Returns the content of the file.
    ///
    /// # Errors
    /// If the file cannot be read, or is larger than 64 MiB.
    pub fn read(&self) -> Result<Vec<u8>> {
        data_directory::read(&self.path, MAX_FILE)
    }
}

/// The subscribers in use; a clone is the same table.
#[derive(Clone)]
pub struct Subscribers {
    shared: Arc<Shared>,
}

struct Shared {
    // Held for one lookup, or to put a new table in place; parsing is done before.
    table: RwLock<Arc<Table>>,
    // Held while a new table is made of the old one, so that file and API do not undo each other's change.
    making: Mutex<()>,
    changes: watch::Sender<u64>,
}

impl Subscribers {
    /// Returns an empty table.
    pub fn none() -> Self {
        Self::new(HashMap::new())
    }

    /// Returns a table with these subscribers.
    pub fn new(rows: HashMap<Username, Arc<Subscriber>>) -> Self {
        let table = RwLock::new(Arc::new(Table::from(rows)));
        Self { shared: Arc::new(Shared { table, making: Mutex::default(), changes: watch::Sender::new(0) }) }
    }

    /// Returns the row of a username.
    pub fn get(&self, username: &Username) -> Option<Arc<Subscriber>> {
        self.table().get(username).map(Arc::clone)
    }

    /// How many rows are in use.
    pub fn len(&self) -> usize {
        self.table().len()
    }

    /// True if no row is in use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a receiver of the table's changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Puts another file's table in place and wakes the receivers of [`Self::changes`]. Entered subscribers stay.
    pub fn replace(&self, table: impl Into<Table>) {
        let table = table.into();
        self.make(|before| table.with_entered(Arc::clone(before.entered())));
    }

    /// Puts other entered subscribers in place, likewise. The file's rows stay.
    pub fn set_entered(&self, entered: Entered) {
        self.make(|before| before.with_entered(Arc::new(entered)));
    }

    fn make(&self, table: impl FnOnce(&Table) -> Table) {
        let _turn = self.shared.making.lock();
        let table = Arc::new(table(&self.table()));
        *self.shared.table.write() = table;
        self.shared.changes.send_modify(|count| *count += 1);
    }

    /// Reads the file and puts the rows in place. Logs the first findings by line; returns the refused rows.
    ///
    /// # Errors
    /// If the file cannot be read or is no table of subscribers; the rows in use then stay.
    pub fn load(&self, file: &SubscribersFile) -> Result<Vec<BadRow>> {
        let content = file.read()?;
        let Parsed { table, bad, doubts, .. } = parse::parse(&content, file.encoding)
            .with_context(|| format!("{} is not a subscribers file", file.path.display()))?;
        log_findings(&file.path, &bad, &doubts);
        self.replace(table);
        Ok(bad)
    }

    /// Returns the table in use.
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.shared.table.read())
    }
}

/// Refused rows come first: they matter most.
fn log_findings(path: &Path, bad: &[BadRow], doubts: &[Doubt]) {
    let file = path.display();
    for BadRow { line, reason } in bad.iter().take(LOGGED) {
        tracing::warn!(%file, line, %reason, "a row of the subscribers file is not used");
    }
    for Doubt { line, about } in doubts.iter().take(LOGGED.saturating_sub(bad.len())) {
        tracing::warn!(%file, line, reason = %about, "a row of the subscribers file is used, but not all of it is certain");
    }
    let more = (bad.len() + doubts.len()).saturating_sub(LOGGED);
    if more > 0 {
        tracing::warn!(%file, more, "the subscribers file has more such rows; see them with `linelight-relay check-subscribers`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_told_and_a_bad_one_leaves_the_last() {
        let directory = tempfile::tempdir().unwrap();
        let file = SubscribersFile { path: directory.path().join("subscribers.csv"), encoding: None };
        let ali = Username::from_text("ali").unwrap();
        let subscribers = Subscribers::none();
        let changes = subscribers.changes();

        std::fs::write(&file.path, "username,customer\nali,Ali Baba\n,nobody\n").unwrap();
        let bad = subscribers.load(&file).unwrap();
        assert_eq!(bad.iter().map(|row| row.line).collect::<Vec<_>>(), [3]);
        assert_eq!(subscribers.get(&ali).unwrap().customer.as_deref(), Some("Ali Baba"));
        assert_eq!((subscribers.len(), *changes.borrow()), (1, 1));

        std::fs::write(&file.path, "no such header\n").unwrap();
        assert!(subscribers.load(&file).is_err());
        std::fs::remove_file(&file.path).unwrap();
        assert!(subscribers.load(&file).unwrap_err().to_string().contains("cannot read"));
        assert_eq!(subscribers.get(&ali).unwrap().customer.as_deref(), Some("Ali Baba"));
        assert_eq!(*changes.borrow(), 1);
    }
}
