//! TLS over real sockets: certificates taken anew, resumption, budgets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::{TestRelay, eventually, exchange, read_to_end};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use relay::net::tls::CertificateFiles;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

fn write_certificate(files: &CertificateFiles) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["relay.test", "127.0.0.1"].map(str::to_owned)).unwrap();
    std::fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    std::fs::write(&files.certificate, cert.pem()).unwrap();
    cert.der().clone()
}

fn write_ending_certificate(files: &CertificateFiles, year: i32) -> CertificateDer<'static> {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["relay.test", "127.0.0.1"].map(str::to_owned)).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    certificate.der().clone()
}

fn files(directory: &Path) -> CertificateFiles {
    CertificateFiles { certificate: directory.join("cert.pem"), key: directory.join("key.pem") }
}

fn trusting(certificates: &[&CertificateDer<'static>]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add((*certificate).clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"linelight.agent.v1".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

async fn connect(relay: &TestRelay, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(relay.addresses.viewers).await?;
    TlsConnector::from(Arc::clone(config)).connect(ServerName::try_from("relay.test").unwrap(), stream).await
}

fn start(directory: &Path, change: impl FnOnce(&mut relay::config::Config)) -> TestRelay {
    TestRelay::start(|config| {
        config.tls = Some(files(directory));
        change(config);
    })
}

#[tokio::test]
async fn the_page_and_its_websocket_come_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = write_certificate(&files(directory.path()));
    let relay = start(directory.path(), |_| {});
    let config = trusting(&[&certificate]);
    let stream = connect(&relay, &config).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]), "also where an agent says what it is");
    let page = exchange(stream, "GET", "/", "").await;
    assert_eq!((page.status, page.header("strict-transport-security")), (200, Some("max-age=31536000")));
    let missing = exchange(connect(&relay, &config).await.unwrap(), "GET", "/nothing", "").await;
    assert_eq!((missing.status, missing.header("strict-transport-security")), (404, Some("max-age=31536000")));
    let private = common::get(relay.addresses.private, "/healthz", "").await;
    assert_eq!(private.header("strict-transport-security"), None, "the private listener is plain HTTP");
    let mut stream = connect(&relay, &config).await.unwrap();
    assert_eq!(common::head(&mut stream, "/api/v1/live", common::WEBSOCKET).await.status, 101);
    // The bare TLS stream is handed over: the answer to an unlawful frame is a close frame, not HTTP.
    stream.write_all(&[0x81, 0x00]).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn the_watch_command_trusts_what_it_is_told_to() {
    let directory = tempfile::tempdir().unwrap();
    write_certificate(&files(directory.path()));
    let relay = start(directory.path(), |_| {});
    let mut watch = Command::new(env!("CARGO_BIN_EXE_linelight-relay"));
    watch.env_clear().arg("--data").arg(relay.directory.path()).args(["watch", "ali", "--url"]);
    watch.arg(format!("https://{}", relay.addresses.viewers)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ca = files(directory.path()).certificate;
    let (stranger, line) = tokio::task::spawn_blocking(move || {
        let stranger = watch.output().unwrap();
        let mut child = watch.arg("--ca").arg(ca).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        (stranger, line)
    })
    .await
    .unwrap();
    assert_eq!(stranger.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&stranger.stderr).contains("--ca"));
    assert_eq!(line, "ali  starting\n");
}

#[tokio::test]
async fn sessions_resume_without_a_signature() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = write_certificate(&files(directory.path()));
    let relay = start(directory.path(), |_| {});
    let config = trusting(&[&certificate]);
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut stream = connect(&relay, &config).await.unwrap();
        // The ticket comes behind the handshake: read an answer.
        common::head(&mut stream, "/nothing", "").await;
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected));
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_a_broken_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let old = write_certificate(&files(directory.path()));
    let relay = start(directory.path(), |_| {});
    assert!(connect(&relay, &trusting(&[&old])).await.is_ok());

    std::fs::write(files(directory.path()).key, "not a key").unwrap();
    let failures = "linelight_file_reload_failures_total";
    relay.metric_reaches(failures, 1).await;
    assert!(connect(&relay, &trusting(&[&old])).await.is_ok(), "the last good one stays in use");

    let expires = "linelight_certificate_expiry_timestamp_seconds";
    let of_old = relay.metric(expires).await;
    assert!(of_old > 1_800_000_000, "{of_old}");
    let new = write_ending_certificate(&files(directory.path()), 2031);
    eventually("the new certificate is shown", async || connect(&relay, &trusting(&[&new])).await.is_ok()).await;
    assert!(connect(&relay, &trusting(&[&old])).await.is_err());
    assert_eq!((relay.metric(expires).await, of_old == 1_924_992_000), (1_924_992_000, false), "seen from outside");
}

