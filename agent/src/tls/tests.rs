use std::io;
use std::path::Path;
use std::time::SystemTime;

use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

pub(crate) const NAME: &str = "relay.example";

/// A certificate with its key and its issuer.
pub(crate) struct Issued {
    ca_pem: String,
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

/// Issues a certificate for [`NAME`], signed by its own CA.
pub(crate) fn issue(change: impl FnOnce(&mut CertificateParams)) -> Issued {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    ca.distinguished_name.push(DnType::CommonName, data_encoding::HEXLOWER.encode(&key.public_key_raw()[..8]));
    let ca = CertifiedIssuer::self_signed(ca, key).unwrap();
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    Issued { ca_pem: ca.pem(), certificate: certificate.der().clone(), key }
}

impl Issued {
    pub(crate) const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The same key under another certificate.
    fn with_certificate(self, certificate: Vec<u8>) -> Self {
        Self { certificate: certificate.into(), ..self }
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        acceptor(self, &self.key)
    }

    pub(crate) fn pin(&self) -> Pin {
        let digest = ::ring::digest::digest(&::ring::digest::SHA256, &self.key.subject_public_key_info());
        Pin::parse(&data_encoding::HEXLOWER.encode(digest.as_ref())).unwrap()
    }

    pub(crate) fn ca_file(&self, directory: &Path) -> Trust {
        let path = directory.join("ca.pem");
        std::fs::write(&path, &self.ca_pem).unwrap();
        Trust::CaFile(path)
    }
}

/// A server's side with the certificate, signing with `key`.
fn acceptor(issued: &Issued, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let signing_key = provider.key_provider.load_private_key(key).unwrap();
    // with_single_cert would refuse a foreign key, but an impostor does not use with_single_cert.
    let certified = rustls::sign::CertifiedKey::new(vec![issued.certificate.clone()], signing_key);
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    TlsAcceptor::from(Arc::new(server))
}

/// Serves one connection over a real socket, and returns the client's result.
async fn handshake(issued: &Issued, key: &KeyPair, trust: &Trust, name: &str) -> io::Result<()> {
    let acceptor = acceptor(issued, key);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let (stream, _) = listener.accept().await?;
        let mut stream = acceptor.accept(stream).await?;
        stream.write_all(b"!").await?;
        stream.shutdown().await
    };
    let connect = async {
        let stream = TcpStream::connect(address).await?;
        let config = client_config(trust).map_err(io::Error::other)?;
        let name = server_name(name).map_err(io::Error::other)?;
        let mut stream = TlsConnector::from(config).connect(name, stream).await?;
        stream.read_exact(&mut [0]).await.map(|_| ())
    };
    let (_, met) = tokio::join!(serve, connect);
    met
}

fn words(met: io::Result<()>) -> String {
    explain(&met.unwrap_err(), Peer::Relay, SystemTime::now()).unwrap()
}

#[tokio::test]
async fn a_ca_file_vouches_for_its_name_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let issued = issue(|_| ());
    let trust = issued.ca_file(directory.path());
    handshake(&issued, &issued.key, &trust, NAME).await.unwrap();
    let other = words(handshake(&issued, &issued.key, &trust, "other.example").await);
    assert!(other.contains("another name (relay.example)") && other.contains("pin its key"), "{other}");
    let address = words(handshake(&issued, &issued.key, &trust, "127.0.0.1").await);
    assert!(address.contains("another name"), "{address}");
}

#[tokio::test]
async fn the_built_in_roots_and_another_ca_do_not_vouch() {
    let directory = tempfile::tempdir().unwrap();
    let issued = issue(|_| ());
    let stranger = issue(|_| ()).ca_file(directory.path());
    for trust in [Trust::WebRoots, stranger] {
        let refused = words(handshake(&issued, &issued.key, &trust, NAME).await);
        assert!(refused.contains("LINELIGHT_RELAY_CA"), "{refused}");
    }
}

