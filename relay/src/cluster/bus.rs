//! The bus between relays: NATS, of which four subjects a relay are used, whatever the number of lines.
//!
//! Both channels are bounded. What finds no room is dropped and counted: the machine behind asks again for whatever is missing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::{Client, ConnectOptions, Event, ServerAddr, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::messages::{Envelope, MAX_MESSAGE, RelayId};
use super::peers::To;
use crate::metrics::Metrics;
use crate::store::data_directory;
use crate::store::random::fill_random;

/// Messages that wait for the bus, and messages of the bus that wait for this relay.
const WAITING: usize = 4_096;

/// The largest credentials file, in bytes.
const MAX_CREDENTIALS: u64 = 64 * 1024;

/// How long the last messages of a relay that stops may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// A server that answers no ping for two of these intervals is gone.
const PING_EVERY: Duration = Duration::from_secs(2);

/// The longest pause before the next attempt to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Where the bus is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusSettings {
    /// The servers' addresses, without secrets.
    pub servers: Vec<String>,
    /// The file with NATS credentials.
    pub credentials: Option<PathBuf>,
    /// The file with the certificates to trust.
    pub ca: Option<PathBuf>,
    /// The beginning of all subjects.
    pub prefix: String,
}

/// What came from the bus.
pub(super) enum Heard {
    /// The connection came or went.
    Connected(bool),
    /// A batch of samples.
    Frame(Bytes),
    /// Every other message.
    Envelope(Box<Envelope>),
}

/// This relay's connection with the bus.
pub struct Bus {
    me: RelayId,
    settings: BusSettings,
    options: Option<ConnectOptions>,
    heard: Receiver<Heard>,
    hearing: Sender<Heard>,
    saying: Sender<(String, Bytes)>,
    said: Option<Receiver<(String, Bytes)>>,
    client: Option<Client>,
    tasks: JoinSet<()>,
    metrics: Arc<Metrics>,
}

impl Bus {
    /// Reads the credentials. The connection begins with [`connect`](Self::connect).
    ///
    /// # Errors
    /// Where a file cannot be read, or holds no credentials.
    pub fn new(settings: BusSettings, metrics: Arc<Metrics>) -> Result<Self> {
        let mut number = [0; 8];
        fill_random(&mut number)?;
        let (hearing, heard) = channel(WAITING);
        let (saying, said) = channel(WAITING);
        Ok(Self {
            me: RelayId::of(u64::from_le_bytes(number)),
            options: Some(options(&settings)?),
            settings,
            heard,
            hearing,
            saying,
            said: Some(said),
            client: None,
            tasks: JoinSet::new(),
            metrics,
        })
    }

    /// This relay's name on the bus.
    pub fn me(&self) -> &RelayId {
        &self.me
    }

    /// Begins to connect, and goes on until the bus is there. Without a bus, the relay serves its own lines.
    ///
    /// # Errors
    /// Where an address is none.
    pub(super) async fn connect(&mut self) -> Result<()> {
        let (Some(options), Some(said)) = (self.options.take(), self.said.take()) else { return Ok(()) };
        let servers: Vec<ServerAddr> =
            self.settings.servers.iter().map(|server| server.parse()).collect::<Result<_, _>>()?;
        let (hearing, metrics) = (self.hearing.clone(), Arc::clone(&self.metrics));
        let options = options.event_callback(move |event| {
            let (hearing, metrics) = (hearing.clone(), Arc::clone(&metrics));
            async move { on_event(event, &hearing, &metrics).await }
        });
        let client = options.connect(servers).await.context("cannot use the bus")?;
        for subject in [self.subject(&To::Hello), self.subject(&To::Who), self.subject(&To::Events)]
            .into_iter()
            .chain([self.subject(&To::Relay(self.me.clone()))])
        {
            let subscriber = client.subscribe(subject).await.context("cannot listen on the bus")?;
            self.tasks.spawn(forward(subscriber, self.hearing.clone(), Arc::clone(&self.metrics)));
        }
        self.tasks.spawn(publish(client.clone(), said));
        self.client = Some(client);
        Ok(())
    }

    /// Returns the next thing that comes from the bus.
    pub(super) async fn next(&mut self) -> Heard {
        match self.heard.recv().await {
            Some(heard) => heard,
            // This relay holds a sender itself, so that the channel never ends.
            None => std::future::pending().await,
        }
    }

    /// Sends a message, if there is room.
    pub(super) fn send(&self, to: &To, envelope: &Envelope) {
        // Serialising plain structs with string keys has no way to fail.
        let Ok(bytes) = serde_json::to_vec(envelope) else { return };
        self.put(self.subject(to), bytes);
    }

