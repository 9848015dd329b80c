//! Linelight's relay: takes samples from agents and fans them out to viewers by PPPoE username.
//!
//! The way of a sample: [`uplink`] → [`clock`] → [`lines`] → [`viewer_frame`](wire::viewer_frame) → [`viewer`] and [`websocket`](wire::websocket).
//! Around it: [`config`], [`net`], [`http`] and [`page`] bring connections in, [`access`] says who may see a
//! line, [`agents`] who may report one, [`subscribers`] names them, [`metrics`] and [`explain`] tell the operator.
//! Here the parts are joined.

pub mod agents;
pub mod clock;
pub mod commands;
pub mod config;
pub mod explain;
pub mod http;
pub mod limits;
pub mod lines;
pub mod metrics;
pub mod net;
pub mod store;
pub mod subscribers;
pub mod uplink;
pub mod viewers;
pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use rustls::ServerConfig;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use crate::agents::registry::{Entries, Registry};
use crate::config::Config;
use crate::http::{Serves, Site};
use crate::lines::hub::Hub;
use crate::metrics::Metrics;
use crate::net::attempts::FailedAttempts;
use crate::net::listener::{Handshakes, Listener, Shared};
use crate::net::tls::{Certificate, CertificateFiles};
use crate::store::data_directory::DataDirectory;
use crate::store::reload::Watched;
use crate::subscribers::{Subscribers, SubscribersFile};
use crate::viewers::links::keys::Keys;
use crate::viewers::links::{Access, Mode};
use crate::viewers::viewer::ViewerContext;

/// A relay whose sockets are bound: what is read is read, so that nothing but the world can fail it.
pub struct Relay {
    listeners: Vec<Listener>,
    private: Listener,
    files: Files,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    stop_private: watch::Sender<bool>,
    drain: Duration,
    reload_every: Duration,
}

/// Where a relay listens; the ports that the system chose where 0 was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The page and the viewer API.
    pub viewers: SocketAddr,
    /// The uplink.
    pub agents: SocketAddr,
    /// Metrics, health and `explain`.
    pub private: SocketAddr,
}

/// What is in memory from files, with the files watched from before they were read.
struct Files {
    access: Arc<Access>,
    registry: Registry,
    subscribers: Subscribers,
    certificate: Option<Arc<Certificate>>,
    watched: Vec<(Watched, Reload)>,
}

type Reload = Box<dyn Fn() -> Result<()> + Send + Sync>;

/// Serves until `shutdown` ends, then drains.
///
/// # Errors
/// Where a file cannot be read or an address not be bound.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<()> {
    let relay = Relay::bind(config)?;
    let Addresses { viewers, agents, private } = relay.addresses()?;
    tracing::info!(%viewers, %agents, %private, version = env!("CARGO_PKG_VERSION"), "the relay is ready");
    relay.serve(shutdown).await?;
    tracing::info!("the relay has stopped");
    Ok(())
}

impl Relay {
    /// Reads every file and binds every socket; inside a tokio runtime.
    ///
    /// # Errors
    /// Where a file cannot be read, with the remedy, or an address not be bound.
    pub fn bind(config: Config) -> Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let files = Files::read(&config, &metrics)?;
        let (stop, drain) = watch::channel(false);
        let (stop_private, drain_private) = watch::channel(false);
        let hub = Hub::new(config.limits.clone(), files.subscribers.clone(), Arc::clone(&metrics), Instant::now());
        let context = Arc::new(ViewerContext {
            hub: Arc::clone(&hub),
            access: Arc::clone(&files.access),
            attempts: FailedAttempts::new(config.limits.failed_attempts),
            limits: config.limits.clone(),
            brand: config.brand.clone(),
            metrics: Arc::clone(&metrics),
            drain: drain.clone(),
        });
        let shared = Shared {
            handshakes: Arc::new(Handshakes::new(&config.limits)),
            limits: config.limits.clone(),
            metrics: Arc::clone(&metrics),
            drain,
        };
        let listeners = public_listeners(&config, &files, &context, &shared)?;
        let shared = Shared { drain: drain_private, ..shared };
        let private = bind(config.private_listen, None, false, http::private(context), &shared)?;
        let (drain, reload_every) = (config.limits.drain, config.reload_every);
        Ok(Self { listeners, private, files, hub, metrics, stop, stop_private, drain, reload_every })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn addresses(&self) -> Result<Addresses> {
        let public: Vec<SocketAddr> = self.listeners.iter().map(Listener::address).collect::<Result<_, _>>()?;
        let first = public.first().context("no listener")?;
        let last = public.last().context("no listener")?;
        Ok(Addresses { viewers: *first, agents: *last, private: self.private.address()? })
    }

    /// Serves until `shutdown` ends, then lets every connection end, for as long as the limits allow.
    ///
    /// # Errors
    /// Where a part of the relay ended by itself, which is a fault in it: better stopped and started again than half alive.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<()> {
        let mut background = JoinSet::new();
        background.spawn(Arc::clone(&self.hub).run(self.files.registry.clone(), self.stop.subscribe()));
        for (watched, reload) in self.files.watched {
            background.spawn(watched.run(self.reload_every, Arc::clone(&self.metrics), reload));
        }
        background.spawn(self.private.serve());
        let mut serving = JoinSet::new();
        for listener in self.listeners {
            serving.spawn(listener.serve());
        }
        let outcome = tokio::select! {
            () = shutdown => Ok(()),
            Some(ended) = serving.join_next() => Err(ended_by_itself("a listener", &ended)),
            Some(ended) = background.join_next() => Err(ended_by_itself("a part of the relay", &ended)),
        };
        tracing::info!("the relay stops: connections are told so");
        self.stop.send_replace(true);
        let ended = async { while serving.join_next().await.is_some() {} };
        if timeout(self.drain, ended).await.is_err() {
            tracing::warn!(
                connections = self.metrics.connections.get(),
                "connections were cut: they did not end in time"
            );
        }
        // Last: until now the private listener said that the relay stops.
        self.stop_private.send_replace(true);
        outcome
    }
}

