//! The provider's staff, as every request needs them: a copy in memory of the store's people.

pub mod book;
pub mod credentials;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Result, ensure};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;

/// The longest name, in bytes.
const MAX_NAME: usize = 100;

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees lines, makes and revokes links.
    Support,
    /// The same, and changes routers, people and subscribers.
    Admin,
}

impl Role {
    /// Returns the role's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "support" => Ok(Self::Support),
            "admin" => Ok(Self::Admin),
            _ => anyhow::bail!("there is no role {text:?}; there are support and admin"),
        }
    }
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name, in small letters.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// The password's hash; `None` before an invitation's use, and for people who sign in by the company's way alone.
    pub password: Option<String>,
    /// The second factor's secret in base32; `None` without one.
    pub totp: Option<String>,
    /// When the person was added.
    pub made: UnixMillis,
    /// When the person was here last, to ten minutes.
    pub last_seen: Option<UnixMillis>,
    /// The end of an invitation that was not used yet.
    pub invited_until: Option<UnixMillis>,
}

/// Reads a name: 1 to 100 letters, digits and `- _ . @ +`, a letter or a digit first. Large letters become small ones.
///
/// # Errors
/// The form in words.
pub fn name(typed: &str) -> Result<String> {
    let name = typed.trim().to_ascii_lowercase();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte);
    ensure!(
        (1..=MAX_NAME).contains(&name.len())
            && name.bytes().all(is_plain)
            && name.starts_with(|first: char| first.is_ascii_alphanumeric()),
        "a person's name has 1 to {MAX_NAME} letters, digits and - _ . @ +, and begins with a letter or a digit"
    );
    Ok(name)
}

/// All people, by name.
#[derive(Debug, Default)]
pub struct People {
    // Held for a lookup, and to put changed people in place.
    table: RwLock<Arc<BTreeMap<String, Arc<Person>>>>,
}

impl People {
    /// Returns a person.
    pub fn get(&self, name: &str) -> Option<Arc<Person>> {
        self.table.read().get(name).cloned()
    }

    /// Returns everybody, by name.
    pub fn all(&self) -> Vec<Arc<Person>> {
        self.table.read().values().cloned().collect()
    }

    /// True without anybody: there is no console then.
    pub fn is_empty(&self) -> bool {
        self.table.read().is_empty()
    }

    /// Puts changed people in place.
    pub fn replace(&self, people: Vec<Person>) {
        let table = people.into_iter().map(|person| (person.name.clone(), Arc::new(person))).collect();
        *self.table.write() = Arc::new(table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling_and_nothing_odd() {
        assert_eq!(name(" Thandi.M@karoo.example ").unwrap(), "thandi.m@karoo.example");
        for odd in ["", " ", "(command)", "a b", "zoë", "<b>", "a\u{202e}b", "=a", "-a", &"x".repeat(101)] {
            assert!(name(odd).is_err(), "{odd}");
        }
    }
}
