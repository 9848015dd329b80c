//! The public and the private listener over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::io::Read;
use std::time::{Duration, SystemTime};

use common::{PATIENCE, TestRelay, WEBSOCKET, bearer, eventually, exchange, get, head, read_to_end};
use relay::agents::registry::Entries;
use relay::net::peer::Forwarding;
use relay::viewers::links::Mode;
use relay::viewers::links::keys::Keys;
use relay::viewers::provider::{Colour, Contact};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

fn in_an_hour() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3600)
}

fn add_agent(relay: &TestRelay, name: &str) -> String {
    let path = relay.data().agents();
    let mut entries = Entries::load(&path).unwrap();
    let token = entries.add(name, vec!["*".parse().unwrap()], false, 0).unwrap();
    entries.save(&path).unwrap();
    token
}

#[tokio::test]
async fn the_page_is_the_same_for_every_name_and_guarded() {
    let relay = TestRelay::start(|_| {});
    let page = relay.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    for path in ["/line/ali", "/line/nobody%40here", "/line/a%2Fb%20c%2C%25", "/line/%E9", "/line/%F0%9F%99%82"] {
        let other = relay.get(path).await;
        assert_eq!((other.status, &other.body), (200, &page.body), "{path}");
    }
    let policy = page.header("content-security-policy").unwrap();
    for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "connect-src 'self'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    for path in ["/", "/nothing", "/api/v1/live", "/agent/v1"] {
        let response = relay.get(path).await;
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(response.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(response.header(shared::RELAY_HEADER), Some("relay"), "an agent knows by it who answers: {path}");
        assert!(response.header("content-security-policy").is_some(), "{path}");
    }
}

#[tokio::test]
async fn the_provider_stands_on_every_page_also_where_there_is_nothing() {
    let relay = TestRelay::start(|config| {
        config.provider.brand = Some("Karoo & Wireless".to_owned());
        config.provider.support = vec![Contact::from_typed("+27 51 555 0142").unwrap()];
        config.provider.upload_colour = Some(Colour::from_typed("blue").unwrap());
        config.provider.public_url = Some("https://line.example".parse().unwrap());
    });
    let page = relay.get("/").await;
    for part in [
        "<bdi>Karoo &amp; Wireless</bdi>",
        "href=\"tel:+27515550142\"",
        "data-upload=\"#1d5fd1\"",
        "property=\"og:url\" content=\"https://line.example/\"",
    ] {
        assert!(page.text().contains(part), "{part}");
    }
    let nothing = relay.request("/nothing/here", "accept: text/html\r\n").await;
    assert_eq!((nothing.status, nothing.header("cache-control")), (404, Some("no-store")));
    assert_eq!(nothing.body, page.body);
    assert_eq!(relay.get("/nothing/here").await.status, 404);
    let manifest = relay.get("/manifest.webmanifest").await;
    assert_eq!((manifest.status, manifest.header("content-type")), (200, Some("application/manifest+json")));
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.body).unwrap();
    assert_eq!(manifest["name"], "Karoo & Wireless");
    for icon in manifest["icons"].as_array().unwrap() {
        assert_eq!(relay.get(icon["src"].as_str().unwrap()).await.status, 200, "{icon}");
    }
}

#[tokio::test]
async fn assets_are_named_by_content_compressed_and_kept() {
    let relay = TestRelay::start(|_| {});
    let page = relay.get("/").await.text();
    let script = page.split(['"', '\'']).find(|part| part.starts_with("/assets/") && part.ends_with(".js")).unwrap();
    let plain = relay.get(script).await;
    assert_eq!((plain.status, plain.header("content-encoding")), (200, None));
    assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(plain.header("content-type"), Some("text/javascript; charset=utf-8"));

    let gzip = relay.request(script, "accept-encoding: gzip, br\r\n").await;
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert_eq!(gzip.header("vary"), Some("accept-encoding"));
    assert!(gzip.body.len() < plain.body.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&gzip.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);

    let tag = plain.header("etag").unwrap();
    let again = relay.request(script, &format!("if-none-match: {tag}\r\n")).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(relay.get("/assets/main.js").await.status, 404, "a name without its hash");
    assert_eq!(relay.get("/assets/..%2f..%2fCargo.toml").await.status, 404);
}

