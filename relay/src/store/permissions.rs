//! Rights to read or change a file, and the words with the mending command.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use anyhow::{Result, bail};
use rustix::process::geteuid;

/// The bits for writing by everybody but the owner.
const OTHERS_WRITE: u32 = 0o022;
/// The bit for writing by everybody outside of owner and group.
const EVERYBODY_WRITES: u32 = 0o002;
/// The bit for reading by everybody outside of owner and group.
const EVERYBODY_READS: u32 = 0o004;

/// Returns why a path cannot be read or written, with the remedy; `doing` is the verb.
pub(crate) fn cannot(doing: &str, path: &Path, error: &io::Error) -> String {
    let what = format!("cannot {doing} {}", path.display());
    let Some(owner) = barrier(path).filter(|_| error.kind() == io::ErrorKind::PermissionDenied) else { return what };
    let (owner, me) = (account(owner.uid()), account(geteuid().as_raw()));
    if owner == me {
        return format!(
            "{what}: it belongs to {me}, under which this runs, but its mode forbids it; `chmod u+rw` mends it"
        );
    }
    format!(
        "{what}: it belongs to {owner}, and this runs as {me}; run it as {owner} (`sudo -u {owner}`), or give {me} the right to"
    )
}

/// Refuses a directory whose files everybody may replace; warns of one for a group.
///
/// # Errors
/// With the closing command, or for a missing directory.
pub(crate) fn check_directory(path: &Path) -> Result<()> {
    let metadata = fs::metadata(path).map_err(|error| with_words("read", path, error))?;
    if !metadata.is_dir() {
        bail!("{} is not a directory", path.display());
    }
    let (mode, name) = (mode(&metadata), path.display());
    if mode & EVERYBODY_WRITES != 0 {
        bail!(
            "everybody on this machine may replace the files in {name} (mode {mode:04o}); close it with `chmod go-w {name}`, or \
             give --data a directory inside it that `linelight-relay init` makes"
        );
    }
    if mode & OTHERS_WRITE != 0 {
        tracing::warn!(
            directory = %name,
            remedy = format!("chmod g-w {name}"),
            "the group of the data directory may replace the relay's keys and agents"
        );
    }
    Ok(())
}

/// Refuses a file with rights to change for others than the owner. A missing file passes.
///
/// # Errors
/// With the closing command.
pub(crate) fn check_unchangeable(path: &Path) -> Result<()> {
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    let mode = mode(&metadata);
    if mode & OTHERS_WRITE != 0 {
        bail!(
            "{} may be changed by others than its owner (mode {mode:04o}); close it with `chmod 600 {}`",
            path.display(),
            path.display()
        );
    }
    Ok(())
}

/// Warns of a secret file that everybody may read or change. Container platforms mount secrets so; that is no fault of the file's owner.
pub(crate) fn warn_if_open(what: &'static str, path: &Path) {
    let Ok(metadata) = fs::metadata(path) else { return };
    if mode(&metadata) & (EVERYBODY_READS | OTHERS_WRITE) != 0 {
        let file = path.display();
        tracing::warn!(%file, remedy = format!("chmod o-rwx,g-w {file}"), "{what} is open to others on this machine");
    }
}

/// Returns the error in words.
pub(crate) fn with_words(doing: &str, path: &Path, error: io::Error) -> anyhow::Error {
    let words = cannot(doing, path, &error);
    anyhow::Error::new(error).context(words)
}

/// Returns the metadata of the path, or of the nearest readable directory above.
fn barrier(path: &Path) -> Option<Metadata> {
    path.ancestors().find_map(|path| fs::metadata(if path.as_os_str().is_empty() { Path::new(".") } else { path }).ok())
}

fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

/// Returns an account's name by /etc/passwd, or the number.
fn account(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number == uid.to_string()).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("#{uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_directory_that_everybody_may_change_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, good) in [(0o700, true), (0o755, true), (0o770, true), (0o777, false), (0o1777, false)] {
            with_mode(folder.path(), mode);
            let checked = check_directory(folder.path());
            assert_eq!(checked.is_ok(), good, "{mode:o}");
            assert!(checked.err().is_none_or(|error| error.to_string().contains("chmod go-w")));
        }
        let error = format!("{:#}", check_directory(&folder.path().join("none")).unwrap_err());
        assert!(error.contains("No such file"), "{error}");
    }

    #[test]
    fn a_file_that_others_may_change_is_refused_and_one_that_they_may_read_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agents.json");
        assert!(check_unchangeable(&file).is_ok());
        fs::write(&file, "{}").unwrap();
        for (mode, good) in [(0o600, true), (0o644, true), (0o664, false), (0o602, false)] {
            with_mode(&file, mode);
            assert_eq!(check_unchangeable(&file).is_ok(), good, "{mode:o}");
        }
    }

    #[test]
    fn a_missing_right_is_told_with_both_accounts_and_a_missing_file_without() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let words = cannot("read", Path::new("/proc/1/nothing/here"), &denied);
        assert!(words.starts_with("cannot read /proc/1/nothing/here: it belongs to root"), "{words}");
        let missing = io::Error::from(io::ErrorKind::NotFound);
        assert_eq!(cannot("read", Path::new("/nowhere"), &missing), "cannot read /nowhere");
        assert_eq!(account(0), "root");
        assert_eq!(account(4_000_000_000), "#4000000000");
    }
}
