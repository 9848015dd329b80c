//! The headers of every answer of every listener, to all kinds of requests.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::SocketAddr;

use common::{ANY_PORT, Response, TestRelay, exchange};
use relay::viewers::links::Mode;
use tokio::net::TcpStream;

/// Odd requests: a method and a target.
const ODD: [(&str, &str); 24] = [
    ("GET", "/"),
    ("GET", "/nothing/here"),
    ("GET", "//"),
    ("GET", "/line/%FF"),
    ("GET", "/line/"),
    ("GET", "/?username=%"),
    ("GET", "/?username=%FF%00"),
    ("GET", "/?%FF"),
    ("GET", "/assets/..%2F..%2Fkeys.json"),
    ("GET", "/assets/%FF"),
    ("GET", "/manifest.webmanifest"),
    ("GET", "/api/v1/live"),
    ("GET", "/api/v1/lines/%FF/live"),
    ("GET", "/api/v1/lines/ali/live"),
    ("GET", "/agent/v1"),
    ("GET", "/explain/%FF"),
    ("GET", "/search/%FF"),
    ("GET", "/explain/%2e%2e%2f"),
    ("GET", "/healthz"),
    ("POST", "/"),
    ("DELETE", "/api/v1/lines/ali/live"),
    ("PUT", "/metrics"),
    ("OPTIONS", "/api/v1/live"),
    ("BREW", "/line/ali"),
];

fn secured(response: &Response, what: &str) {
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{what}");
    assert_eq!(response.header("referrer-policy"), Some("no-referrer"), "{what}");
    assert!(response.header("cache-control").is_some(), "{what}");
    let policy = response.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{what}");
    for leak in ["server", "x-powered-by", "via"] {
        assert_eq!(response.header(leak), None, "{what}");
    }
    let body = String::from_utf8_lossy(&response.body).to_lowercase();
    for leak in ["axum", "hyper", "invalid url", "invalid utf-8", "panicked"] {
        assert!(!body.contains(leak), "{what}: {body}");
    }
}

async fn ask(address: SocketAddr, method: &str, target: &str, accept: &str) -> Response {
    let stream = TcpStream::connect(address).await.unwrap();
    exchange(stream, method, target, &format!("accept: {accept}\r\n")).await
}

#[tokio::test]
async fn every_answer_leaves_by_one_door() {
    let relay = TestRelay::start(|config| {
        config.access = Mode::Link;
        config.agents_listen = Some(ANY_PORT.parse().unwrap());
    });
    let addresses = relay.addresses;
    for (name, address) in
        [("viewers", addresses.viewers), ("agents", addresses.agents), ("private", addresses.private)]
    {
        for (method, target) in ODD {
            for accept in ["text/html", "*/*"] {
                let response = ask(address, method, target, accept).await;
                let what = format!("{name}: {method} {target}, {accept}: {}", response.status);
                secured(&response, &what);
                assert_eq!(response.header("strict-transport-security"), None, "{what}: plain HTTP");
                assert_ne!(response.status, 500, "{what}");
            }
        }
    }
    let refused = ask(addresses.viewers, "GET", "/api/v1/lines/%FF/live", "*/*").await;
    assert_eq!((refused.status, refused.header("cache-control")), (400, Some("no-store")));
    assert!(refused.text().contains("%25XX"), "{}", refused.text());
}
