//! `linelight-relay backup` and `restore`: a copy of the store in a file.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::store::with_store;
use crate::store::data_directory::DataDirectory;
use crate::store::database::backup;
use crate::store::database::location::Location;

#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// The new file
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// A file that `backup` wrote
    file: PathBuf,

    /// Replaces the present store, and whatever only it holds
    #[arg(long)]
    force: bool,
}

pub(super) fn backup(arguments: &BackupArguments, store: &Location, out: &mut impl Write) -> Result<()> {
    with_store(store, async |database| backup::backup(database, &arguments.file).await)?;
    writeln!(out, "the store is in {}; keys.json and agents.json are files of their own", arguments.file.display())?;
    Ok(())
}

pub(super) fn restore(
    arguments: &RestoreArguments,
    data: &DataDirectory,
    store: &Location,
    out: &mut impl Write,
) -> Result<()> {
    let Location::File(place) = store else {
        bail!("the store {store} is PostgreSQL's: `pg_restore` brings back what `pg_dump` wrote");
    };
    // Neither a relay nor another command may have the store open meanwhile.
    let _held = data.hold()?;
    let _lock = data.lock()?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(backup::restore(&arguments.file, place, arguments.force))?;
    writeln!(out, "the store is restored; `linelight-relay serve` uses it from its start")?;
    Ok(())
}
