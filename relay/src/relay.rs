//! The joining of the wings: reads files, binds doors, serves, drains.

mod files;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use axum::Router;
use futures_util::future::OptionFuture;
use rustls::ServerConfig;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use self::files::Files;
use self::files::shared::SharedCopy;
use crate::agents::fleet::Fleet;
use crate::agents::routes::AgentContext;
use crate::cluster::Cluster;
use crate::cluster::bus::Bus;
use crate::config::Config;
use crate::lines::hub::Hub;
use crate::lines::recorder::Recorder;
use crate::metrics::Metrics;
use crate::net::acme::Renewal;
use crate::net::answers::{Policy, finished, not_found};
use crate::net::folder::Folder;
use crate::net::head_bytes::HeadBytes;
use crate::net::listener::{Handshakes, Listener, Shared};
use crate::net::origin::{Origin, Origins, Transport};
use crate::net::site::Site;
use crate::net::tls::Certificate;
use crate::operators::api;
use crate::operators::api::context::{ApiContext, Memory};
use crate::operators::attempts::{Attempts, CODES, PASSWORDS};
use crate::operators::audit::Audit;
use crate::operators::console::context::{Accounts, ConsoleContext};
use crate::operators::console::{self, shell};
use crate::operators::desk;
use crate::operators::desk::context::DeskContext;
use crate::operators::desk::wall_token::WallToken;
use crate::operators::guard::Guard;
use crate::operators::passwords::Passwords;
use crate::operators::private::{self, PRIVATE_POLICY, PrivateContext};
use crate::operators::search::Search;
use crate::operators::slow_hook::SlowHook;
use crate::store::database::Topic;
use crate::store::database::copies::{Copies, Load};
use crate::store::database::handle::Store;
use crate::viewers::context::{ViewerContext, follow_rights};
use crate::viewers::links::{Access, book};
use crate::viewers::page::{PAGE_POLICY, Page};
use crate::{agents, viewers};

/// The time for the last words to other relays.
const FAREWELL: Duration = Duration::from_secs(3);

/// A relay with bound sockets and read files. Only the world can make it fail.
pub struct Relay {
    listeners: Vec<Listener>,
    /// The listener of HTTP-01.
    plain: Option<Listener>,
    private: Listener,
    files: Files,
    staff: Arc<ConsoleContext>,
    search: Arc<Search>,
    recorder: Option<Arc<Recorder>>,
    hook: Option<SlowHook>,
    fleet: Arc<Fleet>,
    cluster: Option<Cluster>,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    stop_private: watch::Sender<bool>,
    drain: Duration,
    reload_every: Duration,
}

/// The listening addresses. A port of 0 in the configuration is here the port chosen by the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The page and the viewer API.
    pub viewers: SocketAddr,
    /// The uplink.
    pub agents: SocketAddr,
    /// Metrics, health and `explain`.
    pub private: SocketAddr,
}

