//! A second hello after a refused handshake, with an offer of everything, to learn the other side's choice.
//!
//! A TLS alert says "handshake failure" and no reason. The choice from a full offer is the reason.
//! The connection ends after the choice, and carries no data.

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::certificate::{Certificate, UnusableKey};

/// The most bytes read of an answer: a hello and a chain of certificates.
const MAX_ANSWER: usize = 32 * 1024;

const RECORD_HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const TLS12: [u8; 2] = [3, 3];

/// The offer, the better ones first: an old one is chosen only for lack of a better one.
const CIPHERS: [(u16, Cipher); 34] = [
    (0xc02b, Cipher::Modern),
    (0xc02c, Cipher::Modern),
    (0xc02f, Cipher::Modern),
    (0xc030, Cipher::Modern),
    (0xcca9, Cipher::Modern),
    (0xcca8, Cipher::Modern),
    (0xc023, Cipher::Cbc),
    (0xc024, Cipher::Cbc),
    (0xc027, Cipher::Cbc),
    (0xc028, Cipher::Cbc),
    (0xc009, Cipher::Cbc),
    (0xc00a, Cipher::Cbc),
    (0xc013, Cipher::Cbc),
    (0xc014, Cipher::Cbc),
    (0x009e, Cipher::FiniteField),
    (0x009f, Cipher::FiniteField),
    (0x0067, Cipher::FiniteField),
    (0x006b, Cipher::FiniteField),
    (0x0033, Cipher::FiniteField),
    (0x0039, Cipher::FiniteField),
    (0x009c, Cipher::RsaExchange),
    (0x009d, Cipher::RsaExchange),
    (0x003c, Cipher::RsaExchange),
    (0x003d, Cipher::RsaExchange),
    (0x002f, Cipher::RsaExchange),
    (0x0035, Cipher::RsaExchange),
    (0x000a, Cipher::RsaExchange),
    (0x0005, Cipher::RsaExchange),
    (0xc018, Cipher::Anonymous),
    (0xc019, Cipher::Anonymous),
    (0x00a6, Cipher::Anonymous),
    (0x00a7, Cipher::Anonymous),
    (0x0034, Cipher::Anonymous),
    (0x003a, Cipher::Anonymous),
];

/// The kind of a cipher suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Modern,
    Cbc,
    FiniteField,
    RsaExchange,
    Anonymous,
}

/// The reason for no common way of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Obstacle {
    /// No certificate.
    #[error("it has no certificate")]
    NoCertificate,
    /// TLS before 1.2 alone.
    #[error("it speaks no TLS 1.2 or later")]
    OldVersion,
    /// CBC ciphers alone.
    #[error("it allows CBC ciphers alone, and this agent speaks GCM and ChaCha20")]
    Cbc,
    /// Finite-field Diffie-Hellman alone.
    #[error("it allows finite-field Diffie-Hellman (DHE) alone, and this agent speaks ECDHE")]
    FiniteField,
    /// RSA key exchange alone.
    #[error("it allows RSA key exchange alone, and this agent speaks ECDHE")]
    RsaExchange,
    /// An unusable key.
    #[error("its certificate has {0}")]
    Key(UnusableKey),
}

/// Sends the hello and reads the choice; `None` without a choice or for an unknown one.
pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, name: &str) -> Option<Obstacle> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).ok()?;
    stream.write_all(&hello(&random, name)).await.ok()?;
    stream.flush().await.ok()?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 2_048]);
    while answer.len() < MAX_ANSWER {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        answer.extend_from_slice(&buffer[..count]);
        match judge(&messages(&answer)) {
            Verdict::Incomplete => {}
            Verdict::Found(obstacle) => return obstacle,
        }
    }
    None
}

/// The verdict on the answer so far.
enum Verdict {
    Incomplete,
    Found(Option<Obstacle>),
}

/// The handshake messages' bytes, without the records around them.
fn messages(mut answer: &[u8]) -> Vec<u8> {
    let mut messages = Vec::new();
    while let [RECORD_HANDSHAKE, _, _, high, low, rest @ ..] = answer {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        messages.extend_from_slice(&rest[..length]);
        answer = &rest[length..];
    }
    messages
}

