//! For tests: a hub with agents and viewers at the other ends of in-memory streams, in paused time.
//!
//! Both ends use tungstenite, so that a test viewer checks the relay's own framing.

mod viewer_end;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::{SinkExt, StreamExt};
use jwt_compact::AlgorithmExt;
use shared::close::Close;
use shared::control::{self, FromAgent, FromRelay, Hello, LineReport, Lines, Plan, Role, Status, Welcome};
use shared::frame::{self, Header, Reach};
use shared::{Detail, Epoch, LineHandle, Response, Sample, Username};
use tokio::io::DuplexStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role as End;

pub(crate) use self::viewer_end::ViewerEnd;
use crate::agents::fleet::Fleet;
use crate::agents::registry::{Entries, Entry, Registry, TokenHash};
use crate::agents::uplink;
use crate::agents::uplink::Caller;
use crate::limits::Limits;
use crate::lines::hub::Hub;
use crate::lines::hub::turns::{Second, TURNS};
use crate::metrics::Metrics;
use crate::net::site::Site;
use crate::operators::explain::Explanation;
use crate::store::data_directory;
use crate::subscribers::{Subscriber, Subscribers};
use crate::viewers::context::ViewerContext;
use crate::viewers::links::keys::Keys;
use crate::viewers::links::{Access, Mode};
use crate::viewers::viewer::serve_websocket;

/// No test reads more frames in search of one.
const MANY: usize = 50;

/// No test waits longer for one frame.
const PATIENCE: Duration = Duration::from_secs(120);

/// The address of every viewer (RFC 5737).
pub(crate) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

/// A relay's core.
pub(crate) struct Stage {
    pub(crate) hub: Arc<Hub>,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) registry: Registry,
    pub(crate) subscribers: Subscribers,
    pub(crate) context: Arc<ViewerContext>,
    pub(crate) keys: Keys,
    drain: watch::Sender<bool>,
}

pub(crate) fn name(text: &str) -> Username {
    Username::from_text(text).unwrap()
}

pub(crate) fn entries(agents: &[(&str, &[&str])]) -> Entries {
    let entry = |(name, lines): &(&str, &[&str])| Entry {
        name: (*name).to_owned(),
        token_sha256: TokenHash::of(name.as_bytes()),
        lines: lines.iter().map(|pattern| pattern.parse().unwrap()).collect(),
        shares_lines: false,
        created: 0,
    };
    Entries { agents: agents.iter().map(entry).collect() }
}

impl Stage {
    /// Makes a relay with open access, and with the agents `a`, `b` and `home`, which may report any line.
    pub(crate) fn new() -> Self {
        Self::with(Mode::Open, Limits::default())
    }

    pub(crate) fn with(mode: Mode, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        data_directory::write_new(&file, Keys::generate_file().unwrap().as_bytes()).unwrap();
        let keys = Keys::load(&file).unwrap();
        let metrics = Arc::<Metrics>::default();
        let subscribers = Subscribers::none();
        let hub = Hub::new(limits.clone(), subscribers.clone(), Arc::clone(&metrics), Instant::now());
        let (drain, draining) = watch::channel(false);
        let context = Arc::new(ViewerContext {
            hub: Arc::clone(&hub),
            access: Arc::new(Access::new(mode, keys.clone())),
            site: Arc::new(Site::new(None, limits.failed_attempts, Arc::clone(&metrics))),
            limits,
            brand: Some("Karoo Wireless".into()),
            metrics,
            drain: draining,
        });
        let any: &[&str] = &["*"];
        let registry = Registry::new(entries(&[("a", any), ("b", any), ("home", any)])).unwrap();
        let fleet = Fleet::new(Arc::clone(&hub));
        tokio::spawn(keep_house(Arc::downgrade(&fleet), registry.clone(), subscribers.changes()));
        Self { hub, fleet, registry, subscribers, context, keys, drain }
    }

