//! TLS by certificate files, reloaded after every change. A new connection gets the new certificate. Sessions resume
//! across the change: tickets do not depend on the certificate.

mod validity;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::store::{data_directory, permissions};

/// The largest PEM file, in bytes: a few hundred roots.
const MAX_FILE: u64 = 1024 * 1024;

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
        let current = RwLock::new(Arc::new(read(files, &provider)?));
        Ok(Arc::new(Self { provider, current }))
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// As [`Self::load`]; the certificate in use is then the same as before.
    pub fn reload(&self, files: &CertificateFiles) -> Result<()> {
        let renewed = Arc::new(read(files, &self.provider)?);
        *self.current.write() = renewed;
        Ok(())
    }

    /// Returns the expiry of the relay's own certificate, seconds since 1970; 0 without one.
    pub fn expires(&self) -> u64 {
        let current = self.current.read();
        let end = current.cert.first().and_then(validity::not_after);
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

fn read(files: &CertificateFiles, provider: &CryptoProvider) -> Result<CertifiedKey> {
    let chain = certificates(&files.certificate)?;
    let content = data_directory::read(&files.key, MAX_FILE)?;
    permissions::warn_if_open("the private key of TLS", &files.key);
    let key = PrivateKeyDer::from_pem_slice(&content)
        .map_err(|error| anyhow::anyhow!("{} holds no private key in PEM: {error}", files.key.display()))?;
    CertifiedKey::from_der(chain, key, provider)
        .with_context(|| format!("{} and {} do not belong together", files.certificate.display(), files.key.display()))
}

/// Reads all certificates of a PEM file.
///
/// # Errors
/// Where the file cannot be read, or holds none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let content = data_directory::read(path, MAX_FILE)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&content)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow::anyhow!("{} holds no certificates in PEM: {error}", path.display()))?;
    ensure!(!chain.is_empty(), "{} holds no certificate", path.display());
    Ok(chain)
}