fn judge(mut messages: &[u8]) -> Verdict {
    let mut cipher = None;
    while let Some((kind, body, rest)) = message(messages) {
        match (kind, cipher) {
            (SERVER_HELLO, None) => match chosen(body) {
                Some((version, _)) if version < TLS12 => return Verdict::Found(Some(Obstacle::OldVersion)),
                Some((_, Some(Cipher::Anonymous))) => return Verdict::Found(Some(Obstacle::NoCertificate)),
                Some((_, Some(found))) => cipher = Some(found),
                _ => return Verdict::Found(None),
            },
            (CERTIFICATE, Some(cipher)) => return Verdict::Found(key_of(body).or(of_cipher(cipher))),
            _ => return Verdict::Found(cipher.and_then(of_cipher)),
        }
        messages = rest;
    }
    Verdict::Incomplete
}

fn message(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [kind, a, b, c, rest @ ..] = bytes else { return None };
    let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
    let (body, rest) = rest.split_at_checked(length)?;
    Some((*kind, body, rest))
}

/// The version and the cipher of a ServerHello (RFC 5246, section 7.4.1.3).
fn chosen(body: &[u8]) -> Option<([u8; 2], Option<Cipher>)> {
    let version = [*body.first()?, *body.get(1)?];
    let session = usize::from(*body.get(34)?);
    let cipher = u16::from_be_bytes([*body.get(35 + session)?, *body.get(36 + session)?]);
    Some((version, CIPHERS.iter().find(|(number, _)| *number == cipher).map(|(_, kind)| *kind)))
}

/// The obstacle in the first certificate's key, if there is one.
fn key_of(body: &[u8]) -> Option<Obstacle> {
    let [_, _, _, a, b, c, rest @ ..] = body else { return None };
    let der = CertificateDer::from(rest.get(..u32::from_be_bytes([0, *a, *b, *c]) as usize)?);
    Certificate::read(&der).ok()?.check_key().err().map(Obstacle::Key)
}

const fn of_cipher(cipher: Cipher) -> Option<Obstacle> {
    match cipher {
        Cipher::Modern => None,
        Cipher::Cbc => Some(Obstacle::Cbc),
        Cipher::FiniteField => Some(Obstacle::FiniteField),
        Cipher::RsaExchange => Some(Obstacle::RsaExchange),
        Cipher::Anonymous => Some(Obstacle::NoCertificate),
    }
}

/// Returns a ClientHello of TLS 1.2 (RFC 5246, section 7.4.1.2) with everything on offer.
fn hello(random: &[u8; 32], name: &str) -> Vec<u8> {
    let ciphers: Vec<u8> = CIPHERS.iter().flat_map(|(number, _)| number.to_be_bytes()).collect();
    let mut extensions = Vec::new();
    if name.parse::<std::net::IpAddr>().is_err() {
        let host = [&[0], with_length::<2>(name.as_bytes()).as_slice()].concat();
        extensions.extend(extension(0, &with_length::<2>(&host)));
    }
    // Groups: X25519, P-256, P-384, P-521, secp256k1, X448, and those of finite fields.
    let groups = [0x1d, 0x17, 0x18, 0x19, 0x16, 0x1e, 0x100, 0x101].map(u16::to_be_bytes).concat();
    extensions.extend(extension(10, &with_length::<2>(&groups)));
    extensions.extend(extension(11, &with_length::<1>(&[0])));
    // Signatures: ECDSA, RSA-PSS, Ed25519, Ed448, RSA, then those with SHA-1 and of DSA.
    let signatures = [
        0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0807, 0x0808, 0x0401, 0x0501, 0x0601,
        0x0203, 0x0201, 0x0202, 0x0402,
    ];
    extensions.extend(extension(13, &with_length::<2>(&signatures.map(u16::to_be_bytes).concat())));
    extensions.extend(extension(23, &[]));
    let body =
        [TLS12.as_slice(), random, &[0], &with_length::<2>(&ciphers), &[1, 0], &with_length::<2>(&extensions)].concat();
    let message = [&[1], with_length::<3>(&body).as_slice()].concat();
    [&[RECORD_HANDSHAKE, 3, 1], with_length::<2>(&message).as_slice()].concat()
}

