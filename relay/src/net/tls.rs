//! TLS by certificate files, reloaded after every change. A new connection gets the new certificate. Sessions resume
//! across the change: tickets do not depend on the certificate.

mod chain;
mod files;
mod x509;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result};
use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use rustls_pki_types::CertificateDer;

use self::chain::{Chain, Unusable};
use crate::clock::unix_seconds;
use crate::store::permissions;

/// A certificate chain and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the relay's own certificate first.
    pub certificate: PathBuf,
    /// The key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// The certificate in use.
#[derive(Debug)]
pub struct Certificate {
    provider: Arc<CryptoProvider>,
    // Held for one handshake's lookup, or to put a renewed certificate in place.
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// Where a file cannot be read, or the files do not belong together.
    pub fn load(files: &CertificateFiles) -> Result<Arc<Self>> {
        let provider = Arc::new(ring::default_provider());
        let chain = read(files, &provider)?;
        warn(files, &chain);
        let current = RwLock::new(Arc::new(chain.certified));
        Ok(Arc::new(Self { provider, current }))
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// As [`Self::load`]; the certificate in use is then the same as before.
    pub fn reload(&self, files: &CertificateFiles) -> Result<()> {
        let chain = read(files, &self.provider)?;
        if chain.certified.cert != self.current.read().cert {
            warn(files, &chain);
        }
        *self.current.write() = Arc::new(chain.certified);
        Ok(())
    }

    /// Returns the expiry of the relay's own certificate, seconds since 1970; 0 without one.
    pub fn expires(&self) -> u64 {
        let current = self.current.read();
        let end = current.cert.first().and_then(x509::not_after);
        end.and_then(|end| u64::try_from(end).ok()).unwrap_or(0)
    }

    /// Returns the configuration of a listener with this certificate.
    ///
    /// # Errors
    /// Where the system gives no randomness for the tickets' key.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .context("TLS 1.2 and 1.3")?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Tickets keep the sessions at the other side: 50,000 agents at once cost neither memory nor a signature each.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = ring::Ticketer::new().context("no key for session tickets")?;
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read()))
    }
}

fn read(files: &CertificateFiles, provider: &CryptoProvider) -> Result<Chain> {
    let certificates = files::certificates(&files.certificate)?;
    let key = files::private_key(&files.key)?;
    let (certificate_file, key_file) = (files.certificate.display(), files.key.display());
    chain::arrange(certificates, &key, provider).map_err(|why| match why {
        Unusable::Key => anyhow::anyhow!("{key_file}: {why}"),
        Unusable::Certificate => anyhow::anyhow!("{certificate_file}: {why}"),
        Unusable::Mismatch => anyhow::anyhow!("{certificate_file} and {key_file} do not belong together: {why}"),
    })
}

/// Warns of what others will not trust, and of a key that others may read.
fn warn(files: &CertificateFiles, chain: &Chain) {
    permissions::warn_if_open("the private key of TLS", &files.key);
    let file = files.certificate.display();
    for oddity in &chain.oddities {
        tracing::warn!(%file, "{oddity}");
    }
    let end = chain.certified.cert.first().and_then(x509::not_after);
    if end.is_some_and(|end| end <= unix_seconds(SystemTime::now()).cast_signed()) {
        tracing::warn!(%file, "the certificate has expired: renew it");
    }
}

/// Reads all certificates of a PEM file.
///
/// # Errors
/// Where the file cannot be read, or holds none; in words.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    files::certificates(path)
}
