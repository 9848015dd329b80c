//! The subscribers of one file, by username.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use shared::Username;

use super::subscriber::Subscriber;

/// The most rows of a file: ten times the largest provider of one relay.
pub(super) const MAX_ROWS: usize = 1_000_000;

/// The rows of a file by username. A row in a spreadsheet's spelling is there by the plain username too.
#[derive(Debug, Default)]
pub struct Table {
    by_username: HashMap<Username, Arc<Subscriber>>,
    /// Plain usernames that lead to a row of another spelling.
    plain: HashMap<Username, Username>,
}

impl Table {
    /// Returns the row of a username.
    pub fn get(&self, username: &Username) -> Option<&Arc<Subscriber>> {
        self.by_username.get(username)
    }

    /// True if the username has a row.
    pub fn contains(&self, username: &Username) -> bool {
        self.by_username.contains_key(username)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.by_username.len() - self.plain.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All usernames with their rows, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Username, &Arc<Subscriber>)> {
        self.by_username.iter()
    }

    /// All rows, each once and by its plain username, in no order.
    pub fn rows(&self) -> impl Iterator<Item = (&Username, &Arc<Subscriber>)> {
        let spelled: HashSet<&Username> = self.plain.values().collect();
        self.by_username.iter().filter(move |(username, _)| !spelled.contains(username))
    }

    /// Returns how the file spells the row of a plain username, if not plainly.
    pub fn other_spelling(&self, plain: &Username) -> Option<&Username> {
        self.plain.get(plain)
    }

    /// Leads a plain username without a row to the row of another spelling.
    pub(super) fn also(&mut self, plain: Username, spelled: &Username) {
        if let Some(row) = self.by_username.get(spelled).map(Arc::clone) {
            self.by_username.insert(plain.clone(), row);
            self.plain.insert(plain, spelled.clone());
        }
    }

    pub(super) fn remove(&mut self, username: &Username) {
        self.by_username.remove(username);
    }
}

impl From<HashMap<Username, Arc<Subscriber>>> for Table {
    fn from(by_username: HashMap<Username, Arc<Subscriber>>) -> Self {
        Self { by_username, plain: HashMap::new() }
    }
}