fn extension(number: u16, content: &[u8]) -> Vec<u8> {
    [number.to_be_bytes().as_slice(), &with_length::<2>(content)].concat()
}

/// The bytes behind their length of `N` bytes.
fn with_length<const N: usize>(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().to_be_bytes();
    [&length[length.len() - N..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::duplex;

    use super::super::tests::{NAME, certificate_with, curve_key, issue, rsa_key};
    use super::*;

    /// A server's choice: version, cipher and certificate, if any.
    fn choice(version: [u8; 2], cipher: u16, certificate: Option<&[u8]>) -> Vec<u8> {
        let hello = [version.as_slice(), &[7; 32], &[0], &cipher.to_be_bytes(), &[0]].concat();
        let mut messages = [&[SERVER_HELLO], with_length::<3>(&hello).as_slice()].concat();
        if let Some(der) = certificate {
            let list = with_length::<3>(&with_length::<3>(der));
            messages.extend([&[CERTIFICATE], with_length::<3>(&list).as_slice()].concat());
        }
        messages.extend([12, 0, 0, 0]);
        // In records of 100 bytes, as a server may cut them.
        messages
            .chunks(100)
            .flat_map(|part| [&[RECORD_HANDSHAKE, 3, 3], with_length::<2>(part).as_slice()].concat())
            .collect()
    }

    async fn asked(answer: &[u8]) -> Option<Obstacle> {
        let (near, mut far) = duplex(64 * 1024);
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        ask(near, NAME).await
    }

    #[tokio::test]
    async fn the_choice_is_the_reason() {
        let good = issue(|_| ()).certificate().to_vec();
        let p521 = certificate_with(curve_key(&[0x2b, 0x81, 4, 0, 0x23]));
        let short = certificate_with(rsa_key(1_024));
        for (version, cipher, certificate, obstacle) in [
            (TLS12, 0xc018, None, Some(Obstacle::NoCertificate)),
            (TLS12, 0x0034, None, Some(Obstacle::NoCertificate)),
            (TLS12, 0x003c, Some(&good), Some(Obstacle::RsaExchange)),
            (TLS12, 0xc013, Some(&good), Some(Obstacle::Cbc)),
            (TLS12, 0x009e, Some(&good), Some(Obstacle::FiniteField)),
            (TLS12, 0xc02b, Some(&p521), Some(Obstacle::Key(UnusableKey::Curve("P-521")))),
            (TLS12, 0x009c, Some(&short), Some(Obstacle::Key(UnusableKey::Rsa(1_024)))),
            ([3, 1], 0xc013, Some(&good), Some(Obstacle::OldVersion)),
            (TLS12, 0xc02b, Some(&good), None),
            (TLS12, 0xffff, Some(&good), None),
        ] {
            let found = asked(&choice(version, cipher, certificate.map(Vec::as_slice))).await;
            assert_eq!(found, obstacle, "{cipher:#06x}");
        }
        assert_eq!(asked(&[21, 3, 3, 0, 2, 2, 40]).await, None, "another alert says nothing more");
    }

    #[tokio::test]
    async fn the_hello_is_one() {
        let (near, far) = duplex(64 * 1024);
        let read = tokio_rustls::LazyConfigAcceptor::new(rustls::server::Acceptor::default(), far);
        let start = tokio::select! {
            start = read => start.unwrap(),
            obstacle = ask(near, NAME) => panic!("nothing was answered, and yet {obstacle:?}"),
        };
        let hello = start.client_hello();
        assert_eq!((hello.server_name(), hello.cipher_suites().len()), (Some(NAME), CIPHERS.len()));
        assert!(hello.signature_schemes().contains(&rustls::SignatureScheme::ECDSA_NISTP521_SHA512));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..400) {
            let mut answer = choice(TLS12, 0xc013, Some(&bytes));
            answer.truncate(cut);
            let _ = judge(&messages(&answer));
            let _ = judge(&messages(&bytes));
        }
    }
}