    /// Returns the operator's explanation of a line.
    pub(crate) fn explain(&self, username: &str) -> Explanation {
        Explanation::of(&self.fleet, &name(username), self.hub.now())
    }

    pub(crate) fn stop(&self) {
        self.drain.send_replace(true);
        self.hub.begin_drain();
    }

    pub(crate) fn subscribe(&self, username: &str, customer: &str, download: u64) {
        let row = Subscriber {
            customer: Some(customer.into()),
            package: None,
            further: Box::default(),
            plan: Plan { download: Some(download), upload: None },
        };
        self.subscribers.replace(HashMap::from([(name(username), Arc::new(row))]));
    }

    /// Returns an agent's end of a fresh uplink, without any message.
    pub(crate) async fn silent_agent(&self, agent: &str, epoch: u64) -> AgentEnd {
        self.silent_agent_with_room(agent, epoch, 1024 * 1024).await
    }

    /// The same with so many bytes of room, each way.
    pub(crate) async fn silent_agent_with_room(&self, agent: &str, epoch: u64, room: usize) -> AgentEnd {
        let (ours, theirs) = tokio::io::duplex(room);
        let config = Some(uplink::websocket_config());
        let served = WebSocketStream::from_raw_socket(theirs, End::Server, config).await;
        let grant = self.registry.authenticate(agent.as_bytes()).unwrap();
        let (registry, fleet, drain) = (self.registry.clone(), Arc::clone(&self.fleet), self.drain.subscribe());
        let caller = Caller { grant, address: None };
        let task = tokio::spawn(uplink::serve(served, caller, registry, fleet, drain));
        let socket = WebSocketStream::from_raw_socket(ours, End::Client, None).await;
        AgentEnd { socket, epoch: Epoch(epoch), sequence: 1, started: Instant::now(), task }
    }

    /// Returns an agent after its hello and its report of these lines.
    pub(crate) async fn agent(&self, agent: &str, epoch: u64, lines: Vec<LineReport>) -> AgentEnd {
        let mut end = self.silent_agent(agent, epoch).await;
        end.hello().await;
        end.report(lines).await;
        end.welcome().await;
        end
    }

    /// Returns a viewer's end without any message; the stream to the viewer has room for `room` bytes.
    pub(crate) async fn silent_viewer(&self, room: usize) -> ViewerEnd {
        self.silent_viewer_from(Some(ADDRESS), room).await
    }

    pub(crate) async fn silent_viewer_from(&self, address: Option<IpAddr>, room: usize) -> ViewerEnd {
        let (ours, theirs) = tokio::io::duplex(room);
        let task = tokio::spawn(serve_websocket(theirs, bytes::Bytes::new(), address, Arc::clone(&self.context), None));
        ViewerEnd { socket: WebSocketStream::from_raw_socket(ours, End::Client, None).await, task }
    }

    /// Returns a viewer at that address after its request for this username.
    pub(crate) async fn viewer_from(&self, address: Option<IpAddr>, username: &str) -> ViewerEnd {
        let mut viewer = self.silent_viewer_from(address, 64 * 1024).await;
        viewer.say(&serde_json::json!({ "type": "watch", "username": username }).to_string()).await;
        viewer
    }

    /// Returns a viewer after its request for this username.
    pub(crate) async fn viewer(&self, username: &str) -> ViewerEnd {
        self.viewer_with_room(username, 64 * 1024).await
    }

    pub(crate) async fn viewer_with_room(&self, username: &str, room: usize) -> ViewerEnd {
        let mut viewer = self.silent_viewer(room).await;
        viewer.say(&serde_json::json!({ "type": "watch", "username": username }).to_string()).await;
        viewer
    }

    /// Returns a viewer after its request with this token.
    pub(crate) async fn viewer_with_token(&self, token: &str) -> ViewerEnd {
        let mut viewer = self.silent_viewer(64 * 1024).await;
        viewer.say(&serde_json::json!({ "type": "watch", "token": token }).to_string()).await;
        viewer
    }

