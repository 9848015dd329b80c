//! A relay with accounts, and browsers at its console.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::SystemTime;

use futures_util::{SinkExt, StreamExt};
use relay::clock::UnixMillis;
use relay::config::Config;
use relay::operators::audit::Actor;
use relay::operators::audit::query::{self, Filter};
use relay::operators::passwords;
use relay::operators::people::Role;
use relay::operators::people::book::{self, AccountChange, FirstSignIn};
use relay::operators::tickets::{Kind, Ticket};
use relay::store::database::location::Location;
use relay::store::database::{Database, Topic};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::common::{PATIENCE, Response, TestRelay, eventually, exchange_with, initialised};

/// The relay's public address in these tests.
pub const PUBLIC: &str = "https://monitor.example";

/// The password that people choose in these tests.
pub const PASSWORD: &str = "correct horse battery";

/// A relay whose people are `admin` and `support`.
pub struct Desk {
    pub relay: TestRelay,
    pub database: Database,
    store: Location,
}

impl Desk {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let desk = Self::without_people(change).await;
        desk.add("admin", Role::Admin).await;
        desk.add("support", Role::Support).await;
        eventually("both are known", async || desk.browser().get("me").await.json()["accounts"] == true).await;
        desk
    }

    /// Starts a relay where nobody has an account.
    pub async fn start_without_people() -> Self {
        Self::without_people(|_| {}).await
    }

    async fn without_people(change: impl FnOnce(&mut Config)) -> Self {
        let mut store = None;
        let relay = TestRelay::start(|config| {
            config.provider.public_url = Some(format!("{PUBLIC}/").parse().unwrap());
            change(config);
            store = Some(config.store.clone());
        });
        let store = store.unwrap();
        let database = Database::open(&store).await.unwrap();
        Self { relay, database, store }
    }

    /// Adds a person by the command's way.
    pub async fn add(&self, name: &str, role: Role) {
        let ticket = Ticket::fresh(Kind::Invitation, now()).unwrap();
        let first = FirstSignIn::Invitation(&ticket);
        book::add(&self.database, &Actor::command(), (name, role), first, now()).await.unwrap();
    }

    /// Returns the secret of a fresh single-use address.
    pub async fn ticket(&self, name: &str, kind: Kind) -> String {
        let ticket = Ticket::fresh(kind, now()).unwrap();
        book::invite(&self.database, &Actor::command(), name, &ticket, now()).await.unwrap();
        ticket.secret.as_str().to_owned()
    }

    /// Returns a browser without a session.
    pub fn browser(&self) -> Browser<'_> {
        Browser {
            at: self.relay.addresses.viewers,
            cookie: String::new(),
            origin: Some(PUBLIC.to_owned()),
            headers: String::new(),
            _desk: PhantomData,
        }
    }

    /// Returns a browser whose page has another origin.
    pub fn browser_of(&self, origin: Option<&str>) -> Browser<'_> {
        Browser { origin: origin.map(str::to_owned), ..self.browser() }
    }

    /// Returns a browser of a person who is signed in.
    pub async fn signed_in(&self, name: &str) -> Browser<'_> {
        let ticket = self.ticket(name, Kind::SignIn).await;
        let mut browser = self.browser();
        let body = serde_json::json!({ "token": ticket });
        let answer = browser.post("sign-in/once", &body).await;
        assert_eq!((answer.status, answer.json()["step"].as_str()), (200, Some("done")), "{}", answer.text());
        browser
    }

    /// Gives a person [`PASSWORD`].
    pub async fn set_password(&self, name: &str) {
        self.set_hash(name, &passwords::hash(PASSWORD).unwrap()).await;
    }

    /// Gives a person a password by its hash.
    pub async fn set_hash(&self, name: &str, hash: &str) {
        let actor = Actor::command();
        let mut account = AccountChange::begin(&self.database, &actor, now()).await.unwrap();
        account.set_password(name, hash).await.unwrap();
        account.commit_quietly().await.unwrap();
        self.refreshed().await;
    }

    /// Returns the hash of a person's password.
    pub async fn hash(&self, name: &str) -> String {
        let people = book::all(&self.database).await.unwrap();
        people.into_iter().find(|person| person.name == name).unwrap().password.unwrap()
    }

    /// Changes the store behind the relay's back.
    pub async fn execute(&self, topic: Topic, statement: &'static str) {
        let mut change = self.database.change(topic).await.unwrap();
        change.execute(statement).await.unwrap();
        change.commit().await.unwrap();
        self.refreshed().await;
    }

    /// Changes the store without a word to the relay, which goes on with its copies.
    pub async fn execute_quietly(&self, statement: &'static str) {
        let mut change = self.database.begin().await.unwrap();
        change.execute(statement).await.unwrap();
        change.commit().await.unwrap();
    }

    /// Returns when the relay has read every change of the store.
    async fn refreshed(&self) {
        // An invitation is looked up in the store, and the relay reads all changes for it.
        let ticket = self.ticket("admin", Kind::Invitation).await;
        let looked = self.browser().post("invitation/look", &serde_json::json!({ "token": ticket })).await;
        assert_eq!(looked.status, 200, "{}", looked.text());
    }

    /// Starts another relay with the same store.
    pub fn another_relay(&self) -> TestRelay {
        self.another_relay_in(initialised().0)
    }

    /// Starts another relay with the same store, on a directory of its own.
    pub fn another_relay_in(&self, directory: TempDir) -> TestRelay {
        let store = self.store.clone();
        TestRelay::start_in(directory, |config| {
            config.provider.public_url = Some(format!("{PUBLIC}/").parse().unwrap());
            config.store = store;
        })
    }

    /// Returns how many of the newest entries of the audit log have this deed.
    pub async fn count_logged(&self, what: &str) -> usize {
        let filter = Filter { what: Some(what.to_owned()), ..Filter::default() };
        query::find(&self.database, &filter, 100).await.unwrap().entries.len()
    }

    /// Awaits an entry of the audit log with this deed and detail, and returns it.
    pub async fn logged(&self, what: &str, detail: &str) -> query::Entry {
        let filter = Filter { what: Some(what.to_owned()), ..Filter::default() };
        let mut found = None;
        eventually(what, async || {
            let entries = query::find(&self.database, &filter, 100).await.unwrap().entries;
            found = entries.into_iter().find(|entry| entry.detail == detail);
            found.is_some()
        })
        .await;
        found.unwrap()
    }
}

