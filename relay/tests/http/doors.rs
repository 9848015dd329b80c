//! The doors of viewers, agents and operators, and the limit on failed logins.

use super::*;

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
