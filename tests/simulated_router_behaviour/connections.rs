//! Connections over real sockets: drops, stalls, closed ports, limits, TLS.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, RootCertStore};
use tests::simulated_router::{Rate, Rates, Setup, SimulatedRouter, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::client::Client;

const FAST: Duration = Duration::from_millis(20);

async fn started() -> SimulatedRouter {
    let router = SimulatedRouter::start(Setup { second: FAST, ..Setup::default() }).await.expect("ports are free");
    router.session_up(b"alice");
    router.set_rate(b"alice", Rate::Exact(Rates::new(14_780_000, 2_100_000)));
    router
}

async fn connect(router: &SimulatedRouter) -> Client<TcpStream> {
    let address = router.address().expect("a port is open");
    Client::new(TcpStream::connect(address).await.expect("the port is open")).log_in().await
}

#[tokio::test]
async fn a_stream_over_a_socket() {
    let router = started().await;
    let mut client = connect(&router).await;
    client.send("/interface/monitor-traffic =interface=<pppoe-alice> .tag=1").await;
    for section in 0..5 {
        let row = client.reply().await;
        assert_eq!((row.get(".section"), row.get("tx-bits-per-second")), (section.to_string().as_str(), "14780000"));
    }
}

#[tokio::test]
async fn dropped_connections_end_and_new_ones_begin() {
    let router = started().await;
    let mut first = connect(&router).await;
    first.send("/ppp/active/listen .tag=1").await;
    router.wait_until(|record| record.streams().len() == 1).await;
    router.drop_connections();
    assert_eq!(first.next().await, None);
    router.wait_until(|record| record.connections().len() == 0 && record.streams().len() == 0).await;
    connect(&router).await;
}

#[tokio::test]
async fn a_stalled_router_says_nothing_and_closes_nothing() {
    let router = started().await;
    let mut client = connect(&router).await;
    router.stall(true);
    client.send("/system/identity/print").await;
    router.wait_until(|record| record.commands().len() == 2).await;
    assert!(timeout(FAST * 10, client.reply()).await.is_err(), "no answer while it is stalled");
    router.stall(false);
    assert_eq!(client.text().await, "!re =name=concentrator");
}

#[tokio::test]
async fn a_stalled_stream_makes_no_samples() {
    let router = started().await;
    let mut client = connect(&router).await;
    client.send("/interface/monitor-traffic =interface=<pppoe-alice> .tag=1").await;
    client.reply().await;
    router.stall(true);
    while timeout(FAST * 10, client.reply()).await.is_ok() {}
    let sent = router.samples().len();
    assert!(timeout(FAST * 10, client.reply()).await.is_err());
    assert_eq!(router.samples().len(), sent);
    router.stall(false);
    client.reply().await;
}

#[tokio::test]
async fn closed_ports_refuse_and_open_connections_stay() {
    let router = started().await;
    let mut client = connect(&router).await;
    let address = router.address().expect("a port");
    router.refuse_connections(true).await;
    let refused = TcpStream::connect(address).await.expect_err("the port is closed");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(client.rows("/system/identity/print").await.len(), 1);
    router.refuse_connections(false).await;
    connect(&router).await;
}

#[tokio::test]
async fn one_session_too_many_is_closed_without_a_word() {
    let router = SimulatedRouter::start(Setup { max_sessions: 2, ..Setup::default() }).await.expect("ports are free");
    let first = connect(&router).await;
    let _second = connect(&router).await;
    let mut third = TcpStream::connect(router.address().expect("a port")).await.expect("accepted");
    assert_eq!(third.read(&mut [0; 8]).await.unwrap_or(0), 0);
    drop(first);
    router.wait_until(|record| record.connections().len() == 1).await;
    connect(&router).await;
}

#[tokio::test]
async fn a_dropped_router_leaves_nothing_behind() {
    let router = started().await;
    let mut client = connect(&router).await;
    let address = router.address().expect("a port");
    drop(router);
    assert_eq!(client.next().await, None);
    let closed = async { while TcpStream::connect(address).await.is_ok() {} };
    timeout(Duration::from_secs(5), closed).await.expect("the port closes");
}

#[tokio::test]
async fn bytes_that_are_no_sentence_end_the_connection() {
    let router = started().await;
    let mut client = connect(&router).await;
    client.stream.write_all(&[0xF8, 0, 0]).await.expect("written");
    assert_eq!(client.next().await, None);
}

async fn with_tls(tls: Tls) -> SimulatedRouter {
    SimulatedRouter::start(Setup { tls, ..Setup::default() }).await.expect("ports are free")
}

fn connector(roots: RootCertStore) -> TlsConnector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

#[tokio::test]
async fn api_ssl_speaks_the_same_and_its_pin_is_its_keys() {
    let router = with_tls(Tls::Certificate).await;
    let pem = router.certificate_pem().expect("a certificate");
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let parsed = ParsedCertificate::try_from(&certificate).expect("a certificate");
    let digest = ring::digest::digest(&ring::digest::SHA256, parsed.subject_public_key_info().as_ref());
    assert_eq!(router.spki_pin().as_ref().map(|pin| &pin[..]), Some(digest.as_ref()));
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let stream = TcpStream::connect(router.tls_address().expect("a port")).await.expect("open");
    let name = ServerName::try_from("router.simulated").expect("a name");
    let stream = connector(roots).connect(name, stream).await.expect("a handshake");
    let mut client = Client::new(stream).log_in().await;
    assert_eq!(client.rows("/system/identity/print").await[0].get("name"), "concentrator");
    assert_eq!(router.log(), ["user linelight logged in from 127.0.0.1 via api-ssl"]);
}

#[tokio::test]
async fn api_ssl_without_a_certificate_fails_every_handshake() {
    let router = with_tls(Tls::NoCertificate).await;
    let stream = TcpStream::connect(router.tls_address().expect("a port")).await.expect("open");
    let name = ServerName::try_from("router.simulated").expect("a name");
    let error = connector(RootCertStore::empty()).connect(name, stream).await.expect_err("no handshake");
    assert!(error.to_string().contains("HandshakeFailure"), "{error}");
}
