//! Files reloaded after every change, found by a look each second. An unreadable file leaves the last good content in
//! use, with one report for each change.
//!
//! The kernel's notifications see nothing on network volumes, and lose a replaced file, as Kubernetes and certificate
//! tools leave one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::metrics::Metrics;

/// The stamp of a file's content: device, inode, length, and both times in nanoseconds.
type Stamp = Option<(u64, u64, u64, i128, i128)>;

/// Files reloaded together, such as a certificate and the key.
#[derive(Debug)]
pub struct Watched {
    what: &'static str,
    paths: Vec<PathBuf>,
    seen: Vec<Stamp>,
}

impl Watched {
    /// Remembers the files' stamps. Called before the first reading: no change is missed.
    pub fn new(what: &'static str, paths: Vec<PathBuf>) -> Self {
        let seen = paths.iter().map(stamp).collect();
        Self { what, paths, seen }
    }

    /// Whether the files are others than when last asked.
    fn changed(&mut self) -> bool {
        let now: Vec<Stamp> = self.paths.iter().map(stamp).collect();
        let changed = now != self.seen;
        self.seen = now;
        changed
    }

    /// Calls `load` after each change, for ever.
    pub async fn run<L>(mut self, every: Duration, metrics: Arc<Metrics>, load: L)
    where
        L: Fn() -> anyhow::Result<()> + Send + Sync + 'static,
    {
        let load = Arc::new(load);
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let (load, metrics) = (Arc::clone(&load), Arc::clone(&metrics));
            // A volume may hang, and a file of a million rows takes a second: neither holds up a viewer.
            let turn = tokio::task::spawn_blocking(move || {
                if self.changed() {
                    self.take(&*load, &metrics);
                }
                self
            });
            match turn.await {
                Ok(watched) => self = watched,
                Err(_) => return,
            }
        }
    }

    fn take(&self, load: &dyn Fn() -> anyhow::Result<()>, metrics: &Metrics) {
        match load() {
            Ok(()) => {
                metrics.file_reloads.increment();
                tracing::info!(file = self.what, "file changed and was taken anew");
            }
            Err(error) => {
                metrics.file_reload_failures.increment();
                tracing::error!(
                    file = self.what,
                    error = format!("{error:#}"),
                    "file changed and cannot be used; its last good content stays in use"
                );
            }
        }
    }
}

fn stamp(path: &PathBuf) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    Some((
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_in_place_replaced_removed_and_back_is_noticed_once_each() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "one").unwrap();
        let mut watched = Watched::new("test", vec![path.clone()]);
        assert!(!watched.changed());
        fs::write(&path, "longer").unwrap();
        assert!(watched.changed() && !watched.changed());
        fs::write(directory.path().join("other"), "other!").unwrap();
        fs::rename(directory.path().join("other"), &path).unwrap();
        assert!(watched.changed() && !watched.changed(), "the same length, another inode");
        fs::remove_file(&path).unwrap();
        assert!(watched.changed() && !watched.changed());
        fs::write(&path, "back").unwrap();
        assert!(watched.changed() && !watched.changed());
    }
}
