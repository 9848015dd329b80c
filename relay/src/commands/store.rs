//! The store as commands use it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::store::data_directory::DataDirectory;
use crate::store::database::Database;
use crate::store::database::location::Location;

/// The database of revoked links.
#[derive(Debug, Args)]
pub(super) struct StoreArguments {
    /// A PostgreSQL database for several relays, as postgres://USER@HOST/NAME [default: a file of SQLite in the data directory]
    #[arg(long, global = true, env = "LINELIGHT_SERVER_STORE", value_name = "URL")]
    store: Option<String>,

    /// The file with the password of --store
    #[arg(long, global = true, env = "LINELIGHT_SERVER_STORE_PASSWORD_FILE", value_name = "FILE", requires = "store")]
    store_password_file: Option<PathBuf>,
}

impl StoreArguments {
    /// Returns the place of the database.
    ///
    /// # Errors
    /// As [`Location::from_address`].
    pub(super) fn location(&self, data: &DataDirectory) -> Result<Location> {
        match &self.store {
            Some(address) => Location::from_address(address, self.store_password_file.as_deref()),
            None => Ok(Location::in_directory(data)),
        }
    }
}

/// Runs a command's work with the store.
///
/// # Errors
/// Those of [`Database::open`], and of the work.
pub(super) fn with_store<T>(location: &Location, work: impl AsyncFnOnce(&Database) -> Result<T>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async {
        let database = Database::open(location).await?;
        let done = work(&database).await;
        database.close().await;
        done
    })
}

/// Runs a command's work with a store that is there; `None` where no program has made the file yet.
///
/// # Errors
/// As [`with_store`].
pub(super) fn with_existing_store<T>(
    location: &Location,
    work: impl AsyncFnOnce(&Database) -> Result<T>,
) -> Result<Option<T>> {
    match location {
        Location::File(path) if !path.try_exists()? => Ok(None),
        _ => with_store(location, work).map(Some),
    }
}
