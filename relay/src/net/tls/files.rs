//! Certificates and keys from the files that people have: PEM as text of any encoding. What else a file holds is named, with the
//! command that makes PEM of it.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Result, bail};
use encoding_rs::{Encoding, UTF_8};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::x509::Fields;
use crate::store::data_directory;

/// The largest file, in bytes: a few hundred roots.
const MAX_FILE: u64 = 1024 * 1024;
/// The first byte of every DER file: a sequence.
const DER: u8 = 0x30;
/// The object identifier 1.2.840.113549.1.7, of PKCS#7 and so of PKCS#12, near the begin of a file.
const PKCS_7: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];

/// A file's text, and what the file may be instead.
struct File<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
}

/// Reads all certificates of a file.
///
/// # Errors
/// The file cannot be read, or holds no certificate; in words, with the remedy.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let file = File::read(path)?;
    let text = file.text();
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let shown = path.display();
    match found {
        Ok(all) if all.is_empty() => bail!("{shown} holds no certificate: {}", file.instead("x509 -inform der")),
        Ok(all) if all.iter().any(|one| Fields::read(one).is_none()) => {
            bail!("{shown} holds something that is no X.509 certificate; copy the certificate again, whole")
        }
        Ok(all) => Ok(all),
        Err(_) => bail!(
            "{shown} holds a certificate that is cut off or altered; copy it again, whole, with the lines BEGIN and END on lines \
             of their own"
        ),
    }
}

/// Reads the private key of a file.
///
/// # Errors
/// The file cannot be read, or holds no private key; in words, with the remedy.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let file = File::read(path)?;
    let text = file.text();
    let shown = path.display();
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED") {
        bail!(
            "the key in {shown} is encrypted with a password: write it without one, openssl pkey -in {shown} -out FILE"
        );
    }
    match PrivateKeyDer::from_pem_slice(text.as_bytes()) {
        Ok(key) => Ok(key),
        Err(rustls_pki_types::pem::Error::NoItemsFound) => {
            bail!("{shown} holds no private key: {}", file.instead("pkey -inform der"))
        }
        Err(_) => bail!(
            "{shown} holds a private key that is cut off or altered; copy it again, whole, with the lines BEGIN and END on lines of \
             their own"
        ),
    }
}

impl<'a> File<'a> {
    fn read(path: &'a Path) -> Result<Self> {
        Ok(Self { path, bytes: data_directory::read(path, MAX_FILE)? })
    }

    fn text(&self) -> Cow<'_, str> {
        let (encoding, _) = Encoding::for_bom(&self.bytes).unwrap_or((UTF_8, 0));
        encoding.decode(&self.bytes).0
    }

    /// Says what the file holds instead of what was looked for, and the remedy. `command` is openssl's, for DER.
    fn instead(&self, command: &str) -> String {
        let shown = self.path.display();
        if self.bytes.iter().all(u8::is_ascii_whitespace) {
            return "it is empty".to_owned();
        }
        if self.bytes.first() == Some(&DER) {
            let begin = self.bytes.get(..64).unwrap_or(&self.bytes);
            return match begin.windows(PKCS_7.len()).any(|part| part == PKCS_7) {
                true => format!("it is PKCS#12 or PKCS#7; make PEM of it, openssl pkcs12 -in {shown} -nodes -out FILE"),
                false => format!("it is DER; make PEM of it, openssl {command} -in {shown} -out FILE"),
            };
        }
        let text = self.text();
        let holds = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
        if holds("CERTIFICATE REQUEST") || holds("NEW CERTIFICATE REQUEST") {
            "it is a request for one (CSR); take what the issuer made of it".to_owned()
        } else if holds("PKCS7") {
            format!("it is PKCS#7; make PEM of it, openssl pkcs7 -print_certs -in {shown} -out FILE")
        } else if holds("OPENSSH PRIVATE KEY") {
            "it is a key for SSH; take the key that the certificate was made with".to_owned()
        } else if holds("CERTIFICATE") {
            "it is a certificate; were certificate and key confused?".to_owned()
        } else if text.contains("PRIVATE KEY-----") {
            "it is a private key; were certificate and key confused?".to_owned()
        } else if holds("PUBLIC KEY") {
            "it is a public key; take the private key that the certificate was made with".to_owned()
        } else {
            "PEM is text with a line -----BEGIN …-----".to_owned()
        }
    }
}