impl Relay {
    /// Reads every file and binds every socket, inside a tokio runtime.
    ///
    /// # Errors
    /// Where a file cannot be read, with the remedy, or an address not be bound.
    pub fn bind(config: Config) -> Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let files = Files::read(&config, &metrics)?;
        let (stop, drain) = watch::channel(false);
        let (stop_private, drain_private) = watch::channel(false);
        let hub = Hub::new(config.limits.clone(), files.subscribers.clone(), Arc::clone(&metrics), Instant::now());
        let fleet = Fleet::new(hub);
        let site = Arc::new(Site::new(config.forwarding.clone(), config.limits.failed_attempts, Arc::clone(&metrics)));
        let memory = Memory::new(files.subscribers.clone(), Arc::clone(&metrics));
        let staff = Arc::new(staff(&config, &files, &site, &memory, &metrics));
        let api = api(&config, &files.access, &fleet, &memory, &staff);
        let public = Public::new(&config, &files, &fleet, site, &metrics, &drain);
        let shared = Shared {
            handshakes: Arc::new(Handshakes::new(&config.limits)),
            limits: config.limits.clone(),
            metrics: Arc::clone(&metrics),
            heads: Arc::new(HeadBytes::new(config.limits.head_bytes, Arc::clone(&metrics))),
            forwarding: config.forwarding.clone(),
            drain,
        };
        let shell = shell::routes(Arc::clone(&public.page), Arc::clone(&staff));
        let desk = Arc::new(DeskContext::new(
            Arc::clone(&staff),
            Arc::clone(&public.viewers),
            Arc::clone(&fleet),
            config.data.clone(),
        ));
        let console = console::routes(Arc::clone(&staff), desk::routes(Arc::clone(&desk)));
        let console = console.merge(desk::public_routes(Arc::clone(&desk))).merge(shell).merge(api);
        let listeners = public.listeners(&config, &files, console, &shared)?;
        let shared = Shared { drain: drain_private, ..shared };
        let context = PrivateContext { fleet: Arc::clone(&fleet), drain: public.agents.drain.clone() };
        let guard = Guard::new(&config.private_door)?;
        let policy = Policy { content: PRIVATE_POLICY, transport: Transport::Plain };
        let router = finished(private::routes(context, guard), Folder::default(), policy);
        let private = bind(config.private_listen, None, false, router, &shared)?;
        let plain = plain(files.renewal.as_ref(), &shared)?;
        let cluster = cluster(&config, &fleet, &listeners)?;
        let recorder = recorder(&fleet, &staff)?;
        let hook = hook(&files, &desk)?;
        let (drain, reload_every) = (config.limits.drain, config.reload_every);
        Ok(Self {
            listeners,
            plain,
            private,
            files,
            staff,
            search: Arc::clone(&desk.search),
            recorder,
            hook,
            fleet,
            cluster,
            metrics,
            stop,
            stop_private,
            drain,
            reload_every,
        })
    }

    /// Logs where it listens, serves until `shutdown` ends, then drains.
    ///
    /// # Errors
    /// As [`Self::serve`].
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<()> {
        let Addresses { viewers, agents, private } = self.addresses()?;
        tracing::info!(%viewers, %agents, %private, version = env!("CARGO_PKG_VERSION"), "the relay is ready");
        self.serve(shutdown).await?;
        tracing::info!("the relay has stopped");
        Ok(())
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Errors of the system.
    pub fn addresses(&self) -> Result<Addresses> {
        let public: Vec<SocketAddr> = self.listeners.iter().map(Listener::address).collect::<Result<_, _>>()?;
        let first = public.first().context("no listener")?;
        let last = public.last().context("no listener")?;
        Ok(Addresses { viewers: *first, agents: *last, private: self.private.address()? })
    }

    /// Returns the routers of the public listeners and of the private one, in the words of axum: for the test that tries every route.
    pub fn described(&self) -> (Vec<String>, String) {
        (self.listeners.iter().map(Listener::described).collect(), self.private.described())
    }

    /// Serves until `shutdown` ends, then ends every connection within the time of the limits.
    ///
    /// # Errors
    /// Where a part of the relay ended by itself. That is a fault, and a restart is better than half a relay.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<()> {
        // Before the first viewer: a revoked link opens nothing, not even for a moment.
        self.staff.copies.refresh().await;
        self.staff.tell_if_nobody_has_an_account();
        let mut background = JoinSet::new();
        background.spawn(Arc::clone(&self.fleet.hub).run(self.stop.subscribe()));
        background.spawn(Arc::clone(&self.fleet).run(self.files.registry.clone(), self.stop.subscribe()));
        for files in self.files.reloadable {
            let load = files.load;
            background.spawn(files.watched.run(self.reload_every, Arc::clone(&self.metrics), move || load()));
        }
        background.spawn(follow_rights(Arc::clone(&self.files.access), Arc::clone(&self.fleet.hub)));
        background.spawn(Arc::clone(&self.staff.copies).run());
        for shared in self.files.shared {
            background.spawn(shared.follow(Arc::clone(&self.staff.store)));
        }
        background.spawn(Arc::clone(&self.staff.audit).run());
        background.spawn(console::follow_sessions(Arc::clone(&self.staff.accounts), Arc::clone(&self.fleet.hub)));
        background.spawn(Arc::clone(&self.search).run(self.stop.subscribe()));
        // Apart from the others, because it has a farewell: the last samples of agents that leave are on their way to other relays.
        let mut cluster = JoinSet::new();
        self.cluster.map(|part| cluster.spawn(part.run(self.stop.subscribe())));
        if let Some(hook) = self.hook {
            background.spawn(hook.run());
        }
        if let Some(recorder) = &self.recorder {
            background.spawn(Arc::clone(recorder).run());
        }
        background.spawn(self.private.serve());
        if let Some(renewal) = self.files.renewal {
            background.spawn(renewal.run());
        }
        if let Some(plain) = self.plain {
            background.spawn(plain.serve());
        }
        let mut serving = JoinSet::new();
        for listener in self.listeners {
            serving.spawn(listener.serve());
        }
        let outcome = tokio::select! {
            () = shutdown => Ok(()),
            Some(ended) = serving.join_next() => Err(ended_by_itself("a listener", &ended)),
            Some(ended) = background.join_next() => Err(ended_by_itself("a part of the relay", &ended)),
            Some(ended) = cluster.join_next() => Err(ended_by_itself("the part among other relays", &ended)),
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
        if timeout(FAREWELL, cluster.join_next()).await.is_err() {
            tracing::warn!("other relays were not told all: the bus takes nothing");
        }
        if let Some(Err(error)) = OptionFuture::from(self.recorder.as_deref().map(Recorder::part)).await {
            tracing::error!(error = format!("{error:#}"), "the last minutes of lines' days are lost");
        }
        if let Err(error) = self.staff.audit.part().await {
            tracing::error!(error = format!("{error:#}"), "the audit log is not complete");
        }
        // The last step: until now the private listener answered "stopping".
        self.stop_private.send_replace(true);
        outcome
    }
}

