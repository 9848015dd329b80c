//! The audit log: who watched which line, who changed what, from where, and when.
//!
//! A change and its entry are one transaction ([`commit`]). What changes nothing, such as watching a line, is [noted](Audit::note)
//! and written within a second; with the store gone, up to [`PENDING`] entries wait in memory.

pub mod csv;
pub mod query;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::{Instant, timeout};

use crate::clock::UnixMillis;
use crate::metrics::Metrics;
use crate::store::database::handle::Store;
use crate::store::database::{Change, Database, Topic};

/// The most entries that wait for the store, some 200 bytes each; the next ones are counted as lost.
const PENDING: usize = 10_000;
/// The most entries of one transaction.
const AT_ONCE: usize = 500;
/// The pause after the store took no entry.
const PAUSE: Duration = Duration::from_secs(1);
/// The time between two removals of old entries.
const CLEANED_EVERY: Duration = Duration::from_secs(3600);
/// The time for the last entries of a relay that stops.
const PARTING: Duration = Duration::from_secs(2);
const DAY_MS: i64 = 86_400_000;

macro_rules! deeds {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        /// What somebody did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum What {
            $($(#[doc = $doc])+ $name,)+
        }

        impl What {
            /// Returns the deed's name in the log, in kebab-case.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

deeds! {
    /// Opened a line.
    Watched = "watched";
    /// Made a link.
    LinkMade = "link-made";
    /// Revoked a link.
    LinkRevoked = "link-revoked";
    /// Made all older links of a line void.
    LinksVoid = "links-void";
    /// Made a code that opens a line.
    CodeMade = "code-made";
    /// Signed in.
    SignedIn = "signed-in";
    /// Showed the right password, and was asked for the second factor.
    SecondFactorAsked = "second-factor-asked";
    /// Was refused at the sign-in.
    SignInRefused = "sign-in-refused";
    /// Signed out.
    SignedOut = "signed-out";
    /// Added a person.
    PersonAdded = "person-added";
    /// Removed a person.
    PersonRemoved = "person-removed";
    /// Invited a person to choose a new password.
    PersonInvited = "person-invited";
    /// Used an address a second time, or too late.
    InvitationRefused = "invitation-refused";
    /// Gave a person another role.
    RoleChanged = "role-changed";
    /// Chose a password.
    PasswordChanged = "password-changed";
    /// Set up a second factor.
    TotpOn = "totp-on";
    /// Removed a second factor.
    TotpOff = "totp-off";
    /// Added a router's agent.
    RouterAdded = "router-added";
    /// Changed the usernames that an agent may report.
    RouterChanged = "router-changed";
    /// Gave an agent a new token.
    RouterToken = "router-token";
    /// Removed an agent.
    RouterRevoked = "router-revoked";
    /// Made or removed the address of the wallboard.
    WallChanged = "wall-changed";
    /// Made a key of the API.
    KeyMade = "key-made";
    /// Revoked a key of the API.
    KeyRevoked = "key-revoked";
    /// Showed a key of the API for something that its scopes do not hold.
    KeyRefused = "key-refused";
    /// Changed subscribers.
    SubscribersChanged = "subscribers-changed";
    /// Said that a line is slow now.
    SlowReported = "slow-reported";
    /// Answered a slow report.
    SlowAnswered = "slow-answered";
    /// Closed a slow report.
    SlowClosed = "slow-closed";
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The person's name, or another one that no person can have, in brackets.
    pub who: String,
    /// The role at that time.
    pub role: &'static str,
    /// The person's address, where known.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// Returns whoever runs commands on the relay's machine.
    pub fn command() -> Self {
        Self { who: "(command)".to_owned(), role: "admin", address: None }
    }
}

/// A deed with its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    what: What,
    line: Option<String>,
    detail: String,
}

impl Deed {
    /// Returns a deed without an object.
    pub fn new(what: What) -> Self {
        Self { what, line: None, detail: String::new() }
    }

    /// Names the line, by its username's text form. A zero byte, which PostgreSQL does not store, stands as `%00`.
    #[must_use]
    pub fn line(self, username: impl Into<String>) -> Self {
        Self { line: Some(username.into().replace('\0', "%00")), ..self }
    }

    /// Says more: a name, a kind, a reason. Never a secret.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into().replace('\0', "%00"), ..self }
    }
}

/// Ends a change with its entry: both happen, or neither. The change is taken, lest a forgotten one keep the one connection to a file.
///
/// # Errors
/// The store takes no change.
pub async fn commit(mut change: Change, actor: &Actor, deed: &Deed, now: UnixMillis) -> Result<()> {
    enter(&mut change, actor, deed, now).await?;
    change.commit().await
}

/// Enters a deed within its change. [`commit`] enters the last deed of a change.
///
/// # Errors
/// The store takes no change.
pub(super) async fn enter(change: &mut Change, actor: &Actor, deed: &Deed, now: UnixMillis) -> Result<()> {
    let id = change.raise(Topic::Audit).await?;
    sqlx::query(
        "INSERT INTO audit (id, at, who, role, address, what, line, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id)
    .bind(now.as_millis())
    .bind(&actor.who)
    .bind(actor.role)
    .bind(actor.address.map(|address| address.to_string()))
    .bind(deed.what.as_str())
    .bind(deed.line.as_deref())
    .bind(&deed.detail)
    .execute(change.connection())
    .await?;
    Ok(())
}

/// Removes the entries from before a time.
///
/// # Errors
/// The store takes no change.
pub async fn forget(database: &Database, before: UnixMillis) -> Result<()> {
    let mut change = database.begin().await?;
    sqlx::query("DELETE FROM audit WHERE at < $1").bind(before.as_millis()).execute(change.connection()).await?;
    change.commit().await
}

#[derive(Clone)]
struct Pending {
    actor: Actor,
    deed: Deed,
    at: UnixMillis,
}

/// The log of a running relay.
pub struct Audit {
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    kept: Duration,
    // Held to add an entry, or to take some.
    pending: Mutex<VecDeque<Pending>>,
    // Held while entries are written: each is written once.
    writing: AsyncMutex<()>,
    wake: Notify,
}

impl Audit {
    /// Returns the log in a store. Entries are kept for a time.
    pub fn new(store: Arc<Store>, kept: Duration, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics, kept, pending: Mutex::default(), writing: AsyncMutex::default(), wake: Notify::new() }
    }

    /// Notes a deed that changes nothing in the store. Never waits.
    pub fn note(&self, actor: &Actor, deed: Deed) {
        let entry = Pending { actor: actor.clone(), deed, at: SystemTime::now().into() };
        let mut pending = self.pending.lock();
        if pending.len() < PENDING {
            pending.push_back(entry);
        } else {
            self.metrics.audit_lost.increment();
        }
        drop(pending);
        self.wake.notify_one();
    }

    /// Writes what was noted.
    ///
    /// # Errors
    /// The store takes no change. What was not written stays noted.
    pub async fn write(&self) -> Result<()> {
        let _turn = self.writing.lock().await;
        loop {
            let entries: Vec<Pending> = self.pending.lock().iter().take(AT_ONCE).cloned().collect();
            if entries.is_empty() {
                return Ok(());
            }
            let mut change = self.store.database().await?.begin().await?;
            for entry in &entries {
                enter(&mut change, &entry.actor, &entry.deed, entry.at).await?;
            }
            change.commit().await?;
            self.pending.lock().drain(..entries.len());
        }
    }

    /// Writes entries and removes old ones, for ever. A failure is logged once, until the store takes entries again.
    pub async fn run(self: Arc<Self>) {
        let (mut fails, mut cleaned) = (false, None::<Instant>);
        loop {
            let _ = timeout(CLEANED_EVERY, self.wake.notified()).await;
            while let Err(error) = self.write().await {
                if !fails {
                    tracing::error!(error = format!("{error:#}"), "the audit log cannot be written; its entries wait");
                }
                fails = true;
                tokio::time::sleep(PAUSE).await;
            }
            fails = false;
            if cleaned.is_none_or(|cleaned| cleaned.elapsed() >= CLEANED_EVERY) && self.clean().await.is_ok() {
                cleaned = Some(Instant::now());
            }
        }
    }

    /// Writes the last entries of a relay that stops.
    ///
    /// # Errors
    /// The store takes none; they are lost.
    pub async fn part(&self) -> Result<()> {
        let written = timeout(PARTING, self.write()).await;
        let left = self.pending.lock().len();
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.context(format!("{left} entries of the audit log are lost"))),
            Err(_) => bail!("{left} entries of the audit log are lost: the store does not answer"),
        }
    }

    async fn clean(&self) -> Result<()> {
        let days = i64::try_from(self.kept.as_secs() / 86_400).unwrap_or(i64::MAX);
        let before = UnixMillis::from(SystemTime::now()).saturating_sub(days.saturating_mul(DAY_MS));
        forget(&self.store.database().await?, before).await
    }
}
