//! The store's book of subscribers: those that a billing system entered by the API.
//!
//! A row has the version that changed it. So a relay's copy in memory follows a change of one row in 100,000 by reading that row.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, Result};
use futures_util::{Stream, TryStreamExt};
use shared::Username;
use shared::control::Plan;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};
use tokio::sync::Mutex;

use super::table::{Entered, MAX_ROWS};
use super::{Further, Subscriber, Subscribers};
use crate::store::database::{Change, Database, Topic};

/// Rows of one statement: PostgreSQL and SQLite take 32,766 values at least.
const AT_ONCE: usize = 500;
/// Values of a row in a statement.
const WRITTEN: usize = 7;
/// Removals stay in the book for so many versions; a relay whose copy is older reads all rows.
const REMOVALS_KEPT: i64 = 10_000;

/// What a change of the whole book does, in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Difference {
    /// Rows that were not there.
    pub added: usize,
    /// Rows that were there with other values.
    pub changed: usize,
    /// Rows that were there with the same values.
    pub unchanged: usize,
    /// Rows that are there no longer.
    pub removed: usize,
}

/// Returns a row, as a change sees it.
///
/// # Errors
/// The store does not answer.
pub async fn one(change: &mut Change, username: &Username) -> Result<Option<Subscriber>> {
    let row = sqlx::query(
        "SELECT username, customer, package, download, upload, further FROM subscribers WHERE username = $1",
    );
    let row = row.bind(username.to_text()).fetch_optional(change.connection()).await?;
    Ok(row.map(|row| subscriber(&row, &mut Names::new())).transpose()?)
}

/// True if the book has as many rows as it may have.
///
/// # Errors
/// The store does not answer.
pub async fn is_full(change: &mut Change) -> Result<bool> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM subscribers").fetch_one(change.connection()).await?;
    Ok(count >= MAX_ROWS as i64)
}

/// Enters or changes a row. `version` is that of [`Topic::Subscribers`] which this change raised.
///
/// # Errors
/// The store takes no change.
pub async fn put(change: &mut Change, version: i64, username: &Username, row: &Subscriber) -> Result<()> {
    write(change, &[(username, row)], version).await
}

/// Removes a row, likewise.
///
/// # Errors
/// The store takes no change.
pub async fn remove(change: &mut Change, version: i64, username: &Username) -> Result<()> {
    remove_all(change, &[username], version).await?;
    forget_removals(change, version).await
}

async fn forget_removals(change: &mut Change, version: i64) -> Result<()> {
    let old = sqlx::query("DELETE FROM removed_subscribers WHERE changed < $1").bind(version - REMOVALS_KEPT);
    old.execute(change.connection()).await?;
    Ok(())
}

/// Replaces all rows, likewise.
///
/// # Errors
/// The store takes no change.
pub async fn replace(change: &mut Change, version: i64, rows: &Entered) -> Result<Difference> {
    let mut before = read(sqlx::query(ALL).fetch(change.connection())).await?;
    let (difference, written) = compare(&mut before, rows);
    for rows in written.chunks(AT_ONCE) {
        write(change, rows, version).await?;
    }
    let gone: Vec<&Username> = before.keys().collect();
    for rows in gone.chunks(AT_ONCE) {
        remove_all(change, rows, version).await?;
    }
    forget_removals(change, version).await?;
    Ok(difference)
}

/// Returns what [`replace`] would do, and changes nothing.
///
/// # Errors
/// The store does not answer.
pub async fn would_replace(database: &Database, rows: &Entered) -> Result<Difference> {
    let mut before = read(sqlx::query(ALL).fetch(database.pool())).await?;
    Ok(compare(&mut before, rows).0)
}

/// Leaves in `before` what is gone, and returns what is to be written.
fn compare<'a>(before: &mut Entered, after: &'a Entered) -> (Difference, Vec<(&'a Username, &'a Subscriber)>) {
    let (mut difference, mut written) = (Difference::default(), Vec::new());
    for (username, row) in after {
        match before.remove(username) {
            Some(same) if same == *row => difference.unchanged += 1,
            Some(_) => {
                difference.changed += 1;
                written.push((username, &**row));
            }
            None => {
                difference.added += 1;
                written.push((username, &**row));
            }
        }
    }
    difference.removed = before.len();
    (difference, written)
}

const ALL: &str = "SELECT username, customer, package, download, upload, further FROM subscribers";

/// A copy in memory of the book, in the table of [`Subscribers`].
pub struct EnteredCopy {
    subscribers: Subscribers,
    /// The version of the copy; `None` before the first reading.
    version: Mutex<Option<i64>>,
}

impl EnteredCopy {
    /// Returns a copy that was never read.
    pub fn new(subscribers: Subscribers) -> Self {
        Self { subscribers, version: Mutex::new(None) }
    }

    /// Reads what changed since the last reading.
    ///
    /// # Errors
    /// The store does not answer; the copy then stays.
    pub async fn follow(&self, database: &Database) -> Result<()> {
        let mut seen = self.version.lock().await;
        // First: what changes meanwhile is read once more by the next call.
        let version = database.version(Topic::Subscribers).await?;
        let entered = match *seen {
            Some(since) if since == version => return Ok(()),
            Some(since) if (1..=REMOVALS_KEPT).contains(&(version - since)) => self.changed(database, since).await?,
            _ => read(sqlx::query(ALL).fetch(database.pool())).await?,
        };
        self.subscribers.set_entered(entered);
        *seen = Some(version);
        Ok(())
    }