fn ended_by_itself(what: &str, ended: &Result<(), JoinError>) -> anyhow::Error {
    match ended {
        Ok(()) => anyhow::anyhow!("{what} ended by itself"),
        Err(error) => anyhow::anyhow!("{what} ended by itself: {error}"),
    }
}

impl Files {
    fn read(config: &Config, metrics: &Arc<Metrics>) -> Result<Self> {
        let mut watched: Vec<(Watched, Reload)> = Vec::new();
        let access = read_keys(config, &mut watched)?;
        let registry = read_agents(&config.data, metrics, &mut watched)?;
        let subscribers = read_subscribers(config.subscribers.as_ref(), metrics, &mut watched);
        let read_certificate = |files| read_certificate(files, metrics, &mut watched);
        let certificate = config.tls.as_ref().map(read_certificate).transpose()?;
        Ok(Self { access, registry, subscribers, certificate, watched })
    }
}

fn read_keys(config: &Config, watched: &mut Vec<(Watched, Reload)>) -> Result<Arc<Access>> {
    let path = config.data.keys();
    let watch = Watched::new("link keys", vec![path.clone()]);
    if !path.exists() {
        bail!(
            "{} has no keys for links: on a new relay run `linelight-relay init`; on an old one bring its data back, lest every \
             link be void",
            config.data.path().display()
        );
    }
    let keys = Keys::load(&path)?;
    if config.access == Mode::Open {
        tracing::warn!("--access open: anyone who knows a username sees its line; customers' names are not shown");
    }
    let access = Arc::new(Access::new(config.access, keys));
    let reload = Arc::clone(&access);
    watched.push((watch, Box::new(move || Keys::load(&path).map(|keys| reload.set_keys(keys)))));
    Ok(access)
}

fn read_agents(data: &DataDirectory, metrics: &Arc<Metrics>, watched: &mut Vec<(Watched, Reload)>) -> Result<Registry> {
    let path = data.agents();
    let watch = Watched::new("agents", vec![path.clone()]);
    let registry = Registry::new(Entries::load(&path)?)?;
    metrics.agents_registered.set(registry.len() as u64);
    let (reload, metrics) = (registry.clone(), Arc::clone(metrics));
    let load = move || {
        reload.replace(Entries::load(&path)?)?;
        metrics.agents_registered.set(reload.len() as u64);
        Ok(())
    };
    watched.push((watch, Box::new(load)));
    Ok(registry)
}

fn read_subscribers(
    file: Option<&SubscribersFile>,
    metrics: &Arc<Metrics>,
    watched: &mut Vec<(Watched, Reload)>,
) -> Subscribers {
    let subscribers = Subscribers::none();
    let Some(file) = file.cloned() else { return subscribers };
    let watch = Watched::new("subscribers", vec![file.path.clone()]);
    let (table, metrics) = (subscribers.clone(), Arc::clone(metrics));
    let load = move || {
        let loaded = table.load(&file);
        metrics.subscribers_unusable.set(u64::from(loaded.is_err()));
        metrics.subscribers.set(table.len() as u64);
        metrics.subscriber_rows_refused.set(loaded?.len() as u64);
        Ok(())
    };
    // Lines are worth more than names: the relay serves without, and takes the file when it comes.
    if let Err(error) = load() {
        tracing::error!(
            error = format!("{error:#}"),
            "the subscribers file cannot be used: lines show what their routers say until it can"
        );
    }
    watched.push((watch, Box::new(load)));
    subscribers
}

fn read_certificate(
    files: &CertificateFiles,
    metrics: &Arc<Metrics>,
    watched: &mut Vec<(Watched, Reload)>,
) -> Result<Arc<Certificate>> {
    let watch = Watched::new("certificate", vec![files.certificate.clone(), files.key.clone()]);
    let certificate = Certificate::load(files)?;
    metrics.certificate_expiry.set(certificate.expires());
    let (reload, files, metrics) = (Arc::clone(&certificate), files.clone(), Arc::clone(metrics));
    let load = move || {
        reload.reload(&files)?;
        metrics.certificate_expiry.set(reload.expires());
        Ok(())
    };
    watched.push((watch, Box::new(load)));
    Ok(certificate)
}

/// The viewers' listener first, the agents' last; they may be one.
fn public_listeners(
    config: &Config,
    files: &Files,
    context: &Arc<ViewerContext>,
    shared: &Shared,
) -> Result<Vec<Listener>> {
    let tls = files.certificate.as_ref().map(Certificate::server_config).transpose()?;
    let site = Arc::new(Site {
        context: Arc::clone(context),
        registry: files.registry.clone(),
        forwarding: config.forwarding.clone(),
        reload_every: config.reload_every,
    });
    let Some(agents) = config.agents_listen else {
        let router = http::public(site, Serves::Both);
        return Ok(vec![bind(config.listen, tls, false, router, shared)?]);
    };
    let viewers = http::public(Arc::clone(&site), Serves::Viewers);
    Ok(vec![
        bind(config.listen, tls.clone(), false, viewers, shared)?,
        bind(agents, tls, true, http::public(site, Serves::Agents), shared)?,
    ])
}

fn bind(
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    agents_only: bool,
    router: Router,
    shared: &Shared,
) -> Result<Listener> {
    Listener::bind(address, tls, agents_only, router, shared.clone())
        .with_context(|| format!("cannot listen on {address}"))
}