/// Returns this relay's part among several, if there is a bus.
fn cluster(config: &Config, fleet: &Arc<Fleet>, listeners: &[Listener]) -> Result<Option<Cluster>> {
    let Some(settings) = &config.bus else { return Ok(None) };
    let bus = Bus::new(settings.clone(), Arc::clone(&fleet.hub.metrics))?;
    let address = match (&config.provider.public_url, listeners.first()) {
        (Some(url), _) => url.to_string(),
        (None, Some(listener)) => listener.address()?.to_string(),
        (None, None) => String::new(),
    };
    Ok(Some(Cluster::new(Arc::clone(fleet), bus, address)))
}

/// Returns whoever tells a ticket system of slow reports, where there is one.
fn hook(files: &Files, desk: &DeskContext) -> Result<Option<SlowHook>> {
    let staff = &desk.console;
    let hook = |settings| {
        let (store, wake) = (Arc::clone(&staff.store), Arc::clone(&desk.reported));
        SlowHook::new(settings, store, files.subscribers.clone(), staff.public_url.clone(), wake)
    };
    staff.settings.hook.as_ref().map(hook).transpose()
}

/// Returns the recorder of lines' days, where any are kept.
fn recorder(fleet: &Fleet, staff: &ConsoleContext) -> Result<Option<Arc<Recorder>>> {
    let kept = staff.settings.history_kept;
    let recorder = || Recorder::new(Arc::clone(&fleet.hub), Arc::clone(&staff.store), kept).map(Arc::new);
    (!kept.is_zero()).then(recorder).transpose()
}

/// Returns the state of the console, with the copies in memory of the whole store.
fn staff(config: &Config, files: &Files, site: &Arc<Site>, memory: &Memory, metrics: &Arc<Metrics>) -> ConsoleContext {
    let store = Arc::new(Store::new(config.store.clone()));
    let accounts = Arc::new(Accounts::default());
    let mut topics = vec![(Topic::Links, revocations(&files.access))];
    topics.extend(accounts.copies());
    topics.extend(memory.copies());
    let wall = Arc::new(WallToken::default());
    topics.push(wall.copy());
    topics.extend(files.shared.iter().map(SharedCopy::copy));
    let settings = config.operators.clone();
    ConsoleContext {
        audit: Arc::new(Audit::new(Arc::clone(&store), settings.audit_kept, Arc::clone(metrics))),
        copies: Arc::new(Copies::new(Arc::clone(&store), Arc::clone(metrics), topics)),
        accounts,
        store,
        site: Arc::clone(site),
        wall,
        origins: origins(config),
        settings,
        passwords: Passwords::default(),
        passwords_tried: Attempts::new(PASSWORDS),
        codes_tried: Attempts::new(CODES),
        brand: config.provider.brand.clone(),
        public_url: config.provider.public_url.clone(),
        metrics: Arc::clone(metrics),
    }
}

