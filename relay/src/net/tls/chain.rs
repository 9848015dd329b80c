//! The order of a certificate chain: the relay's own certificate, its issuer, the issuer's issuer.

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::x509::Fields;

/// A chain in order with its key, and what is odd about the file's certificates.
pub(super) struct Chain {
    pub(super) certified: CertifiedKey,
    pub(super) oddities: Vec<&'static str>,
}

/// Why a key and certificates are of no use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// The key is of a kind that the library does not sign with.
    #[error("the key is of a kind that the relay cannot use; use a key of ECDSA P-256 or RSA 2048")]
    Key,
    /// None of the certificates is of the key.
    #[error("no certificate is of this key; take the certificate and the key that were made together")]
    Mismatch,
    /// The own certificate cannot be used.
    #[error("TLS cannot use the certificate, such as one of X.509 version 1; make another one, of version 3")]
    Certificate,
}

/// Puts the certificates of a file into order.
///
/// # Errors
/// [`Unusable`].
pub(super) fn arrange(
    certificates: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<Chain, Unusable> {
    if provider.key_provider.load_private_key(key.clone_key()).is_err() {
        return Err(Unusable::Key);
    }
    let mut unusable = Unusable::Mismatch;
    for own in 0..certificates.len() {
        let chain = from(own, &certificates);
        let oddities = oddities(own, &chain);
        match CertifiedKey::from_der(chain, key.clone_key(), provider) {
            Ok(certified) => return Ok(Chain { certified, oddities }),
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {}
            Err(_) => unusable = Unusable::Certificate,
        }
    }
    Err(unusable)
}

/// Returns a certificate with its issuers behind it.
fn from(own: usize, all: &[CertificateDer<'static>]) -> Vec<CertificateDer<'static>> {
    let mut chain: Vec<_> = all.get(own).cloned().into_iter().collect();
    while let Some(last) = chain.last().and_then(Fields::read).filter(|last| last.issuer != last.subject)
        && let Some(issuer) = all.iter().find(|one| Fields::read(one).is_some_and(|one| one.subject == last.issuer))
        && !chain.contains(issuer)
    {
        let issuer = issuer.clone();
        chain.push(issuer);
    }
    chain
}

fn oddities(own: usize, chain: &[CertificateDer<'static>]) -> Vec<&'static str> {
    let mut oddities = Vec::new();
    if own > 0 {
        oddities.push("the relay's own certificate is not the file's first; the relay sends it first all the same");
    }
    let is_known = |issuer: &[u8]| webpki_roots::TLS_SERVER_ROOTS.iter().any(|root| root.subject.as_ref() == issuer);
    if let Some(last) = chain.last().and_then(Fields::read)
        && last.issuer != last.subject
        && !is_known(last.issuer)
    {
        oddities.push(
            "the certificate's issuer is not in the file and is no public root: agents and some browsers will not trust it, \
             unless they have the issuer as a root; take the full chain (fullchain.pem)",
        );
    }
    oddities
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    use rustls::crypto::ring;

    use super::*;

    fn named(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["relay.test".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    }

    #[test]
    fn a_chain_is_arranged_and_a_missing_issuer_is_told() {
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut root = named("root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_certificate = root.self_signed(&root_key).unwrap().der().clone();
        let own = named("own").signed_by(&key, &Issuer::new(root, root_key)).unwrap().der().clone();
        let lone = named("lone").self_signed(&key).unwrap().der().clone();
        let arranged = |certificates: Vec<CertificateDer<'static>>| {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            arrange(certificates, &key, &ring::default_provider())
        };
        for (file, sent, words) in [
            (vec![own.clone(), root_certificate.clone()], vec![own.clone(), root_certificate.clone()], ""),
            (vec![lone.clone()], vec![lone.clone()], ""),
            (vec![lone.clone(), root_certificate.clone()], vec![lone], ""),
            (vec![own.clone()], vec![own.clone()], "take the full chain"),
            (vec![root_certificate.clone(), own.clone()], vec![own, root_certificate.clone()], "not the file's first"),
        ] {
            let Chain { certified, oddities } = arranged(file).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!((certified.cert, oddities.len()), (sent, usize::from(!words.is_empty())), "{oddities:?}");
            assert!(oddities.first().is_none_or(|oddity| oddity.contains(words)), "{oddities:?}");
        }
        assert_eq!(arranged(vec![root_certificate]).err(), Some(Unusable::Mismatch));
    }
}
