//! Who is signed in: a copy in memory of the store's sessions. A session is known by the SHA-256 of its token.

pub mod book;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use anyhow::Result;
use parking_lot::RwLock;
use tokio::sync::watch;

use super::secret::Hash;
use crate::clock::UnixMillis;

/// A session ends so long after its last request, in milliseconds.
pub const IDLE_MS: i64 = 12 * 3600 * 1_000;
/// A session ends so long after its beginning, in milliseconds.
pub const LONGEST_MS: i64 = 7 * 86_400 * 1_000;
/// The time between password and second factor, in milliseconds.
pub const CODE_MS: i64 = 5 * 60 * 1_000;
/// A session's last request is written to the store so often at most, in milliseconds.
const WRITTEN_EVERY_MS: i64 = 10 * 60 * 1_000;

/// How a person signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By password, or by a single-use address.
    Password,
    /// By the reverse proxy's header.
    Company,
}

impl Way {
    /// Returns the way's name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Company => "company",
        }
    }

    fn of(text: &str) -> Result<Self> {
        match text {
            "password" => Ok(Self::Password),
            "company" => Ok(Self::Company),
            _ => anyhow::bail!("the store has a session of an unknown way {text:?}"),
        }
    }
}

/// How far a sign-in is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The password was right, the second factor is missing.
    Code,
    /// Signed in.
    In,
}

impl Step {
    /// Returns the step's name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::In => "in",
        }
    }

    fn of(text: &str) -> Result<Self> {
        match text {
            "code" => Ok(Self::Code),
            "in" => Ok(Self::In),
            _ => anyhow::bail!("the store has a session of an unknown step {text:?}"),
        }
    }
}

/// A session as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The token's hash.
    pub hash: Hash,
    /// The person's name.
    pub name: String,
    /// How the person signed in.
    pub way: Way,
    /// How far the sign-in is.
    pub step: Step,
    /// The session's beginning.
    pub made: UnixMillis,
    /// The last request, to ten minutes.
    pub last_used: UnixMillis,
}

/// A session of a running relay.
#[derive(Debug)]
pub struct Session {
    row: Row,
    last_used: AtomicI64,
    written: AtomicI64,
    ended: Arc<AtomicBool>,
}

impl Session {
    fn new(row: Row) -> Self {
        let last_used = row.last_used.as_millis();
        Self { row, last_used: last_used.into(), written: last_used.into(), ended: Arc::default() }
    }

    /// Returns the person's name.
    pub fn name(&self) -> &str {
        &self.row.name
    }

    /// Returns the hash of the token.
    pub fn hash(&self) -> Hash {
        self.row.hash
    }

    /// Returns how the person signed in.
    pub fn way(&self) -> Way {
        self.row.way
    }

    /// Returns how far the sign-in is.
    pub fn step(&self) -> Step {
        self.row.step
    }

    /// Returns the end of the session without another request.
    pub fn idle_until(&self) -> UnixMillis {
        let last_used = UnixMillis::from_millis(self.last_used.load(Ordering::Relaxed));
        match self.row.step {
            Step::Code => self.until(),
            Step::In => last_used.saturating_add(IDLE_MS).min(self.until()),
        }
    }

    /// Returns the end of the session, whatever is requested.
    pub fn until(&self) -> UnixMillis {
        self.row.made.saturating_add(match self.row.step {
            Step::Code => CODE_MS,
            Step::In => LONGEST_MS,
        })
    }

    /// True once the session has ended: the person signed out, or somebody ended all sessions of the person.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Becomes true at the end of the session: for streams that live by it.
    pub fn ended(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.ended)
    }

    /// Notes a request. True if the store should know.
    fn touch(&self, now: UnixMillis) -> bool {
        self.last_used.fetch_max(now.as_millis(), Ordering::Relaxed);
        let written = self.written.load(Ordering::Relaxed);
        let is_due = now.as_millis().saturating_sub(written) >= WRITTEN_EVERY_MS;
        is_due && self.written.compare_exchange(written, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}

/// All sessions.
#[derive(Debug)]
pub struct Sessions {
    // Held for a lookup, and to put changed sessions in place.
    table: RwLock<HashMap<Hash, Arc<Session>>>,
    changes: watch::Sender<()>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { table: RwLock::default(), changes: watch::Sender::new(()) }
    }
}

