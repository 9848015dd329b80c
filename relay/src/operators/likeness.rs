//! Names that somebody may have meant: usernames in another case or almost the same, and customers by a part of their name.
//! For operators alone.

use serde::{Deserialize, Serialize};
use shared::Username;

use crate::lines::hub::Hub;

/// The most names that are offered.
const MOST: usize = 10;
/// A customer is looked for by this many letters or more.
const LEAST_LETTERS: usize = 3;
/// Letters of a username within which one mistake counts as almost the same; longer ones may have two.
const SHORT: usize = 5;

/// The answer of `/search/{text}`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Found {
    /// True if an agent reports exactly this username, or the subscribers file has it.
    pub is_known: bool,
    /// Other names that may be meant, the likeliest first.
    pub others: Vec<Candidate>,
}

/// A username that may be meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Candidate {
    /// How it is like the text.
    pub likeness: Likeness,
    /// The username's text form.
    pub username: String,
    /// The customer's name, where the subscribers file has it.
    pub customer: Option<String>,
}

/// How a username is like a text; the likeliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// The same letters in another case.
    OtherCase,
    /// The same name with a realm (`@…`) more, less or other.
    OtherRealm,
    /// Almost the same letters.
    Similar,
    /// The customer's name holds the text.
    Customer,
}

impl Likeness {
    /// Returns the likeness in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::OtherCase => "another case",
            Self::OtherRealm => "another realm",
            Self::Similar => "almost the same",
            Self::Customer => "by the customer's name",
        }
    }
}

/// Looks for a text among the usernames that agents report and those of the subscribers file, and among its customers.
pub fn search(hub: &Hub, text: &str) -> Found {
    let wanted = text.to_lowercase();
    let mut found = Found::default();
    let mut offer = |username: &Username, customer: Option<&String>| {
        let name = username.to_text();
        if name == text {
            found.is_known = true;
        } else if let Some(likeness) = likeness(&wanted, &name, customer.map(String::as_str)) {
            found.others.push(Candidate { likeness, username: name, customer: customer.cloned() });
        }
    };
    let table = hub.subscribers().table();
    for (username, row) in table.iter() {
        offer(username, row.customer.as_ref());
    }
    for username in hub.reported().iter().filter(|username| !table.contains(username)) {
        offer(username, None);
    }
    found.others.sort_unstable();
    found.others.truncate(MOST);
    found
}

/// Returns how a name, or its customer's, is like the lower-case text; none where it is not.
fn likeness(wanted: &str, name: &str, customer: Option<&str>) -> Option<Likeness> {
    let lower = name.to_lowercase();
    let bare = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
    if lower == wanted {
        return Some(Likeness::OtherCase);
    }
    if bare(&lower) == bare(wanted) && !bare(wanted).is_empty() {
        return Some(Likeness::OtherRealm);
    }
    let mistakes = if wanted.chars().count() <= SHORT { 1 } else { 2 };
    let is_near = lower.len().abs_diff(wanted.len()) <= 4 * mistakes && wanted.chars().count() > 1;
    if is_near && strsim::osa_distance(&lower, wanted) <= mistakes {
        return Some(Likeness::Similar);
    }
    let is_customer = wanted.chars().count() >= LEAST_LETTERS
        && customer.is_some_and(|customer| customer.to_lowercase().contains(wanted));
    is_customer.then_some(Likeness::Customer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_by_case_realm_letters_and_customer() {
        for (wanted, name, customer, expected) in [
            ("ali", "Ali", None, Some(Likeness::OtherCase)),
            ("4446", "4446@karoo.example", None, Some(Likeness::OtherRealm)),
            ("4446@karoo.example", "4446@other.example", None, Some(Likeness::OtherRealm)),
            ("alcie", "alice", None, Some(Likeness::Similar)),
            ("protea motors", "4446", Some("Protea Motors (Pty)"), Some(Likeness::Customer)),
            ("ÄRGER".to_lowercase().as_str(), "ärger", None, Some(Likeness::OtherCase)),
            ("ali", "bob", Some("Bob"), None),
            ("al", "bl", None, Some(Likeness::Similar)),
            ("a", "b", None, None),
            ("pr", "4446", Some("Protea"), None),
            ("alice", "aliceandbob", None, None),
        ] {
            assert_eq!(likeness(wanted, name, customer), expected, "{wanted} and {name}");
        }
    }
}
