//! Links made at the desk: one opens its line, and ends within a second of its right.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use futures_util::SinkExt;

use relay::viewers::links::Mode;

use crate::codes::typed;
use crate::common::PATIENCE;
use crate::desk::{Browser, Desk, PUBLIC, frame};

/// Opens a subscriber's page by a link or token.
pub async fn page(desk: &Desk, link: &str) -> WebSocketStream<TcpStream> {
    page_at(desk.relay.addresses.viewers, link).await
}

/// Opens a subscriber's page at a relay.
pub async fn page_at(address: SocketAddr, link: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut socket, _) = client_async(format!("ws://{address}/api/v1/live"), stream).await.unwrap();
    let token = link.rsplit('#').next().unwrap();
    socket.send(Message::text(json!({"type": "watch", "token": token}).to_string())).await.unwrap();
    socket
}

async fn link(support: &mut Browser<'_>, body: &Value) -> Value {
    let answer = support.post("lines/ali/links", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Awaits the end of a stream, and returns the reason and how long it took.
async fn ended(socket: &mut WebSocketStream<TcpStream>) -> (Value, Duration) {
    let began = Instant::now();
    let mut last = Value::Null;
    let reading = async {
        while let Some(frame) = frame(socket).await {
            last = frame;
        }
    };
    timeout(PATIENCE, reading).await.unwrap();
    (last["reason"].clone(), began.elapsed())
}

#[tokio::test]
async fn a_link_opens_its_line_and_carries_its_words() {
    let desk = Desk::start_with(|config| config.provider.brand = Some("Karoo & <b>".to_owned())).await;
    let mut support = desk.signed_in("support").await;
    let made = link(&mut support, &json!({"kind": "support"})).await;
    let url = made["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{PUBLIC}/#eyJ")), "{url}");
    assert!(
        made["text"].as_str().unwrap().ends_with(url) && made["text"].as_str().unwrap().starts_with("Karoo & <b>: ")
    );
    assert!(made["whatsapp"].as_str().unwrap().starts_with("https://wa.me/?text=Karoo%20%26%20%3Cb%3E%3A%20"));
    assert!(made["mail"].as_str().unwrap().starts_with("mailto:?subject="));
    assert!(made["qr_svg"].as_str().unwrap().starts_with("<svg"));
    let mut socket = page(&desk, url).await;
    assert_eq!(frame(&mut socket).await.unwrap()["username"], "ali");
    let line = support.get("lines/ali").await.json();
    let listed = &line["links"][0];
    assert_eq!((&listed["id"], &listed["kind"], &listed["by"]), (&made["id"], &json!("support"), &json!("support")));
    assert_eq!((&listed["expires"], &listed["revoked"]), (&made["expires"], &Value::Null));
    assert!(listed["last_used"].is_i64() && listed["made"].is_i64(), "{listed}");
    let deed = desk.logged("link-made", &format!("support {}", made["id"].as_str().unwrap())).await;
    assert_eq!((deed.who.as_str(), deed.line.as_deref()), ("support", Some("ali")));
    assert!(!format!("{deed:?}").contains("eyJ"), "no token in the log");
}

#[tokio::test]
async fn where_lines_are_open_links_and_codes_work_too() {
    let desk = Desk::start_with(|config| config.access = Mode::Open).await;
    let mut support = desk.signed_in("support").await;
    let made = link(&mut support, &json!({"kind": "support"})).await;
    let mut socket = page(&desk, made["url"].as_str().unwrap()).await;
    assert_eq!(frame(&mut socket).await.unwrap()["type"], "snapshot");
    let code = support.post("lines/ali/code", &json!({})).await.json();
    let token = typed(&desk, code["code"].as_str().unwrap()).await.json();
    let mut socket = page(&desk, token["token"].as_str().unwrap()).await;
    assert_eq!(frame(&mut socket).await.unwrap()["type"], "snapshot");
    assert_eq!(support.post("lines/ali/void", &json!({})).await.status, 200);
    assert_eq!(ended(&mut socket).await.0, "link_refused");
}