impl Sessions {
    /// Returns a session that has not ended.
    pub fn get(&self, hash: &Hash, now: UnixMillis) -> Option<Arc<Session>> {
        let session = self.table.read().get(hash).cloned()?;
        (now < session.idle_until() && !session.ended.load(Ordering::Acquire)).then_some(session)
    }

    /// Notes a request of a session. True if the store should know, once in ten minutes.
    pub fn touch(&self, session: &Session, now: UnixMillis) -> bool {
        session.touch(now)
    }

    /// Puts changed sessions in place. The streams of those that are gone end.
    pub fn replace(&self, rows: Vec<Row>) {
        let mut table = self.table.write();
        let mut before = std::mem::take(&mut *table);
        for row in rows {
            let session = match before.remove(&row.hash) {
                Some(session) => {
                    session.last_used.fetch_max(row.last_used.as_millis(), Ordering::Relaxed);
                    session
                }
                None => Arc::new(Session::new(row)),
            };
            table.insert(session.row.hash, session);
        }
        drop(table);
        before.values().for_each(|session| session.end());
        self.changes.send_replace(());
    }

    /// Ends the sessions whose time is over.
    pub fn sweep(&self, now: UnixMillis) {
        let over: Vec<_> = self.table.read().values().filter(|session| session.idle_until() <= now).cloned().collect();
        if over.is_empty() {
            return;
        }
        let mut table = self.table.write();
        for session in over {
            table.remove(&session.row.hash);
            session.end();
        }
        drop(table);
        self.changes.send_replace(());
    }

    /// Returns a receiver of the ends of sessions.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u8, step: Step, made: i64, last_used: i64) -> Row {
        let at = UnixMillis::from_millis;
        let hash = Hash::of(&[number]);
        Row { hash, name: "thandi".to_owned(), way: Way::Password, step, made: at(made), last_used: at(last_used) }
    }

    #[test]
    fn a_session_ends_when_idle_and_after_seven_days_whatever_it_does() {
        let at = UnixMillis::from_millis;
        let sessions = Sessions::default();
        sessions.replace(vec![row(1, Step::In, 0, 0)]);
        let hash = Hash::of(&[1]);
        assert!(sessions.get(&hash, at(IDLE_MS - 1)).is_some() && sessions.get(&hash, at(IDLE_MS)).is_none());
        let session = sessions.get(&hash, at(0)).unwrap();
        let mut now = 0;
        while now + IDLE_MS / 2 < LONGEST_MS {
            now += IDLE_MS / 2;
            sessions.touch(&session, at(now));
            assert!(sessions.get(&hash, at(now)).is_some());
        }
        assert!(sessions.get(&hash, at(LONGEST_MS - 1)).is_some() && sessions.get(&hash, at(LONGEST_MS)).is_none());
        assert!(!session.ended().load(Ordering::Acquire));
        sessions.sweep(at(LONGEST_MS));
        assert!(session.ended().load(Ordering::Acquire), "its streams end");
    }

    #[test]
    fn between_password_and_code_are_five_minutes() {
        let sessions = Sessions::default();
        sessions.replace(vec![row(1, Step::Code, 0, 0)]);
        let at = UnixMillis::from_millis;
        assert!(sessions.get(&Hash::of(&[1]), at(CODE_MS - 1)).is_some());
        assert!(sessions.get(&Hash::of(&[1]), at(CODE_MS)).is_none());
    }

    #[test]
    fn a_session_that_the_store_lost_ends_and_its_neighbour_stays_itself() {
        let sessions = Sessions::default();
        sessions.replace(vec![row(1, Step::In, 0, 0), row(2, Step::In, 0, 0)]);
        let get = |number| sessions.get(&Hash::of(&[number]), UnixMillis::from_millis(1));
        let (gone, stays) = (get(1).unwrap(), get(2).unwrap());
        sessions.replace(vec![row(2, Step::In, 0, 5)]);
        assert!(gone.ended().load(Ordering::Acquire) && get(1).is_none());
        assert!(!stays.ended().load(Ordering::Acquire) && Arc::ptr_eq(&stays, &get(2).unwrap()));
    }

    #[test]
    fn the_store_hears_of_a_busy_session_once_in_ten_minutes() {
        let sessions = Sessions::default();
        sessions.replace(vec![row(1, Step::In, 0, 0)]);
        let session = sessions.get(&Hash::of(&[1]), UnixMillis::from_millis(1)).unwrap();
        let heard = (0..40).filter(|minute| sessions.touch(&session, UnixMillis::from_millis(minute * 60_000))).count();
        assert_eq!(heard, 3);
    }
}
