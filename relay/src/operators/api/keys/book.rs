//! The store's book of keys: names, hashes, scopes and times, never a key.

use anyhow::{Result, bail, ensure};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Key, Scopes, check_name, fresh};
use crate::clock::{UnixMillis, unix_seconds};
use crate::operators::audit::{self, Actor, Deed, What};
use crate::operators::secret::Hash;
use crate::store::database::{Database, Topic};

/// The most keys in force.
const MAX_KEYS: i64 = 1_000;

/// One key of the book. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The key's name.
    pub name: String,
    /// What the key may do.
    pub scopes: Scopes,
    /// When the key was made.
    pub made: u64,
    /// When the key was used last, to the minute.
    pub used: Option<u64>,
    /// When the key was revoked.
    pub revoked: Option<u64>,
}

/// Makes a key, and returns it: it is kept nowhere.
///
/// # Errors
/// The name is taken or unfit, there are too many keys, or the store takes no change.
pub async fn add(database: &Database, name: &str, scopes: &Scopes, actor: &Actor, now: UnixMillis) -> Result<String> {
    check_name(name)?;
    let key = fresh()?;
    let mut change = database.change(Topic::ApiKeys).await?;
    // A name may be used again once its key is revoked.
    sqlx::query("DELETE FROM api_keys WHERE name = $1 AND revoked IS NOT NULL")
        .bind(name)
        .execute(change.connection())
        .await?;
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM api_keys WHERE revoked IS NULL");
    ensure!(count.fetch_one(change.connection()).await? < MAX_KEYS, "there are {MAX_KEYS} keys already; revoke some");
    let added = sqlx::query(
        "INSERT INTO api_keys (name, digest, scopes, made) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING",
    )
    .bind(name)
    .bind(Hash::of(key.as_bytes()).to_text())
    .bind(scopes.to_string())
    .bind(signed(unix_seconds(now.into())))
    .execute(change.connection())
    .await?;
    if added.rows_affected() == 0 {
        bail!("there is a key {name:?} already; revoke it first, or choose another name");
    }
    let deed = Deed::new(What::KeyMade).detail(format!("{name}: {scopes}"));
    audit::commit(change, actor, &deed, now).await?;
    Ok(key)
}

/// Revokes a key.
///
/// # Errors
/// No key in force has the name, or the store takes no change.
pub async fn revoke(database: &Database, name: &str, actor: &Actor, now: UnixMillis) -> Result<()> {
    let mut change = database.change(Topic::ApiKeys).await?;
    let revoked = sqlx::query("UPDATE api_keys SET revoked = $1 WHERE name = $2 AND revoked IS NULL")
        .bind(signed(unix_seconds(now.into())))
        .bind(name)
        .execute(change.connection())
        .await?;
    ensure!(revoked.rows_affected() > 0, "there is no key {name:?} in force; `linelight-relay key list` shows all");
    audit::commit(change, actor, &Deed::new(What::KeyRevoked).detail(name), now).await
}

/// Notes a use of a key, Unix seconds.
///
/// # Errors
/// The store takes no change.
pub async fn touch(database: &Database, key: &Key, now: u64) -> Result<()> {
    let mut change = database.begin().await?;
    sqlx::query("UPDATE api_keys SET used = $1 WHERE digest = $2 AND (used IS NULL OR used < $1)")
        .bind(signed(now))
        .bind(key.hash.to_text())
        .execute(change.connection())
        .await?;
    change.commit().await
}

/// Returns all keys by name, revoked ones too.
///
/// # Errors
/// The store does not answer.
pub async fn list(database: &Database) -> Result<Vec<Listed>> {
    let rows = sqlx::query("SELECT name, scopes, made, used, revoked FROM api_keys ORDER BY name");
    let rows = rows.fetch_all(database.pool()).await?;
    let listed = |row: &AnyRow| {
        Ok(Listed {
            name: row.try_get("name")?,
            scopes: Scopes::from_text(row.try_get("scopes")?),
            made: seconds(row, "made")?.unwrap_or(0),
            used: seconds(row, "used")?,
            revoked: seconds(row, "revoked")?,
        })
    };
    rows.iter().map(listed).collect()
}

/// Returns the keys in force.
///
/// # Errors
/// The store does not answer.
pub async fn in_force(database: &Database) -> Result<Vec<Key>> {
    let rows = sqlx::query("SELECT name, digest, scopes, used FROM api_keys WHERE revoked IS NULL");
    let rows = rows.fetch_all(database.pool()).await?;
    let key = |row: &AnyRow| {
        let scopes = Scopes::from_text(row.try_get("scopes")?);
        let hash = Hash::from_text(row.try_get("digest")?)?;
        Ok(Key::new(row.try_get("name")?, scopes, hash, seconds(row, "used")?.unwrap_or(0)))
    };
    rows.iter().map(key).collect()
}

fn seconds(row: &AnyRow, name: &str) -> Result<Option<u64>> {
    Ok(row.try_get::<Option<i64>, _>(name)?.and_then(|at| u64::try_from(at).ok()))
}

/// Returns Unix seconds as the database has them.
fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
