//! The store's book of slow reports: "It is slow now". A report holds the line's snapshot of that moment, the words of whoever reports,
//! and the desk's answer.

use anyhow::Result;
use serde::Serialize;
use shared::Username;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::clock::UnixMillis;
use crate::store::database::{Change, Database, Topic};

/// The longest words of a report, and the longest answer, in characters.
pub const LONGEST_WORDS: usize = 500;
/// Reports of one line within a day.
pub const A_DAY_OF_A_LINE: i64 = 3;
/// Reports of all lines within an hour, some 10 KB each: an outage makes hundreds, and strangers make no more than these.
pub const AN_HOUR: i64 = 500;
/// The reports of one answer.
pub const MOST: u32 = 100;

/// A report that a ticket system did not take is tried again after so long.
const AGAIN_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How long a report is kept.
const KEPT_MS: i64 = 90 * DAY_MS;

/// A report that is about to be entered.
#[derive(Debug, Clone, Copy)]
pub struct NewReport<'a> {
    /// The line.
    pub username: &'a Username,
    /// The member of staff who pins the line; `None` for the subscriber.
    pub maker: Option<&'a str>,
    /// The person's own words, perhaps none. [`plain`] makes them fit.
    pub words: &'a str,
    /// The line at this moment: the snapshot frame that a viewer would get, as JSON.
    pub snapshot: &'a str,
}

/// One report without its snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The report's number. A later report has a higher one.
    pub number: i64,
    /// The line's username, in its text form.
    pub username: String,
    /// When the line was pinned.
    pub made: UnixMillis,
    /// The member of staff who pinned the line; `None` for the subscriber.
    pub by: Option<String>,
    /// The person's words.
    pub words: String,
    /// The desk's answer.
    pub answer: Option<String>,
    /// When the desk answered.
    pub answered: Option<UnixMillis>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When the desk closed the report.
    pub closed: Option<UnixMillis>,
    /// Who closed the report.
    pub closed_by: Option<String>,
}

/// The reason for entering no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The line has an open report.
    Open,
    /// The line has all reports of a day.
    LineHadEnough,
    /// All lines together have all reports of an hour.
    RelayHadEnough,
}

/// Some reports, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reports {
    /// The reports.
    pub reports: Vec<Report>,
    /// How many reports of all are open.
    pub open: i64,
    /// True if older ones fit too.
    pub more: bool,
}

/// Which reports are wanted. All conditions hold together.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The line's username, in its text form.
    pub line: Option<String>,
    /// Open reports alone.
    pub open: bool,
    /// Reports older than this one.
    pub before: Option<i64>,
}

/// Returns words as the book keeps them: without controls, and cut to [`LONGEST_WORDS`].
pub fn plain(words: &str) -> String {
    let shown = words.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(LONGEST_WORDS).collect()
}

/// Enters a report within a change that has raised [`Topic::SlowReports`] to `number`.
///
/// # Errors
/// The store takes no change.
pub async fn enter(
    change: &mut Change,
    number: i64,
    report: &NewReport<'_>,
    now: UnixMillis,
) -> Result<Result<(), Refusal>> {
    let (username, now) = (report.username.to_text(), now.as_millis());
    if let Some(refusal) = refusal(change, &username, now).await? {
        return Ok(Err(refusal));
    }
    let old = sqlx::query("DELETE FROM slow_reports WHERE made < $1").bind(now - KEPT_MS);
    old.execute(change.connection()).await?;
    sqlx::query(
        "INSERT INTO slow_reports (number, username, made, maker, words, snapshot) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(number)
    .bind(username)
    .bind(now)
    .bind(report.maker)
    .bind(report.words)
    .bind(report.snapshot)
    .execute(change.connection())
    .await?;
    Ok(Ok(()))
}

async fn refusal(change: &mut Change, username: &str, now: i64) -> Result<Option<Refusal>> {
    let count = async |change: &mut Change, statement: &'static str, username: &str, since: i64| {
        let count = sqlx::query_scalar::<_, i64>(statement).bind(username).bind(since);
        count.fetch_one(change.connection()).await
    };
    let open = "SELECT COUNT(*) FROM slow_reports WHERE username = $1 AND closed IS NULL AND made >= $2";
    if count(change, open, username, now - KEPT_MS).await? > 0 {
        return Ok(Some(Refusal::Open));
    }
    let of_line = "SELECT COUNT(*) FROM slow_reports WHERE username = $1 AND made >= $2";
    if count(change, of_line, username, now - DAY_MS).await? >= A_DAY_OF_A_LINE {
        return Ok(Some(Refusal::LineHadEnough));
    }
    let of_all = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM slow_reports WHERE made >= $1").bind(now - HOUR_MS);
    let is_full = of_all.fetch_one(change.connection()).await? >= AN_HOUR;
    Ok(is_full.then_some(Refusal::RelayHadEnough))
}

