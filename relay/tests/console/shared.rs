//! Two relays with one PostgreSQL: what is changed on one of them is in force on the other.

use std::fs;
use std::future::pending;
use std::process::Command;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use relay::agents::registry::Entries;
use relay::store::data_directory::{self, DataDirectory};
use relay::store::database::location::Location;
use relay::store::database::{Database, Topic};
use relay::viewers::links::keys::Keys;
use relay::viewers::links::mint;
use serde_json::{Value, json};
use shared::Username;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;

use crate::common::{TestRelay, bearer, eventually, exchange_with, get};
use crate::desk::{Browser, Desk, frame};
use crate::links::page_at;
use crate::postgresql::PostgreSql;

/// A relay with people and its store, and a second relay of the same store.
struct Two {
    server: PostgreSql,
    one: Desk,
    other: TestRelay,
}

impl Two {
    async fn start() -> Self {
        let server = PostgreSql::start();
        let one = Desk::start_with(|config| config.store = location(&server)).await;
        let directory = tempfile::tempdir().unwrap();
        let told = linelight(&server, &DataDirectory::new(directory.path()), &["init"]);
        assert!(told.contains("of the store's other relays"), "{told}");
        let other = one.another_relay_in(directory);
        Self { server, one, other }
    }

    /// Returns a browser of a person who is signed in at the first relay, at the second one.
    async fn at_the_other(&self, name: &str) -> Browser<'_> {
        let mut browser = self.one.signed_in(name).await;
        browser.at = self.other.addresses.viewers;
        browser
    }

    fn run(&self, relay: &TestRelay, arguments: &[&str]) -> String {
        linelight(&self.server, &relay.data(), arguments)
    }
}

fn location(server: &PostgreSql) -> Location {
    Location::from_address(&server.address(), None).unwrap()
}

