//! The registry of agents: a file changed by command and reloaded at once.
//!
//! The file has each agent's name, the SHA-256 of its token, and the patterns of its usernames. The token itself is
//! printed once and kept nowhere. A home router's agent can report one line and no other.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use parking_lot::RwLock;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shared::Username;
use tokio::sync::watch;

use crate::lines::narrowness::Narrowness;
use crate::store::data_directory::{self, DataDirectory};
use crate::store::database::Topic;
use crate::store::random::fill_random;
use crate::store::shared_file::{Content, SharedFile};

pub use pattern::Pattern;

mod pattern;

/// The largest registry file, in bytes: 100,000 agents of one line each.
const MAX_FILE: u64 = 32 * 1024 * 1024;
/// The longest name of an agent, in bytes.
const MAX_NAME: usize = 64;
/// Patterns of one agent.
const MAX_PATTERNS: usize = 1000;
/// The beginning of every token, so that people recognise a leaked one.
const TOKEN_PREFIX: &str = "linelight_agent_";

/// The SHA-256 of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

/// One agent in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The agent's name: for logs, metrics and commands.
    pub name: String,
    /// The SHA-256 of the agent's token, in hexadecimal.
    pub token_sha256: TokenHash,
    /// The patterns of the agent's usernames.
    pub lines: Vec<Pattern>,
    /// True if the agent's reports count beside those of agents with narrower patterns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_lines: bool,
    /// The time of `agent add`, in seconds since 1970.
    pub created: u64,
}

/// The content of the registry's file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    /// All agents.
    pub agents: Vec<Entry>,
}

/// Returns the registry's file as relays share it.
pub fn shared_file(data: &DataDirectory) -> SharedFile {
    let check = |content: &[u8]| {
        let grants = Entries::parse(content)?.into_grants()?;
        Ok(if grants.is_empty() { Content::Nothing } else { Content::Something })
    };
    SharedFile::new(data, Topic::Agents, data.agents(), MAX_FILE, check)
}

/// The rights of one agent's token.
#[derive(Debug)]
pub struct Grant {
    /// The agent's name.
    pub name: Arc<str>,
    /// True if the agent's reports count beside those of agents with narrower patterns.
    pub shares_lines: bool,
    token: TokenHash,
    lines: Vec<Pattern>,
}

/// All agents with a right to report, by the present file.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    // Held for one lookup, or to put a new table in place.
    grants: RwLock<HashMap<TokenHash, Arc<Grant>>>,
    changes: watch::Sender<u64>,
}

impl Grant {
    /// Whether this agent may report a line.
    pub fn may_report(&self, username: &Username) -> bool {
        self.claim(username).is_some()
    }

    /// Returns the narrowness of the agent's narrowest pattern for a line; `None` where the agent may not report the line.
    pub(crate) fn claim(&self, username: &Username) -> Option<Narrowness> {
        let fitting = self.lines.iter().filter(|pattern| pattern.matches(username));
        fitting.map(Pattern::narrowness).max()
    }

    /// True if another grant has the same rights.
    pub(crate) fn has_rights_of(&self, other: &Self) -> bool {
        (&self.lines, self.shares_lines) == (&other.lines, other.shares_lines)
    }
}