/// Returns the newest reports that fit, at most [`MOST`].
///
/// # Errors
/// The store does not answer.
pub async fn find(database: &Database, filter: &Filter) -> Result<Reports> {
    let rows = sqlx::query(
        "SELECT number, username, made, maker, words, answer, answered, answered_by, closed, closed_by
         FROM slow_reports
         WHERE number < $1 AND ($2 = '' OR username = $2) AND ($3 = 0 OR closed IS NULL)
         ORDER BY number DESC LIMIT $4",
    )
    .bind(filter.before.unwrap_or(i64::MAX))
    .bind(filter.line.as_deref().unwrap_or_default())
    .bind(i64::from(filter.open))
    .bind(i64::from(MOST) + 1)
    .fetch_all(database.pool())
    .await?;
    let open = sqlx::query_scalar("SELECT COUNT(*) FROM slow_reports WHERE closed IS NULL");
    let open = open.fetch_one(database.pool()).await?;
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    let reports = rows.iter().take(most).map(report).collect::<sqlx::Result<_>>()?;
    Ok(Reports { reports, open, more: rows.len() > most })
}

/// Returns a report with its snapshot, which is JSON.
///
/// # Errors
/// The store does not answer.
pub async fn one(database: &Database, number: i64) -> Result<Option<(Report, String)>> {
    let row = sqlx::query("SELECT * FROM slow_reports WHERE number = $1").bind(number);
    let Some(row) = row.fetch_optional(database.pool()).await? else { return Ok(None) };
    Ok(Some((report(&row)?, row.try_get("snapshot")?)))
}

/// Writes the desk's answer. A later answer replaces an earlier one. Returns the line; `None` for an unknown or closed report.
///
/// # Errors
/// The store takes no change.
pub async fn answer(
    change: &mut Change,
    number: i64,
    (answer, by): (&str, &str),
    now: UnixMillis,
) -> Result<Option<String>> {
    let answered = sqlx::query_scalar(
        "UPDATE slow_reports SET answer = $2, answered = $3, answered_by = $4 WHERE number = $1 AND closed IS NULL
         RETURNING username",
    );
    let answered = answered.bind(number).bind(answer).bind(now.as_millis()).bind(by);
    Ok(answered.fetch_optional(change.connection()).await?)
}

/// Closes a report. Returns the line; `None` for an unknown or closed report.
///
/// # Errors
/// The store takes no change.
pub async fn close(change: &mut Change, number: i64, by: &str, now: UnixMillis) -> Result<Option<String>> {
    let closed = sqlx::query_scalar(
        "UPDATE slow_reports SET closed = $2, closed_by = $3 WHERE number = $1 AND closed IS NULL RETURNING username",
    );
    Ok(closed.bind(number).bind(now.as_millis()).bind(by).fetch_optional(change.connection()).await?)
}

/// Takes the oldest report of the last day for the ticket system, and notes the try. Reports taken already, or tried within the last
/// minute, are left out.
///
/// # Errors
/// The store takes no change.
pub async fn untold(database: &Database, now: UnixMillis) -> Result<Option<Report>> {
    let now = now.as_millis();
    let mut change = database.begin().await?;
    // Of relays that ask at once, the first one has the report: the others see its try.
    change.raise(Topic::SlowReports).await?;
    let row = sqlx::query(
        "UPDATE slow_reports SET tried = $1 WHERE number = (
             SELECT MIN(number) FROM slow_reports
             WHERE told IS NULL AND made >= $2 AND (tried IS NULL OR tried <= $3)
         ) RETURNING *",
    );
    let row = row.bind(now).bind(now - DAY_MS).bind(now - AGAIN_MS).fetch_optional(change.connection()).await?;
    let Some(row) = row else {
        change.abandon().await?;
        return Ok(None);
    };
    let report = report(&row)?;
    change.commit().await?;
    Ok(Some(report))
}

/// Notes that a ticket system took a report.
///
/// # Errors
/// The store takes no change.
pub async fn told(database: &Database, number: i64, now: UnixMillis) -> Result<()> {
    let told = sqlx::query("UPDATE slow_reports SET told = $2 WHERE number = $1").bind(number).bind(now.as_millis());
    told.execute(database.pool()).await?;
    Ok(())
}

/// Begins a change of reports. Returns the number of a report that is entered within.
///
/// # Errors
/// The store takes no change.
pub async fn begin(database: &Database) -> Result<(Change, i64)> {
    let mut change = database.begin().await?;
    let number = change.raise(Topic::SlowReports).await?;
    Ok((change, number))
}

fn report(row: &AnyRow) -> sqlx::Result<Report> {
    let time = |name| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(name)?.map(UnixMillis::from_millis));
    Ok(Report {
        number: row.try_get("number")?,
        username: row.try_get("username")?,
        made: UnixMillis::from_millis(row.try_get("made")?),
        by: row.try_get("maker")?,
        words: row.try_get("words")?,
        answer: row.try_get("answer")?,
        answered: time("answered")?,
        answered_by: row.try_get("answered_by")?,
        closed: time("closed")?,
        closed_by: row.try_get("closed_by")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_line_of_bounded_length() {
        assert_eq!(plain("  video\nstops\u{0} \u{1b}[31m "), "video stops   [31m");
        assert_eq!(plain(&"é".repeat(600)).chars().count(), LONGEST_WORDS);
    }
}
