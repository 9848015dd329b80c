//! Revoked links, and lines whose older links are void: a copy in memory of the store's.

use data_encoding::BASE64URL_NOPAD;
use parking_lot::RwLock;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};
use shared::Username;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The longest id of a link that is taken from its claims, in bytes.
pub(crate) const MAX_ID: usize = 64;
/// The length of a [`Digest`], in bytes.
const DIGEST: usize = 16;

/// The first half of a SHA-256: two links never meet by chance.
pub(super) type Digest = [u8; DIGEST];

/// Returns a link's id: its claim `jti` (RFC 7519, section 4.1.7) or, without one, a digest of the token.
pub(crate) fn link_id(claims: &Map<String, Value>, token: &str) -> String {
    match claims.get("jti").and_then(Value::as_str) {
        Some(id) if !id.is_empty() && id.len() <= MAX_ID => id.to_owned(),
        _ => format!("sha256-{}", BASE64URL_NOPAD.encode(&half(&[token.as_bytes()]))),
    }
}

/// What revocations know a link by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkMark {
    link: Digest,
    line: Digest,
    /// The claim `iat`, Unix seconds; 0 for a link without one.
    issued: u64,
}

impl LinkMark {
    /// Returns what a link is remembered by.
    pub(super) fn link(&self) -> Digest {
        self.link
    }

    pub(crate) fn new(username: &Username, id: &str, issued: u64) -> Self {
        Self { link: of_link(&username.to_text(), id), line: of_line(&username.to_text()), issued }
    }
}

/// Why a link with a valid signature opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// The link itself was revoked.
    Link,
    /// All links of its line that are as old were made void.
    Line,
}

/// All revocations.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Table {
    links: HashSet<Digest>,
    lines: HashMap<Digest, u64>,
}

impl Table {
    /// Adds a revoked link.
    pub fn revoke(&mut self, username: &str, id: &str) {
        self.links.insert(of_link(username, id));
    }

    /// Adds a line whose links from before a time (Unix seconds) are void.
    pub fn void(&mut self, username: &str, before: u64) {
        self.lines.insert(of_line(username), before);
    }

    fn judge(&self, mark: &LinkMark) -> Option<Revoked> {
        if self.links.contains(&mark.link) {
            return Some(Revoked::Link);
        }
        self.lines.get(&mark.line).is_some_and(|before| mark.issued < *before).then_some(Revoked::Line)
    }
}

/// The revocations in force.
#[derive(Debug, Default)]
pub struct Revocations {
    table: RwLock<Table>,
    // Raised by each change: a stream looks the table up only then, not for each sample.
    changes: AtomicU32,
}

impl Revocations {
    /// Puts a changed table in place.
    pub(super) fn replace(&self, table: Table) {
        *self.table.write() = table;
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Returns why a link opens nothing; `None` for a link in force.
    pub(super) fn judge(&self, mark: &LinkMark) -> Option<Revoked> {
        self.table.read().judge(mark)
    }
}

/// A stream's right by its link, which ends when the link is revoked.
#[derive(Debug)]
pub(crate) struct Standing {
    revocations: Arc<Revocations>,
    mark: LinkMark,
    seen: AtomicU32,
}

impl Standing {
    /// Returns the right of a link, or why it has none.
    ///
    /// # Errors
    /// [`Revoked`].
    pub(super) fn new(revocations: &Arc<Revocations>, mark: LinkMark) -> Result<Self, Revoked> {
        // Before the look at the table: a change in between is seen as one.
        let seen = AtomicU32::new(revocations.changes.load(Ordering::Acquire));
        match revocations.judge(&mark) {
            Some(revoked) => Err(revoked),
            None => Ok(Self { revocations: Arc::clone(revocations), mark, seen }),
        }
    }

    /// True once the link was revoked.
    pub(super) fn has_ended(&self) -> bool {
        let changes = self.revocations.changes.load(Ordering::Acquire);
        if self.seen.load(Ordering::Relaxed) == changes {
            return false;
        }
        let ended = self.revocations.judge(&self.mark).is_some();
        if !ended {
            self.seen.store(changes, Ordering::Relaxed);
        }
        ended
    }
}

impl Clone for Standing {
    fn clone(&self) -> Self {
        let seen = AtomicU32::new(self.seen.load(Ordering::Relaxed));
        Self { revocations: Arc::clone(&self.revocations), mark: self.mark, seen }
    }
}

fn of_link(username: &str, id: &str) -> Digest {
    // No username in text form holds a zero byte.
    half(&[username.as_bytes(), &[0], id.as_bytes()])
}

fn of_line(username: &str) -> Digest {
    half(&[username.as_bytes()])
}

fn half(parts: &[&[u8]]) -> Digest {
    let whole = digest(&SHA256, &parts.concat());
    let mut half = [0; DIGEST];
    half.iter_mut().zip(whole.as_ref()).for_each(|(to, from)| *to = *from);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Username {
        Username::from_text(text).unwrap()
    }

    #[test]
    fn a_revoked_link_ends_and_its_neighbours_go_on() {
        let revocations = Arc::new(Revocations::default());
        let standing = |username: &str, id: &str| Standing::new(&revocations, LinkMark::new(&name(username), id, 100));
        let (one, other, elsewhere) =
            (standing("ali", "1").unwrap(), standing("ali", "2").unwrap(), standing("bob", "1").unwrap());
        let mut table = Table::default();
        table.revoke("ali", "1");
        revocations.replace(table);
        assert!(one.has_ended() && one.has_ended() && one.clone().has_ended());
        assert!(!other.has_ended() && !elsewhere.has_ended());
        assert_eq!(standing("ali", "1").unwrap_err(), Revoked::Link);
    }

    #[test]
    fn a_lines_older_links_are_void_and_newer_ones_are_not() {
        let revocations = Arc::new(Revocations::default());
        let at = |issued| Standing::new(&revocations, LinkMark::new(&name("ali"), "1", issued));
        let (old, new) = (at(99).unwrap(), at(100).unwrap());
        let mut table = Table::default();
        table.void("ali", 100);
        revocations.replace(table);
        assert!(old.has_ended() && !new.has_ended());
        assert_eq!(at(99).unwrap_err(), Revoked::Line);
        assert_eq!(at(0).unwrap_err(), Revoked::Line, "a link without a time of its making is older than any");
        revocations.replace(Table::default());
        assert!(!new.has_ended());
    }

    #[test]
    fn a_link_without_a_usable_id_is_known_by_its_token() {
        let claims = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        assert_eq!(link_id(&claims(r#"{"jti":"a"}"#), "token"), "a");
        let long = format!(r#"{{"jti":"{}"}}"#, "x".repeat(MAX_ID + 1));
        for odd in [r#"{}"#, r#"{"jti":7}"#, r#"{"jti":""}"#, long.as_str()] {
            let id = link_id(&claims(odd), "token");
            assert!(id.starts_with("sha256-") && id.len() == 29, "{id}");
            assert_ne!(id, link_id(&claims(odd), "other"));
        }
    }
}
