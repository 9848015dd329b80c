//! One request, and its answer in a few words.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::callers::Caller;
use crate::common::{PATIENCE, Response, WEBSOCKET, bearer, read_to_end};
use crate::doors::{Door, Kind};
use crate::stage::Stage;

/// An answer: its words for the document, and what the caller can tell answers apart by.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub cell: String,
    status: u16,
    headers: Vec<Option<String>>,
    body: Vec<u8>,
}

impl Answer {
    /// True where the caller has no right.
    pub fn is_refusal(&self) -> bool {
        matches!(self.status, 401 | 403) || self.cell.starts_with("4")
    }

    fn of(response: Response) -> Self {
        let names = ["www-authenticate", "content-type", "retry-after", "cache-control", "set-cookie"];
        let headers = names.map(|name| response.header(name).map(str::to_owned)).into();
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let reason = body["reason"].as_str().filter(|_| response.status >= 400).unwrap_or_default();
        let cell = format!("{} {reason}", response.status).trim_end().to_owned();
        Self { cell, status: response.status, headers, body: response.body }
    }
}

/// Asks at a door. A stream is asked for its first frame.
pub async fn ask(stage: &mut Stage, door: &Door, caller: &Caller, path: &str) -> Answer {
    let mut headers = caller.headers.clone();
    if let Some(origin) = caller.origin {
        headers += &format!("origin: {origin}\r\n");
    }
    if let Some(person) = caller.person {
        headers += &format!("cookie: {}\r\n", stage.cookie(person).await);
    }
    let in_frame = door.kind == Kind::Lines && door.is_websocket();
    if let Some(token) = caller.token.as_ref().filter(|_| !in_frame) {
        headers += &bearer(token);
    }
    if door.is_websocket() {
        headers += WEBSOCKET;
        if door.kind == Kind::Uplink {
            headers += &format!("sec-websocket-protocol: {}\r\n", shared::UPLINK_SUBPROTOCOL);
        }
    } else {
        headers += "connection: close\r\n";
    }
    let body = door.body(&stage.fresh_name());
    if !body.is_empty() {
        headers += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    let addresses = stage.desk.relay.addresses;
    let mut stream =
        TcpStream::connect(if door.is_private() { addresses.private } else { addresses.viewers }).await.unwrap();
    let host = if caller.headers.contains("host: ") { "" } else { "host: relay.test\r\n" };
    let request = format!("{} {path} HTTP/1.1\r\n{host}{headers}\r\n{body}", door.method());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.expect("an answer").expect("a whole head"));
    }
    let answer = Response::parse(&head);
    if answer.status == 101 {
        return upgraded(door, caller, stream).await;
    }
    if answer.header("content-type") == Some("text/event-stream") {
        return Answer { cell: format!("{} ali's line", answer.status), ..Answer::of(answer) };
    }
    let is_for_all = ["/embed.js", "/api/v1/lines/{username}/live"].contains(&door.path());
    assert!(is_for_all || answer.header("access-control-allow-origin").is_none(), "{door}: other origins may read");
    head.extend(read_to_end(&mut stream).await);
    Answer::of(Response::parse(&head))
}

/// Sends a viewer's first frame, and reads the first of the relay.
async fn upgraded(door: &Door, caller: &Caller, stream: TcpStream) -> Answer {
    let answer = |cell: String, body: &str| Answer { cell, status: 101, headers: Vec::new(), body: body.into() };
    if door.kind == Kind::Uplink {
        return answer("101".to_owned(), "");
    }
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    let watch = match caller.token.as_ref().filter(|_| door.kind == Kind::Lines) {
        Some(token) => json!({"type": "watch", "token": token}),
        None => json!({"type": "watch", "username": "ali"}),
    };
    socket.send(Message::text(watch.to_string())).await.unwrap();
    let frame = timeout(PATIENCE, socket.next()).await.expect("a frame").expect("no end yet").unwrap();
    let text = frame.into_text().unwrap();
    let frame: Value = serde_json::from_str(&text).unwrap();
    match frame["type"].as_str() {
        Some("snapshot") => answer(format!("101 {}'s line", frame["username"].as_str().unwrap()), ""),
        Some("error") => answer(format!("{} {}", frame["code"], frame["reason"].as_str().unwrap()), &text),
        _ => panic!("{door} as {}: {text}", caller.name),
    }
}