impl Registry {
    /// Returns a registry of these agents.
    ///
    /// # Errors
    /// Where two agents share a name or a token, or a name is empty, too long, or unfit for a log line.
    pub fn new(entries: Entries) -> Result<Self> {
        let shared = Shared { grants: RwLock::new(entries.into_grants()?), changes: watch::Sender::new(0) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How many agents there are.
    pub fn len(&self) -> usize {
        self.shared.grants.read().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Replaces all agents, and notifies every holder of [`Self::changes`].
    ///
    /// # Errors
    /// As [`Self::new`]. The agents then stay the same.
    pub fn replace(&self, entries: Entries) -> Result<()> {
        let grants = entries.into_grants()?;
        *self.shared.grants.write() = grants;
        self.shared.changes.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Returns the grant of a token; `None` for an unknown token.
    ///
    /// The lookup is by the token's SHA-256. Its duration tells a guesser something about the hash of the guess, and
    /// nothing about any token.
    pub fn authenticate(&self, token: &[u8]) -> Option<Arc<Grant>> {
        self.find(&TokenHash::of(token))
    }

    /// Changes each time the file does; an uplink then asks for [`Self::current`].
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Returns the same token's present grant; `None` after a revocation, even if the name has a new token.
    pub fn current(&self, grant: &Grant) -> Option<Arc<Grant>> {
        self.find(&grant.token)
    }

    fn find(&self, token: &TokenHash) -> Option<Arc<Grant>> {
        self.shared.grants.read().get(token).map(Arc::clone)
    }
}

impl Entries {
    /// Reads the registry's file.
    ///
    /// # Errors
    /// Where the file is missing or no registry.
    pub fn load(path: &Path) -> Result<Self> {
        let content = data_directory::read(path, MAX_FILE)?;
        Self::parse(&content).with_context(|| format!("{} is not a registry of agents", path.display()))
    }

    /// Reads the content of a registry's file.
    ///
    /// # Errors
    /// The content is no registry.
    pub fn parse(content: &[u8]) -> Result<Self> {
        Ok(serde_json::from_slice(content)?)
    }

    /// Returns the content of a registry's file.
    ///
    /// # Errors
    /// None that is known.
    pub fn to_text(&self) -> Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Writes the registry's file at one stroke.
    ///
    /// # Errors
    /// Errors of the disk. The old file then stands.
    pub fn save(&self, path: &Path) -> Result<()> {
        data_directory::replace(path, self.to_text()?.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Adds an agent, and returns the fresh token, which is kept nowhere.
    ///
    /// # Errors
    /// Where the name is taken or unfit, or no pattern is given.
    pub fn add(&mut self, name: &str, lines: Vec<Pattern>, shares_lines: bool, created: u64) -> Result<String> {
        check_name(name)?;
        check_patterns(&lines)?;
        if self.agents.iter().any(|agent| agent.name == name) {
            bail!("there is an agent {name:?} already; revoke it first, or choose another name");
        }
        let mut secret = [0; 32];
        fill_random(&mut secret)?;
        let token = format!("{TOKEN_PREFIX}{}", BASE64URL_NOPAD.encode(&secret));
        let token_sha256 = TokenHash::of(token.as_bytes());
        self.agents.push(Entry { name: name.to_owned(), token_sha256, lines, shares_lines, created });
        Ok(token)
    }

    /// Gives a known agent another token, and returns the token, which is kept nowhere.
    ///
    /// # Errors
    /// Where no agent has that name.
    pub fn renew(&mut self, name: &str) -> Result<String> {
        let known = self.agents.iter().find(|agent| agent.name == name).cloned();
        let Entry { lines, shares_lines, created, .. } = known.with_context(|| unknown(name))?;
        self.revoke(name)?;
        self.add(name, lines, shares_lines, created)
    }

    /// Changes the patterns of a known agent.
    ///
    /// # Errors
    /// Where no agent has that name, or no pattern is given, or too many are.
    pub fn allow(&mut self, name: &str, lines: Vec<Pattern>) -> Result<()> {
        check_patterns(&lines)?;
        let agent = self.agents.iter_mut().find(|agent| agent.name == name).with_context(|| unknown(name))?;
        agent.lines = lines;
        Ok(())
    }

    /// Removes an agent.
    ///
    /// # Errors
    /// Where no agent has that name.
    pub fn revoke(&mut self, name: &str) -> Result<()> {
        let before = self.agents.len();
        self.agents.retain(|agent| agent.name != name);
        ensure!(self.agents.len() < before, unknown(name));
        Ok(())
    }

    fn into_grants(self) -> Result<HashMap<TokenHash, Arc<Grant>>> {
        let mut names = std::collections::HashSet::new();
        let mut grants = HashMap::with_capacity(self.agents.len());
        for Entry { name, token_sha256, lines, shares_lines, .. } in self.agents {
            check_name(&name)?;
            ensure!(lines.len() <= MAX_PATTERNS, "agent {name:?} has more than {MAX_PATTERNS} patterns");
            ensure!(names.insert(name.clone()), "two agents have the name {name:?}");
            let grant = Arc::new(Grant { name: name.as_str().into(), shares_lines, token: token_sha256, lines });
            ensure!(grants.insert(token_sha256, grant).is_none(), "agent {name:?} has another one's token");
        }
        Ok(grants)
    }
}

fn check_patterns(lines: &[Pattern]) -> Result<()> {
    ensure!(!lines.is_empty(), "an agent needs at least one pattern of lines that it may report");
    ensure!(lines.len() <= MAX_PATTERNS, "an agent may have {MAX_PATTERNS} patterns at most");
    Ok(())
}

fn unknown(name: &str) -> String {
    format!("there is no agent {name:?}; `linelight-relay agent list` shows all")
}

fn check_name(name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    ensure!(
        !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(good),
        "{name:?} is not an agent's name: it has 1 to {MAX_NAME} letters, digits and - _ . @"
    );
    Ok(())
}

impl TokenHash {
    /// The hash of a token.
    pub fn of(token: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token).as_ref());
        Self(hash)
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
        hash.map(Self).ok_or_else(|| de::Error::custom("token_sha256 has 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn username(text: &str) -> Username {
        Username::from_text(text).unwrap()
    }

    #[test]
    fn a_token_opens_its_grant_and_is_kept_nowhere() {
        let mut entries = Entries::default();
        let home = entries.add("home-7", patterns(&["ali"]), false, 1).unwrap();
        let tower = entries.add("tower", patterns(&["*@karoo.example"]), false, 1).unwrap();
        assert_ne!(home, tower);
        assert!(home.starts_with(TOKEN_PREFIX) && home.len() == TOKEN_PREFIX.len() + 43);
        let text = serde_json::to_string(&entries).unwrap();
        assert!(!text.contains(&home) && !text.contains(home.trim_start_matches(TOKEN_PREFIX)));

        let registry = Registry::new(serde_json::from_str(&text).unwrap()).unwrap();
        let grant = registry.authenticate(home.as_bytes()).unwrap();
        assert_eq!(&*grant.name, "home-7");
        assert!(grant.may_report(&username("ali")) && !grant.may_report(&username("alice")));
        assert!(registry.authenticate(tower.as_bytes()).unwrap().may_report(&username("bob@karoo.example")));
        for wrong in ["", "home-7", &home[..home.len() - 1], &home.to_uppercase()] {
            assert!(registry.authenticate(wrong.as_bytes()).is_none());
        }
    }

    #[test]
    fn a_change_is_told_and_a_revoked_token_is_gone_even_under_the_same_name() {
        let mut entries = Entries::default();
        let token = entries.add("tower", patterns(&["*"]), false, 1).unwrap();
        let registry = Registry::new(entries.clone()).unwrap();
        let changes = registry.changes();
        let grant = registry.authenticate(token.as_bytes()).unwrap();

        entries.agents[0].lines = patterns(&["ali"]);
        registry.replace(entries.clone()).unwrap();
        assert!(changes.has_changed().unwrap());
        assert!(!registry.current(&grant).unwrap().may_report(&username("bob")), "the new patterns count");

        entries.revoke("tower").unwrap();
        let other = entries.add("tower", patterns(&["*"]), false, 2).unwrap();
        registry.replace(entries).unwrap();
        assert!(registry.current(&grant).is_none());
        assert!(registry.authenticate(token.as_bytes()).is_none());
        assert!(registry.authenticate(other.as_bytes()).is_some());
    }

    #[test]
    fn a_bad_table_leaves_the_last_one() {
        let mut entries = Entries::default();
        let token = entries.add("tower", patterns(&["*"]), false, 1).unwrap();
        let registry = Registry::new(entries.clone()).unwrap();
        let mut twice = entries.clone();
        twice.agents.extend(entries.agents.clone());
        assert!(registry.replace(twice).is_err());
        assert!(registry.authenticate(token.as_bytes()).is_some());
        assert!(!registry.changes().has_changed().unwrap());
    }

    #[test]
    fn names_and_files_are_checked() {
        let mut entries = Entries::default();
        for name in ["", "two words", "new\nline", "ünï", &"x".repeat(65)] {
            assert!(entries.add(name, patterns(&["*"]), false, 1).is_err(), "{name:?}");
        }
        assert!(entries.add("empty", vec![], false, 1).is_err());
        entries.add("one", patterns(&["*"]), false, 1).unwrap();
        assert!(entries.add("one", patterns(&["*"]), false, 1).unwrap_err().to_string().contains("already"));
        assert!(entries.revoke("two").unwrap_err().to_string().contains("agent list"));
        for text in [
            "",
            "[]",
            r#"{"agents":[{"name":"a"}]}"#,
            r#"{"agents":[],"more":1}"#,
            r#"{"agents":[{"name":"a","token_sha256":"00","lines":["*"],"created":1}]}"#,
        ] {
            assert!(serde_json::from_str::<Entries>(text).is_err(), "{text}");
        }
    }
}
