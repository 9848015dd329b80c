//! The files that relays of one server's database share: a change in the store is taken, and a change by hand goes to the store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::metrics::Metrics;
use crate::store::database::copies::Load;
use crate::store::database::handle::Store;
use crate::store::database::{Database, Topic};
use crate::store::shared_file::{SharedFile, Synced};

/// The pause after the store took no file.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes a file into memory.
pub(super) type LoadFile = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// The files that are not the store's.
pub(super) type Differing = Arc<Mutex<BTreeSet<&'static str>>>;

/// A shared file of a running relay.
#[derive(Clone)]
pub(in crate::relay) struct SharedCopy {
    file: SharedFile,
    load: LoadFile,
    /// Told after each change of the file.
    pub(super) changed: Arc<Notify>,
    // Held for one change.
    differing: Differing,
    metrics: Arc<Metrics>,
}

impl SharedCopy {
    pub(super) fn new(file: SharedFile, load: LoadFile, differing: &Differing, metrics: &Arc<Metrics>) -> Self {
        let (differing, metrics) = (Arc::clone(differing), Arc::clone(metrics));
        Self { file, load, changed: Arc::default(), differing, metrics }
    }

    /// Returns the loader for changes in the store.
    pub(in crate::relay) fn copy(&self) -> (Topic, Load) {
        let shared = self.clone();
        let load: Load = Box::new(move |database| {
            let shared = shared.clone();
            Box::pin(async move { shared.sync(database).await })
        });
        (self.file.topic(), load)
    }

    /// Brings file and store together, and takes the file into memory.
    async fn sync(&self, database: &Database) -> Result<()> {
        let synced = self.file.sync(database).await?;
        if synced == Synced::Taken {
            // Streams by a removed key end now, and not at the next look at the file.
            let load = Arc::clone(&self.load);
            spawn_blocking(move || load()).await.context("the relay stops")??;
        }
        self.tell(synced);
        Ok(())
    }

    /// Notes whether file and store differ. The log says so once.
    fn tell(&self, synced: Synced) {
        let name = self.file.topic().as_str();
        let mut differing = self.differing.lock();
        if synced != Synced::Differs {
            differing.remove(name);
        } else if differing.insert(name) {
            tracing::error!(reason = self.file.difference(), "this relay goes on with a file that others do not have");
        }
        self.metrics.shared_files_differ.set(differing.len() as u64);
    }

    /// Puts changes by hand into the store, for ever.
    pub(in crate::relay) async fn follow(self, store: Arc<Store>) {
        loop {
            self.changed.notified().await;
            while self.put(&store).await.is_err() {
                // The store's own reading tells of the failure.
                sleep(PAUSE).await;
            }
        }
    }

    async fn put(&self, store: &Store) -> Result<()> {
        self.sync(&store.database().await?).await
    }
}