/// Returns the requests of the API for billing systems and portals.
fn api(config: &Config, access: &Arc<Access>, fleet: &Arc<Fleet>, memory: &Memory, staff: &ConsoleContext) -> Router {
    api::routes(Arc::new(ApiContext {
        keys: Arc::clone(&memory.keys),
        fleet: Arc::clone(fleet),
        access: Arc::clone(access),
        audit: Arc::clone(&staff.audit),
        store: Arc::clone(&staff.store),
        copies: Arc::clone(&staff.copies),
        site: Arc::clone(&staff.site),
        origins: origins(config),
        public_url: config.provider.public_url.clone(),
        max_link_lifetime: config.max_link_lifetime,
        replacing: Semaphore::new(1),
    }))
}

/// Returns the loader of the store's revocations, which [`Access`] holds in memory.
fn revocations(access: &Arc<Access>) -> Load {
    let access = Arc::clone(access);
    Box::new(move |database| {
        let access = Arc::clone(&access);
        Box::pin(async move {
            access.set_revocations(book::revocations(database, SystemTime::now()).await?);
            Ok(())
        })
    })
}

fn ended_by_itself(what: &str, ended: &Result<(), JoinError>) -> anyhow::Error {
    match ended {
        Ok(()) => anyhow::anyhow!("{what} ended by itself"),
        Err(error) => anyhow::anyhow!("{what} ended by itself: {error}"),
    }
}

/// The states of both public wings.
struct Public {
    page: Arc<Page>,
    viewers: Arc<ViewerContext>,
    agents: Arc<AgentContext>,
}

impl Public {
    fn new(
        config: &Config,
        files: &Files,
        fleet: &Arc<Fleet>,
        site: Arc<Site>,
        metrics: &Arc<Metrics>,
        drain: &watch::Receiver<bool>,
    ) -> Self {
        let viewers = Arc::new(ViewerContext {
            hub: Arc::clone(&fleet.hub),
            access: Arc::clone(&files.access),
            site: Arc::clone(&site),
            limits: config.limits.clone(),
            brand: config.provider.brand.clone(),
            metrics: Arc::clone(metrics),
            drain: drain.clone(),
        });
        let agents = Arc::new(AgentContext {
            fleet: Arc::clone(fleet),
            registry: files.registry.clone(),
            site,
            reload_every: config.reload_every,
            drain: drain.clone(),
        });
        Self { page: Arc::new(Page::new(&config.provider)), viewers, agents }
    }

    /// Binds the viewers' listener and then the agents'. They are one unless configured apart.
    fn listeners(&self, config: &Config, files: &Files, console: Router, shared: &Shared) -> Result<Vec<Listener>> {
        let tls = files.certificate.as_ref().map(Certificate::server_config).transpose()?;
        let (page, portals) = (Arc::clone(&self.page), &config.provider.portals);
        let viewers = viewers::routes::routes(Arc::clone(&self.viewers), page, origins(config), portals);
        let viewers = viewers.merge(console);
        let agents = agents::routes::routes(Arc::clone(&self.agents));
        let folder = config.provider.folder();
        let policy = Policy { content: PAGE_POLICY, transport: transport(config) };
        let Some(agents_listen) = config.agents_listen else {
            let router = finished(viewers.merge(agents), folder, policy);
            return Ok(vec![bind(config.listen, tls, false, router, shared)?]);
        };
        Ok(vec![
            bind(config.listen, tls.clone(), false, finished(viewers, folder.clone(), policy), shared)?,
            bind(agents_listen, tls, true, finished(agents.fallback(not_found), folder, policy), shared)?,
        ])
    }
}

/// Returns the origins whose pages may read lines without a token.
fn origins(config: &Config) -> Origins {
    Origins {
        public: config.provider.public_url.as_ref().and_then(Origin::of),
        allowed: config.allowed_origins.as_slice().into(),
        transport: transport(config),
    }
}

fn transport(config: &Config) -> Transport {
    if config.tls.is_some() || config.acme.is_some() { Transport::Tls } else { Transport::Plain }
}

/// Binds the listener of HTTP-01, where names are proved there.
fn plain(renewal: Option<&Renewal>, shared: &Shared) -> Result<Option<Listener>> {
    let Some((address, router)) = renewal.and_then(Renewal::plain_listener) else { return Ok(None) };
    let policy = Policy { content: PRIVATE_POLICY, transport: Transport::Plain };
    bind(address, None, false, finished(router, Folder::default(), policy), shared).map(Some)
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
