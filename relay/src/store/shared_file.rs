//! A file of the data directory that all relays of one PostgreSQL share: the keys of links, or the agents.
//!
//! The store has the content, and each relay a copy. A relay starts and serves by its copy while the store is away. A copy changed by
//! hand goes to the store, and from there to every relay. Beside the copy, a file `….shared` has the digest of the content that copy
//! and store had in common last: the digest tells which of the two has changed since.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use tokio::task::spawn_blocking;

use super::data_directory::{self, DataDirectory};
use super::database::{Change, Database, Topic};

/// The largest file with a digest, in bytes.
const MAX_MARK: u64 = 128;
/// How often a file is looked at again that others change meanwhile.
const ATTEMPTS: usize = 5;

/// A shared file, with the place of its copy.
#[derive(Debug, Clone)]
pub struct SharedFile {
    data: DataDirectory,
    topic: Topic,
    path: PathBuf,
    limit: u64,
    check: fn(&[u8]) -> Result<Content>,
}

/// What a file of the right kind has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Something that must not be lost.
    Something,
    /// Nothing, as a file that an installation made. It gives way to the store's.
    Nothing,
}

/// The outcome of a comparison of copy and store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synced {
    /// Both were equal.
    Same,
    /// The store's content is in the copy now.
    Taken,
    /// The copy's content is in the store now.
    Put,
    /// Both were changed, or had never anything in common. Both stay as they are.
    Differs,
}

/// What brings copy and store together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    Remember,
    Take,
    Put,
    AskSomebody,
}

/// Chooses the step by the digests of the copy, of the content in common last, and of the store.
fn step(copy: Option<&str>, common: Option<&str>, store: Option<&str>) -> Step {
    match (copy, store) {
        (None, None) => Step::Nothing,
        (None, Some(_)) => Step::Take,
        (Some(_), None) => Step::Put,
        _ if copy == store && common == copy => Step::Nothing,
        _ if copy == store => Step::Remember,
        _ if common == copy => Step::Take,
        _ if common == store => Step::Put,
        _ => Step::AskSomebody,
    }
}

/// A copy, as read.
struct Copy {
    content: Option<Vec<u8>>,
    digest: Option<String>,
    common: Option<String>,
}

impl SharedFile {
    /// Returns the shared file of a topic with its copy in a data directory. `check` refuses content of another kind.
    pub fn new(
        data: &DataDirectory,
        topic: Topic,
        path: PathBuf,
        limit: u64,
        check: fn(&[u8]) -> Result<Content>,
    ) -> Self {
        Self { data: data.clone(), topic, path, limit, check }
    }

    /// Returns the topic whose version tells of changes.
    pub fn topic(&self) -> Topic {
        self.topic
    }

    /// Returns the place of the copy.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns why copy and store stay different, with the remedy.
    pub fn difference(&self) -> String {
        let (file, name) = (self.path.display(), self.path.file_stem().unwrap_or_default().display());
        format!(
            "{file} is not what the store has for all relays, and neither is known to be the newer one: to take the store's, move {file} \
             away and restart; to put this one in its place, run `linelight-relay share {name}`"
        )
    }

    /// Brings copy and store together.
    ///
    /// # Errors
    /// The store or the disk does not answer, or the changed content is of another kind.
    pub async fn sync(&self, database: &Database) -> Result<Synced> {
        for _ in 0..ATTEMPTS {
            let copy = self.read_copy().await?;
            let stored = self.stored(database).await?;
            let digest = stored.as_deref().map(digest_of);
            let done = match step(copy.digest.as_deref(), copy.common.as_deref(), digest.as_deref()) {
                Step::Nothing => Some(Synced::Same),
                Step::Remember => self.remember(copy.digest).await?.then_some(Synced::Same),
                Step::Take => self.take(stored, copy.digest).await?.then_some(Synced::Taken),
                Step::Put => self.put(database, copy, digest).await?.then_some(Synced::Put),
                Step::AskSomebody => Some(Synced::Differs),
            };
            if let Some(done) = done {
                return Ok(done);
            }
        }
        bail!("{} is changed again and again", self.path.display())
    }

    /// Puts the copy into the store, whatever is there.
    ///
    /// # Errors
    /// The copy is missing or of another kind, or the store takes no change.
    pub async fn put_by_force(&self, database: &Database) -> Result<()> {
        let copy = self.read_copy().await?;
        let content = copy.content.with_context(|| format!("there is no {}", self.path.display()))?;
        let mut change = database.change(self.topic).await?;
        self.write(&mut change, &content).await?;
        change.commit().await?;
        self.remember(copy.digest).await.map(|_| ())
    }

    /// Returns the content in the store within a change of the topic, or else the copy's.
    ///
    /// # Errors
    /// The store does not answer, or neither has any content.
    pub async fn read(&self, change: &mut Change) -> Result<Vec<u8>> {
        let stored = sqlx::query_scalar::<_, String>("SELECT content FROM shared_files WHERE name = $1");
        match stored.bind(self.topic.as_str()).fetch_optional(change.connection()).await? {
            Some(content) => Ok(content.into_bytes()),
            None => data_directory::read(&self.path, self.limit),
        }
    }