#[tokio::test]
async fn a_pinned_key_is_accepted_whatever_the_name_and_the_dates() {
    let expired = issue(|params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    let other = issue(|_| ());
    let trust = Trust::Pins(vec![other.pin(), expired.pin()]);
    handshake(&expired, &expired.key, &trust, "127.0.0.1").await.unwrap();
    let as_ca = issue(|params| params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    handshake(&as_ca, &as_ca.key, &Trust::Pins(vec![as_ca.pin()]), NAME).await.unwrap();
}

/// A value of DER.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, 0x82], u16::try_from(content.len()).unwrap().to_be_bytes().as_slice(), content].concat()
}

/// The values within a value.
fn within(value: &[u8]) -> Vec<Vec<u8>> {
    let header = |bytes: &[u8]| match bytes[1] {
        short @ 0..=0x7f => (2, usize::from(short)),
        0x81 => (3, usize::from(bytes[2])),
        _ => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
    };
    let mut rest = &value[header(value).0..];
    let mut values = Vec::new();
    while !rest.is_empty() {
        let (start, length) = header(rest);
        values.push(rest[..start + length].to_vec());
        rest = &rest[start + length..];
    }
    values
}

/// Alters fields of the certificate. The issuer's signature becomes invalid, but a pin does not need the signature.
fn altered(issued: Issued, alter: impl FnOnce(&mut Vec<Vec<u8>>)) -> Issued {
    let mut certificate = within(issued.certificate());
    let mut fields = within(&certificate[0]);
    alter(&mut fields);
    certificate[0] = der(0x30, &fields.concat());
    issued.with_certificate(der(0x30, &certificate.concat()))
}

/// A certificate of version 1: no version, no extensions.
fn of_version_1(issued: Issued) -> Issued {
    altered(issued, |fields| {
        fields.remove(0);
        fields.retain(|field| field[0] != 0xa3);
    })
}

/// The place of the key among a certificate's fields.
const KEY_FIELD: usize = 6;

pub(crate) fn rsa_key(bits: usize) -> Vec<u8> {
    let modulus = [&[0, 0x80], vec![1; bits / 8 - 1].as_slice()].concat();
    let key = der(0x30, &[der(2, &modulus), der(2, &[1, 0, 1])].concat());
    let algorithm = der(0x30, &[der(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), der(5, &[])].concat());
    der(0x30, &[algorithm, der(3, &[&[0], key.as_slice()].concat())].concat())
}

pub(crate) fn curve_key(curve: &[u8]) -> Vec<u8> {
    let algorithm = der(0x30, &[der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), der(6, curve)].concat());
    der(0x30, &[algorithm, der(3, &[0; 100])].concat())
}

fn algorithm_key(algorithm: &[u8]) -> Vec<u8> {
    der(0x30, &[der(0x30, &der(6, algorithm)), der(3, &[0; 33])].concat())
}

/// Returns a certificate with this key.
pub(crate) fn certificate_with(key: Vec<u8>) -> Vec<u8> {
    altered(issue(|_| ()), |fields| fields[KEY_FIELD] = key).certificate.to_vec()
}

fn pin_of(key: &[u8]) -> Pin {
    let digest = ::ring::digest::digest(&::ring::digest::SHA256, key);
    Pin::parse(&data_encoding::HEXLOWER.encode(digest.as_ref())).unwrap()
}

#[tokio::test]
async fn a_certificate_of_version_1_is_accepted_by_its_pinned_key_alone() {
    let directory = tempfile::tempdir().unwrap();
    let old = of_version_1(issue(|_| ()));
    let pinned = Trust::Pins(vec![old.pin()]);
    handshake(&old, &old.key, &pinned, "127.0.0.1").await.unwrap();
    let thief = KeyPair::generate().unwrap();
    assert!(words(handshake(&old, &thief, &pinned, NAME).await).contains("does not hold the key"));
    let refused = words(handshake(&old, &old.key, &old.ca_file(directory.path()), NAME).await);
    assert!(refused.contains("version 1") && refused.contains("LINELIGHT_RELAY_PIN"), "{refused}");
    let stranger = Trust::Pins(vec![issue(|_| ()).pin()]);
    let refused = words(handshake(&old, &old.key, &stranger, NAME).await);
    assert!(refused.contains(&old.pin().to_string()), "{refused}");
}

