//! What the relay remembers beyond its files, in SQL: a file of SQLite in the data directory or, where several relays share one
//! database, PostgreSQL. One schema and one text of each statement serve both.
//!
//! Nothing on the way of a sample waits for the database. Relays hold copies in memory, and read a [`Topic`] again after its
//! version changed.

pub mod backup;
pub mod copies;
pub mod handle;
pub mod location;

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use anyhow::{Context, Result};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, SqlSafeStr, Transaction};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::time::timeout;

use self::location::Location;
use crate::store::data_directory;

/// Connections to a server at once. Only changes and the reading of changed topics use any.
const TO_A_SERVER: u32 = 4;
/// Connections to a file at once: SQLite has one writer, and a second connection would keep two more files open.
const TO_A_FILE: u32 = 1;
/// The longest wait for a connection, and for another program's change of the same file.
const PATIENCE: Duration = Duration::from_secs(5);
/// A server's connection without an answer for this time is replaced.
const SILENCE: Duration = Duration::from_secs(1);
/// The settings of a connection to SQLite. A change is on the disk before its acknowledgement.
const SETTINGS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000";

/// The schema, in the order of its growth. A released migration never changes.
const MIGRATIONS: [(i64, &str, &str); 8] = [
    (1, "links", include_str!("../../migrations/0001_links.sql")),
    (2, "accounts", include_str!("../../migrations/0002_accounts.sql")),
    (3, "codes", include_str!("../../migrations/0003_codes.sql")),
    (4, "api", include_str!("../../migrations/0004_api.sql")),
    (5, "slow_reports", include_str!("../../migrations/0005_slow_reports.sql")),
    (6, "shared_files", include_str!("../../migrations/0006_shared_files.sql")),
    (7, "past", include_str!("../../migrations/0007_past.sql")),
    (8, "slow_hook", include_str!("../../migrations/0008_slow_hook.sql")),
];

/// A part of the database with copies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Revoked links, and the lines whose older links are void.
    Links,
    /// People with an account, and single-use addresses for them.
    People,
    /// Signed-in people.
    Sessions,
    /// Keys of the API.
    ApiKeys,
    /// Subscribers entered by the API.
    Subscribers,
    /// The wallboard's address.
    Wall,
    /// Slow reports. No relay holds a copy; the version is the newest change's number.
    SlowReports,
    /// The keys of links, where relays share them.
    LinkKeys,
    /// The agents, where relays share them.
    Agents,
    /// The days behind lines. No relay holds a copy; a change raises the version, lest two relays number lines at once.
    Past,
    /// The audit log. No relay holds a copy; the version is the newest entry's number.
    Audit,
}

impl Topic {
    /// Returns the topic's name in the table `versions`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::People => "people",
            Self::Sessions => "sessions",
            Self::Wall => "wall",
            Self::SlowReports => "slow_reports",
            Self::Past => "past",
            Self::LinkKeys => "link_keys",
            Self::Agents => "agents",
            Self::Audit => "audit",
            Self::ApiKeys => "api_keys",
            Self::Subscribers => "subscribers",
        }
    }
}

/// An open database with the schema of this release.
#[derive(Debug, Clone)]
pub struct Database {
    pool: AnyPool,
    location: Location,
}

impl Database {
    /// Opens a database, and brings its schema up to date. A missing file of SQLite is made, readable by its owner alone.
    ///
    /// # Errors
    /// The database cannot be reached, written or read, or is of a newer release.
    pub async fn open(location: &Location) -> Result<Self> {
        if let Location::File(path) = location {
            data_directory::ensure_secret(path)?;
        }
        Self::connect_and_migrate(location, async |_| Ok(()))
            .await
            .with_context(|| format!("the store {location} cannot be used"))
    }

    /// Opens a database as [`Self::open`] does, unless another program made it.
    ///
    /// # Errors
    /// As [`Self::open`], and where the database has no schema of any release.
    pub async fn open_existing(location: &Location) -> Result<Self> {
        let ours = async |database: &Self| {
            let version = database.version(Topic::Links).await;
            version.map(|_| ()).context("it has no tables of Linelight")
        };
        Self::connect_and_migrate(location, ours).await
    }

    async fn connect_and_migrate(location: &Location, check: impl AsyncFnOnce(&Self) -> Result<()>) -> Result<Self> {
        // The first connection to a new file sets the journal. SQLite refuses that at once to a second program, without a wait.
        let turn = location.turn().await?;
        let database = Self::connect(location).await?;
        check(&database).await?;
        database.migrate().await?;
        drop(turn);
        Ok(database)
    }