#[tokio::test]
async fn files_that_do_not_belong_together_are_refused_at_start() {
    let directory = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    write_certificate(&files(directory.path()));
    write_certificate(&files(other.path()));
    let mixed = CertificateFiles { key: files(other.path()).key, ..files(directory.path()) };
    let error = relay::net::tls::Certificate::load(&mixed).unwrap_err().to_string();
    assert!(error.contains("do not belong together"), "{error}");
    let missing = CertificateFiles { key: directory.path().join("nothing"), ..files(directory.path()) };
    let error = relay::net::tls::Certificate::load(&missing).unwrap_err().to_string();
    assert!(error.contains("nothing") && error.contains("cannot read"), "{error}");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_ends() {
    let directory = tempfile::tempdir().unwrap();
    write_certificate(&files(directory.path()));
    let relay = start(directory.path(), |config| config.limits.handshake_timeout = Duration::from_millis(100));
    let mut silent = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    assert!(read_to_end(&mut silent).await.is_empty());
    let mut plain = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: relay.test\r\n\r\n").await.unwrap();
    assert!(!read_to_end(&mut plain).await.starts_with(b"HTTP"));
    relay.metric_reaches("linelight_tls_handshakes_failed_total", 2).await;
}

#[tokio::test]
async fn agents_and_viewers_have_budgets_apart() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = write_certificate(&files(directory.path()));
    let agent = trusting(&[&certificate]);
    let mut viewer = (*agent).clone();
    viewer.alpn_protocols = vec![b"http/1.1".to_vec()];
    let viewer = Arc::new(viewer);
    // One side gets no turn at all: only connections counted with the other get in.
    for (viewers, agents) in [(0, 1), (1, 0)] {
        let relay = start(directory.path(), |config| {
            config.limits.viewer_handshakes = viewers;
            config.limits.agent_handshakes = agents;
            config.limits.handshake_timeout = Duration::from_secs(2);
        });
        assert_eq!(connect(&relay, &viewer).await.is_ok(), viewers == 1);
        assert_eq!(connect(&relay, &agent).await.is_ok(), agents == 1);
        drop(relay);
    }
}