    /// A token with these claims, signed by the relay's own key.
    pub(crate) fn token_with(&self, claims: &serde_json::Value) -> String {
        let key = self.keys.current().unwrap();
        let claims = jwt_compact::Claims::new(claims.clone());
        jwt_compact::alg::Hs256.token(&jwt_compact::Header::empty(), &claims, &key.secret).unwrap()
    }

    /// Returns the token of a link with this lifetime from now.
    pub(crate) fn token(&self, username: &str, lifetime: Duration) -> String {
        let now = SystemTime::now();
        crate::viewers::links::mint(&self.keys, &name(username), "1", now, now + lifetime).unwrap()
    }
}

async fn keep_house(fleet: std::sync::Weak<Fleet>, registry: Registry, mut names: watch::Receiver<u64>) {
    let mut second = Second::default();
    loop {
        // All turns at once: two weeks of paused time have enough wake-ups.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let Some(fleet) = fleet.upgrade() else { return };
        (0..TURNS).for_each(|_| fleet.hub.take_turn(&mut second, &mut names));
        fleet.hub.end_surplus();
        fleet.look_after_lost_agents(&registry);
    }
}

/// Waits for a condition under the control of other tasks.
pub(crate) async fn eventually(condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, met).await.expect("the condition is never met");
}

pub(crate) async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A report of a line with one live server session.
pub(crate) fn live(handle: u32, username: &str) -> LineReport {
    LineReport {
        line: LineHandle(handle),
        username: name(username),
        role: Role::Server,
        sessions: 1,
        age_ms: Some(3_600_000),
        profile: Some("50-10".into()),
        plan: Plan { download: Some(50_000_000), upload: Some(10_000_000) },
        plan_shared: false,
        comment: None,
    }
}

/// The same without a session.
pub(crate) fn offline(handle: u32, username: &str) -> LineReport {
    LineReport { sessions: 0, age_ms: Some(0), ..live(handle, username) }
}

/// The same report with an age in milliseconds.
pub(crate) fn aged(age_ms: u64, report: LineReport) -> LineReport {
    LineReport { age_ms: Some(age_ms), ..report }
}

fn sample(&(line, download, upload): &(u32, u64, u64)) -> Sample {
    Sample { line: LineHandle(line), download, upload }
}

/// An agent's end of an uplink.
pub(crate) struct AgentEnd {
    pub(crate) socket: WebSocketStream<DuplexStream>,
    pub(crate) epoch: Epoch,
    pub(crate) sequence: u64,
    pub(crate) started: Instant,
    task: JoinHandle<()>,
}

impl AgentEnd {
    pub(crate) fn uptime(&self) -> u64 {
        self.started.elapsed().as_millis() as u64 + 60_000
    }

    pub(crate) async fn say(&mut self, message: &FromAgent) {
        self.socket.send(Message::text(control::encode(message))).await.unwrap();
    }

    pub(crate) async fn hello(&mut self) {
        self.hello_with_backlog(self.sequence).await;
    }

    pub(crate) async fn hello_with_backlog(&mut self, oldest: u64) {
        let hello = Hello {
            version: "0.1.0".into(),
            epoch: self.epoch,
            oldest,
            next: self.sequence,
            uptime_ms: self.uptime(),
            lost: 0,
        };
        self.say(&FromAgent::Hello(hello)).await;
    }

    pub(crate) async fn report(&mut self, lines: Vec<LineReport>) {
        let uptime_ms = self.uptime();
        self.say(&FromAgent::Lines(Lines { uptime_ms, more: false, lines })).await;
    }

    pub(crate) async fn status(&mut self, change: impl FnOnce(&mut Status)) {
        let mut status =
            Status { uptime_ms: self.uptime(), router_reachable: true, interval_ms: 1_000, ..Status::default() };
        change(&mut status);
        self.say(&FromAgent::Status(Box::new(status))).await;
    }

    /// One tick's samples.
    pub(crate) async fn samples(&mut self, samples: &[(u32, u64, u64)]) {
        let uptime = self.uptime();
        self.batch(self.sequence, uptime, false, samples).await;
        self.sequence += 1;
    }

