//! The store's sessions.

use anyhow::Result;
use sqlx::Row as _;

use super::{CODE_MS, IDLE_MS, LONGEST_MS, Row, Step, Way};
use crate::clock::UnixMillis;
use crate::operators::audit::{self, Actor, Deed, What};
use crate::operators::secret::Hash;
use crate::store::database::{Change, Database, Topic};

/// Returns all sessions.
///
/// # Errors
/// The store does not answer.
pub async fn all(database: &Database) -> Result<Vec<Row>> {
    let rows = sqlx::query("SELECT hash, name, way, step, made, last_used FROM sessions").fetch_all(database.pool());
    rows.await?
        .iter()
        .map(|row| {
            Ok(Row {
                hash: Hash::from_text(row.try_get("hash")?)?,
                name: row.try_get("name")?,
                way: Way::of(row.try_get("way")?)?,
                step: Step::of(row.try_get("step")?)?,
                made: UnixMillis::from_millis(row.try_get("made")?),
                last_used: UnixMillis::from_millis(row.try_get("last_used")?),
            })
        })
        .collect()
}

/// Adds a session, and removes those whose time is over. The change must have raised [`Topic::Sessions`].
///
/// # Errors
/// The store takes no change.
pub async fn add(change: &mut Change, row: &Row) -> Result<()> {
    let now = row.made;
    sqlx::query("DELETE FROM sessions WHERE made < $1 OR last_used < $2 OR (step = 'code' AND made < $3)")
        .bind(now.saturating_sub(LONGEST_MS).as_millis())
        .bind(now.saturating_sub(IDLE_MS).as_millis())
        .bind(now.saturating_sub(CODE_MS).as_millis())
        .execute(change.connection())
        .await?;
    sqlx::query("INSERT INTO sessions (hash, name, way, step, made, last_used) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(row.hash.to_text())
        .bind(&row.name)
        .bind(row.way.as_str())
        .bind(row.step.as_str())
        .bind(row.made.as_millis())
        .bind(row.last_used.as_millis())
        .execute(change.connection())
        .await?;
    if row.step == Step::In {
        seen(change, &row.name, now).await?;
    }
    Ok(())
}

/// Removes a session. The change must have raised [`Topic::Sessions`]. False if it was gone.
///
/// # Errors
/// The store takes no change.
pub async fn remove(change: &mut Change, hash: Hash) -> Result<bool> {
    let removed = sqlx::query("DELETE FROM sessions WHERE hash = $1").bind(hash.to_text());
    Ok(removed.execute(change.connection()).await?.rows_affected() > 0)
}

/// Removes all sessions of a person. The change must have raised [`Topic::Sessions`].
///
/// # Errors
/// The store takes no change.
pub async fn remove_all_of(change: &mut Change, name: &str) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE name = $1").bind(name).execute(change.connection()).await?;
    Ok(())
}

/// Notes that a session is in use.
///
/// # Errors
/// The store takes no change.
pub async fn touch(database: &Database, hash: Hash, name: &str, now: UnixMillis) -> Result<()> {
    let mut change = database.begin().await?;
    // The other relays of this store hear of it, lest they take the session for idle.
    change.raise(Topic::People).await?;
    change.raise(Topic::Sessions).await?;
    sqlx::query("UPDATE sessions SET last_used = $1 WHERE hash = $2 AND last_used < $1")
        .bind(now.as_millis())
        .bind(hash.to_text())
        .execute(change.connection())
        .await?;
    seen(&mut change, name, now).await?;
    change.commit().await
}

/// Signs a session out, or all sessions of its person.
///
/// # Errors
/// The store takes no change.
pub async fn sign_out(
    database: &Database,
    actor: &Actor,
    (hash, name): (Hash, &str),
    everywhere: bool,
    now: UnixMillis,
) -> Result<()> {
    let mut change = database.change(Topic::Sessions).await?;
    if everywhere {
        remove_all_of(&mut change, name).await?;
    } else {
        remove(&mut change, hash).await?;
    }
    let detail = if everywhere { "everywhere" } else { "" };
    audit::commit(change, actor, &Deed::new(What::SignedOut).detail(detail), now).await
}

async fn seen(change: &mut Change, name: &str, now: UnixMillis) -> Result<()> {
    sqlx::query("UPDATE people SET last_seen = $1 WHERE name = $2 AND (last_seen IS NULL OR last_seen < $1)")
        .bind(now.as_millis())
        .bind(name)
        .execute(change.connection())
        .await?;
    Ok(())
}
