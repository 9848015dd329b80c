//! Reads the audit log.

use anyhow::Result;
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::clock::UnixMillis;
use crate::store::database::Database;

/// The most entries of one answer.
pub const MOST: u32 = 1_000;

/// Which entries are wanted. All conditions hold together.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The person's name.
    pub who: Option<String>,
    /// The line's username, in its text form.
    pub line: Option<String>,
    /// The deed's name.
    pub what: Option<String>,
    /// Entries older than this one.
    pub before: Option<i64>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The entry's number. A later entry has a higher one.
    pub id: i64,
    /// When it happened.
    pub at: UnixMillis,
    /// The person's name.
    pub who: String,
    /// The person's role at that time.
    pub role: String,
    /// The person's address, where known.
    pub address: Option<String>,
    /// The deed's name.
    pub what: String,
    /// The line's username, in its text form.
    pub line: Option<String>,
    /// More about it, in words.
    pub detail: String,
}

/// Some entries, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The entries.
    pub entries: Vec<Entry>,
    /// True if older ones fit too.
    pub more: bool,
}

/// Returns the newest entries that fit, at most [`MOST`].
///
/// # Errors
/// The store does not answer.
pub async fn find(database: &Database, filter: &Filter, limit: u32) -> Result<Found> {
    let limit = limit.clamp(1, MOST);
    let texts = [("who", &filter.who), ("line", &filter.line), ("what", &filter.what)];
    let texts: Vec<_> = texts.into_iter().filter_map(|(column, value)| Some((column, value.as_ref()?))).collect();
    let mut conditions: Vec<String> =
        texts.iter().enumerate().map(|(at, (column, _))| format!("{column} = ${}", at + 3)).collect();
    conditions.insert(0, "id < $1".to_owned());
    // The conditions hold names of columns and numbers of values, nothing of the filter's text.
    let statement = format!(
        "SELECT id, at, who, role, address, what, line, detail FROM audit WHERE {} ORDER BY id DESC LIMIT $2",
        conditions.join(" AND ")
    );
    let mut query = sqlx::query(AssertSqlSafe(statement));
    query = query.bind(filter.before.unwrap_or(i64::MAX)).bind(i64::from(limit) + 1);
    for (_, value) in &texts {
        query = query.bind(value.as_str());
    }
    let rows = query.fetch_all(database.pool()).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let entries = rows.iter().take(limit).map(entry).collect::<sqlx::Result<_>>()?;
    Ok(Found { entries, more: rows.len() > limit })
}

fn entry(row: &AnyRow) -> sqlx::Result<Entry> {
    Ok(Entry {
        id: row.try_get("id")?,
        at: UnixMillis::from_millis(row.try_get("at")?),
        who: row.try_get("who")?,
        role: row.try_get("role")?,
        address: row.try_get("address")?,
        what: row.try_get("what")?,
        line: row.try_get("line")?,
        detail: row.try_get("detail")?,
    })
}
