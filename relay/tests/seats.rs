//! Seats over real sockets, from several addresses of loopback.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use common::{PATIENCE, TestRelay, WEBSOCKET, bearer, head, read_to_end};
use relay::net::peer::Forwarding;
use relay::viewers::links::Mode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

const LIVE: &str = "/api/v1/lines/ali/live";

/// Connects from an address of 127.0.0.0/8.
async fn connect_from(last: u8, relay: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((IpAddr::from(Ipv4Addr::new(127, 0, 7, last)), 0).into()).unwrap();
    socket.connect(relay).await.unwrap()
}

/// Opens a stream of events. Returns the stream and the answer's status.
async fn events(relay: &TestRelay, last: u8, path: &str, headers: &str) -> (TcpStream, u16) {
    let mut stream = connect_from(last, relay.addresses.viewers).await;
    let headers = format!("connection: close\r\n{headers}");
    let status = head(&mut stream, path, &headers).await.status;
    (stream, status)
}

/// Opens a WebSocket, and waits for the snapshot.
async fn socket(relay: &TestRelay, last: u8, watch: &str) -> TcpStream {
    let mut stream = connect_from(last, relay.addresses.viewers).await;
    assert_eq!(head(&mut stream, "/api/v1/live", WEBSOCKET).await.status, 101);
    // A short masked frame with the mask 0 (RFC 6455, section 5.3), or one with a length of 16 bits.
    let mut frame = vec![0x81];
    match u8::try_from(watch.len()) {
        Ok(length @ ..126) => frame.push(0x80 | length),
        _ => frame.extend([&[0xFE][..], &u16::try_from(watch.len()).unwrap().to_be_bytes()].concat()),
    }
    frame.extend([0; 4]);
    frame.extend(watch.as_bytes());
    stream.write_all(&frame).await.unwrap();
    assert_eq!(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap(), 0x81);
    stream
}

async fn last_words(mut stream: TcpStream) -> String {
    String::from_utf8_lossy(&read_to_end(&mut stream).await).into_owned()
}

#[tokio::test]
async fn the_holder_of_a_link_keeps_nobody_else_out() {
    let relay = TestRelay::start(|_| {});
    let token = relay.token("ali", SystemTime::now() + Duration::from_secs(3_600));
    let watch = format!(r#"{{"type":"watch","token":"{token}"}}"#);
    let first = socket(&relay, 1, &watch).await;
    let (second, status) = events(&relay, 1, LIVE, &bearer(&token)).await;
    assert_eq!(status, 200);
    let mut newer = Vec::new();
    for _ in 0..30 {
        newer.push(socket(&relay, 1, &watch).await);
    }
    let told = last_words(first).await;
    assert!(told.contains(r#"{"type":"error","code":4109,"reason":"opened_elsewhere"}"#), "{told}");
    let told = last_words(second).await;
    assert!(told.contains("event: error") && told.contains("opened_elsewhere"), "{told}");
    let (latecomer, status) = events(&relay, 2, LIVE, &bearer(&token)).await;
    assert_eq!(status, 200);
    for last in 3..6 {
        newer.push(socket(&relay, last, &watch).await);
    }
    let _newcomer = socket(&relay, 6, &watch).await;
    let told = last_words(latecomer).await;
    assert!(told.contains("event: error") && told.contains("line_full"), "{told}");
    assert_eq!(relay.metric("linelight_viewers").await, 16);
    assert_eq!(relay.metric(r#"linelight_viewer_closes_total{reason="opened_elsewhere"}"#).await, 20);
}

#[tokio::test]
async fn behind_a_proxy_the_forwarded_address_has_the_seats() {
    let relay = TestRelay::start(|config| {
        config.access = Mode::Open;
        config.limits.viewers_per_line = 2;
        let header = "x-forwarded-for".parse().unwrap();
        config.forwarding = Some(Forwarding { proxies: vec!["127.0.0.0/8".parse().unwrap()], header });
    });
    let first = events(&relay, 1, LIVE, "x-forwarded-for: 203.0.113.7\r\n").await;
    let second = events(&relay, 1, LIVE, "x-forwarded-for: 1.1.1.1, 203.0.113.7\r\n").await;
    assert_eq!((first.1, second.1), (200, 200));
    assert!(last_words(first.0).await.contains("opened_elsewhere"));
    let hidden = events(&relay, 1, LIVE, "").await;
    assert_eq!(hidden.1, 200, "no address is another one");
    let hidden_too = events(&relay, 2, LIVE, "x-forwarded-for: _\r\n").await;
    assert_eq!(hidden_too.1, 200);
    assert!(last_words(hidden.0).await.contains("opened_elsewhere"), "and the same as a broken one");
    let third = events(&relay, 1, LIVE, "x-forwarded-for: 203.0.113.8\r\n").await;
    assert_eq!(third.1, 200);
    assert!(last_words(hidden_too.0).await.contains("line_full"), "the latecomer's");
}
