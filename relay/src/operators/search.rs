//! The search of the console: over the subscribers and the lines that agents report, by the beginnings of words.
//!
//! [`fold`] makes words of texts, [`query`] conditions of what was typed, [`index`] finds lines. Here are the indexes in use, and
//! when they are built again: beside everything else, on a thread that may take its time.

mod fold;
mod index;
mod query;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use shared::Username;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};

pub use self::index::{Entry, EntryWords, Index};
pub use self::query::Query;
use crate::clock::drained;
use crate::lines::hub::Hub;
use crate::lines::status::ReportedName;

/// How often the lines without a row are looked at. A new one is found by its exact username at once.
const EVERY: Duration = Duration::from_secs(5);
/// How long a search waits for the first index.
const PATIENCE: Duration = Duration::from_secs(3);

/// The search of one relay.
pub struct Search {
    hub: Arc<Hub>,
    // Held to take or replace an index; built before.
    rows: RwLock<Arc<Index>>,
    reported: RwLock<Arc<Index>>,
    /// How far it is: nothing is built before somebody searches.
    stage: watch::Sender<Stage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unwanted,
    Wanted,
    Ready,
}

/// The answer to a query.
#[derive(Debug, Default)]
pub struct Found {
    /// How many lines are searched.
    pub total: usize,
    /// How many of them are meant.
    pub hits: usize,
    /// The first of them.
    pub lines: Vec<Username>,
}

impl Search {
    /// Returns a search that knows nothing so far, except exact usernames.
    pub fn new(hub: Arc<Hub>) -> Arc<Self> {
        let stage = watch::Sender::new(Stage::Unwanted);
        Arc::new(Self { hub, rows: RwLock::default(), reported: RwLock::default(), stage })
    }

    /// Waits until the index is built, but no longer than is bearable to a person.
    pub async fn ready(&self) {
        self.stage.send_if_modified(|stage| {
            let is_first = *stage == Stage::Unwanted;
            *stage = if is_first { Stage::Wanted } else { *stage };
            is_first
        });
        let mut stage = self.stage.subscribe();
        let _ = timeout(PATIENCE, stage.wait_for(|stage| *stage == Stage::Ready)).await;
    }

    /// Follows the subscribers and the reported lines, once somebody searches, until `drain` turns true.
    pub async fn run(self: Arc<Self>, mut drain: watch::Receiver<bool>) {
        let mut stage = self.stage.subscribe();
        tokio::select! {
            wanted = stage.wait_for(|stage| *stage != Stage::Unwanted) => if wanted.is_err() { return },
            () = drained(&mut drain) => return,
        }
        let mut changes = self.hub.subscribers().changes();
        changes.mark_changed();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reported = Vec::new();
        loop {
            let is_changed = tokio::select! {
                changed = changes.changed() => changed.is_ok(),
                _ = ticks.tick() => false,
                () = drained(&mut drain) => return,
            };
            if is_changed {
                self.index_rows().await;
            }
            reported = self.index_reported(reported).await;
            self.stage.send_if_modified(|stage| std::mem::replace(stage, Stage::Ready) != Stage::Ready);
        }
    }

    async fn index_rows(self: &Arc<Self>) {
        let search = Arc::clone(self);
        // A panic of the thread leaves the last index in place.
        let _ = spawn_blocking(move || {
            let table = search.hub.subscribers().table();
            let entries = table.rows().map(|(username, row)| Entry::of(username, row));
            search.put(&search.rows, Index::new(entries.collect()));
        })
        .await;
    }

    /// Builds the index of lines without a row, unless they are those of last time.
    async fn index_reported(self: &Arc<Self>, last: Vec<ReportedName>) -> Vec<ReportedName> {
        let search = Arc::clone(self);
        let built = spawn_blocking(move || {
            let table = search.hub.subscribers().table();
            let names = search.hub.reported_names(|username| !table.contains(username));
            if names != last {
                search.put(&search.reported, Index::new(names.iter().map(of_report).collect()));
            }
            names
        });
        built.await.unwrap_or_default()
    }

    fn put(&self, place: &RwLock<Arc<Index>>, index: Index) {
        *place.write() = Arc::new(index);
        let bytes = [&self.rows, &self.reported].map(|index| index.read().bytes());
        self.hub.metrics.search_index_bytes.set(bytes.iter().map(|(bytes, _)| *bytes as u64).sum());
        self.hub.metrics.search_text_bytes.set(bytes.iter().map(|(_, text)| *text as u64).sum());
        self.hub.metrics.searched_lines.set(self.total() as u64);
    }

    /// How many lines are searched.
    pub fn total(&self) -> usize {
        self.rows.read().len() + self.reported.read().len()
    }

    /// Returns the first `limit` lines that a text means: the line of exactly this username, lines by username, customer, reference
    /// or phone, then lines by anything else.
    pub fn find(&self, text: &str, limit: usize) -> Found {
        let (rows, reported) = (Arc::clone(&self.rows.read()), Arc::clone(&self.reported.read()));
        let query = Query::read(text);
        let exact = self.exact(text);
        let exact = exact.as_ref().map(Username::as_bytes);
        let (of_rows, of_reports) =
            if query.is_empty() { Default::default() } else { (rows.find(&query), reported.find(&query)) };
        let parts = [
            (&rows, &of_rows.main),
            (&reported, &of_reports.main),
            (&rows, &of_rows.other),
            (&reported, &of_reports.other),
        ];
        let names = || parts.into_iter().flat_map(|(index, lines)| lines.iter().filter_map(|line| index.name(*line)));
        let is_new = exact.is_some_and(|exact| names().all(|name| name != exact));
        let lines = exact.into_iter().chain(names().filter(|name| Some(*name) != exact)).take(limit);
        Found {
            total: rows.len() + reported.len(),
            hits: parts.iter().map(|(_, lines)| lines.len()).sum::<usize>() + usize::from(is_new),
            lines: lines
                .filter_map(|name| Username::from_bytes(name).ok())
                .map(|name| self.as_reported(name))
                .collect(),
        }
    }

    /// Returns the spelling of a row's username that agents report.
    fn as_reported(&self, username: Username) -> Username {
        match self.hub.subscribers().table().other_spelling(&username) {
            Some(spelled) if self.hub.is_reported(spelled) && !self.hub.is_reported(&username) => spelled.clone(),
            _ => username,
        }
    }

    /// Returns the line of exactly this username, if anybody knows one.
    fn exact(&self, text: &str) -> Option<Username> {
        let username = Username::from_typed(text.trim().as_bytes()).ok()?;
        let is_known = self.hub.subscribers().table().contains(&username) || self.hub.is_reported(&username);
        is_known.then_some(username)
    }
}

fn of_report(name: &ReportedName) -> Entry<'_> {
    let ReportedName { username, customer, package } = name;
    Entry { username, customer: customer.as_deref(), package: package.as_deref(), further: &[] }
}

#[cfg(test)]
mod tests;