#[tokio::test]
async fn an_old_bookmark_is_led_to_the_line() {
    let relay = TestRelay::start(|_| {});
    let response = relay.get("/?username=4446@karoo.example").await;
    assert_eq!((response.status, response.header("location")), (302, Some("line/4446%40karoo.example")));
    let response = relay.get("/?username=%0d%0aSet-Cookie:%20a=b").await;
    assert_eq!(response.header("location"), Some("line/%0D%0ASet-Cookie%3A%20a%3Db"));
    assert!(response.header("set-cookie").is_none());
    assert_eq!(relay.get(&format!("/?username={}", "x".repeat(256))).await.status, 400);
    assert_eq!(relay.get("/?username=").await.status, 200);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_words() {
    let relay = TestRelay::start(|_| {});
    let text = relay.get("/nothing").await;
    assert_eq!((text.status, text.header("content-type")), (404, Some("text/plain; charset=utf-8")));
    let html = relay.request("/nothing", "accept: text/html\r\n").await;
    assert_eq!((html.status, html.header("content-type")), (404, Some("text/html; charset=utf-8")));
    let stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let post = exchange(stream, "POST", "/", "content-length: 0\r\n").await;
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    let stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let head = exchange(stream, "HEAD", "/", "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for path in ["/metrics", "/healthz", "/readyz", "/explain/ali"] {
        assert_eq!(relay.get(path).await.status, 404, "{path} is private");
    }
    let upgrade = relay.get("/api/v1/live").await;
    assert_eq!((upgrade.status, upgrade.header("upgrade")), (426, Some("websocket")));
}

#[tokio::test]
async fn a_viewers_websocket_is_upgraded() {
    let relay = TestRelay::start(|_| {});
    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let response = head(&mut stream, "/api/v1/live", WEBSOCKET).await;
    assert_eq!(response.status, 101);
    assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

#[tokio::test]
async fn what_comes_right_behind_a_handshake_is_not_lost() {
    let relay = TestRelay::start(|_| {});
    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let mut request = format!("GET /api/v1/live HTTP/1.1\r\nhost: relay.test\r\n{WEBSOCKET}\r\n").into_bytes();
    let watch = br#"{"type":"watch","token":"nonsense"}"#;
    // One masked text frame; a mask of zeros changes nothing.
    request.extend([0x81, 0x80 | u8::try_from(watch.len()).unwrap(), 0, 0, 0, 0]);
    request.extend(watch);
    stream.write_all(&request).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 101") && answer.contains(r#""reason":"link_refused""#), "{answer}");
}

#[tokio::test]
async fn keys_are_rotated_while_the_relay_runs() {
    let relay = TestRelay::start(|config| config.limits.failed_attempts = u32::MAX);
    let link = bearer(&relay.token("ali", in_an_hour()));
    let status = async |link: &str| {
        let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
        head(&mut stream, "/api/v1/lines/ali/live", link).await.status
    };
    assert_eq!(status(&link).await, 200);
    relay::store::data_directory::replace(&relay.data().keys(), Keys::generate_file().unwrap().as_bytes()).unwrap();
    eventually("the old link is refused", async || status(&link).await == 401).await;
    assert_eq!(status(&bearer(&relay.token("ali", in_an_hour()))).await, 200);
}

#[tokio::test]
async fn the_uplinks_door_wants_a_token_then_a_websocket_then_the_subprotocol() {
    let relay = TestRelay::start(|_| {});
    let nobody = relay.request("/agent/v1", WEBSOCKET).await;
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")));
    assert!(nobody.text().contains("a token is needed") || nobody.text().contains("token is needed"));
    let wrong = relay.request("/agent/v1", &format!("{WEBSOCKET}{}", bearer("linelight_agent_guess"))).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text().contains("not known") && !wrong.text().contains("guess"));

    let token = add_agent(&relay, "tower");
    eventually("the token is known", async || relay.request("/agent/v1", &bearer(&token)).await.status != 401).await;
    assert_eq!(relay.request("/agent/v1", &bearer(&token)).await.status, 426);
    let response = relay.request("/agent/v1", &format!("{WEBSOCKET}{}", bearer(&token))).await;
    assert_eq!(response.status, 400);
    assert!(response.text().contains("linelight.agent.v1"));

    let mut stream = TcpStream::connect(relay.addresses.agents).await.unwrap();
    let lines = format!("{WEBSOCKET}{}sec-websocket-protocol: linelight.agent.v1\r\n", bearer(&token));
    let response = head(&mut stream, "/agent/v1", &lines).await;
    assert_eq!((response.status, response.header("sec-websocket-protocol")), (101, Some("linelight.agent.v1")));
    assert!(relay.metric("linelight_agents_refused_total").await >= 2);
}

#[tokio::test]
async fn agents_on_a_port_of_their_own_are_not_served_elsewhere() {
    let relay = TestRelay::start(|config| config.agents_listen = Some(common::ANY_PORT.parse().unwrap()));
    assert_ne!(relay.addresses.agents, relay.addresses.viewers);
    assert_eq!(relay.get("/agent/v1").await.status, 404);
    assert_eq!(get(relay.addresses.agents, "/agent/v1", "").await.status, 401);
    for path in ["/", "/line/ali", "/api/v1/live"] {
        assert_eq!(get(relay.addresses.agents, path, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn failed_logins_are_limited_by_address_and_good_ones_never_are() {
    let relay = TestRelay::start(|config| config.limits.failed_attempts = 2);
    let token = add_agent(&relay, "tower");
    eventually("the token is known", async || relay.request("/agent/v1", &bearer(&token)).await.status == 426).await;
    // Whatever the number until the token was known, two more pass the limit.
    let wrong = async || relay.request("/agent/v1", &bearer("wrong")).await;
    eventually("the limit is passed", async || wrong().await.status == 429).await;
    let limited = wrong().await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("60")));
    assert_eq!(relay.request("/agent/v1", &bearer(&token)).await.status, 426, "what is right is not refused");
    assert!(relay.metric("linelight_failed_attempts_limited_total").await >= 1);
}

#[tokio::test]
async fn behind_a_proxy_each_viewer_counts_for_itself() {
    let relay = TestRelay::start(|config| {
        config.limits.failed_attempts = 1;
        let header = "x-forwarded-for".parse().unwrap();
        config.forwarding = Some(Forwarding { proxies: vec!["127.0.0.0/8".parse().unwrap()], header });
    });
    let from = async |address: &str| {
        let line = if address.is_empty() { String::new() } else { format!("x-forwarded-for: {address}\r\n") };
        relay.request("/agent/v1", &format!("{}{line}", bearer("wrong"))).await.status
    };
    assert_eq!((from("203.0.113.7").await, from("203.0.113.7").await), (401, 429));
    assert_eq!(from("203.0.113.8").await, 401);
    assert_eq!(from("203.0.113.9, 203.0.113.7").await, 429, "what the sender wrote to the left counts for nothing");
    assert_eq!(from("\u{e9}, 203.0.113.7").await, 429, "whatever its bytes are");
    assert_eq!((from("").await, from("").await), (401, 429), "no address is one of its own");
    assert_eq!(from("203.0.113.7, \u{e9}").await, 429, "a word that nobody can read is no address");
    let watch = async |address: &str| {
        let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
        let mut request = format!("GET /api/v1/live HTTP/1.1\r\nhost: relay.test\r\n{WEBSOCKET}");
        if !address.is_empty() {
            request += &format!("x-forwarded-for: {address}\r\n");
        }
        let mut request = (request + "\r\n").into_bytes();
        let watch = br#"{"type":"watch","token":"nonsense"}"#;
        request.extend([0x81, 0x80 | u8::try_from(watch.len()).unwrap(), 0, 0, 0, 0]);
        request.extend(watch);
        stream.write_all(&request).await.unwrap();
        let answer = String::from_utf8_lossy(&read_to_end(&mut stream).await).into_owned();
        answer.split(r#""reason":""#).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    assert_eq!(watch("203.0.113.7").await, "too_many_failures", "agents and viewers have one count");
    assert_eq!(watch("203.0.113.20").await, "link_refused");
    assert_eq!(watch("203.0.113.20").await, "too_many_failures");
    assert_eq!(watch("").await, "too_many_failures");
    let events = async || {
        let line = format!("{}x-forwarded-for: 203.0.113.20\r\n", bearer("nonsense"));
        relay.request("/api/v1/lines/ali/live", &line).await
    };
    let limited = events().await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("60")));
    assert!(limited.text().contains("too_many_failures"), "{}", limited.text());
}

#[tokio::test]
async fn server_sent_events_open_with_the_lines_own_token_alone() {
    let relay = TestRelay::start(|config| config.limits.failed_attempts = 100);
    let path = "/api/v1/lines/ali/live";
    let refused = relay.get(path).await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(refused.text().trim(), r#"{"code":4102,"reason":"link_refused","type":"error"}"#);
    for other in ["alice", "Ali", "al"] {
        let token = relay.token(other, in_an_hour());
        let response = relay.request(path, &bearer(&token)).await;
        assert_eq!((response.status, response.body), (401, refused.body.clone()), "{other}'s token");
    }
    let unknown = relay.get("/api/v1/lines/nobody/live").await;
    assert_eq!(unknown.body, refused.body, "whether a name exists is not told");
    let expired = relay.token("ali", SystemTime::now() - Duration::from_secs(5));
    let response = relay.request(path, &bearer(&expired)).await;
    assert_eq!(response.status, 401);
    assert!(response.text().contains("link_expired"));
    // The operator is told, under the name in the token.
    for (username, why) in [("ali", "link has expired"), ("alice", "at the address of another line")] {
        let explained = get(relay.addresses.private, &format!("/explain/{username}"), "").await.text();
        assert!(explained.contains(why), "{explained}");
    }

    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let response = head(&mut stream, path, &bearer(&relay.token("ali", in_an_hour()))).await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("text/event-stream")));
    // No proxy compresses the stream: by the RFC, or by a look at the encoding alone.
    assert_eq!(response.header("cache-control"), Some("no-store, no-transform"));
    assert_eq!(response.header("content-encoding"), Some("identity"));
    let path = "/api/v1/lines/a%2Fb%20%25E9%2C%40/live";
    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let response = head(&mut stream, path, &bearer(&relay.token("a/b %E9,@", in_an_hour()))).await;
    assert_eq!(response.status, 200);
}

#[tokio::test]
async fn open_access_wants_no_token() {
    let relay = TestRelay::start(|config| config.access = Mode::Open);
    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    assert_eq!(head(&mut stream, "/api/v1/lines/ali/live", "").await.status, 200);
}

#[tokio::test]
async fn the_private_listener_tells_operators() {
    let relay = TestRelay::start(|_| {});
    let private = relay.addresses.private;
    assert_eq!(get(private, "/healthz", "").await.text(), "ok\n");
    assert_eq!(get(private, "/readyz", "").await.text(), "ready\n");
    let metrics = get(private, "/metrics", "").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.text().contains("# TYPE linelight_connections gauge"));
    let text = get(private, "/explain/a%2Fb%20c", "").await;
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(text.text().contains("a/b c"), "{}", text.text());
    let json = get(private, "/explain/ali", "accept: application/json\r\n").await;
    assert_eq!(json.header("content-type"), Some("application/json"));
    let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(json["username"], "ali");
    assert_eq!(get(private, "/", "").await.status, 404);
}

#[tokio::test]
async fn a_header_that_does_not_come_ends_the_connection() {
    let relay = TestRelay::start(|config| config.limits.header_timeout = Duration::from_millis(100));
    for started in ["", "GET / HTTP/1.1\r\nhost: rel"] {
        let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
        stream.write_all(started.as_bytes()).await.unwrap();
        assert!(read_to_end(&mut stream).await.is_empty(), "{started:?}");
    }
    relay.metric_reaches("linelight_http_requests_failed_total", 1).await;
}

#[tokio::test]
async fn a_header_without_end_is_refused() {
    let relay = TestRelay::start(|_| {});
    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: relay.test\r\nx: {}", "x".repeat(64 * 1024));
    // The relay may hang up before the end of the request.
    let _ = stream.write_all(request.as_bytes()).await;
    let answer = read_to_end(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    let many = relay.request("/", &"x: y\r\n".repeat(100)).await;
    assert_eq!(many.status, 431);
}

/// Connects from another address of loopback.
async fn connect_from(address: [u8; 4], relay: &TestRelay) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    socket.connect(relay.addresses.viewers).await.unwrap()
}

/// Opens a WebSocket, without a watch.
async fn websocket(mut stream: TcpStream) -> TcpStream {
    assert_eq!(head(&mut stream, "/api/v1/live", WEBSOCKET).await.status, 101);
    stream
}

/// Sends a watch and waits for the snapshot's first bytes.
async fn seated(mut websocket: TcpStream, token: &str) -> TcpStream {
    let watch = format!("{{\"type\":\"watch\",\"token\":\"{token}\"}}");
    let length = u16::try_from(watch.len()).unwrap().to_be_bytes();
    // A masked text frame (RFC 6455, section 5.2) with a mask of zeros.
    let frame = [&[0x81, 0xfe, length[0], length[1], 0, 0, 0, 0][..], watch.as_bytes()].concat();
    websocket.write_all(&frame).await.unwrap();
    timeout(PATIENCE, websocket.read_u8()).await.unwrap().unwrap();
    websocket
}

/// True if the connection is open: a byte of the next sample, or nothing, is no end.
fn is_open(stream: &TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match stream.try_read(&mut bytes) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}

const ATTACKER: [u8; 4] = [127, 7, 0, 1];

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once_and_places_come_back() {
    let relay = TestRelay::start(|config| config.limits.connections = 1);
    let token = relay.token("ali", in_an_hour());
    let first = connect_from([127, 0, 0, 1], &relay).await;
    let first = seated(websocket(first).await, &token).await;
    let mut second = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    assert!(read_to_end(&mut second).await.is_empty());
    assert_eq!(relay.metric("linelight_connections_refused_total").await, 1);
    assert!(is_open(&first), "a viewer keeps its place");
    drop(first);
    eventually("the place comes back", async || {
        let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: relay.test\r\nconnection: close\r\n\r\n").await;
        !read_to_end(&mut stream).await.is_empty()
    })
    .await;
}

/// A stranger's connection, by kind.
async fn stranger(kind: &str, from: [u8; 4], relay: &TestRelay) -> TcpStream {
    let mut stream = connect_from(from, relay).await;
    match kind {
        "silent" => stream,
        "half a header" => {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: relay.test\r\nx: ").await.unwrap();
            stream
        }
        "idle" => {
            assert_eq!(head(&mut stream, "/nothing", "").await.status, 404);
            stream
        }
        _ => websocket(stream).await,
    }
}

#[tokio::test]
async fn strangers_give_way_and_viewers_never_do() {
    for kind in ["silent", "half a header", "idle", "without a watch"] {
        for (connections, half_open) in [(5, 1_000), (1_000, 4)] {
            let relay = TestRelay::start(|config| {
                config.limits.connections = connections;
                config.limits.half_open = half_open;
                config.limits.header_timeout = 10 * PATIENCE;
                config.limits.first_frame_timeout = 10 * PATIENCE;
            });
            let token = relay.token("ali", in_an_hour());
            let viewer = connect_from(ATTACKER, &relay).await;
            let viewer = seated(websocket(viewer).await, &token).await;
            let mut crowd = Vec::new();
            for nth in 1..=4 {
                crowd.push(stranger(kind, ATTACKER, &relay).await);
                relay.metric_reaches("linelight_connections_half_open", nth).await;
            }
            let newcomer = connect_from([127, 8, 0, 1], &relay).await;
            let newcomer = seated(websocket(newcomer).await, &token).await;
            read_to_end(&mut crowd[0]).await;
            assert!(is_open(&newcomer) && is_open(&viewer), "{kind}");
            assert!(crowd[1..].iter().all(is_open), "the oldest alone gives way: {kind}");
            assert_eq!(relay.metric("linelight_connections_gave_way_total").await, 1, "{kind}");
            assert_eq!(relay.metric("linelight_connections_refused_total").await, 0, "{kind}");
        }
    }
}

#[tokio::test]
async fn one_address_has_a_share_of_the_strangers_places() {
    let relay = TestRelay::start(|config| {
        config.limits.half_open_per_address = 2;
        config.limits.header_timeout = 10 * PATIENCE;
    });
    let neighbour = stranger("silent", [127, 8, 0, 1], &relay).await;
    let mut crowd = Vec::new();
    for nth in 1..=5 {
        crowd.push(stranger("silent", ATTACKER, &relay).await);
        relay.metric_reaches("linelight_connections_accepted_total", nth + 1).await;
    }
    for gone in &mut crowd[..3] {
        assert!(read_to_end(gone).await.is_empty());
    }
    assert!(crowd[3..].iter().all(is_open) && is_open(&neighbour));
    assert_eq!(relay.metric("linelight_connections_gave_way_total").await, 3);
}

#[tokio::test]
async fn a_stream_of_events_is_a_viewer_and_never_gives_way() {
    let relay = TestRelay::start(|config| {
        config.limits.half_open = 1;
        config.limits.header_timeout = 10 * PATIENCE;
    });
    let mut events = connect_from(ATTACKER, &relay).await;
    let token = bearer(&relay.token("ali", in_an_hour()));
    let answer = head(&mut events, "/api/v1/lines/ali/live", &token).await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    let _stranger = stranger("idle", ATTACKER, &relay).await;
    assert!(is_open(&events));
}

#[tokio::test]
async fn behind_a_proxy_strangers_count_by_the_forwarded_address() {
    let relay = TestRelay::start(|config| {
        let proxies = vec!["127.7.0.0/16".parse().unwrap()];
        config.forwarding = Some(Forwarding { proxies, header: "x-forwarded-for".parse().unwrap() });
        config.limits.half_open = 4;
        config.limits.half_open_per_address = 2;
        config.limits.header_timeout = 10 * PATIENCE;
        config.limits.first_frame_timeout = 10 * PATIENCE;
    });
    let mut of_the_proxy = Vec::new();
    for _ in 0..8 {
        of_the_proxy.push(stranger("idle", ATTACKER, &relay).await);
    }
    let forwarded = async |address: &str| {
        let mut stream = connect_from(ATTACKER, &relay).await;
        let lines = format!("{WEBSOCKET}x-forwarded-for: {address}\r\n");
        assert_eq!(head(&mut stream, "/api/v1/live", &lines).await.status, 101);
        stream
    };
    let other = forwarded("203.0.113.8").await;
    let mut first = forwarded("203.0.113.7").await;
    let rest = [forwarded("203.0.113.7").await, forwarded("203.0.113.7").await];
    read_to_end(&mut first).await;
    assert!(rest.iter().chain([&other]).chain(&of_the_proxy).all(is_open), "a proxy's own connections are exempt");
    assert_eq!(relay.metric("linelight_connections_gave_way_total").await, 1);
}

#[tokio::test]
async fn a_relay_that_stops_says_so_until_its_connections_have_ended() {
    let mut relay = TestRelay::start(|config| config.limits.drain = PATIENCE);
    let token = add_agent(&relay, "tower");
    eventually("the token is known", async || relay.request("/agent/v1", &bearer(&token)).await.status != 401).await;
    let mut uplink = TcpStream::connect(relay.addresses.agents).await.unwrap();
    let lines = format!("{WEBSOCKET}{}sec-websocket-protocol: linelight.agent.v1\r\n", bearer(&token));
    assert_eq!(head(&mut uplink, "/agent/v1", &lines).await.status, 101);

    relay.stop();
    let private = relay.addresses.private;
    eventually("readiness turns red", async || get(private, "/readyz", "").await.status == 503).await;
    assert_eq!(get(private, "/healthz", "").await.status, 200);
    let mut close = [0; 4];
    timeout(PATIENCE, uplink.read_exact(&mut close)).await.unwrap().unwrap();
    assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, 1001), "a close frame: going away");
    drop(uplink);
    relay.stopped().await;
    assert!(TcpStream::connect(private).await.is_err());
}

