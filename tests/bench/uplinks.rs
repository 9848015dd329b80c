//! The source: simulated agents. Their routers tick like real routers, each at another place in the second.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use ring::digest::{SHA256, digest};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::json;
use shared::control::{self, FromAgent, FromRelay, Hello, LINES_PER_MESSAGE, LineReport, Lines, Plan, Role, Status};
use shared::frame::{self, Header};
use shared::{Epoch, LineHandle, Sample, UPLINK_SUBPROTOCOL, Username};
use tests::bench::{mark, phase_us, upload, username};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpSocket;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::machine::Machine;
use crate::servers::RunningRelay;

const AT_ONCE: usize = 64;
/// The length of a line's history in a relay, in seconds.
const HISTORY_S: u64 = 300;
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two statuses, as the agent's.
const STATUS: Duration = Duration::from_secs(10);

/// How many agents, and how many lines each reports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Routers {
    pub(crate) count: usize,
    pub(crate) lines_each: usize,
}

/// Connected agents; dropping them breaks every uplink.
pub(crate) struct Fleet {
    remember: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

/// The relay's registry for so many agents, as JSON.
pub(crate) fn registry(count: usize) -> String {
    let entry = |nth: usize| {
        let hash: String = digest(&SHA256, token(nth).as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
        json!({"name": format!("router-{nth}"), "token_sha256": hash, "lines": ["*"], "created": 0})
    };
    json!({"agents": (0..count).map(entry).collect::<Vec<_>>()}).to_string()
}

/// The token of one of them.
pub(crate) fn token(nth: usize) -> String {
    format!("linelight_agent_bench{nth:038}")
}

impl Fleet {
    /// Connects every agent with all lines and waits for each welcome.
    ///
    /// # Errors
    /// When one is refused or not all are in within three minutes.
    pub(crate) async fn connect(running: &RunningRelay, routers: Routers) -> Result<Self> {
        let turn = Rc::new(Semaphore::new(AT_ONCE));
        let welcomed = Rc::new(Semaphore::new(0));
        let (remember, memory) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for nth in 0..routers.count {
            let (turn, welcomed, tls) = (Rc::clone(&turn), Rc::clone(&welcomed), running.tls.clone());
            let (relay, machine) = (running.relay.agents, running.machine);
            let agent = Agent {
                nth,
                lines: routers.lines_each,
                watched: Vec::new(),
                sequence: 1,
                started: Instant::now(),
                remember: memory.clone(),
            };
            tasks.spawn_local(async move {
                let Ok(turn) = turn.acquire().await else { return };
                let up = move || {
                    drop(turn);
                    welcomed.add_permits(1);
                };
                // A refused uplink leaves the count short, and the run fails.
                let _: Result<()> = agent.connect(relay, machine, tls, up).await;
            });
        }
        let all = u32::try_from(routers.count)?;
        let waited = timeout(PATIENCE, welcomed.acquire_many(all)).await;
        let missing = || format!("only {} of {all} agents were welcomed", welcomed.available_permits());
        drop(waited.ok().and_then(Result::ok).with_context(missing)?);
        Ok(Self { remember, _tasks: tasks })
    }

    /// Makes every agent send five minutes of all lines, as from a backlog after the relay's absence.
    pub(crate) fn remember(&self) {
        self.remember.send_replace(true);
    }
}

struct Agent {
    nth: usize,
    lines: usize,
    watched: Vec<LineHandle>,
    sequence: u64,
    started: Instant,
    remember: watch::Receiver<bool>,
}

impl Agent {
    async fn connect(
        self,
        relay: SocketAddr,
        machine: Machine,
        tls: Option<Arc<ClientConfig>>,
        up: impl FnOnce(),
    ) -> Result<()> {
        let stream = machine.in_the_field(|| Ok(TcpSocket::new_v4()?))?.connect(relay).await?;
        stream.set_nodelay(true)?;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        let Some(tls) = tls else { return self.upgrade(stream, up).await };
        let stream = TlsConnector::from(tls).connect(ServerName::IpAddress(relay.ip().into()), stream).await?;
        self.upgrade(stream, up).await
    }

    async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, up: impl FnOnce()) -> Result<()> {
        let mut request = "ws://127.0.0.1/agent/v1".into_client_request()?;
        request.headers_mut().insert("authorization", format!("Bearer {}", token(self.nth)).parse()?);
        request.headers_mut().insert("sec-websocket-protocol", UPLINK_SUBPROTOCOL.parse()?);
        // The default buffers would be 128 KiB for each of ten thousand agents.
        let config = WebSocketConfig::default().read_buffer_size(4_096).write_buffer_size(0);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        self.report(socket, up).await
    }

    async fn report<S: AsyncRead + AsyncWrite + Unpin>(
        mut self,
        mut socket: WebSocketStream<S>,
        up: impl FnOnce(),
    ) -> Result<()> {
        let hello = Hello {
            version: "bench".to_owned(),
            epoch: self.epoch(),
            oldest: 1,
            next: 1,
            uptime_ms: self.uptime(),
            lost: 0,
        };
        say(&mut socket, &FromAgent::Hello(hello)).await?;
        for lines in self.table()? {
            say(&mut socket, &FromAgent::Lines(lines)).await?;
        }
        say(&mut socket, &self.status()).await?;
        loop {
            let message = socket.next().await.context("closed before the welcome")??;
            if let FromRelay::Welcome(welcome) = understand(&message)? {
                self.watched = welcome.watched;
                break;
            }
        }
        up();
        self.tick_for_ever(socket).await
    }

    async fn tick_for_ever<S: AsyncRead + AsyncWrite + Unpin>(&mut self, mut socket: WebSocketStream<S>) -> Result<()> {
        if self.lines > 0 {
            let now = mark::now_us();
            sleep(Duration::from_micros((1_000_000 + phase_us(self.nth) - now % 1_000_000) % 1_000_000)).await;
        }
        let mut ticks = interval_at(Instant::now(), Duration::from_secs(1));
        let mut status = interval_at(Instant::now() + STATUS, STATUS);
        loop {
            tokio::select! {
                _ = ticks.tick(), if !self.watched.is_empty() => self.batch(&mut socket).await?,
                Ok(()) = self.remember.changed() => self.recall(&mut socket).await?,
                _ = status.tick() => say(&mut socket, &self.status()).await?,
                message = socket.next() => self.hear(&message.context("the relay closed")??)?,
            }
        }
    }

    async fn batch<S: AsyncRead + AsyncWrite + Unpin>(&mut self, socket: &mut WebSocketStream<S>) -> Result<()> {
        let download = mark::of(mark::now_us());
        let batch = self.encode(&self.watched, download, self.uptime(), false);
        self.sequence += 1;
        Ok(socket.send(Message::binary(batch)).await?)
    }

    async fn recall<S: AsyncRead + AsyncWrite + Unpin>(&mut self, socket: &mut WebSocketStream<S>) -> Result<()> {
        let lines: Vec<_> = (0..u32::try_from(self.lines)?).map(LineHandle).collect();
        let now = self.uptime();
        for age in (1..=HISTORY_S).rev() {
            let download = mark::of(mark::now_us() / 7 * age);
            let batch = self.encode(&lines, download, now - age * 1_000, true);
            self.sequence += 1;
            socket.feed(Message::binary(batch)).await?;
        }
        Ok(socket.flush().await?)
    }

    fn encode(&self, lines: &[LineHandle], download: u64, uptime_ms: u64, replayed: bool) -> Vec<u8> {
        let first = self.nth * self.lines;
        let sample = |&line: &LineHandle| Sample { line, download, upload: upload(first + line.0 as usize) };
        let samples: Vec<_> = lines.iter().map(sample).collect();
        let mut bytes = Vec::new();
        frame::encode(
            &Header { epoch: self.epoch(), sequence: self.sequence, uptime_ms, replayed },
            &samples,
            &mut bytes,
        );
        bytes
    }

    fn hear(&mut self, message: &Message) -> Result<()> {
        if let Message::Close(close) = message {
            bail!("the relay closed: {close:?}");
        }
        if let FromRelay::Watches(watches) = understand(message)? {
            self.watched.retain(|line| !watches.remove.contains(line));
            self.watched.extend(watches.add);
            self.watched.sort_unstable();
            self.watched.dedup();
        }
        Ok(())
    }

    fn epoch(&self) -> Epoch {
        Epoch(self.nth as u64 + 1)
    }

    fn uptime(&self) -> u64 {
        // Every agent's uptime exceeds the backlog.
        (self.started.elapsed().as_millis() as u64) + 2 * HISTORY_S * 1_000
    }

    fn table(&self) -> Result<Vec<Lines>> {
        let report = |nth: usize| -> Result<LineReport> {
            Ok(LineReport {
                line: LineHandle(u32::try_from(nth)?),
                username: Username::from_text(&username(self.nth * self.lines + nth))?,
                role: Role::Server,
                sessions: 1,
                age_ms: Some(60_000),
                profile: Some("home-20".to_owned()),
                plan: Plan { download: Some(20_000_000), upload: Some(5_000_000) },
                plan_shared: false,
                comment: None,
            })
        };
        let reports: Vec<LineReport> = (0..self.lines).map(report).collect::<Result<_>>()?;
        let mut table: Vec<Lines> = reports
            .chunks(LINES_PER_MESSAGE)
            .map(|lines| Lines { uptime_ms: self.uptime(), more: true, lines: lines.to_vec() })
            .collect();
        table.push(Lines { uptime_ms: self.uptime(), more: false, lines: Vec::new() });
        Ok(table)
    }

    fn status(&self) -> FromAgent {
        FromAgent::Status(Box::new(Status {
            uptime_ms: self.uptime(),
            router_reachable: true,
            router_age_ms: self.uptime(),
            identity: Some(format!("concentrator-{}", self.nth)),
            routeros: Some("7.23.1 (stable)".to_owned()),
            board: Some("CCR2004-16G-2S+".to_owned()),
            interval_ms: 1_000,
            sessions: self.lines as u32,
            watched: self.watched.len() as u32,
            ..Status::default()
        }))
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>, message: &FromAgent) -> Result<()> {
    Ok(socket.send(Message::text(control::encode(message))).await?)
}

fn understand(message: &Message) -> Result<FromRelay> {
    match message {
        Message::Text(text) => Ok(control::decode(text)?),
        _ => Ok(FromRelay::Unknown),
    }
}
