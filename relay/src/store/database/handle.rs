//! The shared database of a running relay: opened at the first need, and again after a failure.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::Database;
use super::location::Location;

/// The longest wait for the database.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The shared database.
#[derive(Debug)]
pub struct Store {
    location: Location,
    // Held while the database is opened: the others wait for the same database.
    database: Mutex<Option<Database>>,
}

impl Store {
    /// Returns the store of a place. Nothing is opened.
    pub fn new(location: Location) -> Self {
        Self { location, database: Mutex::default() }
    }

    /// Returns the place of the database.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Returns the open database.
    ///
    /// # Errors
    /// As [`Database::open`], and after 10 s without an answer.
    pub async fn database(&self) -> Result<Database> {
        match timeout(PATIENCE, self.opened()).await {
            Ok(opened) => opened,
            Err(_) => bail!("the store {} does not answer", self.location),
        }
    }

    async fn opened(&self) -> Result<Database> {
        let mut database = self.database.lock().await;
        match &*database {
            Some(database) => Ok(database.clone()),
            None => Ok(database.insert(Database::open(&self.location).await?).clone()),
        }
    }
}