#[tokio::test]
async fn a_relay_that_stops_cuts_what_does_not_end() {
    let mut relay = TestRelay::start(|config| {
        config.limits.drain = Duration::from_millis(100);
        config.limits.header_timeout = PATIENCE;
    });
    let mut stuck = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    stuck.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    relay.metric_reaches("linelight_connections_accepted_total", 1).await;
    relay.stop();
    relay.stopped().await;
}

/// Sends bytes, in two pieces if `split` is within them, and reads until the relay ends the connection.
async fn raw(relay: &TestRelay, bytes: &[u8], split: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let (first, second) = bytes.split_at(split.min(bytes.len()));
    for piece in [first, second] {
        // The relay may hang up before the end of the request.
        let _ = stream.write_all(piece).await;
        tokio::task::yield_now().await;
    }
    read_to_end(&mut stream).await
}

#[tokio::test]
async fn what_the_rfc_forbids_is_answered_400_with_the_relays_headers() {
    let relay = TestRelay::start(|_| {});
    let upgrade = format!("GET /api/v1/live HTTP/1.1\r\nhost: a\r\n{WEBSOCKET}content-length: 3\r\n\r\nabc");
    for wrong in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.1\nhost: a\n\n",
        "GET / HTTP/1.1\r\nhost: a\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx : y\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551615\r\n\r\n",
        "GET /line/\u{e9} HTTP/1.1\r\nhost: a\r\n\r\n",
        &upgrade,
    ] {
        for split in [0, 1, 17, wrong.len() - 1] {
            let answer = raw(&relay, wrong.as_bytes(), split).await;
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.starts_with("HTTP/1.1 400 "), "{wrong:?}: {answer}");
            assert_eq!(
                answer.matches("HTTP/1.1").count(),
                1 + answer.matches("needs one Host").count() + answer.matches("or HTTP/1.1").count(),
                "{wrong:?}: {answer}"
            );
            for line in
                ["x-content-type-options: nosniff", "linelight: relay", "connection: close", "cache-control: no-store"]
            {
                assert!(answer.contains(line), "{wrong:?}: {line} is not in {answer}");
            }
        }
    }
}

