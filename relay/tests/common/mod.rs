//! A relay on free ports, stopped when dropped, and a plain HTTP client.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(unreachable_pub, missing_docs, reason = "shared by test binaries alone")]

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use relay::agents::registry::Entries;
use relay::config::Config;
use relay::limits::Limits;
use relay::operators::guard::Door;
use relay::relay::{Addresses, Relay};
use relay::store::data_directory::{DataDirectory, write_new};
use relay::store::database::location::Location;
use relay::viewers::links::keys::Keys;
use relay::viewers::links::{self, Mode};
use relay::viewers::provider::Provider;
use shared::Username;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Long enough for anything on a busy machine, short enough to be waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const ANY_PORT: &str = "127.0.0.1:0";

pub struct TestRelay {
    pub addresses: Addresses,
    pub directory: TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<anyhow::Result<()>>,
}

/// An initialised data directory.
pub fn initialised() -> (TempDir, DataDirectory) {
    let directory = tempfile::tempdir().unwrap();
    let data = DataDirectory::new(directory.path());
    write_new(&data.keys(), Keys::generate_file().unwrap().as_bytes()).unwrap();
    Entries::default().save(&data.agents()).unwrap();
    (directory, data)
}

pub fn config(data: &DataDirectory) -> Config {
    Config {
        data: data.clone(),
        store: Location::in_directory(data),
        listen: ANY_PORT.parse().unwrap(),
        agents_listen: None,
        private_listen: ANY_PORT.parse().unwrap(),
        private_door: Door { names: vec!["relay.test".to_owned()], ..Door::default() },
        access: Mode::Link,
        allowed_origins: Vec::new(),
        max_link_lifetime: links::MAX_LIFETIME,
        provider: Provider::default(),
        subscribers: None,
        tls: None,
        acme: None,
        forwarding: None,
        operators: relay::operators::console::context::OperatorSettings::default(),
        bus: None,
        limits: Limits::default(),
        reload_every: Duration::from_millis(20),
    }
}

impl TestRelay {
    pub fn start(change: impl FnOnce(&mut Config)) -> Self {
        let (directory, _) = initialised();
        Self::start_in(directory, change)
    }

    /// Starts a relay on a directory that another one had.
    pub fn start_in(directory: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(&DataDirectory::new(directory.path()));
        change(&mut config);
        let relay = Relay::bind(config).unwrap();
        let addresses = relay.addresses().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(relay.serve(async {
            let _ = stopped.await;
        }));
        Self { addresses, directory, stop: Some(stop), serving }
    }

    pub fn data(&self) -> DataDirectory {
        DataDirectory::new(self.directory.path())
    }

    /// Tells the relay to stop, as SIGTERM does.
    pub fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub async fn stopped(mut self) {
        timeout(PATIENCE, &mut self.serving).await.unwrap().unwrap().unwrap();
    }

    /// The same; returns the directory for another relay.
    pub async fn stopped_in(mut self) -> TempDir {
        timeout(PATIENCE, &mut self.serving).await.unwrap().unwrap().unwrap();
        std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap())
    }

    pub fn token(&self, username: &str, expires: SystemTime) -> String {
        let keys = Keys::load(&self.data().keys()).unwrap();
        let username = Username::from_text(username).unwrap();
        links::mint(&keys, &username, "1", SystemTime::now(), expires).unwrap()
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(path, "").await
    }

    pub async fn request(&self, path: &str, headers: &str) -> Response {
        get(self.addresses.viewers, path, headers).await
    }

    /// A metric's value now.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = get(self.addresses.private, "/metrics", "").await.text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no metric {name}")).parse().unwrap()
    }

    pub async fn metric_reaches(&self, name: &str, value: u64) {
        eventually(name, async || self.metric(name).await >= value).await;
    }
}

impl Drop for TestRelay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Asks until the answer is yes.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < PATIENCE, "{what} did not come to be");
        tokio::task::yield_now().await;
    }
}

pub struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a complete header") + 4;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        Self { status, headers: lines.map(header).collect(), body: bytes[end..].to_vec() }
    }
}

/// GET on a new connection, closed afterwards. `headers` are whole lines.
pub async fn get(address: SocketAddr, path: &str, headers: &str) -> Response {
    exchange(TcpStream::connect(address).await.unwrap(), "GET", path, headers).await
}

pub async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    method: &str,
    path: &str,
    headers: &str,
) -> Response {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: relay.test\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    Response::parse(&read_to_end(&mut stream).await)
}

/// The same with a body.
pub async fn exchange_with<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Response {
    let close = if headers.contains("upgrade") { "" } else { "connection: close\r\n" };
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let request = format!("{method} {path} HTTP/1.1\r\nhost: relay.test\r\n{close}{headers}{length}\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    Response::parse(&read_to_end(&mut stream).await)
}

/// Sends a request and reads the answer's header alone: for endless answers.
pub async fn head<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, path: &str, headers: &str) -> Response {
    let request = format!("GET {path} HTTP/1.1\r\nhost: relay.test\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
    }
    Response::parse(&bytes)
}

pub async fn read_to_end<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the connection ends");
    bytes
}

/// The header lines for a WebSocket.
pub const WEBSOCKET: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

pub fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}
