//! Backup and restore of a database in a file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::Database;
use super::location::Location;
use crate::store::data_directory;

/// Writes the database's content to a new file, consistent while relays go on changing the database.
///
/// # Errors
/// The file exists or cannot be written, or the database is a server's.
pub async fn backup(database: &Database, file: &Path) -> Result<()> {
    if let location @ Location::Server(_) = database.location() {
        bail!("the store {location} is PostgreSQL's: `pg_dump` backs it up, and `pg_restore` brings it back");
    }
    ensure!(!file.exists(), "{} exists; choose another name, or remove it", file.display());
    let partial = partial(file);
    // A leftover of a crash is worthless.
    let _ = fs::remove_file(&partial);
    data_directory::ensure_secret(&partial)?;
    let path = partial.to_str().with_context(|| format!("{} is not UTF-8", partial.display()))?;
    let written = sqlx::query("VACUUM INTO $1").bind(path).execute(database.pool()).await;
    if let Err(error) = written {
        let _ = fs::remove_file(&partial);
        return Err(error).with_context(|| format!("cannot write {}", file.display()));
    }
    data_directory::put_in_place(&partial, file).with_context(|| format!("cannot write {}", file.display()))
}

/// Puts a backup in the place of a database file. No program may have the database open.
///
/// # Errors
/// The backup is damaged, of a newer release or no database, or the place is taken and `replace` is false. The database is then as before.
pub async fn restore(backup: &Path, place: &Path, replace: bool) -> Result<()> {
    ensure!(
        replace || !place.exists(),
        "{} exists; `--force` replaces it, and what it holds is then lost",
        place.display()
    );
    let partial = partial(place);
    let _ = fs::remove_file(&partial);
    data_directory::ensure_secret(&partial)?;
    let copied = fs::read(backup).and_then(|content| {
        fs::write(&partial, content)?;
        fs::File::open(&partial)?.sync_all()
    });
    copied.with_context(|| format!("cannot copy {} to {}", backup.display(), partial.display()))?;
    if let Err(error) = check(&partial).await {
        remove_all(&partial);
        return Err(error).with_context(|| format!("{} is no backup of a store", backup.display()));
    }
    if place.exists() {
        // The old log must not meet the restored file.
        fold_log(place).await;
    }
    remove_logs(place);
    data_directory::put_in_place(&partial, place).with_context(|| format!("cannot write {}", place.display()))
}

/// Opens a copy, brings the schema up to date, and lets SQLite check the file.
async fn check(copy: &Path) -> Result<()> {
    let content = fs::read(copy)?;
    ensure!(content.starts_with(b"SQLite format 3\0"), "it is not a file of SQLite");
    let database = Database::open_existing(&Location::File(copy.to_owned())).await?;
    let found: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(database.pool()).await?;
    database.close().await;
    ensure!(found == "ok", "it is damaged: {found}");
    Ok(())
}

/// Lets SQLite write the log into the file, if the file is good enough.
async fn fold_log(place: &Path) {
    if let Ok(database) = Database::open(&Location::File(place.to_owned())).await {
        database.close().await;
    }
}

fn partial(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    file.with_file_name(name)
}

fn remove_all(file: &Path) {
    let _ = fs::remove_file(file);
    remove_logs(file);
}

/// Removes the files beside a closed database: the log of SQLite, and the lock.
fn remove_logs(file: &Path) {
    for end in ["-wal", "-shm", "-migration"] {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(end);
        let _ = fs::remove_file(file.with_file_name(name));
    }
}