    /// Sends a batch of samples to one relay, if there is room.
    pub(super) fn send_frame(&self, to: &RelayId, bytes: Vec<u8>) {
        self.metrics.bus_frames_sent.increment();
        self.put(self.subject(&To::Relay(to.clone())), bytes);
    }

    fn put(&self, subject: String, bytes: Vec<u8>) {
        self.metrics.bus_messages_sent.increment();
        if self.saying.try_send((subject, bytes.into())).is_err() {
            self.metrics.bus_dropped.increment();
        }
    }

    fn subject(&self, to: &To) -> String {
        let prefix = &self.settings.prefix;
        match to {
            To::Hello => format!("{prefix}.v1.hello"),
            To::Who => format!("{prefix}.v1.who"),
            To::Events => format!("{prefix}.v1.events"),
            To::Relay(id) => format!("{prefix}.v1.relay.{id}"),
        }
    }

    /// Sends what waits, and ends.
    pub(super) async fn part(self) {
        let Self { saying, mut tasks, client, .. } = self;
        drop(saying);
        let Some(client) = client else { return };
        let farewell = async {
            // The publisher ends with the last message; the others end with the client.
            tasks.join_next().await;
            client.flush().await
        };
        let _: Result<_, _> = timeout(FAREWELL, farewell).await;
    }
}

/// Returns how to connect.
fn options(settings: &BusSettings) -> Result<ConnectOptions> {
    let options = ConnectOptions::new()
        .name("linelight-relay")
        .retry_on_initial_connect()
        .no_echo()
        .ping_interval(PING_EVERY)
        .client_capacity(WAITING)
        .subscription_capacity(WAITING)
        .reconnect_delay_callback(|attempts| {
            let pause = Duration::from_millis(50) * u32::try_from(attempts.min(40)).unwrap_or(40);
            pause.min(LONGEST_PAUSE)
        });
    let options = match &settings.ca {
        Some(file) => options.add_root_certificates(file.clone()),
        None => options,
    };
    let Some(file) = &settings.credentials else { return Ok(options) };
    let text = String::from_utf8(data_directory::read(file, MAX_CREDENTIALS)?)
        .with_context(|| format!("{} is no text", file.display()))?;
    with_credentials(options, text.trim()).with_context(|| format!("cannot use {}", file.display()))
}

/// Adds credentials: a file of NATS's own with a JWT, the seed of an nkey, or a user and a password with a colon between them.
fn with_credentials(options: ConnectOptions, text: &str) -> Result<ConnectOptions> {
    if text.contains("-----BEGIN NATS USER JWT-----") {
        return options.credentials(text).context("its NATS credentials are not complete");
    }
    if text.starts_with("SU") && !text.contains(':') {
        return Ok(options.nkey(text.to_owned()));
    }
    let (user, password) = text
        .split_once(':')
        .context("it holds neither NATS credentials, nor the seed of an nkey, nor one line with user:password")?;
    ensure!(!text.contains('\n'), "one line with user:password is needed");
    Ok(options.user_and_password(user.to_owned(), password.to_owned()))
}

async fn on_event(event: Event, hearing: &Sender<Heard>, metrics: &Metrics) {
    let is_connected = match event {
        Event::Connected => true,
        Event::Disconnected | Event::Closed => false,
        Event::SlowConsumer(_) => return metrics.bus_dropped.increment(),
        other => return warn!(event = %other, "the bus"),
    };
    info!(is_connected, "the bus of relays");
    // Awaited: this word alone must not be lost.
    let _: Result<_, _> = hearing.send(Heard::Connected(is_connected)).await;
}

async fn forward(mut subscriber: Subscriber, hearing: Sender<Heard>, metrics: Arc<Metrics>) {
    while let Some(message) = subscriber.next().await {
        metrics.bus_messages_received.increment();
        let Some(heard) = understood(message.payload) else {
            metrics.bus_refused.increment();
            continue;
        };
        if hearing.try_send(heard).is_err() {
            metrics.bus_dropped.increment();
        }
    }
}

/// Reads a message; `None` for one that is too long or not understood.
fn understood(payload: Bytes) -> Option<Heard> {
    if payload.len() > MAX_MESSAGE {
        return None;
    }
    if payload.first() != Some(&b'{') {
        return Some(Heard::Frame(payload));
    }
    match serde_json::from_slice(&payload) {
        Ok(envelope) => Some(Heard::Envelope(Box::new(envelope))),
        Err(error) => {
            debug!(%error, "a message on the bus is not understood");
            None
        }
    }
}

async fn publish(client: Client, mut said: Receiver<(String, Bytes)>) {
    while let Some((subject, bytes)) = said.recv().await {
        if let Err(error) = client.publish(subject, bytes).await {
            debug!(%error, "a message for the bus is lost");
        }
    }
}