fn linelight(server: &PostgreSql, data: &DataDirectory, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_linelight-relay"))
        .args(["--store", &server.address(), "--public-url", "https://monitor.example", "--data"])
        .arg(data.path())
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn readiness(relay: &TestRelay) -> String {
    get(relay.addresses.private, "/readyz", "").await.text()
}

fn agents_of(relay: &TestRelay) -> Vec<String> {
    Entries::load(&relay.data().agents()).unwrap().agents.into_iter().map(|entry| entry.name).collect()
}

fn keys_of(relay: &TestRelay) -> Vec<u8> {
    fs::read(relay.data().keys()).unwrap()
}

#[tokio::test]
async fn people_sessions_links_and_subscribers_are_those_of_all_relays() {
    let two = Two::start().await;
    // A session of one relay is one of the other, and so is its end.
    let mut there = two.at_the_other("support").await;
    assert_eq!(there.get("me").await.json()["name"], "support");
    let mut live = there.socket("live", r#"{"type":"watch","username":"ali"}"#).await.unwrap();
    assert_eq!(frame(&mut live).await.unwrap()["type"], "snapshot");
    // A link of the other opens here, and ends here once it is revoked there.
    let link = there.post("lines/ali/links", &json!({"kind": "support"})).await.json();
    let mut watched = page_at(two.one.relay.addresses.viewers, link["url"].as_str().unwrap()).await;
    assert_eq!(frame(&mut watched).await.unwrap()["type"], "snapshot");
    let revoked = format!("lines/ali/links/{}/revoke", link["id"].as_str().unwrap());
    assert_eq!(there.post(&revoked, &json!({})).await.status, 200);
    assert_eq!(last(&mut watched).await["reason"], "link_refused");
    // A code of one relay opens at the other.
    let code = two.one.signed_in("support").await.post("lines/bob/code", &json!({})).await.json();
    let typed = json!({ "code": code["code"] }).to_string();
    let stream = TcpStream::connect(two.other.addresses.viewers).await.unwrap();
    let answer = exchange_with(stream, "POST", "/api/v1/code", "content-type: application/json\r\n", &typed).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // A person who is removed at one relay is out at the other, with the streams.
    let mut admin = two.one.signed_in("admin").await;
    assert_eq!(admin.post("people/support/remove", &json!({})).await.status, 200);
    while frame(&mut live).await.is_some() {}
    there.get("me").await.is_problem(401, "signed-out");
}

/// Returns the last frame of a stream.
async fn last(socket: &mut WebSocketStream<TcpStream>) -> Value {
    let mut last = Value::Null;
    while let Some(frame) = frame(socket).await {
        last = frame;
    }
    last
}

#[tokio::test]
async fn keys_of_the_api_and_subscribers_are_those_of_all_relays() {
    let two = Two::start().await;
    let key = bearer(two.run(&two.other, &["key", "add", "billing", "--scope", "subscribers"]).trim());
    let at = [two.one.relay.addresses.viewers, two.other.addresses.viewers];
    for at in at {
        eventually("the key", async || get(at, "/api/v1/subscribers", &key).await.status == 200).await;
    }
    let stream = TcpStream::connect(at[0]).await.unwrap();
    let headers = format!("{key}content-type: application/json\r\n");
    let put = exchange_with(stream, "PUT", "/api/v1/subscribers/ali", &headers, r#"{"customer":"Ali"}"#).await;
    assert_eq!(put.status, 200, "{}", put.text());
    eventually("the subscriber", async || get(at[1], "/api/v1/subscribers/ali", &key).await.status == 200).await;
    two.run(&two.one.relay, &["key", "revoke", "billing"]);
    for at in at {
        eventually("no key", async || get(at, "/api/v1/subscribers", &key).await.status != 200).await;
    }
}

#[tokio::test]
async fn agents_and_keys_of_links_are_those_of_all_relays() {
    let two = Two::start().await;
    let (one, other) = (&two.one.relay, &two.other);
    assert_eq!(keys_of(one), keys_of(other));
    // By a command on one machine, and at the console of the other.
    two.run(one, &["agent", "add", "north", "--lines", "*@north"]);
    let mut admin = two.at_the_other("admin").await;
    let south = json!({"name": "south", "patterns": ["*@south"], "options": {"relay_urls": ["wss://monitor.example"]}});
    assert_eq!(admin.post("routers", &south).await.status, 200);
    for relay in [one, other] {
        relay.metric_reaches("linelight_agents_registered", 2).await;
        assert_eq!(agents_of(relay), ["north", "south"]);
    }
    assert_eq!(two.one.logged("router-added", "south").await.who, "admin");
    two.run(other, &["agent", "revoke", "north"]);
    eventually("one agent", async || agents_of(one) == ["south"]).await;
    // A key that is put first by hand signs on every relay.
    let before = Keys::load(&one.data().keys()).unwrap();
    let fresh: Value = serde_json::from_str(&Keys::generate_file().unwrap()).unwrap();
    let mut set: Value = serde_json::from_slice(&keys_of(one)).unwrap();
    set["keys"].as_array_mut().unwrap().insert(0, fresh["keys"][0].clone());
    data_directory::replace(&one.data().keys(), set.to_string().as_bytes()).unwrap();
    eventually("the same keys", async || keys_of(one) == keys_of(other)).await;
    let keys = Keys::load(&other.data().keys()).unwrap();
    for keys in [before, keys] {
        eventually("both keys open", async || opens(other, &keys).await).await;
    }
    assert_eq!(readiness(other).await, "ready\n");
}

/// True if a link by the first of the keys opens its line.
async fn opens(relay: &TestRelay, keys: &Keys) -> bool {
    let (now, hour) = (SystemTime::now(), Duration::from_secs(3_600));
    let username = Username::from_text("ali").unwrap();
    let token = mint(keys, &username, "1", now, now + hour).unwrap();
    let mut socket = page_at(relay.addresses.viewers, &token).await;
    frame(&mut socket).await.unwrap()["type"] == "snapshot"
}

#[tokio::test]
async fn without_the_store_all_relays_go_on_and_say_so() {
    let mut two = Two::start().await;
    let keys = Keys::load(&two.other.data().keys()).unwrap();
    two.run(&two.other, &["agent", "add", "north", "--lines", "*"]);
    two.other.metric_reaches("linelight_agents_registered", 1).await;
    two.server.kill();
    let mut admin = two.one.browser();
    for relay in [&two.one.relay, &two.other] {
        eventually("degraded", async || readiness(relay).await.contains("ready, degraded: the store")).await;
        assert!(opens(relay, &keys).await);
    }
    admin.get("me").await.is_problem(401, "signed-out");
    let added = Command::new(env!("CARGO_BIN_EXE_linelight-relay"))
        .args(["--store", &two.server.address(), "agent", "add", "south", "--lines", "*", "--data"])
        .arg(two.other.data().path())
        .output()
        .unwrap();
    assert!(!added.status.success() && String::from_utf8_lossy(&added.stderr).contains("the store"), "{added:?}");
    // A relay that starts meanwhile has its copies.
    two.other.stop();
    let directory = two.other.stopped_in().await;
    let other = two.one.another_relay_in(directory);
    assert!(opens(&other, &keys).await);
    assert_eq!(agents_of(&other), ["north"]);
    two.server.start_again();
    for relay in [&two.one.relay, &other] {
        eventually("ready", async || readiness(relay).await == "ready\n").await;
    }
    linelight(&two.server, &other.data(), &["agent", "add", "south", "--lines", "*"]);
    two.one.relay.metric_reaches("linelight_agents_registered", 2).await;
}

#[tokio::test]
async fn a_relay_with_keys_of_its_own_says_so_and_how_to_choose() {
    let server = PostgreSql::start();
    let one = Desk::start_with(|config| config.store = location(&server)).await;
    let own: (TempDir, DataDirectory) = crate::common::initialised();
    let keys = fs::read(own.1.keys()).unwrap();
    let other = one.another_relay_in(own.0);
    other.metric_reaches("linelight_shared_files_differ", 1).await;
    assert!(readiness(&other).await.contains("a file that relays share"));
    assert_eq!(keys_of(&other), keys, "its own links go on");
    assert_ne!(keys_of(&one.relay), keys);
    linelight(&server, &other.data(), &["share", "keys"]);
    eventually("the keys", async || keys_of(&one.relay) == keys).await;
    eventually("ready", async || readiness(&other).await == "ready\n").await;
}

/// A way to the database whose connections can fall silent: nothing passes any more, and nobody is told.
struct Way {
    port: u16,
    /// Connections from before the last silence pass nothing.
    era: watch::Sender<u32>,
}

impl Way {
    async fn to(server: &PostgreSql) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let era = watch::Sender::new(0);
        let (eras, database) = (era.subscribe(), server.port());
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut eras = eras.clone();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(("127.0.0.1", database)).await.unwrap();
                    eras.mark_unchanged();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        // Both ends stay open.
                        _ = eras.changed() => pending().await,
                    }
                });
            }
        });
        Self { port, era }
    }

    fn falls_silent(&self) {
        self.era.send_modify(|era| *era += 1);
    }
}

#[tokio::test]
async fn connections_that_fall_silent_are_replaced() {
    let server = PostgreSql::start();
    let way = Way::to(&server).await;
    let address = format!("postgres://linelight@127.0.0.1:{}/linelight", way.port);
    let database = Database::open(&Location::from_address(&address, None).unwrap()).await.unwrap();
    // As many as there can be.
    drop(join_all((0..4).map(|_| database.begin())).await);
    way.falls_silent();
    assert_eq!(database.version(Topic::Links).await.unwrap(), 0);
}
