//! Connections without a token: their time, their number, and their order of giving way.

use super::*;

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
