//! The state of the API's requests, and what they have in memory of the store.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::sync::Semaphore;

use super::keys::{Keys, book};
use crate::agents::fleet::Fleet;
use crate::metrics::Metrics;
use crate::net::origin::Origins;
use crate::net::problem::Problem;
use crate::net::site::Site;
use crate::operators::audit::Audit;
use crate::store::database::copies::{Copies, Load};
use crate::store::database::handle::Store;
use crate::store::database::{Database, Topic};
use crate::subscribers::Subscribers;
use crate::subscribers::book::EnteredCopy;
use crate::viewers::links::Access;

/// What the API has in memory of the store.
pub(crate) struct Memory {
    /// The keys in force.
    pub(crate) keys: Arc<Keys>,
    entered: Arc<EnteredCopy>,
    metrics: Arc<Metrics>,
    subscribers: Subscribers,
}

impl Memory {
    /// Returns a memory that was never read. Entered subscribers go into `subscribers`.
    pub(crate) fn new(subscribers: Subscribers, metrics: Arc<Metrics>) -> Self {
        let entered = Arc::new(EnteredCopy::new(subscribers.clone()));
        Self { keys: Arc::default(), entered, metrics, subscribers }
    }

    /// Returns the loaders of the copies in memory.
    pub(crate) fn copies(&self) -> Vec<(Topic, Load)> {
        let keys = Arc::clone(&self.keys);
        let load_keys: Load = Box::new(move |database| {
            let keys = Arc::clone(&keys);
            Box::pin(async move {
                keys.replace(book::in_force(database).await?);
                Ok(())
            })
        });
        let memory = (Arc::clone(&self.entered), self.subscribers.clone(), Arc::clone(&self.metrics));
        let load_entered: Load = Box::new(move |database| {
            let (entered, subscribers, metrics) = memory.clone();
            Box::pin(async move {
                entered.follow(database).await?;
                metrics.subscribers.set(subscribers.len() as u64);
                Ok(())
            })
        });
        vec![(Topic::ApiKeys, load_keys), (Topic::Subscribers, load_entered)]
    }
}

/// The state of the API's requests.
pub(crate) struct ApiContext {
    pub(crate) keys: Arc<Keys>,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) access: Arc<Access>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) store: Arc<Store>,
    pub(crate) copies: Arc<Copies>,
    pub(crate) site: Arc<Site>,
    pub(crate) origins: Origins,
    /// The address under which browsers reach the relay.
    pub(crate) public_url: Option<Uri>,
    /// How far ahead the end of a link may be.
    pub(crate) max_link_lifetime: Duration,
    /// One replacement of all subscribers at a time: each may take 64 MiB and more.
    pub(crate) replacing: Semaphore,
}

impl ApiContext {
    /// Returns the open store.
    ///
    /// # Errors
    /// 503, if the store cannot be used.
    pub(super) async fn database(&self) -> Result<Database, Problem> {
        Ok(self.store.database().await?)
    }

    /// Takes a committed change into memory: it is in force before its answer is.
    pub(super) async fn changed(&self) {
        self.copies.refresh().await;
    }

    pub(super) fn subscribers(&self) -> &Subscribers {
        self.fleet.hub.subscribers()
    }
}
