//! The place of the database: a file of SQLite, or a PostgreSQL server.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};
use url::Url;

use crate::store::data_directory::{self, DataDirectory};

/// The largest password file, in bytes.
const MAX_PASSWORD: u64 = 4096;
/// The longest wait for another program that opens the same file, and how often it is looked for.
const PATIENCE: Duration = Duration::from_secs(5);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// The place of the database. The text form shows no password.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of a PostgreSQL server; the address may hold a password.
    Server(Url),
}

impl Location {
    /// Returns the name of a column's type for bytes.
    pub(super) fn type_of_bytes(&self) -> &'static str {
        match self {
            Self::File(_) => "BLOB",
            Self::Server(_) => "BYTEA",
        }
    }

    /// Returns the file in a data directory.
    pub fn in_directory(data: &DataDirectory) -> Self {
        Self::File(data.database())
    }

    /// Reads the address of a database from `--store`, and the password's file.
    ///
    /// # Errors
    /// The address is not `postgres://…`, holds a password, or the password's file cannot be read.
    pub fn from_address(address: &str, password: Option<&Path>) -> Result<Self> {
        let form = "--store is the address of a PostgreSQL database, such as postgres://linelight@db.example/linelight";
        let mut url = Url::parse(address).context(form)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            bail!("{form}; without --store the relay keeps a file of SQLite in its data directory");
        }
        let names_one = url.query_pairs().any(|(name, _)| name == "password");
        if url.password().is_some() || names_one {
            bail!(
                "the address in --store holds a password, which others could read; give --store-password-file instead"
            );
        }
        if let Some(path) = password {
            let password = String::from_utf8(data_directory::read_secret(path, MAX_PASSWORD)?)
                .ok()
                .with_context(|| format!("{} is not UTF-8", path.display()))?;
            let set = url.set_password(Some(password.trim_end_matches(['\r', '\n'])));
            set.map_err(|()| anyhow::anyhow!("{form}: it names no host, which a password needs"))?;
        }
        Ok(Self::Server(url))
    }

    /// Waits for this program's turn to open a file and bring its schema up to date, and keeps the turn until the drop of the value. A
    /// server has turns of its own.
    ///
    /// # Errors
    /// The lock beside the file cannot be made, or another program has the turn for too long.
    pub(super) async fn turn(&self) -> Result<Option<File>> {
        let Self::File(path) = self else { return Ok(None) };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push("-migration");
        let path = path.with_file_name(name);
        let failed = || format!("cannot lock {}", path.display());
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = opened.with_context(failed)?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(BETWEEN_LOOKS).await,
                Err(TryLockError::WouldBlock) => {
                    bail!("another program opens it for more than {} s", PATIENCE.as_secs())
                }
                Err(TryLockError::Error(error)) => return Err(error).with_context(failed),
            }
        }
    }

    /// Returns the address for the driver, perhaps with the password.
    pub(super) fn address(&self) -> Result<Url> {
        match self {
            Self::Server(url) => Ok(url.clone()),
            Self::File(path) => {
                let path = std::path::absolute(path)?;
                let file = Url::from_file_path(&path)
                    .map_err(|()| anyhow::anyhow!("{} is no path of a file", path.display()))?;
                Ok(Url::parse(&format!("sqlite://{}?mode=rw", file.path()))?)
            }
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(url) => {
                let mut shown = url.clone();
                // An address without a host has no password.
                let _ = shown.set_password(None);
                shown.set_query(None);
                write!(f, "{shown}")
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_password_comes_from_its_file_alone_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        fs::write(&file, "s3cret/@:\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let location = Location::from_address("postgres://linelight@db.example/linelight?sslmode=require", Some(&file));
        let location = location.unwrap();
        assert_eq!(location.address().unwrap().password(), Some("s3cret%2F%40%3A"));
        for shown in [format!("{location}"), format!("{location:?}")] {
            assert_eq!(shown, "postgres://linelight@db.example/linelight");
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Location::from_address("postgres://linelight@db.example/linelight", Some(&file)).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn an_address_with_a_password_or_of_another_kind_is_refused() {
        for (address, expected) in [
            ("postgres://me:s3cret@db.example/linelight", "--store-password-file"),
            ("postgres://me@db.example/linelight?password=s3cret", "--store-password-file"),
            ("mysql://db.example/linelight", "without --store"),
            ("linelight.db", "such as postgres://"),
        ] {
            let error = format!("{:#}", Location::from_address(address, None).unwrap_err());
            assert!(error.contains(expected) && !error.contains("s3cret"), "{address}: {error}");
        }
    }

    #[test]
    fn a_path_with_odd_letters_reaches_the_driver_escaped() {
        let location = Location::File(PathBuf::from("/data/a b?c#d%/linelight.db"));
        assert_eq!(location.address().unwrap().as_str(), "sqlite:///data/a%20b%3Fc%23d%25/linelight.db?mode=rw");
    }
}
