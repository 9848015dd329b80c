//! The store's book of links: links that the relay made, revoked links, and lines whose older links are void.

use std::time::SystemTime;

use anyhow::Result;
use shared::Username;
use sqlx::Row;

use super::revocations::Table;
use crate::clock::unix_seconds;
use crate::store::database::{Change, Database, Topic};

/// How long the book lists a link after its end, in seconds.
const KEPT_AFTER_END: i64 = 30 * 86_400;

/// One link of the book. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The link's id.
    pub id: String,
    /// When the relay made the link; `None` for a link of another maker.
    pub made: Option<u64>,
    /// The link's end.
    pub expires: u64,
    /// When the link was revoked.
    pub revoked: Option<u64>,
    /// What the link was made for; `None` for a link of another maker.
    pub kind: Option<String>,
    /// Who made the link, if that is known.
    pub maker: Option<String>,
}

/// What a link is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One call to support.
    Support,
    /// The subscriber, for long.
    Personal,
    /// A subscriber who typed a code.
    Code,
    /// Whoever ran the command.
    Command,
}

impl Kind {
    /// Returns the kind's name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Personal => "personal",
            Self::Code => "code",
            Self::Command => "command",
        }
    }
}

/// A link that is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewLink<'a> {
    /// The line.
    pub username: &'a Username,
    /// The link's id.
    pub id: &'a str,
    /// The link's end, Unix seconds.
    pub expires: u64,
    /// What the link is made for.
    pub kind: Kind,
    /// Who makes the link.
    pub maker: Option<&'a str>,
}

/// The links of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineLinks {
    /// The newest end comes first.
    pub links: Vec<Entry>,
    /// Links from before this time are void.
    pub void_before: Option<u64>,
}

/// Enters a new link. Returns the time to issue the link at, in Unix seconds: `now`, or a moment later where the line's older
/// links were made void within this second.
///
/// # Errors
/// The store takes no change.
pub async fn enter(database: &Database, username: &Username, id: &str, now: u64, expires: u64) -> Result<u64> {
    let mut change = database.change(Topic::Links).await?;
    let link = NewLink { username, id, expires, kind: Kind::Command, maker: None };
    let issued = enter_within(&mut change, &link, now).await?;
    change.commit().await?;
    Ok(issued)
}

/// As [`enter`], within a change of [`Topic::Links`].
///
/// # Errors
/// The store takes no change.
pub async fn enter_within(change: &mut Change, link: &NewLink<'_>, now: u64) -> Result<u64> {
    let username = link.username.to_text();
    let before = sqlx::query_scalar::<_, i64>("SELECT before FROM void_before WHERE username = $1").bind(&username);
    let before = before.fetch_optional(change.connection()).await?.and_then(|before| u64::try_from(before).ok());
    let issued = before.unwrap_or(0).max(now);
    sqlx::query("INSERT INTO links (username, id, made, expires, kind, maker) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(&username)
        .bind(link.id)
        .bind(signed(issued))
        .bind(signed(link.expires))
        .bind(link.kind.as_str())
        .bind(link.maker)
        .execute(change.connection())
        .await?;
    sqlx::query("DELETE FROM links WHERE expires < $1")
        .bind(signed(now).saturating_sub(KEPT_AFTER_END))
        .execute(change.connection())
        .await?;
    Ok(issued)
}

/// Revokes a link. Returns false for a link that was revoked before.
///
/// # Errors
/// The store takes no change.
pub async fn revoke(database: &Database, username: &Username, id: &str, expires: u64, now: u64) -> Result<bool> {
    let mut change = database.change(Topic::Links).await?;
    let is_new = revoke_within(&mut change, (username, id), expires, now).await?;
    change.commit().await?;
    Ok(is_new)
}

/// As [`revoke`], within a change of [`Topic::Links`].
///
/// # Errors
/// The store takes no change.
pub async fn revoke_within(
    change: &mut Change,
    (username, id): (&Username, &str),
    expires: u64,
    now: u64,
) -> Result<bool> {
    let revoked = sqlx::query(
        "INSERT INTO links (username, id, expires, revoked) VALUES ($1, $2, $3, $4)
         ON CONFLICT (username, id) DO UPDATE SET revoked = excluded.revoked WHERE links.revoked IS NULL",
    )
    .bind(username.to_text())
    .bind(id)
    .bind(signed(expires))
    .bind(signed(now))
    .execute(change.connection())
    .await?;
    Ok(revoked.rows_affected() > 0)
}

/// Makes every link of a line void that was made until now, and a code that waits to be typed.
///
/// # Errors
/// The store takes no change.
pub async fn void(database: &Database, username: &Username, now: u64) -> Result<()> {
    let mut change = database.change(Topic::Links).await?;
    void_within(&mut change, username, now).await?;
    change.commit().await
}

/// As [`void`], within a change of [`Topic::Links`].
///
/// # Errors
/// The store takes no change.
pub async fn void_within(change: &mut Change, username: &Username, now: u64) -> Result<()> {
    // A link has the second of its making: those of this second are older too.
    sqlx::query(
        "INSERT INTO void_before (username, before) VALUES ($1, $2)
         ON CONFLICT (username) DO UPDATE SET before = excluded.before WHERE void_before.before < excluded.before",
    )
    .bind(username.to_text())
    .bind(signed(now).saturating_add(1))
    .execute(change.connection())
    .await?;
    let codes = sqlx::query("DELETE FROM codes WHERE username = $1").bind(username.to_text());
    codes.execute(change.connection()).await?;
    Ok(())
}

/// Returns the links of a line.
///
/// # Errors
/// The store does not answer.
pub async fn of_line(database: &Database, username: &Username) -> Result<LineLinks> {
    let username = username.to_text();
    let rows = sqlx::query(
        "SELECT id, made, expires, revoked, kind, maker FROM links WHERE username = $1 ORDER BY expires DESC, id",
    )
    .bind(&username)
    .fetch_all(database.pool())
    .await?;
    let links = rows.iter().map(entry).collect::<sqlx::Result<_>>()?;
    let before = sqlx::query_scalar::<_, i64>("SELECT before FROM void_before WHERE username = $1").bind(&username);
    let void_before = before.fetch_optional(database.pool()).await?.and_then(|before| u64::try_from(before).ok());
    Ok(LineLinks { links, void_before })
}

/// Reads the revocations in force.
///
/// # Errors
/// The store does not answer.
pub async fn revocations(database: &Database, now: SystemTime) -> Result<Table> {
    let mut table = Table::default();
    let links = sqlx::query("SELECT username, id FROM links WHERE revoked IS NOT NULL AND expires >= $1");
    for row in links.bind(signed(unix_seconds(now))).fetch_all(database.pool()).await? {
        table.revoke(row.try_get("username")?, row.try_get("id")?);
    }
    for row in sqlx::query("SELECT username, before FROM void_before").fetch_all(database.pool()).await? {
        table.void(row.try_get("username")?, u64::try_from(row.try_get::<i64, _>("before")?).unwrap_or(0));
    }
    Ok(table)
}

fn entry(row: &sqlx::any::AnyRow) -> sqlx::Result<Entry> {
    let optional =
        |name| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(name)?.and_then(|at| u64::try_from(at).ok()));
    Ok(Entry {
        id: row.try_get("id")?,
        made: optional("made")?,
        expires: optional("expires")?.unwrap_or(0),
        revoked: optional("revoked")?,
        kind: row.try_get("kind")?,
        maker: row.try_get("maker")?,
    })
}

/// Returns Unix seconds as the database has them.
fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