/// The first flight of a TLS handshake, without a second one.
fn client_hello(config: &Arc<ClientConfig>) -> Vec<u8> {
    let name = ServerName::try_from("relay.test").unwrap();
    let mut connection = rustls::ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn half_handshakes_keep_no_turn() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = write_certificate(&files(directory.path()));
    let config = trusting(&[&certificate]);
    let relay = start(directory.path(), |config| {
        config.limits.viewer_handshakes = 1;
        config.limits.agent_handshakes = 1;
        config.limits.handshake_timeout = 10 * common::PATIENCE;
    });
    let mut halves = Vec::new();
    for _ in 0..8 {
        let mut half = TcpStream::connect(relay.addresses.viewers).await.unwrap();
        half.write_all(&client_hello(&config)).await.unwrap();
        // The relay's answer is here, so the relay waits for this client now.
        timeout(common::PATIENCE, half.readable()).await.unwrap().unwrap();
        halves.push(half);
    }
    assert!(timeout(common::PATIENCE, connect(&relay, &config)).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_hello_without_end_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    write_certificate(&files(directory.path()));
    let relay = start(directory.path(), |config| config.limits.handshake_timeout = 10 * common::PATIENCE);
    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    // A handshake record of 16 KiB with the beginning of a hello of 64,000 bytes (RFC 8446, sections 4 and 5.1).
    let head = [0x16, 3, 1, 0x40, 0, 1, 0, 0xfa, 0, 3, 3];
    // The relay may hang up before the end of the hello.
    let _ = stream.write_all(&[&head[..], &[0; 12 * 1024]].concat()).await;
    read_to_end(&mut stream).await;
    relay.metric_reaches("linelight_tls_handshakes_failed_total", 1).await;
}

/// The error of a certificate file or a key file beside a good one.
fn refused(name: &str, content: impl AsRef<[u8]>) -> String {
    let directory = tempfile::tempdir().unwrap();
    let files = files(directory.path());
    write_certificate(&files);
    let file = if name == "certificate" { &files.certificate } else { &files.key };
    std::fs::write(file, content).unwrap();
    relay::net::tls::Certificate::load(&files).unwrap_err().to_string()
}

#[test]
fn what_a_file_holds_instead_is_named_with_the_remedy() {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (pem, der) = (pair.cert.pem(), pair.cert.der().to_vec());
    let labelled = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let pkcs_12 = b"\x30\x82\x0a\x01\x02\x01\x03\x30\x82\x09\xc7\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01".to_vec();
    for (file, content, words) in [
        ("certificate", b" \n".to_vec(), "it is empty"),
        ("certificate", der.clone(), "it is DER; make PEM of it, openssl x509 -inform der -in"),
        ("certificate", pkcs_12.clone(), "openssl pkcs12 -in"),
        ("certificate", labelled("PKCS7").into(), "openssl pkcs7 -print_certs"),
        ("certificate", labelled("CERTIFICATE REQUEST").into(), "a request for one (CSR)"),
        (
            "certificate",
            pair.signing_key.serialize_pem().into(),
            "it is a private key; were certificate and key confused?",
        ),
        ("certificate", b"word".to_vec(), "PEM is text"),
        ("certificate", pem[..300].into(), "cut off or altered; copy it again"),
        ("certificate", pem.replace('\n', "").into(), "lines BEGIN and END on lines of their own"),
        ("certificate", labelled("CERTIFICATE").into(), "no X.509 certificate"),
        ("key", pem.clone().into(), "it is a certificate; were certificate and key confused?"),
        ("key", pair.signing_key.serialize_der(), "openssl pkey -inform der"),
        (
            "key",
            labelled("ENCRYPTED PRIVATE KEY").into(),
            "encrypted with a password: write it without one, openssl pkey",
        ),
        ("key", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n".into(), "encrypted with a password"),
        ("key", labelled("PUBLIC KEY").into(), "it is a public key"),
        ("key", labelled("OPENSSH PRIVATE KEY").into(), "a key for SSH"),
        ("key", labelled("PRIVATE KEY").into(), "of a kind that the relay cannot use; use a key of ECDSA P-256"),
        ("key", pair.signing_key.serialize_pem()[..90].into(), "a private key that is cut off"),
        ("key", pair.signing_key.serialize_pem().into(), "do not belong together: no certificate is of this key"),
    ] {
        let error = refused(file, content);
        assert!(error.contains(words), "{error}");
        assert!(error.len() < 300 && !error.contains('['), "no library's words: {error}");
    }
}

#[test]
fn files_are_read_whatever_program_wrote_them() {
    let directory = tempfile::tempdir().unwrap();
    let files = files(directory.path());
    write_certificate(&files);
    let plain: Vec<_> = [&files.certificate, &files.key].map(|path| std::fs::read_to_string(path).unwrap()).into();
    let utf_16 =
        |text: &str| text.encode_utf16().fold(vec![0xFF, 0xFE], |all, unit| [&all[..], &unit.to_le_bytes()].concat());
    for written in [
        |text: &str| format!("\u{feff}{text}").into_bytes(),
        |text: &str| text.replace('\n', "\r\n").into_bytes(),
        |text: &str| format!("Certificate:\n    Version: 3\n{text}\n\n").into_bytes(),
    ] {
        std::fs::write(&files.certificate, written(&plain[0])).unwrap();
        std::fs::write(&files.key, written(&plain[1])).unwrap();
        relay::net::tls::Certificate::load(&files).unwrap();
    }
    std::fs::write(&files.certificate, utf_16(&plain[0])).unwrap();
    std::fs::write(&files.key, utf_16(&plain[1])).unwrap();
    relay::net::tls::Certificate::load(&files).unwrap();
}

/// The issuer's certificate stands first, as some portals deliver it.
#[tokio::test]
async fn a_chain_in_the_wrong_order_is_sent_in_the_right_one() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let directory = tempfile::tempdir().unwrap();
    let files = files(directory.path());
    write_certificate(&files);
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(rcgen::DnType::CommonName, "root");
    let root_key = KeyPair::generate().unwrap();
    let root_certificate = root.self_signed(&root_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["relay.test".to_owned()]).unwrap();
    let own = own.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
    std::fs::write(&files.certificate, format!("{}{}", root_certificate.pem(), own.pem())).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    let relay = start(directory.path(), |_| {});
    let stream = connect(&relay, &trusting(&[root_certificate.der()])).await.unwrap();
    let sent = stream.get_ref().1.peer_certificates().unwrap();
    assert_eq!(sent, [own.der().clone(), root_certificate.der().clone()]);
}
