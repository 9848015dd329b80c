//! The data directory: the paths of its files, and atomic writes. A crash or a full disk never leaves half a file.
//! [`keys`](crate::viewers::links::keys) and [`agents`](crate::agents) read the contents.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::permissions;

/// Readable by the relay's own account alone.
const SECRET_MODE: u32 = 0o600;

/// The directory given by `--data`.
#[derive(Debug, Clone)]
pub struct DataDirectory(PathBuf);

impl DataDirectory {
    /// Returns the directory at a path, existing or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of the link keys.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys.json")
    }

    /// The registry of agents.
    pub fn agents(&self) -> PathBuf {
        self.0.join("agents.json")
    }

    /// Returns the path of the database, unless the relay uses a server's.
    pub fn database(&self) -> PathBuf {
        self.0.join("linelight.db")
    }

    /// Returns the path of the existing keys file.
    ///
    /// # Errors
    /// The file is missing, or the relay lacks the permission to look for it; with the remedy.
    pub fn present_keys(&self) -> Result<PathBuf> {
        let path = self.keys();
        match path.try_exists() {
            Ok(true) => Ok(path),
            Ok(false) => bail!(
                "{} has no keys for links: on a new relay run `linelight-relay init`; on an old one bring its data back, lest every \
                 link be void",
                self.0.display()
            ),
            Err(error) => Err(permissions::with_words("read", &path, error)),
        }
    }

    /// Makes a missing directory, for the owner alone.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn create(&self) -> Result<()> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|error| permissions::with_words("make the data directory", &self.0, error))
    }

    /// Refuses a directory or a registry with write permission for other users.
    ///
    /// # Errors
    /// With the command that removes the permission.
    pub fn check_permissions(&self) -> Result<()> {
        permissions::check_directory(&self.0)?;
        permissions::check_unchangeable(&self.agents())
    }

    /// Locks the directory until the drop of the lock, for a change of a file.
    ///
    /// # Errors
    /// The directory is missing or not writable.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.0.join("lock");
        match open_lock(&path).and_then(|file| file.lock().map(|()| file)) {
            Ok(file) => Ok(Lock { _file: file }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                bail!("there is no data directory {}; `linelight-relay init` makes it", self.0.display())
            }
            Err(error) => Err(permissions::with_words("write", &path, error)),
        }
    }

    /// Reserves the directory for one running relay, until the lock is dropped. The system releases the lock at any end
    /// of the process.
    ///
    /// # Errors
    /// Another relay runs on the directory (with its process id), or no file in the directory can be locked.
    pub fn hold(&self) -> Result<Lock> {
        let path = self.0.join("relay.lock");
        // On a read-only volume, the relay locks the directory itself.
        let file = open_lock(&path).or_else(|_| File::open(&self.0));
        let mut file = file.map_err(|error| permissions::with_words("lock", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another relay{} runs on the data directory {}; stop it first, or give this one a directory of its own by --data",
                process_of(&path),
                self.0.display()
            ),
            Err(TryLockError::Error(error)) => return Err(permissions::with_words("lock", &path, error)),
        }
        // The process id informs people; the lock works without one.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Lock { _file: file })
    }
}

/// A lock of the data directory, for a change of a file or for a running relay.
#[derive(Debug)]
#[must_use = "the lock ends with the value"]
pub struct Lock {
    _file: File,
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(SECRET_MODE).open(path)
}

/// Returns the process id from a lock file, as text for a message.
fn process_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().parse::<u32>().map(|process| format!(" (process {process})")).unwrap_or_default()
}

/// Creates a file, readable by the owner alone.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] for an existing file, left untouched; and errors of the disk.
pub fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(SECRET_MODE).open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    sync_parent(path)
}

/// Replaces a file's content atomically. The file keeps its owner: a command run by root must not take the file from
/// the relay.
///
/// # Errors
/// Errors of the disk. The file then keeps the old content.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    // A leftover of a crash is worthless: the lock excludes another writer.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(SECRET_MODE).open(&temporary)?;
    let written = file.write_all(content).and_then(|()| keep_owner(path, &file)).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_parent(path)
}

/// Makes a missing file, empty, for the owner of its directory alone. An existing file stays as it is.
///
/// # Errors
/// The file cannot be made.
pub fn ensure_secret(path: &Path) -> Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(SECRET_MODE).open(path);
    let owned = match made {
        Ok(file) => path.parent().map_or(Ok(()), |directory| keep_owner(directory, &file)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    owned.map_err(|error| permissions::with_words("make", path, error))
}

/// Renames a complete file to the final place, with the previous file's owner.
///
/// # Errors
/// Errors of the disk; the place is then as before.
pub fn put_in_place(complete: &Path, path: &Path) -> io::Result<()> {
    let file = File::open(complete)?;
    keep_owner(path, &file)?;
    file.sync_all()?;
    fs::rename(complete, path)?;
    sync_parent(path)
}

/// Reads a secret file of at most `limit` bytes.
///
/// # Errors
/// The file is missing, larger, or open to users other than its owner.
pub fn read_secret(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let metadata = fs::metadata(path).map_err(|error| permissions::with_words("read", path, error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!(
            "{} is open to others than its owner (mode {mode:04o}); close it with `chmod 600 {}`",
            path.display(),
            path.display()
        );
    }
    read(path, limit)
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// The file is missing or larger.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut content))
        .map_err(|error| permissions::with_words("read", path, error))?;
    if content.len() as u64 > limit {
        bail!("{} is larger than {limit} bytes, the most that is read", path.display());
    }
    Ok(content)
}

/// Gives a new file the owner of an existing path.
fn keep_owner(path: &Path, file: &File) -> io::Result<()> {
    let Ok(before) = fs::metadata(path) else { return Ok(()) };
    let now = file.metadata()?;
    if (before.uid(), before.gid()) == (now.uid(), now.gid()) {
        return Ok(());
    }
    std::os::unix::fs::fchown(file, Some(before.uid()), Some(before.gid()))
}

/// Syncs the parent directory: only this sync writes a new or changed file name to the disk.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
