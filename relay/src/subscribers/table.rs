//! The subscribers in use, by username: those of the file, and those entered by the API.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use shared::Username;

use super::subscriber::Subscriber;

/// The most rows of a file, and the most subscribers entered: ten times the largest provider of one relay.
pub(crate) const MAX_ROWS: usize = 1_000_000;

/// The subscribers entered by the API, in the order of usernames.
pub type Entered = BTreeMap<Username, Arc<Subscriber>>;

/// All subscribers by username. A row of the file in a spreadsheet's spelling is there by the plain username too. Where the file
/// has a username, the entered subscriber is not in use.
#[derive(Debug, Clone, Default)]
pub struct Table {
    file: Arc<HashMap<Username, Arc<Subscriber>>>,
    /// Plain usernames that lead to a row of another spelling.
    plain: Arc<HashMap<Username, Username>>,
    entered: Arc<Entered>,
    /// How many entered subscribers are not in use.
    hidden: usize,
}

impl Table {
    /// Returns the row of a username.
    pub fn get(&self, username: &Username) -> Option<&Arc<Subscriber>> {
        self.file.get(username).or_else(|| self.entered.get(username))
    }

    /// True if the username has a row.
    pub fn contains(&self, username: &Username) -> bool {
        self.get(username).is_some()
    }

    /// True if the username has a row of the file.
    pub fn is_in_file(&self, username: &Username) -> bool {
        self.file.contains_key(username)
    }

    /// Returns the subscribers entered by the API, in use or not.
    pub fn entered(&self) -> &Arc<Entered> {
        &self.entered
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.file.len() - self.plain.len() + self.entered.len() - self.hidden
    }

    /// How many entered subscribers are not in use, for the file has their usernames.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All usernames with their rows, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Username, &Arc<Subscriber>)> {
        let entered = self.entered.iter().filter(|(username, _)| !self.is_in_file(username));
        self.file.iter().chain(entered)
    }

    /// Returns this file's rows with other entered subscribers.
    pub(super) fn with_entered(&self, entered: Arc<Entered>) -> Self {
        let hidden = entered.keys().filter(|username| self.is_in_file(username)).count();
        Self { file: Arc::clone(&self.file), plain: Arc::clone(&self.plain), entered, hidden }
    }

    /// All rows, each once and by its plain username, in no order.
    pub fn rows(&self) -> impl Iterator<Item = (&Username, &Arc<Subscriber>)> {
        let spelled: HashSet<&Username> = self.plain.values().collect();
        let file = self.file.iter().filter(move |(username, _)| !spelled.contains(username));
        file.chain(self.entered.iter().filter(|(username, _)| !self.is_in_file(username)))
    }

    /// Returns how the file spells the row of a plain username, if not plainly.
    pub fn other_spelling(&self, plain: &Username) -> Option<&Username> {
        self.plain.get(plain)
    }

    /// Leads a plain username without a row to the row of another spelling.
    pub(super) fn also(&mut self, plain: Username, spelled: &Username) {
        if let Some(row) = self.file.get(spelled).map(Arc::clone) {
            Arc::make_mut(&mut self.file).insert(plain.clone(), row);
            Arc::make_mut(&mut self.plain).insert(plain, spelled.clone());
        }
    }

    pub(super) fn remove(&mut self, username: &Username) {
        Arc::make_mut(&mut self.file).remove(username);
    }
}

impl From<HashMap<Username, Arc<Subscriber>>> for Table {
    fn from(file: HashMap<Username, Arc<Subscriber>>) -> Self {
        Self { file: Arc::new(file), plain: Arc::default(), entered: Arc::default(), hidden: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Username {
        Username::from_text(text).unwrap()
    }

    fn row(customer: &str) -> Arc<Subscriber> {
        Arc::new(Subscriber { customer: Some(customer.to_owned()), ..Subscriber::default() })
    }

    #[test]
    fn the_file_wins_for_its_usernames() {
        let file = HashMap::from([(name("ali"), row("file")), (name("bob"), row("file"))]);
        let entered = Entered::from([(name("ali"), row("api")), (name("eve"), row("api"))]);
        let table = Table::from(file).with_entered(Arc::new(entered));
        let customer = |text: &str| table.get(&name(text)).and_then(|row| row.customer.clone());
        assert_eq!(
            [customer("ali"), customer("eve"), customer("zoë")],
            [Some("file".into()), Some("api".into()), None]
        );
        assert_eq!((table.len(), table.hidden(), table.entered().len()), (3, 1, 2));
        let mut all: Vec<_> = table.iter().map(|(username, _)| username.to_text()).collect();
        all.sort_unstable();
        assert_eq!(all, ["ali", "bob", "eve"], "each once");
    }
}
