//! Single-use addresses: invitations to choose a password, and sign-ins that a command makes. The store knows their hashes alone.

use anyhow::Result;
use sqlx::Row;

use super::secret::{Hash, Secret};
use crate::clock::UnixMillis;
use crate::store::database::{Change, Database};

/// How long an address opens, in milliseconds.
pub const LIFETIME_MS: i64 = 24 * 3600 * 1_000;
/// How long a used or ended address is told from a guess, in milliseconds.
const KEPT_MS: i64 = 30 * 86_400 * 1_000;

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Choosing a password.
    Invitation,
    /// Signing in once.
    SignIn,
}

impl Kind {
    /// Returns the kind's name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::SignIn => "sign-in",
        }
    }

    /// Returns the page of the kind's addresses, below the public address.
    pub fn page(self) -> &'static str {
        match self {
            Self::Invitation => "console/invitation",
            Self::SignIn => "console/sign-in",
        }
    }
}

/// A fresh ticket.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// The secret behind the address's `#`.
    pub secret: Secret,
    /// What the address is for.
    pub kind: Kind,
    /// When the address opens nothing any more.
    pub expires: UnixMillis,
}

impl Ticket {
    /// Returns a fresh ticket.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn fresh(kind: Kind, now: UnixMillis) -> Result<Self> {
        Ok(Self { secret: Secret::fresh()?, kind, expires: now.saturating_add(LIFETIME_MS) })
    }

    /// Returns the address, behind a base that ends in a slash. The secret never reaches a server's log there.
    pub fn address(&self, base: &str) -> String {
        format!("{base}{}#{}", self.kind.page(), self.secret.as_str())
    }
}

/// What became of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It opens, for this person.
    Good(String),
    /// It was this person's, and was used or has ended.
    Over(String),
    /// Nobody's.
    Unknown,
}

/// Enters a ticket for a person; older ones of its kind open nothing any more.
///
/// # Errors
/// The store takes no change.
pub(super) async fn issue(change: &mut Change, name: &str, ticket: &Ticket, now: UnixMillis) -> Result<()> {
    void(change, name, ticket.kind, now).await?;
    sqlx::query("DELETE FROM tickets WHERE expires < $1")
        .bind(now.saturating_sub(KEPT_MS).as_millis())
        .execute(change.connection())
        .await?;
    sqlx::query("INSERT INTO tickets (hash, name, kind, expires) VALUES ($1, $2, $3, $4)")
        .bind(ticket.secret.hash().to_text())
        .bind(name)
        .bind(ticket.kind.as_str())
        .bind(ticket.expires.as_millis())
        .execute(change.connection())
        .await?;
    Ok(())
}

/// Ends the unused tickets of a person.
///
/// # Errors
/// The store takes no change.
pub(super) async fn void(change: &mut Change, name: &str, kind: Kind, now: UnixMillis) -> Result<()> {
    let voided = sqlx::query("UPDATE tickets SET used = $1 WHERE name = $2 AND kind = $3 AND used IS NULL");
    voided.bind(now.as_millis()).bind(name).bind(kind.as_str()).execute(change.connection()).await?;
    Ok(())
}

/// Returns what a ticket is, without using it.
///
/// # Errors
/// The store does not answer.
pub async fn look(database: &Database, hash: Hash, kind: Kind, now: UnixMillis) -> Result<Found> {
    let query = sqlx::query("SELECT name, expires, used FROM tickets WHERE hash = $1 AND kind = $2");
    let row = query.bind(hash.to_text()).bind(kind.as_str()).fetch_optional(database.pool()).await?;
    let Some(row) = row else { return Ok(Found::Unknown) };
    let (name, expires) = (row.try_get("name")?, row.try_get::<i64, _>("expires")?);
    let used: Option<i64> = row.try_get("used")?;
    Ok(if used.is_some() || expires <= now.as_millis() { Found::Over(name) } else { Found::Good(name) })
}

/// Uses a ticket. Of two uses at once, one finds it over.
///
/// # Errors
/// The store takes no change.
pub(super) async fn take(change: &mut Change, hash: Hash, kind: Kind, now: UnixMillis) -> Result<Option<String>> {
    let used = sqlx::query_scalar(
        "UPDATE tickets SET used = $1 WHERE hash = $2 AND kind = $3 AND used IS NULL AND expires > $1 RETURNING name",
    );
    let used = used.bind(now.as_millis()).bind(hash.to_text()).bind(kind.as_str());
    Ok(used.fetch_optional(change.connection()).await?)
}