    async fn changed(&self, database: &Database, since: i64) -> Result<Entered> {
        let mut entered = (**self.subscribers.table().entered()).clone();
        // Removals before rows: a row that came back is there.
        let removed = sqlx::query("SELECT username FROM removed_subscribers WHERE changed > $1").bind(since);
        for row in removed.fetch_all(database.pool()).await? {
            entered.remove(&username(&row)?);
        }
        let changed = sqlx::query(
            "SELECT username, customer, package, download, upload, further FROM subscribers WHERE changed > $1",
        );
        entered.append(&mut read(changed.bind(since).fetch(database.pool())).await?);
        Ok(entered)
    }
}

async fn write(change: &mut Change, rows: &[(&Username, &Subscriber)], version: i64) -> Result<()> {
    let place = |row: usize| {
        let values: Vec<String> = (1..=WRITTEN).map(|value| format!("${}", row * WRITTEN + value)).collect();
        format!("({})", values.join(", "))
    };
    let places: Vec<String> = (0..rows.len()).map(place).collect();
    let text = format!(
        "INSERT INTO subscribers (username, customer, package, download, upload, further, changed) VALUES {}
         ON CONFLICT (username) DO UPDATE SET customer = excluded.customer, package = excluded.package,
         download = excluded.download, upload = excluded.upload, further = excluded.further, changed = excluded.changed",
        places.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(text));
    for (username, row) in rows {
        query = bound(query, username, row).bind(version);
    }
    query.execute(change.connection()).await?;
    Ok(())
}

type Statement<'q> = Query<'q, Any, AnyArguments>;

fn bound<'q>(query: Statement<'q>, username: &Username, row: &Subscriber) -> Statement<'q> {
    // No rate is above 63 bits.
    let rate = |rate: Option<u64>| rate.and_then(|rate| i64::try_from(rate).ok());
    query
        .bind(username.to_text())
        .bind(row.customer.clone())
        .bind(row.package.clone())
        .bind(rate(row.plan.download))
        .bind(rate(row.plan.upload))
        .bind(further(row))
}

async fn remove_all(change: &mut Change, usernames: &[&Username], version: i64) -> Result<()> {
    let places = |from: usize, step: usize| (0..usernames.len()).map(move |at| format!("${}", from + at * step));
    let gone = format!("DELETE FROM subscribers WHERE username IN ({})", places(1, 1).collect::<Vec<_>>().join(", "));
    let mut query = sqlx::query(AssertSqlSafe(gone));
    for username in usernames {
        query = query.bind(username.to_text());
    }
    query.execute(change.connection()).await?;
    let told = format!(
        "INSERT INTO removed_subscribers (username, changed) VALUES {}
         ON CONFLICT (username) DO UPDATE SET changed = excluded.changed",
        places(1, 2).zip(places(2, 2)).map(|(name, at)| format!("({name}, {at})")).collect::<Vec<_>>().join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(told));
    for username in usernames {
        query = query.bind(username.to_text()).bind(version);
    }
    query.execute(change.connection()).await?;
    Ok(())
}

async fn read(mut rows: impl Stream<Item = sqlx::Result<AnyRow>> + Unpin) -> Result<Entered> {
    let (mut entered, mut names) = (Entered::new(), Names::new());
    while let Some(row) = rows.try_next().await? {
        entered.insert(username(&row)?, Arc::new(subscriber(&row, &mut names)?));
    }
    Ok(entered)
}

fn username(row: &AnyRow) -> Result<Username> {
    let text: &str = row.try_get("username")?;
    Username::from_text(text).context("the store has a subscriber without a username in text form")
}

/// The names of further values: thousands of rows share each.
type Names = HashSet<Arc<str>>;

fn subscriber(row: &AnyRow, names: &mut Names) -> sqlx::Result<Subscriber> {
    let rate =
        |name| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(name)?.and_then(|rate| u64::try_from(rate).ok()));
    Ok(Subscriber {
        customer: row.try_get("customer")?,
        package: row.try_get("package")?,
        plan: Plan { download: rate("download")?, upload: rate("upload")? },
        further: read_further(row.try_get("further")?, names),
    })
}

/// Returns the further values for the store; `None` without any.
fn further(row: &Subscriber) -> Option<String> {
    let pairs: Vec<(&str, &str)> = row.further.iter().map(|each| (&*each.column, &*each.text)).collect();
    (!pairs.is_empty()).then(|| serde_json::to_string(&pairs).unwrap_or_default())
}

fn read_further(text: Option<String>, names: &mut Names) -> Box<[Further]> {
    let pairs: Vec<(String, String)> = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let mut shared = |name: String| match names.get(&*name) {
        Some(name) => Arc::clone(name),
        None => {
            let name: Arc<str> = name.into();
            names.insert(Arc::clone(&name));
            name
        }
    };
    pairs.into_iter().map(|(column, text)| Further { column: shared(column), text: text.into() }).collect()
}
