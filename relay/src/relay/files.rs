//! The relay's files in memory, reloaded after every change.

pub(super) mod shared;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;

use self::shared::{LoadFile, SharedCopy};
use crate::agents::registry::{self, Entries, Registry};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::net::acme::{AcmeFiles, Renewal};
use crate::net::tls::{Certificate, CertificateFiles};
use crate::store::data_directory::DataDirectory;
use crate::store::database::location::Location;
use crate::store::reload::Watched;
use crate::subscribers::{Subscribers, SubscribersFile};
use crate::viewers::links::keys::{self, Keys};
use crate::viewers::links::{Access, Mode};

/// The content of all files.
pub(super) struct Files {
    pub(super) access: Arc<Access>,
    pub(super) registry: Registry,
    pub(super) subscribers: Subscribers,
    pub(super) certificate: Option<Arc<Certificate>>,
    pub(super) renewal: Option<Renewal>,
    pub(super) reloadable: Vec<Reloadable>,
    /// The files that relays of one server's database share; none with a database of its own.
    pub(super) shared: Vec<SharedCopy>,
}

/// Files read together, with their loader.
pub(super) struct Reloadable {
    pub(super) watched: Watched,
    pub(super) load: LoadFile,
}

impl Reloadable {
    /// Reads the files for the first time. The watch begins before that, so that no change is missed.
    fn read(
        what: &'static str,
        paths: Vec<PathBuf>,
        load: impl Fn() -> Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        let watched = Watched::new(what, paths);
        load()?;
        Ok(Self { watched, load: Arc::new(load) })
    }

    /// Tells the store of every change by hand.
    fn told(self, shared: &SharedCopy) -> Self {
        let (load, changed) = (self.load, Arc::clone(&shared.changed));
        let load = Arc::new(move || {
            load()?;
            changed.notify_one();
            Ok(())
        });
        Self { watched: self.watched, load }
    }
}

impl Files {
    pub(super) fn read(config: &Config, metrics: &Arc<Metrics>) -> Result<Self> {
        let mut reloadable = Vec::new();
        let (access, mut keys) = read_keys(config)?;
        let (registry, mut agents) = read_agents(&config.data, metrics)?;
        let mut shared = Vec::new();
        if shares_files(config) {
            let differing = Arc::default();
            let share = |file, load: &LoadFile| SharedCopy::new(file, Arc::clone(load), &differing, metrics);
            shared.push(share(keys::shared_file(&config.data), &keys.load));
            keys = keys.told(&shared[0]);
            shared.push(share(registry::shared_file(&config.data), &agents.load));
            agents = agents.told(&shared[1]);
        }
        reloadable.extend([keys, agents]);
        let subscribers = Subscribers::none();
        if let Some(file) = &config.subscribers {
            reloadable.push(read_subscribers(file, &subscribers, metrics));
        }
        let (mut certificate, mut renewal) = (None, None);
        if let Some(files) = &config.tls {
            let (loaded, files) = read_certificate(files, metrics)?;
            certificate = Some(loaded);
            reloadable.push(files);
        } else if let Some(acme) = &config.acme {
            let (ordered, files) = read_ordered_certificate(&config.data, metrics);
            renewal = Some(Renewal::new(acme.clone(), AcmeFiles::new(&config.data), &ordered, metrics)?);
            certificate = Some(ordered);
            reloadable.push(files);
        }
        Ok(Self { access, registry, subscribers, certificate, renewal, reloadable, shared })
    }
}

/// True if other relays may have the same files: with a server's database, and a data directory that takes copies.
fn shares_files(config: &Config) -> bool {
    if let Location::File(_) = config.store {
        return false;
    }
    match config.data.lock() {
        Ok(_) => true,
        Err(error) => {
            let error = format!("{error:#}");
            tracing::info!(error, "the relay shares no keys and agents: they are those of its data directory");
            false
        }
    }
}

fn read_keys(config: &Config) -> Result<(Arc<Access>, Reloadable)> {
    let path = config.data.present_keys()?;
    if config.access == Mode::Open {
        tracing::warn!("--access open: anyone who knows a username sees its line; customers' names are not shown");
    }
    let access = Arc::new(Access::new(config.access, Keys::load(&path)?).with_max_lifetime(config.max_link_lifetime));
    let reloaded = Arc::clone(&access);
    let load = {
        let path = path.clone();
        move || Keys::load(&path).map(|keys| reloaded.set_keys(keys))
    };
    Ok((access, Reloadable::read("link keys", vec![path], load)?))
}

fn read_agents(data: &DataDirectory, metrics: &Arc<Metrics>) -> Result<(Registry, Reloadable)> {
    let path = data.agents();
    let registry = Registry::new(Entries::load(&path)?)?;
    let (reloaded, metrics) = (registry.clone(), Arc::clone(metrics));
    let load = {
        let path = path.clone();
        move || {
            reloaded.replace(Entries::load(&path)?)?;
            metrics.agents_registered.set(reloaded.len() as u64);
            Ok(())
        }
    };
    Ok((registry, Reloadable::read("agents", vec![path], load)?))
}

/// Reads the subscribers file. Lines are worth more than names: a relay without the file serves, and loads it later.
fn read_subscribers(file: &SubscribersFile, subscribers: &Subscribers, metrics: &Arc<Metrics>) -> Reloadable {
    let watched = Watched::new("subscribers", vec![file.path.clone()]);
    let (file, table, metrics) = (file.clone(), subscribers.clone(), Arc::clone(metrics));
    let load = move || {
        let loaded = table.load(&file);
        metrics.subscribers_unusable.set(u64::from(loaded.is_err()));
        metrics.subscribers.set(table.len() as u64);
        metrics.subscriber_rows_refused.set(loaded?.len() as u64);
        Ok(())
    };
    if let Err(error) = load() {
        tracing::error!(
            error = format!("{error:#}"),
            "the subscribers file cannot be used: lines show what their routers say until it can"
        );
    }
    Reloadable { watched, load: Arc::new(load) }
}

fn read_certificate(files: &CertificateFiles, metrics: &Arc<Metrics>) -> Result<(Arc<Certificate>, Reloadable)> {
    let paths = vec![files.certificate.clone(), files.key.clone()];
    let certificate = Certificate::load(files)?;
    let (reloaded, files, metrics) = (Arc::clone(&certificate), files.clone(), Arc::clone(metrics));
    let load = move || {
        reloaded.reload(&files)?;
        metrics.certificate_expiry.set(reloaded.expires());
        Ok(())
    };
    Ok((certificate, Reloadable::read("certificate", paths, load)?))
}

/// Reads the certificate that ACME ordered before. Without a usable one the relay serves nobody until the next is there.
fn read_ordered_certificate(data: &DataDirectory, metrics: &Arc<Metrics>) -> (Arc<Certificate>, Reloadable) {
    let files = AcmeFiles::new(data).certificate();
    let watched = Watched::new("certificate", vec![files.certificate.clone()]);
    let certificate = Certificate::to_come();
    let (reloaded, metrics) = (Arc::clone(&certificate), Arc::clone(metrics));
    let is_there = files.certificate.exists();
    let load = move || {
        reloaded.reload(&files)?;
        metrics.certificate_expiry.set(reloaded.expires());
        Ok(())
    };
    if is_there && let Err(error) = load() {
        tracing::error!(error = format!("{error:#}"), "the certificate cannot be used, and another is ordered");
    }
    (certificate, Reloadable { watched, load: Arc::new(load) })
}
