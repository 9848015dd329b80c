//! Certificates by ACME, from Pebble: both proofs, refusals, an authority that is away, renewal under open connections.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../common/mod.rs"]
mod common;
mod pebble;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::{Response, TestRelay, WEBSOCKET, eventually, exchange, get, head};
use pebble::{Pebble, Proved, free_port};
use relay::net::acme::AcmeSettings;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const NAME: &str = "relay.example";

fn trusting(root: CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    // Each connection shows the certificate of its time.
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

fn trusting_file(path: &Path) -> Arc<ClientConfig> {
    trusting(relay::net::tls::certificates(path).unwrap().remove(0))
}

/// The ports of a relay to be: Pebble has to know them first.
struct Ports {
    tls: u16,
    http: u16,
}

impl Ports {
    fn choose() -> Self {
        Self { tls: free_port(), http: free_port() }
    }

    fn proved(&self) -> Proved {
        Proved { tls: self.tls, http: self.http }
    }
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn settings(pebble: &Pebble) -> AcmeSettings {
    AcmeSettings {
        names: vec![NAME.to_owned()],
        contact: Some("noc@isp.example".to_owned()),
        directory: pebble.directory(),
        ca: Some(pebble.ca()),
        http: None,
        first_wait: Duration::from_millis(100),
        longest_wait: Duration::from_millis(400),
        look_every: Duration::from_millis(50),
    }
}

fn start(ports: &Ports, settings: AcmeSettings) -> TestRelay {
    TestRelay::start(|config| {
        config.listen = local(ports.tls);
        config.acme = Some(settings);
    })
}

async fn connect(
    ports: &Ports,
    config: &Arc<ClientConfig>,
    name: &'static str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(local(ports.tls)).await?;
    TlsConnector::from(Arc::clone(config)).connect(ServerName::try_from(name).unwrap(), stream).await
}

fn certificate(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

async fn gets_a_certificate(ports: &Ports, config: &Arc<ClientConfig>, name: &'static str) -> CertificateDer<'static> {
    eventually("the relay has a certificate", async || connect(ports, config, name).await.is_ok()).await;
    let stream = connect(ports, config, name).await.unwrap();
    let certificate = certificate(&stream);
    let page: Response = exchange(stream, "GET", "/", "").await;
    assert_eq!((page.status, page.header("strict-transport-security")), (200, Some("max-age=31536000")));
    certificate
}

async fn readiness(relay: &TestRelay) -> String {
    get(relay.addresses.private, "/readyz", "").await.text()
}

/// Puts the certificate's begin and end so that it is due: the file names other names.
fn make_due(relay: &TestRelay) {
    let path = relay.directory.path().join("acme-certificate.pem");
    let text = std::fs::read_to_string(&path).unwrap();
    relay::store::data_directory::replace(&path, text.replace(NAME, "before.example").as_bytes()).unwrap();
}

#[tokio::test]
async fn a_certificate_comes_by_tls_alpn_01_and_is_used_again_after_a_restart() {
    let ports = Ports::choose();
    let mut pebble = Pebble::start(ports.proved()).await;
    let mut relay = start(&ports, settings(&pebble));
    let roots = trusting(pebble.root().await);
    let first = gets_a_certificate(&ports, &roots, NAME).await;
    for file in ["acme-account.json", "acme-certificate.pem"] {
        let mode = std::fs::metadata(relay.directory.path().join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
    relay.metric_reaches("linelight_certificate_expiry_timestamp_seconds", 1).await;
    let now = relay.metric("linelight_clock_seconds").await;
    let (next, end) = (
        relay.metric("linelight_acme_next_try_timestamp_seconds").await,
        relay.metric("linelight_certificate_expiry_timestamp_seconds").await,
    );
    assert!(now < next && next < end, "{now} {next} {end}");
    assert_eq!(readiness(&relay).await, "ready\n");
    // An authority's handshake outside of an order gets nothing.
    let mut asking = ClientConfig::clone(&roots);
    asking.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    assert!(connect(&ports, &Arc::new(asking), NAME).await.is_err());

    // The authority is away: what the directory holds is enough.
    pebble.go_away();
    let settings = settings(&pebble);
    relay.stop();
    let directory = relay.stopped_in().await;
    let again = TestRelay::start_in(directory, |config| {
        config.listen = local(ports.tls);
        config.acme = Some(settings);
    });
    assert_eq!(gets_a_certificate(&ports, &roots, NAME).await, first);
    assert_eq!(again.metric("linelight_acme_failures_total").await, 0, "nothing was ordered");
}

#[tokio::test]
async fn a_certificate_for_two_names_comes_by_http_01_and_the_plain_door_leads_to_https() {
    let ports = Ports::choose();
    let pebble = Pebble::start(ports.proved()).await;
    let names = vec!["line.example".to_owned(), NAME.to_owned()];
    let _relay = start(&ports, AcmeSettings { http: Some(local(ports.http)), names, ..settings(&pebble) });
    let roots = trusting(pebble.root().await);
    gets_a_certificate(&ports, &roots, NAME).await;
    gets_a_certificate(&ports, &roots, "line.example").await;
    assert!(pebble.log().contains("validate w/ HTTP: http://line.example"), "{}", pebble.log());
    let plain = async |path: &str, host: &str| {
        let mut stream = TcpStream::connect(local(ports.http)).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
        String::from_utf8(common::read_to_end(&mut stream).await).unwrap()
    };
    let led = plain("/line/ali?x=1", "Relay.example:80").await;
    assert!(
        led.starts_with("HTTP/1.1 308") && led.contains("location: https://relay.example/line/ali?x=1\r\n"),
        "{led}"
    );
    assert!(led.contains("content-security-policy: default-src 'none'"), "{led}");
    for (path, host) in
        [("/", "evil.example"), ("/.well-known/acme-challenge/none", NAME), ("/.well-known/acme-challenge/%FF", NAME)]
    {
        assert!(plain(path, host).await.starts_with("HTTP/1.1 404"), "{path} {host}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_the_time_of_the_next_try() {
    let ports = Ports::choose();
    // The authority looks for the proof at a port where nobody is.
    let pebble = Pebble::start(Proved { tls: free_port(), http: free_port() }).await;
    let relay = start(&ports, settings(&pebble));
    relay.metric_reaches("linelight_acme_failures_total", 2).await;
    assert!(pebble.log().contains("set INVALID by completed challenge"), "the authority looked: {}", pebble.log());
    assert_eq!(relay.metric("linelight_acme_failing").await, 1);
    let readiness = readiness(&relay).await;
    assert!(readiness.starts_with("ready, degraded: no new certificate by ACME, next try at 20"), "{readiness}");
    assert!(connect(&ports, &trusting(pebble.root().await), NAME).await.is_err(), "there is no certificate to show");
    assert_eq!(relay.metric("linelight_certificate_expiry_timestamp_seconds").await, 0);
}

#[tokio::test]
async fn a_renewal_leaves_connections_open_and_a_failed_one_leaves_the_certificate() {
    let ports = Ports::choose();
    let mut pebble = Pebble::start(ports.proved()).await;
    let relay = start(&ports, settings(&pebble));
    let roots = trusting(pebble.root().await);
    let first = gets_a_certificate(&ports, &roots, NAME).await;
    let mut open = connect(&ports, &roots, NAME).await.unwrap();
    assert_eq!(head(&mut open, "/api/v1/live", WEBSOCKET).await.status, 101);

    pebble.go_away();
    make_due(&relay);
    relay.metric_reaches("linelight_acme_failures_total", 2).await;
    assert_eq!(gets_a_certificate(&ports, &roots, NAME).await, first, "a failure takes no certificate away");
    assert!(readiness(&relay).await.contains("degraded: no new certificate by ACME"));

    // The authority that comes back has forgotten the account and has other keys: another one's directory, so to say.
    pebble.come_back().await;
    std::fs::remove_file(relay.directory.path().join("acme-account.json")).unwrap();
    let roots = trusting(pebble.root().await);
    let second = gets_a_certificate(&ports, &roots, NAME).await;
    assert_ne!(first, second);
    eventually("it is well again", async || readiness(&relay).await == "ready\n").await;
    // A stream that was open before is open still, and answers.
    tokio::io::AsyncWriteExt::write_all(&mut open, &[0x89, 0x80, 0, 0, 0, 0]).await.unwrap();
    let mut pong = [0; 2];
    tokio::io::AsyncReadExt::read_exact(&mut open, &mut pong).await.unwrap();
    assert_eq!(pong, [0x8a, 0x00]);
}
