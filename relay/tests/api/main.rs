//! The API for billing systems and portals, over HTTP: keys and their scopes, subscribers, links, lines, and every refusal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod doors;
mod links;
mod many;
#[path = "../postgresql/mod.rs"]
mod postgresql;
mod store;
mod subscribers;

use std::process::{Command, Output};

use common::{PATIENCE, Response, TestRelay, eventually, read_to_end};
use relay::store::data_directory::DataDirectory;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A relay, and a key with one scope.
struct Api {
    relay: TestRelay,
    key: String,
}

/// An answer: the status, and the body as JSON where it is that.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    body: Value,
}

impl Answer {
    fn reason(&self) -> (u16, &str) {
        (self.status, self.body["reason"].as_str().unwrap_or_default())
    }
}

impl Api {
    async fn start(scope: &str) -> Self {
        Self::with(TestRelay::start(|_| {}), scope).await
    }

    async fn with(relay: TestRelay, scope: &str) -> Self {
        let key = add_key(&relay.data(), "test", &[scope]).await;
        let api = Self { relay, key };
        eventually("the key is in force", async || ![401, 429].contains(&api.get("/api/v1/subscribers").await.status))
            .await;
        api
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "", "").await
    }

    async fn json(&self, method: &str, path: &str, body: &str) -> Answer {
        self.call(method, path, "content-type: application/json\r\n", body).await
    }

    async fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let headers = format!("authorization: Bearer {}\r\n{headers}", self.key);
        call(&self.relay, method, path, &headers, body.as_bytes()).await
    }
}

/// Makes a key by the command, and returns it.
async fn add_key(data: &DataDirectory, name: &str, scopes: &[&str]) -> String {
    let output = linelight(data, &[&["key", "add", name, "--scope"], scopes].concat()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Runs a command beside the relay, which may be in the middle of a change that the command waits for.
async fn linelight(data: &DataDirectory, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linelight-relay"));
    command.env_clear().arg("--data").arg(data.path()).args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn send(relay: &TestRelay, method: &str, path: &str, headers: &str, body: &[u8]) -> Response {
    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: relay.test\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The relay may answer before it has read all.
    let _ = timeout(PATIENCE, stream.write_all(body)).await.unwrap();
    Response::parse(&read_to_end(&mut stream).await)
}

async fn call(relay: &TestRelay, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let response = send(relay, method, path, headers, body).await;
    let is_problem = response.header("content-type") == Some("application/problem+json");
    assert_eq!(
        is_problem,
        response.status >= 400 && path.starts_with("/api/v1/") && !path.ends_with("/none"),
        "{path}"
    );
    let body = serde_json::from_slice(&response.body).unwrap_or_default();
    Answer { status: response.status, body }
}
