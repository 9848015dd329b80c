//! Writes each column into the store, 45 s after the column's five minutes. A relay that stops writes the begun column too.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::timeout;

use super::hub::Hub;
use super::past::COLUMN_MS;
use super::past::book::Sheet;
use crate::clock::UnixMillis;
use crate::store::database::handle::Store;
use crate::store::random::fill_random;

/// How long after its end a column is written: the last averages are half a minute on their way.
const AFTER_MS: i64 = 45_000;
/// Columns that a relay can still write once its store is back: the averages in memory reach back for two hours.
const MISSED: i64 = 22;
/// The pause after the store took no column.
const PAUSE: Duration = Duration::from_secs(10);
/// The time for the last column of a relay that stops.
const PARTING: Duration = Duration::from_secs(3);
const DAY_MS: i64 = 86_400_000;

/// Writes the days of a relay's lines.
pub struct Recorder {
    hub: Arc<Hub>,
    store: Arc<Store>,
    /// How long columns are kept, in milliseconds.
    kept: i64,
    writer: i64,
    /// The beginning of the first column that is not written.
    next: AtomicI64,
}

impl Recorder {
    /// Returns the recorder of a relay that starts now.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn new(hub: Arc<Hub>, store: Arc<Store>, kept: Duration) -> Result<Self> {
        let mut writer = [0; 8];
        fill_random(&mut writer)?;
        let next = AtomicI64::new(beginning(hub.now().unix).as_millis());
        let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
        Ok(Self { hub, store, kept, writer: i64::from_le_bytes(writer) >> 1, next })
    }

    /// Writes each column after its end, for ever. A failure is logged once, until the store takes columns again.
    pub async fn run(self: Arc<Self>) {
        let mut fails = false;
        loop {
            let wait = self.next().as_millis() + COLUMN_MS + AFTER_MS - self.hub.now().unix.as_millis();
            tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
            let Err(error) = self.catch_up(self.hub.now().unix.saturating_sub(AFTER_MS)).await else {
                fails = false;
                continue;
            };
            if !fails {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the days of lines cannot be written; two hours can wait"
                );
            }
            fails = true;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Writes what there is of the present column.
    ///
    /// # Errors
    /// The store takes no change in time. The rest of the column is lost.
    pub async fn part(&self) -> Result<()> {
        let parting = async {
            self.catch_up(self.hub.now().unix).await?;
            self.write(self.next()).await
        };
        match timeout(PARTING, parting).await {
            Ok(written) => written,
            Err(_) => bail!("the store does not answer"),
        }
    }

    fn next(&self) -> UnixMillis {
        UnixMillis::from_millis(self.next.load(Relaxed))
    }

    /// Writes all columns that were over at a time.
    async fn catch_up(&self, now: UnixMillis) -> Result<()> {
        loop {
            // A clock that was set, or a store that was away for long.
            let oldest = beginning(now.saturating_sub(MISSED * COLUMN_MS));
            let at = self.next().max(oldest);
            if at.as_millis() + COLUMN_MS > now.as_millis() {
                self.next.store(at.min(beginning(now)).as_millis(), Relaxed);
                return Ok(());
            }
            self.write(at).await?;
            self.next.store(at.saturating_add(COLUMN_MS).as_millis(), Relaxed);
        }
    }

    /// Writes one column of all lines.
    async fn write(&self, at: UnixMillis) -> Result<()> {
        let lines = self.hub.columns((at, at.saturating_add(COLUMN_MS)));
        if lines.is_empty() {
            return Ok(());
        }
        let database = self.store.database().await?;
        let mut sheet = Sheet::begin(&database, at).await?;
        let is_new_day = at.as_millis().rem_euclid(DAY_MS) < COLUMN_MS;
        let mut columns = Vec::with_capacity(lines.len());
        let mut numbered = Vec::new();
        for (line, column) in lines {
            let number = match line.past_number.load(Relaxed) {
                0 => sheet.number(line.username()).await?,
                known if is_new_day => sheet.seen(known).await.map(|()| known)?,
                known => known,
            };
            columns.push((number, column));
            numbered.push((line, number));
        }
        sheet.write(self.writer, columns, self.kept).await?;
        // Before the commit a number is nobody's.
        numbered.iter().for_each(|(line, number)| line.past_number.store(*number, Relaxed));
        Ok(())
    }
}

fn beginning(at: UnixMillis) -> UnixMillis {
    UnixMillis::from_millis(at.as_millis().div_euclid(COLUMN_MS) * COLUMN_MS)
}