    async fn connect(location: &Location) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let options = AnyConnectOptions::from_url(&location.address()?)?.disable_statement_logging();
        let is_file = matches!(location, Location::File(_));
        // The pool would only say how long the wait was; this connection gives the reason.
        let mut first = AnyConnection::connect_with(&options).await?;
        prepare(&mut first, is_file).await?;
        first.close().await?;
        let pool = AnyPoolOptions::new()
            .max_connections(if is_file { TO_A_FILE } else { TO_A_SERVER })
            .min_connections(0)
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| Box::pin(prepare(connection, is_file)));
        let pool = if is_file { pool } else { without_silent_ones(pool) };
        Ok(Self { pool: pool.connect_lazy_with(options), location: location.clone() })
    }

    async fn migrate(&self) -> Result<()> {
        let bytes = self.location.type_of_bytes();
        let migrations = MIGRATIONS.map(|(version, name, sql)| {
            let sql = AssertSqlSafe(sql.replace("BLOB", bytes)).into_sql_str();
            Migration::new(version, name.into(), MigrationType::Simple, sql, false)
        });
        let migrator = Migrator { migrations: migrations.to_vec().into(), ..Migrator::DEFAULT };
        migrator.run(&self.pool).await.map_err(in_words)
    }

    /// Returns the version of a topic.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn version(&self, topic: Topic) -> Result<i64> {
        let version = sqlx::query_scalar("SELECT version FROM versions WHERE topic = $1").bind(topic.as_str());
        Ok(version.fetch_one(&self.pool).await?)
    }

    /// Returns the versions of all topics, by the topics' names.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn versions(&self) -> Result<HashMap<String, i64>> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT topic, version FROM versions").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().collect())
    }

    /// Begins a change of a topic, as [`Self::begin`] and [`Change::raise`] do.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn change(&self, topic: Topic) -> Result<Change> {
        let mut change = self.begin().await?;
        change.raise(topic).await.with_context(|| self.unchangeable())?;
        Ok(change)
    }

    /// Begins a change without copies in memory. The change happens as a whole, at [`Change::commit`].
    ///
    /// # Errors
    /// The database does not answer, or another change holds it for too long.
    pub async fn begin(&self) -> Result<Change> {
        let begin = match self.location {
            // A transaction that begins with a read cannot write while others write.
            Location::File(_) => "BEGIN IMMEDIATE",
            Location::Server(_) => "BEGIN",
        };
        let transaction = self.pool.begin_with(begin).await.with_context(|| self.unchangeable())?;
        Ok(Change { transaction })
    }

    /// Returns the place of the database.
    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    /// Returns the connections, for reading.
    pub(crate) fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Closes every connection. SQLite then folds its log into the file.
    pub async fn close(self) {
        self.pool.close().await;
    }

    fn unchangeable(&self) -> String {
        format!("the store {} takes no change", self.location)
    }
}

/// A change under way. Dropped without [`Self::commit`], nothing happens.
pub struct Change {
    transaction: Transaction<'static, sqlx::Any>,
}

impl Change {
    /// Returns the connection for the change's statements.
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Raises a topic's version: relays then read the topic again. Returns the new version. Changes of one topic happen one
    /// after another. A change of several topics raises them in the order of [`Topic`], lest two changes wait for each other.
    ///
    /// # Errors
    /// The database refuses the statement.
    pub async fn raise(&mut self, topic: Topic) -> Result<i64> {
        let raised = sqlx::query_scalar("UPDATE versions SET version = version + 1 WHERE topic = $1 RETURNING version");
        Ok(raised.bind(topic.as_str()).fetch_one(&mut *self.transaction).await?)
    }

    /// Runs a statement without values.
    ///
    /// # Errors
    /// The database refuses the statement.
    pub async fn execute(&mut self, statement: &'static str) -> Result<()> {
        sqlx::query(statement).execute(&mut *self.transaction).await?;
        Ok(())
    }

    /// Undoes the change. On return the connection is free for others; after a drop it is a moment later.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn abandon(self) -> Result<()> {
        Ok(self.transaction.rollback().await?)
    }

    /// Makes the change last. After the return the change is on the disk.
    ///
    /// # Errors
    /// The database does not take the change: a full disk, a lost server.
    pub async fn commit(self) -> Result<()> {
        self.transaction.commit().await.context("the store takes no change")
    }
}

/// Sets up a new connection.
async fn prepare(connection: &mut AnyConnection, is_file: bool) -> sqlx::Result<()> {
    if is_file {
        sqlx::raw_sql(SETTINGS).execute(connection).await?;
    }
    Ok(())
}

/// Replaces connections that fell silent, as those that a firewall forgot. The pool itself would wait for an answer without an end,
/// and keep their places.
fn without_silent_ones(pool: AnyPoolOptions) -> AnyPoolOptions {
    pool.test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(answers(connection)))
        .after_release(|connection, _| Box::pin(answers(connection)))
}

async fn answers(connection: &mut AnyConnection) -> sqlx::Result<bool> {
    match timeout(SILENCE, connection.ping()).await {
        Ok(answered) => answered.map(|()| true),
        Err(_) => Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the connection fell silent"))),
    }
}

fn in_words(error: MigrateError) -> anyhow::Error {
    match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
            anyhow::anyhow!(
                "it was made by a newer release of Linelight: start that one, or restore a backup of this one"
            )
        }
        MigrateError::VersionMismatch(version) => {
            anyhow::anyhow!("its schema (step {version}) is not this program's: was it made by another program?")
        }
        other => anyhow::Error::new(other),
    }
}
