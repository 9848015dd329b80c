//! Server-sent events in paused time: the same stream as over a WebSocket, and as fresh to a slow reader.

use std::time::{Duration, SystemTime};

use http_body::Body;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::net::listener::Unbuffered;
use crate::tests::stage::{AgentEnd, Stage, live, name};
use crate::viewers::links::Proof;
use crate::viewers::links::lease::Lease;

/// A stage with one agent that reports `ali` as handle 1.
async fn stage_with_line() -> (Stage, AgentEnd) {
    let stage = Stage::new();
    let agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    (stage, agent)
}

async fn next_event(body: &mut EventBody) -> Option<String> {
    let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn server_sent_events_are_the_same_stream() {
    let (stage, mut agent) = stage_with_line().await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    let expires = SystemTime::from(stage.hub.now().unix) + Duration::from_secs(30);
    let admission =
        Admission { username: name("ali"), expires: Some(expires), proof: Proof::Link, lease: Lease::endless() };
    let mut body = serve_events(admission, None, Arc::clone(&stage.context)).unwrap();
    let snapshot = next_event(&mut body).await.unwrap();
    assert!(snapshot.starts_with("event: snapshot\ndata: {\"type\":\"snapshot\""), "{snapshot}");
    agent.samples(&[(1, 14_780_000, 620_000)]).await;
    let sample = next_event(&mut body).await.unwrap();
    assert_eq!(sample, format!("event: sample\ndata: {}\n\n", viewer.text().await.unwrap()));
    let mut last = String::new();
    while let Some(event) = next_event(&mut body).await {
        assert!(event.ends_with("}\n\n"));
        last = event;
    }
    assert_eq!(last, "event: error\ndata: {\"type\":\"error\",\"code\":4103,\"reason\":\"link_expired\"}\n\n");
    drop(body);
    assert_eq!(stage.hub.viewers(), 1);
}

#[tokio::test(start_paused = true)]
async fn server_sent_events_repeat_the_state_and_end_with_the_relay() {
    let (stage, _agent) = stage_with_line().await;
    let admission =
        Admission { username: name("nobody"), expires: None, proof: Proof::Username, lease: Lease::endless() };
    let mut body = serve_events(admission, None, Arc::clone(&stage.context)).unwrap();
    next_event(&mut body).await.unwrap();
    let before = stage.hub.now().steady;
    assert!(next_event(&mut body).await.unwrap().starts_with("event: state\n"));
    assert!((9_000..=10_010).contains(&(stage.hub.now().steady - before)));
    stage.stop();
    assert!(next_event(&mut body).await.unwrap().contains("going_away"));
    assert!(next_event(&mut body).await.is_none());
}

fn body(stage: &Stage) -> EventBody {
    let admission = Admission { username: name("ali"), expires: None, proof: Proof::Link, lease: Lease::endless() };
    serve_events(admission, None, Arc::clone(&stage.context)).unwrap()
}

/// Answers one request with the body, over HTTP as the listener speaks it.
async fn serve(body: EventBody, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let body = Mutex::new(Some(body));
    let answer = service_fn(move |_| {
        let body = body.lock().take().unwrap();
        async move { Ok::<_, Infallible>(http::Response::new(axum::body::Body::new(body))) }
    });
    let stream = TokioIo::new(Unbuffered::new(stream));
    // It ends when the reader has gone.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, answer).await;
}

/// TLS between two ends of a pipe.
async fn tls(
    ours: DuplexStream,
    theirs: DuplexStream,
) -> (tokio_rustls::client::TlsStream<DuplexStream>, tokio_rustls::server::TlsStream<DuplexStream>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["relay.test".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut server = server.unwrap().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    // They come behind the handshake, when nobody reads in a pipe this narrow.
    server.send_tls13_tickets = 0;
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("relay.test").unwrap();
    let (ours, theirs) = tokio::join!(
        TlsConnector::from(Arc::new(client)).connect(name, ours),
        TlsAcceptor::from(Arc::new(server)).accept(theirs)
    );
    (ours.unwrap(), theirs.unwrap())
}

/// Reads until a word has come; what came.
async fn read_until(stream: &mut (impl AsyncRead + Unpin), word: &str) -> String {
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains(word) {
        assert!(text.len() < 10_000, "{word:?} does not come: {}", String::from_utf8_lossy(&text));
        assert_ne!(stream.read_buf(&mut text).await.unwrap(), 0, "{}", String::from_utf8_lossy(&text));
    }
    String::from_utf8(text).unwrap()
}

/// A reader that stops for ten samples; how many of them it is sent one by one, as they were.
async fn stale_samples(agent: &mut AgentEnd, mut reader: impl AsyncRead + AsyncWrite + Unpin) -> usize {
    reader.write_all(b"GET / HTTP/1.1\r\nhost: relay.test\r\n\r\n").await.unwrap();
    reader.flush().await.unwrap();
    read_until(&mut reader, "event: snapshot").await;
    read_until(&mut reader, "\n\n").await;
    agent.watches().await;
    agent.stream(1, 10).await;
    let missed = read_until(&mut reader, "event: samples\n").await + &read_until(&mut reader, "\n\n").await;
    assert!(missed.contains("14780009"), "the rest is one frame: {missed}");
    missed.matches("event: sample\n").count()
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_of_events_gets_now_and_no_replay_of_stale_seconds() {
    let (stage, mut agent) = stage_with_line().await;
    let (ours, theirs) = tokio::io::duplex(100);
    tokio::spawn(serve(body(&stage), theirs));
    // One in the pipe, one half written.
    assert!(stale_samples(&mut agent, ours).await <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_of_events_over_tls_gets_now_and_no_replay_of_stale_seconds() {
    let (stage, mut agent) = stage_with_line().await;
    let (ours, theirs) = tokio::io::duplex(100);
    let (ours, theirs) = tls(ours, theirs).await;
    tokio::spawn(serve(body(&stage), theirs));
    // The same, and one encrypted.
    assert!(stale_samples(&mut agent, ours).await <= 3);
}
