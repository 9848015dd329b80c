//! Copies in memory of what every request asks, read again after each change.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::location::Location;
use super::{Database, Topic};
use crate::metrics::Metrics;

/// How often a relay asks for a topic's version. A change is in force on every relay after this time.
const EVERY: Duration = Duration::from_millis(500);
/// The longest wait for the database's answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a topic into memory.
pub type Load =
    Box<dyn for<'a> Fn(&'a Database) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> + Send + Sync>;

/// A topic's copy in memory. Without the database, the last copy stays in force.
pub struct MemoryCopy {
    location: Arc<Location>,
    topic: Topic,
    load: Load,
    metrics: Arc<Metrics>,
    database: Option<Database>,
    version: Option<i64>,
}

impl MemoryCopy {
    /// A copy that was never read.
    pub fn new(location: Location, topic: Topic, metrics: Arc<Metrics>, load: Load) -> Self {
        Self { location: Arc::new(location), topic, load, metrics, database: None, version: None }
    }

    /// Reads the topic if it changed. A failure is logged once, and told by the metrics until the database answers again.
    pub async fn refresh(&mut self) {
        let read = match timeout(PATIENCE, self.read()).await {
            Ok(read) => read,
            Err(_) => Err(anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs())),
        };
        let was_unusable = self.metrics.store_unusable.get() > 0;
        self.metrics.store_unusable.set(u64::from(read.is_err()));
        match read {
            Ok(()) if was_unusable => tracing::info!(store = %self.location, "the store can be used again"),
            Err(error) if !was_unusable => tracing::error!(
                store = %self.location,
                error = format!("{error:#}"),
                "the store cannot be used: pages and links go on as they are, changes wait until it can"
            ),
            _ => {}
        }
    }

    async fn read(&mut self) -> Result<()> {
        let database = match self.database.take() {
            Some(database) => database,
            None => Database::open(&self.location).await?,
        };
        let database = self.database.insert(database);
        let version = database.version(self.topic).await?;
        if self.version != Some(version) {
            (self.load)(database).await?;
            self.version = Some(version);
        }
        Ok(())
    }

    /// Refreshes the copy for ever.
    pub async fn run(mut self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.refresh().await;
        }
    }
}