    /// Writes the content in the store within a change of the topic.
    ///
    /// # Errors
    /// The content is of another kind, or the store takes no change.
    pub async fn write(&self, change: &mut Change, content: &[u8]) -> Result<()> {
        (self.check)(content).with_context(|| format!("{} is not shared", self.path.display()))?;
        let written = sqlx::query(
            "INSERT INTO shared_files (name, content) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET content = excluded.content",
        );
        let content = std::str::from_utf8(content).with_context(|| format!("{} is not UTF-8", self.path.display()))?;
        written.bind(self.topic.as_str()).bind(content).execute(change.connection()).await?;
        Ok(())
    }

    async fn stored(&self, database: &Database) -> Result<Option<Vec<u8>>> {
        let stored = sqlx::query_scalar::<_, String>("SELECT content FROM shared_files WHERE name = $1");
        let stored = stored.bind(self.topic.as_str()).fetch_optional(database.pool()).await?;
        Ok(stored.map(String::into_bytes))
    }

    /// Puts the copy into the store. False if the store's content is another one by now.
    async fn put(&self, database: &Database, copy: Copy, seen: Option<String>) -> Result<bool> {
        let Some(content) = copy.content else { return Ok(false) };
        let mut change = database.change(self.topic).await?;
        let stored = sqlx::query_scalar::<_, String>("SELECT content FROM shared_files WHERE name = $1");
        let stored = stored.bind(self.topic.as_str()).fetch_optional(change.connection()).await?;
        if stored.map(|stored| digest_of(stored.as_bytes())) != seen {
            change.abandon().await?;
            return Ok(false);
        }
        self.write(&mut change, &content).await?;
        change.commit().await?;
        self.remember(copy.digest).await
    }

    /// Writes the store's content into the copy. False if the copy was changed since it was seen.
    async fn take(&self, content: Option<Vec<u8>>, seen: Option<String>) -> Result<bool> {
        let Some(content) = content else { return Ok(false) };
        (self.check)(&content).with_context(|| format!("the store's {} cannot be used", self.topic.as_str()))?;
        self.on_disk(move |file| {
            let _lock = file.data.lock()?;
            if file.read_now()?.digest != seen {
                return Ok(false);
            }
            if seen.is_none() {
                data_directory::ensure_secret(&file.path)?;
            }
            file.replace(&file.path, &content)?;
            file.replace(&file.mark(), digest_of(&content).as_bytes())?;
            Ok(true)
        })
        .await
    }

    /// Notes the content that copy and store have in common. Always true.
    async fn remember(&self, digest: Option<String>) -> Result<bool> {
        self.on_disk(move |file| {
            let _lock = file.data.lock()?;
            file.replace(&file.mark(), digest.unwrap_or_default().as_bytes())?;
            Ok(true)
        })
        .await
    }

    async fn read_copy(&self) -> Result<Copy> {
        self.on_disk(Self::read_now).await
    }

    fn read_now(&self) -> Result<Copy> {
        let common = if_there(&self.mark(), MAX_MARK)?.and_then(|common| String::from_utf8(common).ok());
        let counts = |content: &Vec<u8>| common.is_some() || !matches!((self.check)(content), Ok(Content::Nothing));
        let content = if_there(&self.path, self.limit)?.filter(counts);
        let digest = content.as_deref().map(digest_of);
        Ok(Copy { content, digest, common })
    }

    fn mark(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".shared");
        self.path.with_file_name(name)
    }

    fn replace(&self, path: &Path, content: &[u8]) -> Result<()> {
        data_directory::replace(path, content).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Works on files where waiting is allowed.
    async fn on_disk<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let file = Arc::new(self.clone());
        spawn_blocking(move || work(&file)).await.context("the relay stops")?
    }
}

fn if_there(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    match data_directory::read(path, limit) {
        Ok(content) => Ok(Some(content)),
        Err(error) => match error.downcast_ref::<io::Error>() {
            Some(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => Err(error),
        },
    }
}

fn digest_of(content: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, content).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_side_that_was_changed_is_the_newer_one() {
        let (a, b, c) = (Some("a"), Some("b"), Some("c"));
        for (copy, common, store, expected) in [
            (None, None, None, Step::Nothing),
            (None, None, a, Step::Take),
            (None, a, b, Step::Take),
            (a, None, None, Step::Put),
            (a, a, None, Step::Put),
            (a, None, a, Step::Remember),
            (a, b, a, Step::Remember),
            (a, a, a, Step::Nothing),
            (a, a, b, Step::Take),
            (b, a, a, Step::Put),
            (a, None, b, Step::AskSomebody),
            (b, a, c, Step::AskSomebody),
        ] {
            assert_eq!(step(copy, common, store), expected, "{copy:?} {common:?} {store:?}");
        }
    }
}