/// Returns the next frame of a stream; `None` at its end.
pub async fn frame(socket: &mut WebSocketStream<TcpStream>) -> Option<Value> {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("a frame in time")? {
            Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

pub fn now() -> UnixMillis {
    SystemTime::now().into()
}

/// A browser with the session's cookie.
pub struct Browser<'a> {
    /// The relay's address.
    pub at: SocketAddr,
    /// The session's cookie, a whole header line.
    pub cookie: String,
    pub origin: Option<String>,
    /// Further headers, whole lines.
    pub headers: String,
    _desk: PhantomData<&'a Desk>,
}

impl Browser<'_> {
    /// Opens a WebSocket at a path below the console, and sends a first frame. Returns the socket or the refusal's status.
    pub async fn socket(&self, path: &str, first: &str) -> Result<WebSocketStream<TcpStream>, u16> {
        let mut socket = self.silent_socket(path).await?;
        socket.send(Message::text(first)).await.unwrap();
        Ok(socket)
    }

    /// Opens a WebSocket as [`Self::socket`] does, and sends nothing.
    pub async fn silent_socket(&self, path: &str) -> Result<WebSocketStream<TcpStream>, u16> {
        let address = self.at;
        let mut request = format!("ws://{address}/console/api/{path}").into_client_request().unwrap();
        if let Some(origin) = &self.origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        if let Some(cookie) = self.cookie.strip_prefix("cookie: ") {
            request.headers_mut().insert("cookie", cookie.trim_end().parse().unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Sends a POST without its body, and waits until the relay asks for the body.
    pub async fn post_without_body(&self, path: &str, length: usize) -> TcpStream {
        let origin = self.origin.as_ref().map(|origin| format!("origin: {origin}\r\n")).unwrap_or_default();
        let request = format!(
            "POST /console/api/{path} HTTP/1.1\r\nhost: relay\r\n{origin}{}content-type: application/json\r\n\
             content-length: {length}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
            self.cookie
        );
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).await.unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream
    }

    pub async fn get(&mut self, path: &str) -> Response {
        self.request("GET", path, "", "").await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Response {
        self.request("POST", path, "content-type: application/json\r\n", &body.to_string()).await
    }

    pub async fn request(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Response {
        let origin = self.origin.as_ref().map(|origin| format!("origin: {origin}\r\n")).unwrap_or_default();
        let headers = format!("{origin}{}{}{headers}", self.cookie, self.headers);
        let stream = TcpStream::connect(self.at).await.unwrap();
        let answer = exchange_with(stream, method, &format!("/console/api/{path}"), &headers, body).await;
        if let Some(cookie) = answer.header("set-cookie") {
            let pair = cookie.split(';').next().unwrap();
            self.cookie = format!("cookie: {pair}\r\n");
        }
        answer
    }
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// Asserts a problem, by status and reason.
    #[track_caller]
    pub fn is_problem(&self, status: u16, reason: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        let problem = self.json();
        assert_eq!((problem["status"].as_u64(), problem["reason"].as_str()), (Some(status.into()), Some(reason)));
        assert!(problem["detail"].as_str().unwrap().ends_with('.'), "{problem}");
    }
}
