//! Web pages of other origins, in both ways of access.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::{Duration, SystemTime};

use common::{TestRelay, WEBSOCKET, bearer, head};
use relay::viewers::links::Mode;
use tokio::net::TcpStream;

fn in_an_hour() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3_600)
}

#[tokio::test]
async fn in_open_access_a_page_of_another_origin_reads_nothing() {
    let relay = TestRelay::start(|config| {
        config.access = Mode::Open;
        config.allowed_origins = vec!["https://portal.example".parse().unwrap()];
    });
    let ask = async |path: &str, lines: &str| {
        let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
        head(&mut stream, path, lines).await
    };
    for (path, lines, good) in [("/api/v1/live", WEBSOCKET, 101), ("/api/v1/lines/ali/live", "", 200)] {
        assert_eq!(ask(path, lines).await.status, good, "a program names no origin");
        let referer = format!("{lines}referer: https://evil.example/\r\n");
        assert_eq!(ask(path, &referer).await.status, good, "who linked here does not matter");
        for origin in ["http://relay.test", "https://relay.test"] {
            let own = ask(path, &format!("{lines}origin: {origin}\r\n")).await;
            assert_eq!((own.status, own.header("access-control-allow-origin")), (good, None), "{origin}");
        }
        let listed = ask(path, &format!("{lines}origin: https://portal.example\r\n")).await;
        assert_eq!(listed.status, good);
        assert_eq!(listed.header("access-control-allow-origin"), Some("https://portal.example"));
        assert_eq!(listed.header("vary"), Some("origin"));
        for origin in ["https://evil.example", "null", "https://relay.test.evil.example", "http://relay.test:81"] {
            let refused = ask(path, &format!("{lines}origin: {origin}\r\nconnection: close\r\n")).await;
            let cors = (refused.header("access-control-allow-origin"), refused.header("vary"));
            assert_eq!((refused.status, cors), (403, (None, Some("origin"))), "{path} {origin}");
            assert_eq!(refused.header("cross-origin-resource-policy"), Some("same-origin"));
        }
    }
    let refused = relay.request("/api/v1/lines/ali/live", "origin: null\r\n").await.text();
    assert!(refused.contains("--allow-origin"), "{refused}");
    assert_eq!(relay.metric("linelight_origins_refused_total").await, 9);
}

#[tokio::test]
async fn in_access_by_link_the_token_decides_and_not_the_origin() {
    let relay = TestRelay::start(|_| {});
    let lines = format!("{WEBSOCKET}origin: https://portal.example\r\n");
    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    assert_eq!(head(&mut stream, "/api/v1/live", &lines).await.status, 101);
    let lines = format!("{}origin: null\r\n", bearer(&relay.token("ali", in_an_hour())));
    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    assert_eq!(head(&mut stream, "/api/v1/lines/ali/live", &lines).await.status, 200);
}