#[tokio::test]
async fn http_1_0_has_no_upgrade() {
    let relay = TestRelay::start(|_| {});
    let answer = raw(&relay, format!("GET /api/v1/live HTTP/1.0\r\nhost: a\r\n{WEBSOCKET}\r\n").as_bytes(), 0).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.0 426 ") && answer.contains("x-content-type-options: nosniff"), "{answer}");
}

#[tokio::test]
async fn a_wrong_head_is_answered_in_its_turn_and_nothing_behind_it_is_read() {
    let relay = TestRelay::start(|_| {});
    let good = "GET /nothing HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = raw(&relay, format!("{good}{good}GET / HTTP/1.1\r\n\r\n{good}").as_bytes(), 40).await;
    let answer = String::from_utf8_lossy(&answer);
    let statuses: Vec<&str> = answer
        .split("HTTP/1.1 ")
        .skip(1)
        .filter_map(|part| part.get(..3))
        .filter(|part| part.parse::<u16>().is_ok())
        .collect();
    assert_eq!(statuses, ["404", "404", "400"], "{answer}");
    let refused = raw(&relay, b"REFUSED / HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n", 0).await;
    assert!(refused.starts_with(b"HTTP/1.1 405 "), "a method like any other");
}

#[tokio::test]
async fn a_connection_ends_behind_a_body_or_an_upgrade_that_is_none() {
    let relay = TestRelay::start(|_| {});
    let hidden = "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";
    for (wrapped, status) in [
        (format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{hidden}{hidden}", hidden.len()), "405"),
        (format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"), "405"),
        (format!("GET /nothing HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\n\r\n{hidden}"), "404"),
    ] {
        let answer = raw(&relay, wrapped.as_bytes(), 0).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{wrapped:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{wrapped:?}: {answer}");
    }
}

#[tokio::test]
async fn unfinished_heads_have_a_limit_in_bytes() {
    let relay = TestRelay::start(|config| {
        config.limits.head_bytes = 64 * 1024;
        config.limits.header_timeout = 10 * PATIENCE;
    });
    let half = format!("GET / HTTP/1.1\r\nhost: relay.test\r\nx: {}", "x".repeat(3 * 1024));
    // An address may hold 8 KiB: two of these heads.
    let mut crowd = Vec::new();
    for _ in 0..3 {
        let mut stream = connect_from(ATTACKER, &relay).await;
        stream.write_all(half.as_bytes()).await.unwrap();
        crowd.push(stream);
    }
    let mut other = connect_from([127, 8, 0, 1], &relay).await;
    other.write_all(half.as_bytes()).await.unwrap();
    eventually("one gives way", async || crowd.iter().filter(|stream| is_open(stream)).count() == 2).await;
    assert_eq!(relay.metric("linelight_connections_gave_way_total").await, 1);
    other.write_all(b"\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut other).await.starts_with(b"HTTP/1.1 200 "), "an honest neighbour is not disturbed");
}
