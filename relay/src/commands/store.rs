//! The store as commands use it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::agents::enrolment;
use crate::agents::registry::{self, Entries};
use crate::operators::audit::{self, Actor, Deed};
use crate::store::data_directory::DataDirectory;
use crate::store::database::handle::Store;
use crate::store::database::location::Location;
use crate::store::database::{Database, Topic};
use crate::store::shared_file::Synced;
use crate::viewers::links::keys;

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
/// Those of [`Store::database`], and of the work.
pub(super) fn with_store<T>(location: &Location, work: impl AsyncFnOnce(&Database) -> Result<T>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async {
        // A server behind a dead way would never answer.
        let database = Store::new(location.clone()).database().await?;
        let done = work(&database).await;
        database.close().await;
        done
    })
}

/// Brings the files that relays of one server's database share up to date. Without the store, a command goes on with the copies.
pub(super) fn fetch_shared(data: &DataDirectory, location: &Location) {
    if matches!(location, Location::File(_)) || !data.path().is_dir() {
        return;
    }
    let fetched = with_store(location, async |database| sync_shared(database, data).await);
    if let Err(error) = fetched {
        let _ = writeln!(io::stderr(), "linelight-relay: keys and agents are those of this machine: {error:#}");
    }
}

/// Brings shared files and store together.
///
/// # Errors
/// The store or the disk does not answer, or a file differs, with the remedy.
pub(super) async fn sync_shared(database: &Database, data: &DataDirectory) -> Result<()> {
    for file in [keys::shared_file(data), registry::shared_file(data)] {
        if file.sync(database).await? == Synced::Differs {
            bail!(file.difference());
        }
    }
    Ok(())
}

/// Changes the agents with an entry in the audit log: in their file and then in the log, or both at once where relays share a store.
///
/// # Errors
/// The change's own, or the store or the disk takes no change.
pub(super) fn change_agents<T>(
    data: &DataDirectory,
    location: &Location,
    deed: &Deed,
    work: impl FnOnce(&mut Entries) -> Result<T>,
) -> Result<T> {
    if matches!(location, Location::File(_)) {
        let done = enrolment::change(data, work)?;
        note(location, deed);
        return Ok(done);
    }
    with_store(location, async |database| {
        sync_shared(database, data).await?;
        let mut change = database.change(Topic::Agents).await?;
        let done = enrolment::change_shared(data, &mut change, work).await?;
        audit::commit(change, &Actor::command(), deed, SystemTime::now().into()).await?;
        sync_shared(database, data).await?;
        Ok(done)
    })
}

/// Enters a deed that was done, if there is a store yet.
fn note(location: &Location, deed: &Deed) {
    let entered = with_existing_store(location, async |database| {
        let change = database.begin().await?;
        audit::commit(change, &Actor::command(), deed, SystemTime::now().into()).await
    });
    if let Err(error) = entered {
        let _ = writeln!(io::stderr(), "linelight-relay: done, but the audit log has no entry: {error:#}");
    }
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