#[tokio::test]
async fn a_key_that_cannot_be_verified_is_named_and_nobody_is_suspected() {
    for (key, found) in [
        (rsa_key(1_024), "an RSA key of 1024 bits"),
        (rsa_key(16_384), "an RSA key of 16384 bits"),
        (curve_key(&[0x2b, 0x81, 4, 0, 0x23]), "the elliptic curve P-521"),
        (curve_key(&[0x2b, 0x81, 4, 0, 0x0a]), "the elliptic curve of another name"),
        (algorithm_key(&[0x2b, 0x65, 0x71]), "an Ed448 key"),
        (algorithm_key(&[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1]), "a DSA key"),
        (algorithm_key(&[1, 2, 3]), "a key of another algorithm"),
    ] {
        let trust = Trust::Pins(vec![pin_of(&key)]);
        let issued = altered(issue(|_| ()), |fields| fields[KEY_FIELD] = key);
        let met = handshake(&issued, &issued.key, &trust, NAME).await.unwrap_err();
        for (peer, remedy) in [(Peer::Relay, "RSA 2048 or ECDSA P-256"), (Peer::Router, "key-size=2048")] {
            let said = explain(&met, peer, SystemTime::now()).unwrap();
            assert!(said.contains(found) && said.contains(remedy) && said.len() < 250, "{said}");
            assert!(!said.contains("altered") && !said.contains("copied"), "{said}");
        }
    }
    assert_eq!(certificate::Certificate::read(issue(|_| ()).certificate()).unwrap().check_key(), Ok(()));
}

#[tokio::test]
async fn an_issuers_own_certificate_is_told_to_be_pinned() {
    let directory = tempfile::tempdir().unwrap();
    let own = issue(|params| params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    let refused = words(handshake(&own, &own.key, &own.ca_file(directory.path()), NAME).await);
    assert!(refused.contains("an issuer's own") && refused.contains("LINELIGHT_RELAY_PIN"), "{refused}");
}

#[tokio::test]
async fn another_key_is_refused_and_named() {
    let issued = issue(|_| ());
    let trust = Trust::Pins(vec![issue(|_| ()).pin()]);
    let refused = words(handshake(&issued, &issued.key, &trust, NAME).await);
    assert!(refused.contains(&issued.pin().to_string()), "{refused}");
}

#[tokio::test]
async fn a_copied_certificate_without_its_key_is_refused_in_spite_of_the_pin() {
    let issued = issue(|_| ());
    let thief = KeyPair::generate().unwrap();
    let met = handshake(&issued, &thief, &Trust::Pins(vec![issued.pin()]), NAME).await;
    assert!(words(met).contains("does not hold the key"));
}

#[tokio::test]
async fn dates_count_without_a_pin() {
    let directory = tempfile::tempdir().unwrap();
    let expired = issue(|params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    let refused = words(handshake(&expired, &expired.key, &expired.ca_file(directory.path()), NAME).await);
    assert!(refused.contains("expired"), "{refused}");
    let early = issue(|params| params.not_before = rcgen::date_time_ymd(2090, 1, 1));
    let refused = words(handshake(&early, &early.key, &early.ca_file(directory.path()), NAME).await);
    assert!(refused.contains("not yet valid"), "{refused}");
}

#[tokio::test]
async fn who_does_not_speak_tls_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let connect = async {
        let stream = TcpStream::connect(address).await?;
        let config = client_config(&Trust::WebRoots).map_err(io::Error::other)?;
        TlsConnector::from(config).connect(server_name(NAME).map_err(io::Error::other)?, stream).await.map(|_| ())
    };
    let (met, ()) = tokio::join!(connect, serve);
    assert!(words(met).contains("does not speak TLS"));
}

#[test]
fn a_ca_file_without_certificates_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let refused = |path: &Path| client_config(&Trust::CaFile(path.to_owned())).unwrap_err().to_string();
    assert!(refused(&path).contains("not readable"));
    for content in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&path, content).unwrap();
        assert!(refused(&path).contains("holds no usable certificate"), "{content}");
    }
}
