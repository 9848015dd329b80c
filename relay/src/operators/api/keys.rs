//! Keys of the API, held in memory: what each may do, and when each was used last.

pub mod book;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use data_encoding::BASE64URL_NOPAD;
use parking_lot::RwLock;

use crate::operators::secret::Hash;
use crate::store::random::fill_random;

/// The beginning of every key, so that people recognise a leaked one.
const PREFIX: &str = "linelight_key_";
/// The longest name of a key, in bytes.
const MAX_NAME: usize = 64;
/// The last use is written to the store after this time, in seconds.
const USE_KNOWN_TO: u64 = 60;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Scope {
    /// Makes and revokes links of lines.
    Links,
    /// Enters, changes and removes subscribers.
    Subscribers,
    /// Reads lines, subscribers and links.
    Read,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Links, Self::Subscribers, Self::Read];

    /// Returns the scope's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Subscribers => "subscribers",
            Self::Read => "read",
        }
    }
}

/// A set of scopes, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Returns these scopes, each once.
    pub fn new(mut scopes: Vec<Scope>) -> Self {
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }

    /// Reads what [`fmt::Display`] writes. A scope of a later version is left out.
    pub fn from_text(text: &str) -> Self {
        let known = |word: &str| Scope::ALL.into_iter().find(|scope| scope.as_str() == word);
        Self::new(text.split(' ').filter_map(known).collect())
    }

    /// True if one of them is among `wanted`.
    pub fn include_any(&self, wanted: &[Scope]) -> bool {
        self.0.iter().any(|scope| wanted.contains(scope))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|scope| scope.as_str()).collect();
        f.write_str(&names.join(" "))
    }
}

/// Returns a fresh key for its owner.
///
/// # Errors
/// The system gives no randomness.
pub fn fresh() -> Result<String> {
    let mut secret = [0; 32];
    fill_random(&mut secret)?;
    Ok(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&secret)))
}

/// Checks the name of a key.
///
/// # Errors
/// The name is empty, too long, or unfit for a log line.
pub fn check_name(name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    ensure!(
        !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(good),
        "{name:?} is not a key's name: it has 1 to {MAX_NAME} letters, digits and - _ . @"
    );
    Ok(())
}

/// One key in force.
#[derive(Debug)]
pub struct Key {
    /// The key's name: for the audit log.
    pub name: Box<str>,
    /// What the key may do.
    pub scopes: Scopes,
    pub(super) hash: Hash,
    /// The last use that the store knows, Unix seconds.
    used: AtomicU64,
    /// The last refusal that the audit log knows, Unix seconds.
    refused: AtomicU64,
}

impl Key {
    /// Returns a key in force. `used` is the last use that the store knows, Unix seconds.
    pub(super) fn new(name: &str, scopes: Scopes, hash: Hash, used: u64) -> Self {
        Self { name: name.into(), scopes, hash, used: AtomicU64::new(used), refused: AtomicU64::new(0) }
    }

    /// Notes a use at `now`, Unix seconds. True if the store is to know of the use.
    pub(super) fn is_used(&self, now: u64) -> bool {
        is_due(&self.used, now)
    }

    /// Notes a refusal likewise, for the audit log.
    pub(super) fn is_refused(&self, now: u64) -> bool {
        is_due(&self.refused, now)
    }
}

/// True once in [`USE_KNOWN_TO`] seconds.
fn is_due(last: &AtomicU64, now: u64) -> bool {
    let later = |last: u64| (last.saturating_add(USE_KNOWN_TO) <= now).then_some(now);
    last.try_update(Ordering::Relaxed, Ordering::Relaxed, later).is_ok()
}

/// The keys in force.
#[derive(Debug, Default)]
pub struct Keys {
    // Held for one lookup, or to put a new table in place.
    table: RwLock<HashMap<Hash, Arc<Key>>>,
}

impl Keys {
    /// Returns the key that somebody shows. The lookup is by SHA-256: its duration tells of no key.
    pub fn find(&self, shown: &str) -> Option<Arc<Key>> {
        self.table.read().get(&Hash::of_shown(shown)?).map(Arc::clone)
    }

    /// Puts other keys in force.
    pub(super) fn replace(&self, keys: Vec<Key>) {
        let table = keys.into_iter().map(|key| (key.hash, Arc::new(key))).collect();
        *self.table.write() = table;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_written_and_read_and_later_ones_left_out() {
        let scopes = Scopes::new(vec![Scope::Read, Scope::Links, Scope::Read]);
        assert_eq!(scopes.to_string(), "links read");
        assert_eq!(Scopes::from_text("links read later"), scopes);
        assert!(scopes.include_any(&[Scope::Subscribers, Scope::Read]) && !scopes.include_any(&[Scope::Subscribers]));
        assert!(!Scopes::from_text("").include_any(&Scope::ALL));
    }

    #[test]
    fn a_key_is_found_by_itself_alone() {
        let (one, other) = (fresh().unwrap(), fresh().unwrap());
        let keys = Keys::default();
        keys.replace(vec![Key::new("portal", Scopes::new(vec![Scope::Read]), Hash::of(one.as_bytes()), 0)]);
        assert_eq!(&*keys.find(&one).unwrap().name, "portal");
        for wrong in [&*other, "", &one[1..], &one.to_uppercase(), &format!("{one} ")] {
            assert!(keys.find(wrong).is_none(), "{wrong}");
        }
        keys.replace(Vec::new());
        assert!(keys.find(&one).is_none());
    }

    #[test]
    fn a_use_is_written_once_a_minute() {
        let key = Key::new("portal", Scopes::new(vec![Scope::Read]), Hash::of(b"x"), 1_000);
        assert!(!key.is_used(1_059));
        assert!(key.is_used(1_060) && !key.is_used(1_061) && key.is_used(1_120));
    }

    #[test]
    fn names_fit_a_log_line() {
        assert!(check_name("billing-2.portal@karoo").is_ok());
        for name in ["", "a b", "a\n", "é", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
