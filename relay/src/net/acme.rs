//! The relay's own certificate by ACME (RFC 8555): an order, a proof that the names lead here, a file, and the next time.
//!
//! The certificate and its key are one file, replaced whole: a crash never leaves a key without its chain. A failed order
//! changes nothing: the certificate in use stays until its end.

mod client;
mod files;
mod order;
mod plain;
mod schedule;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use axum::Router;
use humantime::format_rfc3339_seconds;
use instant_acme::{Account, AccountCredentials, NewAccount};

use self::client::Client;
pub use self::files::AcmeFiles;
use self::schedule::{Pace, renewal};
use super::proofs::Proofs;
use super::tls::Certificate;
use crate::metrics::Metrics;

/// The directory of Let's Encrypt.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// How the relay gets its certificate.
#[derive(Debug, Clone)]
pub struct AcmeSettings {
    /// The names of the certificate.
    pub names: Vec<String>,
    /// An e-mail address for the authority's warnings.
    pub contact: Option<String>,
    /// The directory of the authority, an https address.
    pub directory: String,
    /// The certificates to trust when the authority is asked; `None` is the public authorities.
    pub ca: Option<PathBuf>,
    /// The plain listener that proves the names by HTTP-01; `None` proves them by TLS-ALPN-01.
    pub http: Option<SocketAddr>,
    /// The wait after a first failure; each further one doubles it, up to [`AcmeSettings::longest_wait`].
    pub first_wait: Duration,
    /// The longest wait after a failure.
    pub longest_wait: Duration,
    /// The time between two looks at clock and file: a machine may sleep, and a file be put back from a backup.
    pub look_every: Duration,
}

/// The task that keeps the certificate valid.
pub struct Renewal {
    settings: AcmeSettings,
    files: AcmeFiles,
    client: Client,
    certificate: Arc<Certificate>,
    proofs: Arc<Proofs>,
    metrics: Arc<Metrics>,
}

impl Renewal {
    /// Prepares the renewal of a certificate, which may be there already.
    ///
    /// # Errors
    /// Where the authority's own certificates cannot be read.
    pub fn new(
        settings: AcmeSettings,
        files: AcmeFiles,
        certificate: &Arc<Certificate>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self> {
        let client = Client::new(settings.ca.as_deref())?;
        let (certificate, metrics) = (Arc::clone(certificate), Arc::clone(metrics));
        Ok(Self { settings, files, client, proofs: certificate.proofs().unwrap_or_default(), certificate, metrics })
    }

    /// Returns the plain listener that proves names by HTTP-01, and its requests; `None` where they are proved by TLS.
    pub(crate) fn plain_listener(&self) -> Option<(SocketAddr, Router)> {
        let names = self.settings.names.clone();
        self.settings.http.map(|address| (address, plain::routes(Arc::clone(&self.proofs), names)))
    }

    /// Orders a certificate whenever one is due, for ever.
    pub async fn run(self) {
        let mut pace = Pace::new(self.settings.first_wait, self.settings.longest_wait);
        loop {
            let now = SystemTime::now();
            let next = pace.not_before(self.due(now), now);
            self.metrics.acme_next_try.set(seconds(next));
            match next.duration_since(now) {
                Ok(wait) if !wait.is_zero() => tokio::time::sleep(wait.min(self.settings.look_every)).await,
                _ => self.try_once(&mut pace).await,
            }
        }
    }

    /// Returns when the certificate in use should be replaced: at once where it is missing, over, or of other names.
    fn due(&self, now: SystemTime) -> SystemTime {
        let is_of_names = self.files.names().is_some_and(|names| names == self.settings.names);
        let validity = self.certificate.validity().filter(|_| is_of_names);
        validity.map_or(now, renewal)
    }

    async fn try_once(&self, pace: &mut Pace) {
        match self.order().await {
            Ok(()) => {
                pace.succeeded();
                self.metrics.acme_failing.set(0);
                self.metrics.certificate_expiry.set(self.certificate.expires());
                let next = format_rfc3339_seconds(self.due(SystemTime::now()));
                tracing::info!(names = self.settings.names.join(","), renewal = %next, "a new certificate is in use");
            }
            Err(error) => {
                let now = SystemTime::now();
                pace.failed(now);
                self.metrics.acme_failures.increment();
                self.metrics.acme_failing.set(1);
                self.tell(&error, pace.not_before(self.due(now), now));
            }
        }
    }

    fn tell(&self, error: &anyhow::Error, next: SystemTime) {
        let error = shared::escape::one_line(&format!("{error:#}")).to_string();
        let next = format_rfc3339_seconds(next);
        match self.certificate.validity() {
            Some(validity) => {
                let until = format_rfc3339_seconds(validity.not_after);
                tracing::error!(error, next_try = %next, valid_until = %until, "no new certificate; the one in use stays");
            }
            None => tracing::error!(error, next_try = %next, "no certificate yet: browsers and agents cannot connect"),
        }
    }

    async fn order(&self) -> Result<()> {
        let account = self.account().await?;
        let wants_http = self.settings.http.is_some();
        let issued = order::issue(&account, &self.settings.names, &self.proofs, wants_http).await?;
        // Before the file: what cannot be used must not take the place of what can.
        self.certificate.check(&issued.chain, &issued.key).context("the authority's certificate cannot be used")?;
        self.files.write_certificate(&self.settings.names, &issued)?;
        self.certificate.reload(&self.files.certificate())
    }

    /// Returns the account at this directory, made at the first time.
    async fn account(&self) -> Result<Account> {
        let directory = self.settings.directory.clone();
        let asking = || format!("asking {}", self.settings.directory);
        if let Some(credentials) = self.files.account(&directory)? {
            let builder = Account::builder_with_http(Box::new(self.client.clone()));
            return builder.from_credentials(credentials).await.map_err(client::words).with_context(asking);
        }
        let contact = self.settings.contact.as_ref().map(|address| format!("mailto:{address}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let account = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let made = builder.create(&account, directory.clone(), None).await;
        let (account, credentials): (Account, AccountCredentials) = made.map_err(client::words).with_context(asking)?;
        self.files.write_account(&directory, &credentials)?;
        Ok(account)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
