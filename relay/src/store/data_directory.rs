//! The data directory: where its files are, and how they are written so that a crash or a full disk never leaves half
//! of one. What is in them is the business of [`keys`](crate::viewers::links::keys) and [`agents`](crate::agents).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Readable by the relay's own account alone.
const SECRET_MODE: u32 = 0o600;

/// The directory given by `--data`.
#[derive(Debug, Clone)]
pub struct DataDirectory(PathBuf);

impl DataDirectory {
    /// The directory at a path; it need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The keys that sign links.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys.json")
    }

    /// The registry of agents.
    pub fn agents(&self) -> PathBuf {
        self.0.join("agents.json")
    }

    /// Makes the directory, for its owner alone, unless it is there.
    ///
    /// # Errors
    /// Where it can neither be made nor is there.
    pub fn create(&self) -> Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .with_context(|| format!("cannot make the data directory {}", self.0.display()))
    }

    /// Takes the lock that commands hold while they change a file; it ends with the value.
    ///
    /// # Errors
    /// Where the directory is missing or not ours to write.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.0.join("lock");
        let taken = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(SECRET_MODE)
            .open(&path)
            .and_then(|file| file.lock().map(|()| file));
        match taken {
            Ok(file) => Ok(Lock { _file: file }),
            Err(error) => Err(error).with_context(|| {
                format!(
                    "cannot lock {}: is the relay initialised there? see `linelight-relay init --help`",
                    path.display()
                )
            }),
        }
    }
}

/// Held while a command reads, changes and replaces a file of the data directory.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Writes a file that must not be there yet, readable by its owner alone.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where it is there, which is left as it is; and what the disk says.
pub fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(SECRET_MODE).open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    sync_parent(path)
}

/// Puts new content in a file's place at one stroke; the file keeps its owner, so that a command run by root does not take
/// it away from the relay.
///
/// # Errors
/// What the disk says; the old content then stands.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    // One left behind by a crash is worthless: the lock says that nobody is writing it.
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

/// Reads a secret file, at most `limit` bytes of it.
///
/// # Errors
/// Where it is missing, larger, or open to others than its owner.
pub fn read_secret(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
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
/// Where it is missing or larger.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut content))
        .with_context(|| format!("cannot read {}", path.display()))?;
    if content.len() as u64 > limit {
        bail!("{} is larger than {limit} bytes, the most that is read", path.display());
    }
    Ok(content)
}

fn keep_owner(path: &Path, file: &File) -> io::Result<()> {
    let Ok(before) = fs::metadata(path) else { return Ok(()) };
    let now = file.metadata()?;
    if (before.uid(), before.gid()) == (now.uid(), now.gid()) {
        return Ok(());
    }
    std::os::unix::fs::fchown(file, Some(before.uid()), Some(before.gid()))
}

/// A rename or a new name is on disk only once its directory is.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_for_its_owner_and_never_overwrites() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        write_new(&path, b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(write_new(&path, b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }

    #[test]
    fn a_replaced_file_is_whole_and_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agents.json");
        fs::write(directory.path().join("agents.json.new"), b"left by a crash").unwrap();
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_replacement_leaves_the_old_content() {
        let directory = tempfile::tempdir().unwrap();
        // A directory in the file's place cannot be renamed over.
        let path = directory.path().join("agents.json");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"new").is_err());
        assert!(!directory.path().join("agents.json.new").exists());
    }

    #[test]
    fn a_secret_open_to_others_is_refused_with_the_remedy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        write_new(&path, b"secret").unwrap();
        assert_eq!(read_secret(&path, 100).unwrap(), b"secret");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_secret(&path, 100).unwrap_err().to_string();
        assert!(error.contains("chmod 600") && error.contains("0640"), "{error}");
        assert!(!error.contains("secret\""));
    }

    #[test]
    fn a_file_is_read_to_its_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, [b'x'; 11]).unwrap();
        assert_eq!(read(&path, 11).unwrap().len(), 11);
        assert!(read(&path, 10).unwrap_err().to_string().contains("larger than 10 bytes"));
    }
}
