//! The files of ACME in the data directory, for the relay's own account alone.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use instant_acme::AccountCredentials;
use serde::{Deserialize, Serialize};

use super::super::tls::CertificateFiles;
use super::order::Issued;
use crate::store::data_directory::{self, DataDirectory};
use crate::store::permissions;

/// The largest file, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// The line before the key that names what the certificate is for. PEM's readers skip it (RFC 7468, section 2).
const NAMES: &str = "# Made by linelight-relay serve --acme ";

/// The account and the certificate, as files.
#[derive(Debug, Clone)]
pub struct AcmeFiles {
    account: PathBuf,
    certificate: PathBuf,
}

/// The account's file.
#[derive(Serialize, Deserialize)]
struct StoredAccount<T> {
    /// The directory at which the account is known.
    directory: String,
    credentials: T,
}

impl AcmeFiles {
    /// Returns the files' places in a data directory.
    pub fn new(data: &DataDirectory) -> Self {
        Self { account: data.path().join("acme-account.json"), certificate: data.path().join("acme-certificate.pem") }
    }

    /// Returns the certificate's file as TLS reads it: chain and key are in one.
    pub fn certificate(&self) -> CertificateFiles {
        CertificateFiles { certificate: self.certificate.clone(), key: self.certificate.clone() }
    }

    /// True if there is a certificate.
    pub fn has_certificate(&self) -> bool {
        self.certificate.exists()
    }

    /// Returns the names that the certificate was ordered for; `None` without one.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let text = String::from_utf8(data_directory::read(&self.certificate, MAX_FILE).ok()?).ok()?;
        let names = text.lines().next()?.strip_prefix(NAMES)?;
        Some(names.split(',').map(str::to_owned).collect())
    }

    /// Replaces the certificate and its key, whole.
    pub(super) fn write_certificate(&self, names: &[String], issued: &Issued) -> Result<()> {
        let text = format!("{NAMES}{}\n{}{}", names.join(","), issued.key, issued.chain);
        replace(&self.certificate, text.as_bytes())
    }

    /// Returns the account of a directory; `None` where there is none, or one of another directory.
    ///
    /// # Errors
    /// The file cannot be read, or others may read it.
    pub(super) fn account(&self, directory: &str) -> Result<Option<AccountCredentials>> {
        if !self.account.exists() {
            return Ok(None);
        }
        let content = data_directory::read_secret(&self.account, MAX_FILE)?;
        let stored: StoredAccount<AccountCredentials> = serde_json::from_slice(&content)
            .with_context(|| format!("{} is no account; remove it to make another", self.account.display()))?;
        Ok((stored.directory == directory).then_some(stored.credentials))
    }

    /// Replaces the account.
    pub(super) fn write_account(&self, directory: &str, credentials: &AccountCredentials) -> Result<()> {
        let stored = StoredAccount { directory: directory.to_owned(), credentials };
        replace(&self.account, &serde_json::to_vec(&stored)?)
    }
}

fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let written: io::Result<()> = data_directory::replace(path, content);
    written.map_err(|error| permissions::with_words("write", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificates_file_says_what_it_is_for_and_is_nobody_elses() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let files = AcmeFiles::new(&DataDirectory::new(directory.path()));
        assert_eq!((files.names(), files.has_certificate()), (None, false));
        let names = ["a.example", "b.example"].map(str::to_owned);
        files.write_certificate(&names, &Issued { key: "KEY\n".to_owned(), chain: "CHAIN\n".to_owned() }).unwrap();
        assert_eq!(files.names().unwrap(), names);
        let mode = std::fs::metadata(&files.certificate).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        std::fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----").unwrap();
        assert_eq!(files.names(), None, "somebody else's file is of other names");
    }
}