#[tokio::test]
async fn kinds_have_their_time_and_no_link_lasts_too_long() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let hours = async |support: &mut Browser<'_>, body: Value| {
        let made = link(support, &body).await;
        let left = made["expires"].as_i64().unwrap() - crate::desk::now().as_millis();
        (left + 1_800_000) / 3_600_000
    };
    assert_eq!(hours(&mut support, json!({"kind": "support"})).await, 24);
    assert_eq!(hours(&mut support, json!({"kind": "personal"})).await, 365 * 24);
    assert_eq!(hours(&mut support, json!({"kind": "personal", "hours": 48})).await, 48);
    for wrong in [0, 401 * 24, u64::MAX] {
        support.post("lines/ali/links", &json!({"kind": "support", "hours": wrong})).await.is_problem(400, "hours");
    }
    for wrong in [json!({}), json!({"kind": "other"}), json!({"kind": "support", "to": "x"}), json!([])] {
        support.post("lines/ali/links", &wrong).await.is_problem(400, "bad-request");
    }
}

#[tokio::test]
async fn a_revoked_links_stream_ends_within_a_second() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let (one, other) =
        (link(&mut support, &json!({"kind": "support"})).await, link(&mut support, &json!({"kind": "support"})).await);
    let mut stays = page(&desk, other["url"].as_str().unwrap()).await;
    let mut ends = page(&desk, one["url"].as_str().unwrap()).await;
    frame(&mut ends).await.unwrap();
    frame(&mut stays).await.unwrap();
    let answer = support.post(&format!("lines/ali/links/{}/revoke", one["id"].as_str().unwrap()), &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (reason, took) = ended(&mut ends).await;
    assert_eq!(reason, "link_refused");
    assert!(took < Duration::from_secs(1), "{took:?}");
    let line = support.get("lines/ali").await.json();
    let revoked: Vec<bool> = line["links"].as_array().unwrap().iter().map(|link| link["revoked"].is_i64()).collect();
    assert_eq!(revoked.iter().filter(|revoked| **revoked).count(), 1);
    assert_eq!(line["viewers"], 1, "the other link's page goes on");
    support.post("lines/ali/links/nothing/revoke", &json!({})).await.is_problem(404, "unknown");
    support
        .post(&format!("lines/bob/links/{}/revoke", other["id"].as_str().unwrap()), &json!({}))
        .await
        .is_problem(404, "unknown");
    drop(stays);
}

#[tokio::test]
async fn older_links_are_made_void_and_newer_ones_open() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let old = link(&mut support, &json!({"kind": "personal"})).await;
    let mut ends = page(&desk, old["url"].as_str().unwrap()).await;
    frame(&mut ends).await.unwrap();
    assert_eq!(support.post("lines/ali/void", &json!({})).await.status, 200);
    let (reason, took) = ended(&mut ends).await;
    assert_eq!(reason, "link_refused");
    assert!(took < Duration::from_secs(1), "{took:?}");
    let new = link(&mut support, &json!({"kind": "support"})).await;
    let mut opens = page(&desk, new["url"].as_str().unwrap()).await;
    assert_eq!(frame(&mut opens).await.unwrap()["type"], "snapshot");
    let mut again = page(&desk, old["url"].as_str().unwrap()).await;
    assert_eq!(ended(&mut again).await.0, "link_refused");
    let line = support.get("lines/ali").await.json();
    assert!(line["void_before"].is_i64());
    assert!(line["refused"][0]["what"].as_str().unwrap().contains("older"), "{}", line["refused"]);
    assert!(line["refused"][0]["remedy"].as_str().unwrap().contains("new link"));
    assert_eq!(desk.logged("links-void", "").await.line.as_deref(), Some("ali"));
}
