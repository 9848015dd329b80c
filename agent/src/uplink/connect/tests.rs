//! Tests over real sockets. Each test has its own server, on a port chosen by the system.

use std::path::PathBuf;

use futures_util::StreamExt;
use shared::close::Retry;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server;

use super::super::probe;
use super::*;
use crate::config::{Proxy, Secret, SecretSource, UplinkTiming};
use crate::tls::Trust;
use crate::tls::tests::{Issued, NAME, issue};

const PATIENCE: Duration = Duration::from_secs(20);

fn relay(trust: Trust, token: SecretSource, proxy: Option<Proxy>, address: RelayAddress) -> RelayConfig {
    RelayConfig { addresses: vec![address], token, trust, proxy }
}

fn address(host: &str, port: u16, tls: bool) -> RelayAddress {
    RelayAddress {
        host: HostPort::new(host.to_owned(), port),
        path: shared::UPLINK_PATH.to_owned(),
        scheme: if tls { Scheme::Wss } else { Scheme::Ws },
    }
}

fn token() -> SecretSource {
    SecretSource::Value(Secret::new("hunter2"))
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

async fn open(config: RelayConfig, step_timeout: Duration) -> Result<Socket, ConnectError> {
    let connector = Connector::new(config, step_timeout);
    connector.open(&connector.addresses()[0]).await
}

/// Takes one uplink over TLS, and returns its request's path, Authorization and subprotocol.
async fn take_uplink(listener: &TcpListener, issued: &Issued) -> [String; 3] {
    let (stream, _) = listener.accept().await.unwrap();
    let stream = issued.acceptor().accept(stream).await.unwrap();
    let mut seen = [(); 3].map(|()| String::new());
    #[expect(clippy::result_large_err, reason = "tungstenite's callback")]
    let answer = |request: &server::Request, mut response: server::Response| {
        let header = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        seen = [request.uri().path().to_owned(), header("authorization"), header("sec-websocket-protocol")];
        response.headers_mut().insert("sec-websocket-protocol", UPLINK_SUBPROTOCOL.parse().unwrap());
        Ok(response)
    };
    let mut socket = accept_hdr_async(stream, answer).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    seen
}

#[tokio::test]
async fn over_a_trusted_handshake_the_token_is_sent() {
    let issued = issue(|_| ());
    let (listener, port) = listen().await;
    let config = relay(Trust::Pins(vec![issued.pin()]), token(), None, address("127.0.0.1", port, true));
    let opened = async { open(config, PATIENCE).await.map(drop).map_err(|error| error.to_string()) };
    let (seen, opened) = tokio::join!(take_uplink(&listener, &issued), opened);
    assert_eq!(opened, Ok(()));
    assert_eq!(seen, ["/agent/v1", "Bearer hunter2", "linelight.agent.v1"].map(str::to_owned));
}

#[tokio::test]
async fn the_first_words_of_the_handshake_say_that_an_agent_knocks() {
    let (listener, port) = listen().await;
    let config = relay(Trust::WebRoots, token(), None, address("127.0.0.1", port, true));
    let hello = async {
        let (stream, _) = listener.accept().await.unwrap();
        let start = tokio_rustls::LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await.unwrap();
        start.client_hello().alpn().unwrap().map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let (_, offered) = tokio::join!(open(config, PATIENCE), hello);
    assert_eq!(offered, [UPLINK_SUBPROTOCOL.as_bytes(), b"http/1.1"]);
}

#[tokio::test]
async fn an_impostor_does_not_even_make_the_token_be_read() {
    let issued = issue(|_| ());
    let (listener, port) = listen().await;
    let stranger = Trust::Pins(vec![issue(|_| ()).pin()]);
    let unreadable = SecretSource::File(PathBuf::from("/nonexistent/token"));
    let config = relay(stranger, unreadable, None, address("127.0.0.1", port, true));
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        issued.acceptor().accept(stream).await.map(drop)
    };
    let (met, served) = tokio::join!(open(config, PATIENCE), serve);
    assert!(matches!(met, Err(ConnectError::Tls(_))), "the file is not asked for");
    assert!(served.is_err());
}

/// Answers one request with these bytes, and returns the request.
async fn answer_with(listener: &TcpListener, answer: &str) -> String {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut asked = String::new();
    while !asked.ends_with("\r\n\r\n") {
        stream.read_line(&mut asked).await.unwrap();
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    asked
}

/// Connects to a listener that answers with these bytes. Returns the error and the request.
async fn met_with(answer: &str) -> (ConnectError, String) {
    let (listener, port) = listen().await;
    let config = relay(Trust::WebRoots, token(), None, address("127.0.0.1", port, false));
    let (met, asked) = tokio::join!(open(config, PATIENCE), answer_with(&listener, answer));
    (met.err().expect("refused"), asked)
}

#[tokio::test]
async fn each_answer_of_the_relay_has_its_words_its_remedy_and_its_time() {
    for (answer, words, retry) in [
        ("401 Unauthorized", "linelight-relay agent add", Retry::After(60)),
        ("403 Forbidden", "refuses it", Retry::After(60)),
        ("404 Not Found", "/agent/v1", Retry::After(30)),
        ("426 Upgrade Required", "Upgrade header", Retry::After(30)),
        ("503 Service Unavailable", "comes back by itself", Retry::BackOff),
        ("500 Internal Server Error", "the relay answers 500", Retry::BackOff),
    ] {
        for version in ["1.0", "1.1"] {
            let answer = format!("HTTP/{version} {answer}\r\nlinelight: relay\r\nContent-Length: 0\r\n\r\n");
            let (error, asked) = met_with(&answer).await;
            let said = error.explain();
            assert!(said.starts_with("the relay answers ") && said.contains(words), "{said}");
            assert_eq!(error.retry(), retry, "{answer}");
            assert!(asked.contains("hunter2") && !format!("{error:?}").contains("hunter2"));
        }
    }
}

#[tokio::test]
async fn the_relay_is_not_blamed_for_what_something_between_answers() {
    for (answer, words, retry) in [
        ("1.1 403 Forbidden\r\nServer: cloudflare", "403 Forbidden (Server: cloudflare)", Retry::After(60)),
        ("1.0 403 Forbidden\r\nServer: squid/6.6", "(Server: squid/6.6)", Retry::After(60)),
        ("1.1 401 Unauthorized\r\nServer: nginx", "let it through", Retry::After(60)),
        ("1.1 200 OK\r\nServer: MikroTik HotSpot", "login page", Retry::BackOff),
        ("1.1 502 Bad Gateway\r\nServer: nginx/1.22.1", "does not reach the relay", Retry::BackOff),
        ("1.1 522 \r\nServer: cloudflare", "answers 522 (Server: cloudflare)", Retry::BackOff),
        ("1.1 526 \r\nServer: cloudflare", "the relay's certificate", Retry::BackOff),
        ("1.0 407 Proxy Authentication Required", "LINELIGHT_PROXY_FILE", Retry::BackOff),
        ("1.1 404 Not Found\r\nServer: Apache", "must pass /agent/v1 on", Retry::After(30)),
        (
            "1.1 302 Found\r\nLocation: https://elsewhere.example/login",
            "https://elsewhere.example/login",
            Retry::After(30),
        ),
    ] {
        let (error, _) = met_with(&format!("HTTP/{answer}\r\nContent-Length: 0\r\n\r\n")).await;
        let said = error.explain();
        assert!(said.starts_with("something between this agent and the relay answers "), "{said}");
        assert!(said.contains(words) && !said.contains("see the relay's log"), "{said}");
        assert_eq!(error.retry(), retry, "{answer}");
    }
}

#[tokio::test]
async fn the_words_of_an_answer_reach_no_terminal_raw_and_are_short() {
    let server = format!("\u{1b}[31mevil\u{202e}{}", "x".repeat(2_000));
    let (error, _) = met_with(&format!("HTTP/1.1 403 No\r\nServer: {server}\r\nLocation: \u{7}\r\n\r\n")).await;
    let said = error.explain();
    assert!(said.contains("\\u{1b}[31mevil\\u{202e}") && said.len() < 400, "{said}");
    assert!(!said.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{said:?}");
}

#[tokio::test]
async fn what_answers_but_is_no_relay_is_named() {
    for (answer, words) in [
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "another protocol"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n",
            "as a WebSocket server",
        ),
        ("SSH-2.0-OpenSSH_9.6\r\n", "begins with \"SSH-2.0-OpenSSH_9.6\""),
    ] {
        let (error, _) = met_with(answer).await;
        let said = error.explain();
        assert!(said.contains("no Linelight relay") && said.contains(words), "{said}");
        assert_eq!(error.retry(), Retry::After(30));
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_as_the_proxy() {
    let (listener, port) = listen().await;
    drop(listener);
    for (url, words) in [
        (format!("http://127.0.0.1:{port}"), "the proxy at 127.0.0.1"),
        ("http://proxy.invalid:3128".to_owned(), "the proxy's name proxy.invalid"),
    ] {
        let proxy = Proxy { url: SecretSource::Value(Secret::new(url)), except: vec![] };
        let config = relay(Trust::WebRoots, token(), Some(proxy), address(NAME, 443, true));
        let said = open(config, PATIENCE).await.err().expect("refused").explain();
        assert!(said.contains(words) && !said.contains("the relay"), "{said}");
    }
}

#[tokio::test]
async fn an_answer_cut_off_in_the_middle_is_a_broken_connection_and_soon_tried_again() {
    for answer in ["", "HTTP/1.1 101 Swit"] {
        let (listener, port) = listen().await;
        let config = relay(Trust::WebRoots, token(), None, address("127.0.0.1", port, false));
        let (met, _) = tokio::join!(open(config, PATIENCE), answer_with(&listener, answer));
        let error = met.err().expect("refused");
        assert!(error.to_string().contains("broke before the relay answered"), "{error}");
        assert_eq!(error.retry(), Retry::BackOff);
    }
}

#[tokio::test]
async fn who_accepts_and_says_nothing_is_given_up_by_the_step() {
    let (_listener, port) = listen().await;
    let config = relay(Trust::WebRoots, token(), None, address("127.0.0.1", port, true));
    let error = open(config, Duration::from_millis(50)).await.err().expect("timed out");
    assert!(error.to_string().contains("the answer to the TLS handshake did not come"), "{error}");
    let said = error.explain();
    assert!(["firewall", "MTU", "MSS"].iter().all(|word| said.contains(word)), "{said}");
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_not_sent() {
    let (listener, port) = listen().await;
    let wrong = SecretSource::Value(Secret::new("two\nlines"));
    let config = relay(Trust::WebRoots, wrong, None, address("127.0.0.1", port, false));
    let (met, _) = tokio::join!(open(config, PATIENCE), listener.accept());
    assert!(matches!(met, Err(ConnectError::TokenForm)));
}

#[tokio::test]
async fn through_a_proxy_the_relay_is_named_and_its_tls_is_not_opened() {
    let issued = issue(|_| ());
    let (relay_listener, relay_port) = listen().await;
    let (proxy_listener, proxy_port) = listen().await;
    let url = format!("http://user:pass@127.0.0.1:{proxy_port}");
    let proxy = Proxy { url: SecretSource::Value(Secret::new(url)), except: vec![] };
    let directory = tempfile::tempdir().unwrap();
    let config = relay(issued.ca_file(directory.path()), token(), Some(proxy), address(NAME, relay_port, true));
    let pass = async {
        let (mut near, _) = proxy_listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(near.read_u8().await.unwrap());
        }
        near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut far = TcpStream::connect(("127.0.0.1", relay_port)).await.unwrap();
        let _ = copy_bidirectional(&mut near, &mut far).await;
        String::from_utf8(asked).unwrap()
    };
    let opened = async { open(config, PATIENCE).await.map(drop).map_err(|error| error.to_string()) };
    let (opened, asked, seen) = tokio::join!(opened, pass, take_uplink(&relay_listener, &issued));
    assert_eq!(opened, Ok(()));
    assert!(asked.starts_with(&format!("CONNECT {NAME}:{relay_port} HTTP/1.1\r\n")), "{asked}");
    assert!(asked.contains("Basic dXNlcjpwYXNz"), "{asked}");
    assert_eq!(seen[1], "Bearer hunter2");
}

#[tokio::test]
async fn the_probe_says_how_far_it_got() {
    let issued = issue(|_| ());
    let timing = UplinkTiming::default();
    let (listener, port) = listen().await;
    let config = relay(Trust::Pins(vec![issued.pin()]), token(), None, address("127.0.0.1", port, true));
    let (steps, _) = tokio::join!(probe::probe(&config, &timing), take_uplink(&listener, &issued));
    let names: Vec<_> = steps.iter().map(|step| (step.name, step.is_failed())).collect();
    assert_eq!(names, [("relay reachable", false), ("relay's TLS", false), ("token accepted", false)]);

    let plain = relay(Trust::WebRoots, token(), None, address("127.0.0.1", port, false));
    let refusal = answer_with(&listener, "HTTP/1.1 401 Unauthorized\r\nlinelight: relay\r\nContent-Length: 0\r\n\r\n");
    let (steps, _) = tokio::join!(probe::probe(&plain, &timing), refusal);
    let last = steps.last().unwrap();
    assert!(last.is_failed() && last.to_string().contains("agent add"), "{last}");
    drop(listener);
    let steps = probe::probe(&plain, &timing).await;
    assert!(steps.len() == 1 && steps[0].to_string().contains("is the relay running"), "{steps:?}");
}
