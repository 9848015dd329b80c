//! A certificate for 127.0.0.1, trusted in this run only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::{ClientConfig, RootCertStore};

/// The relay's certificate and its peers' trust.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The relay's flags.
    pub flags: [String; 2],
    /// The certificate itself, PEM: a file for an agent's `--relay-ca`.
    pub file: PathBuf,
    /// A client with trust in the certificate.
    pub client: Arc<ClientConfig>,
}

impl Certificate {
    /// Makes one in a folder.
    ///
    /// # Errors
    /// When the certificate cannot be made or written.
    pub fn make(folder: &Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let (file, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        std::fs::write(&file, made.cert.pem()).context("writing the certificate")?;
        std::fs::write(&key, made.signing_key.serialize_pem()).context("writing the key")?;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone())?;
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let flags = [format!("--tls-cert={}", file.display()), format!("--tls-key={}", key.display())];
        Ok(Self { flags, file, client: Arc::new(client) })
    }
}