    pub(crate) async fn batch(&mut self, sequence: u64, uptime_ms: u64, replayed: bool, samples: &[(u32, u64, u64)]) {
        let header = Header { epoch: self.epoch, sequence, uptime_ms, replayed };
        let samples: Vec<_> = samples.iter().map(sample).collect();
        let mut bytes = Vec::new();
        frame::encode(&header, &samples, &mut bytes);
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    /// One tick's sample of one line, with a detail.
    pub(crate) async fn detailed(&mut self, line: u32, response: Response, drops: u32) {
        let header = Header { epoch: self.epoch, sequence: self.sequence, uptime_ms: self.uptime(), replayed: false };
        let mut bytes = Vec::new();
        frame::encode_detailed(&header, &[sample(&(line, 1, 1))], &[Detail { response, drops }], &mut bytes);
        self.socket.send(Message::binary(bytes)).await.unwrap();
        self.sequence += 1;
    }

    /// Averages of the last half minute.
    pub(crate) async fn averages(&mut self, averages: &[(u32, u64, u64)]) {
        let uptime = self.uptime();
        self.averages_at(self.sequence, uptime, false, averages).await;
        self.sequence += 1;
    }

    pub(crate) async fn averages_at(
        &mut self,
        sequence: u64,
        uptime_ms: u64,
        replayed: bool,
        averages: &[(u32, u64, u64)],
    ) {
        let header = Header { epoch: self.epoch, sequence, uptime_ms, replayed };
        let reach = Reach { span_ms: 30_000, interval_ms: 30_000 };
        let mut bytes = Vec::new();
        frame::encode_averages(&header, reach, &averages.iter().map(sample).collect::<Vec<_>>(), &mut bytes);
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    /// Says something each second for so long, with samples of one line.
    pub(crate) async fn stream(&mut self, handle: u32, for_seconds: u64) {
        for second in 0..for_seconds {
            self.samples(&[(handle, 14_780_000 + second, 620_000)]).await;
            seconds(1).await;
        }
    }

    /// Returns the relay's next message; `None` after the relay closed the uplink.
    pub(crate) async fn heard(&mut self) -> Option<FromRelay> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the relay says nothing") {
                Some(Ok(Message::Text(text))) => return Some(control::decode(&text).unwrap()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(other)) => panic!("{other:?}"),
            }
        }
    }

    /// Returns the relay's next message other than an acknowledgement.
    pub(crate) async fn told(&mut self) -> FromRelay {
        loop {
            match self.heard().await.expect("the relay closed") {
                FromRelay::Ack { .. } => {}
                message => return message,
            }
        }
    }

    pub(crate) async fn welcome(&mut self) -> Welcome {
        match self.told().await {
            FromRelay::Welcome(welcome) => welcome,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the next change of the watch set: added and removed lines.
    pub(crate) async fn watches(&mut self) -> (Vec<u32>, Vec<u32>) {
        match self.told().await {
            FromRelay::Watches(watches) => {
                let numbers = |lines: Vec<LineHandle>| lines.into_iter().map(|line| line.0).collect();
                (numbers(watches.add), numbers(watches.remove))
            }
            other => panic!("{other:?}"),
        }
    }

    /// Whether the relay says nothing (but acknowledgements) for so long.
    pub(crate) async fn is_left_alone(&mut self, for_seconds: u64) -> bool {
        timeout(Duration::from_secs(for_seconds), self.told()).await.is_err()
    }

    pub(crate) async fn closed(mut self) -> Close {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the relay does not close") {
                Some(Ok(Message::Close(Some(close)))) => return Close::from_code(close.code.into()).unwrap(),
                Some(Ok(_)) => {}
                other => panic!("no close frame: {other:?}"),
            }
        }
    }

    /// The connection breaks.
    pub(crate) async fn lost(self) {
        drop(self.socket);
        self.task.await.unwrap();
    }
}
