//! The store's book of lines' days. The lines of one shard share a row for each column: a line's week is two thousand short rows.

use anyhow::{Context, Result};
use shared::Username;
use sqlx::Row;

use super::{COLUMN_MS, Column, Past, find, pack};
use crate::clock::UnixMillis;
use crate::store::database::{Change, Database, Topic};

/// Shards of lines, by the rest of their numbers.
const SHARDS: u32 = 1_024;
/// Old rows go in turns: with each column those of so many shards.
const CLEANED_AT_ONCE: u32 = SHARDS / 8;

const DAY_MS: i64 = 86_400_000;

/// A column of all lines, on the way to the store.
pub struct Sheet {
    change: Change,
    at: UnixMillis,
}

impl Sheet {
    /// Begins to write the column that begins at `at`.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn begin(database: &Database, at: UnixMillis) -> Result<Self> {
        Ok(Self { change: database.change(Topic::Past).await?, at })
    }

    /// Returns a line's number, a new one for a new line, and notes the day.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn number(&mut self, username: &Username) -> Result<u32> {
        let number: i64 = sqlx::query_scalar(
            "INSERT INTO past_lines (id, username, seen)
             VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM past_lines), $1, $2)
             ON CONFLICT (username) DO UPDATE SET seen = excluded.seen RETURNING id",
        )
        .bind(key(username))
        .bind(self.at.as_millis())
        .fetch_one(self.change.connection())
        .await?;
        u32::try_from(number).context("the store has more lines than there are numbers")
    }

    /// Notes that a line had a column on this day.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn seen(&mut self, number: u32) -> Result<()> {
        let seen = sqlx::query("UPDATE past_lines SET seen = $2 WHERE id = $1").bind(i64::from(number));
        seen.bind(self.at.as_millis()).execute(self.change.connection()).await?;
        Ok(())
    }

    /// Writes the columns of all lines, and removes what is older than `kept` milliseconds.
    ///
    /// # Errors
    /// The store takes no change. Then nothing was written.
    pub async fn write(mut self, writer: i64, mut columns: Vec<(u32, Column)>, kept: i64) -> Result<()> {
        columns.sort_unstable_by_key(|(number, _)| (number % SHARDS, *number));
        for lines in columns.chunk_by(|(one, _), (other, _)| one % SHARDS == other % SHARDS) {
            let Some((first, _)) = lines.first() else { continue };
            let written = sqlx::query(
                "INSERT INTO past (shard, at, writer, columns) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (shard, at, writer) DO UPDATE SET columns = excluded.columns",
            );
            let written = written.bind(i64::from(first % SHARDS)).bind(self.at.as_millis()).bind(writer);
            written
                .bind(pack(lines.iter().map(|(number, column)| (number / SHARDS, column))))
                .execute(self.change.connection())
                .await?;
        }
        self.clean(self.at.saturating_sub(kept)).await?;
        self.change.commit().await
    }

    async fn clean(&mut self, before: UnixMillis) -> Result<()> {
        let turn = self.at.as_millis().div_euclid(COLUMN_MS).rem_euclid(i64::from(SHARDS / CLEANED_AT_ONCE));
        let first = turn * i64::from(CLEANED_AT_ONCE);
        for shard in first..first + i64::from(CLEANED_AT_ONCE) {
            let old = sqlx::query("DELETE FROM past WHERE shard = $1 AND at < $2");
            old.bind(shard).bind(before.as_millis()).execute(self.change.connection()).await?;
        }
        let gone = sqlx::query("DELETE FROM past_lines WHERE seen < $1").bind(before.as_millis() - DAY_MS);
        gone.execute(self.change.connection()).await?;
        Ok(())
    }
}

/// Returns a line's columns between two times.
///
/// # Errors
/// The store does not answer.
pub async fn read(database: &Database, username: &Username, from: UnixMillis, to: UnixMillis) -> Result<Past> {
    let number = sqlx::query_scalar::<_, i64>("SELECT id FROM past_lines WHERE username = $1").bind(key(username));
    let number = number.fetch_optional(database.pool()).await?.and_then(|number| u32::try_from(number).ok());
    let Some(number) = number else { return Ok(Past::of(&[], from, to)) };
    let rows = sqlx::query("SELECT at, columns FROM past WHERE shard = $1 AND at > $2 AND at <= $3 ORDER BY at");
    let rows = rows.bind(i64::from(number % SHARDS)).bind(from.as_millis() - COLUMN_MS).bind(to.as_millis());
    let mut columns = Vec::new();
    for row in rows.fetch_all(database.pool()).await? {
        let packed: Vec<u8> = row.try_get("columns")?;
        let at = UnixMillis::from_millis(row.try_get("at")?);
        let found = find(&packed, number / SHARDS).context("the store's columns are not what this release writes")?;
        columns.extend(found.map(|column| (at, column)));
    }
    Ok(Past::of(&columns, from, to))
}

/// Returns a username as the book has it. PostgreSQL stores no zero byte.
fn key(username: &Username) -> String {
    username.to_text().replace('\0', "%00")
}
