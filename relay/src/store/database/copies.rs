//! Copies in memory for every request, read again after each change. One query asks for the versions of all topics.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::handle::{PATIENCE, Store};
use super::{Database, Topic};
use crate::metrics::Metrics;

/// How often a relay asks for the topics' versions. A change is in force on every relay after this time.
const EVERY: Duration = Duration::from_millis(500);

/// Reads a topic into memory.
pub type Load =
    Box<dyn for<'a> Fn(&'a Database) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> + Send + Sync>;

/// The topics' copies in memory. Without the database, the last copies stay in force.
pub struct Copies {
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    // Held while the copies are read: whoever comes meanwhile reads what changed since.
    copies: Mutex<Vec<TopicCopy>>,
    /// The beginning of the last reading.
    read_at: parking_lot::Mutex<Option<Instant>>,
}

struct TopicCopy {
    topic: Topic,
    load: Load,
    /// The version in memory; `None` before the first reading.
    version: Option<i64>,
}

impl Copies {
    /// Copies before the first reading.
    pub fn new(store: Arc<Store>, metrics: Arc<Metrics>, topics: Vec<(Topic, Load)>) -> Self {
        let copies = topics.into_iter().map(|(topic, load)| TopicCopy { topic, load, version: None });
        Self { store, metrics, copies: Mutex::new(copies.collect()), read_at: parking_lot::Mutex::default() }
    }

    /// Reads the topics that changed. On return, every change from before the call is in force here, if the database answers. A
    /// failure is logged once, and told by the metrics until the database answers again.
    pub async fn refresh(&self) {
        let mut copies = self.copies.lock().await;
        *self.read_at.lock() = Some(Instant::now());
        let read = match timeout(PATIENCE, self.read(&mut copies)).await {
            Ok(read) => read,
            Err(_) => Err(anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs())),
        };
        let was_unusable = self.metrics.store_unusable.get() > 0;
        self.metrics.store_unusable.set(u64::from(read.is_err()));
        let store = self.store.location();
        match read {
            Ok(()) if was_unusable => tracing::info!(%store, "the store can be used again"),
            Err(error) if !was_unusable => tracing::error!(
                %store,
                error = format!("{error:#}"),
                "the store cannot be used: pages and links go on as they are, changes wait until it can"
            ),
            _ => {}
        }
    }

    /// Refreshes copies older than the given time.
    pub async fn refresh_after(&self, age: Duration) {
        let is_old = self.read_at.lock().is_none_or(|read_at| read_at.elapsed() >= age);
        if is_old {
            self.refresh().await;
        }
    }

    async fn read(&self, copies: &mut [TopicCopy]) -> Result<()> {
        let database = self.store.database().await?;
        let versions = database.versions().await?;
        for copy in copies {
            let name = copy.topic.as_str();
            let version = *versions.get(name).with_context(|| format!("the store has no version of {name}"))?;
            if copy.version != Some(version) {
                (copy.load)(&database).await?;
                copy.version = Some(version);
            }
        }
        Ok(())
    }

    /// Refreshes the copies for ever.
    pub async fn run(self: Arc<Self>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.refresh().await;
        }
    }
}
