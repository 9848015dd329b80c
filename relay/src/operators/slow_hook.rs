//! Tells a ticket system of each slow report, signed by HMAC-SHA-256, until the system takes it.
//!
//! A report is tried once a minute for a day, by one relay at a time: whoever tries it notes so first. A receiver may hear of a
//! report twice, and knows it by its number.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use http_body_util::Full;
use ring::hmac;
use serde_json::json;
use shared::Username;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::clock::{UnixMillis, unix_seconds};
use crate::net::outward::Outward;
use crate::store::data_directory::read_secret;
use crate::store::database::handle::Store;
use crate::subscribers::Subscribers;
use crate::viewers::slow_reports::{self, Report};

/// The header with time and signature, as `t=SECONDS,v1=HEX`.
pub const SIGNATURE: &str = "linelight-signature";

/// The shortest secret, in bytes.
const LEAST_SECRET: usize = 16;
/// The longest secret file, in bytes.
const MAX_FILE: u64 = 4 * 1024;
/// Reports that wait are looked for so often, if no new one wakes the teller.
const LOOKED_FOR_EVERY: Duration = Duration::from_secs(30);

/// The ticket system, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSettings {
    /// Where reports are sent.
    pub url: Uri,
    /// The file with the secret that signs them.
    pub secret: PathBuf,
}

/// Tells the ticket system.
pub(crate) struct SlowHook {
    url: Uri,
    key: hmac::Key,
    outward: Outward,
    store: Arc<Store>,
    subscribers: Subscribers,
    /// The relay's own address, for a link to the report.
    public_url: Option<Uri>,
    wake: Arc<Notify>,
}

impl SlowHook {
    /// Reads the secret. `wake` tells of a new report.
    ///
    /// # Errors
    /// The file cannot be read, is open to others, or holds less than 16 bytes.
    pub(crate) fn new(
        settings: &HookSettings,
        store: Arc<Store>,
        subscribers: Subscribers,
        public_url: Option<Uri>,
        wake: Arc<Notify>,
    ) -> Result<Self> {
        let file = settings.secret.display();
        let secret = read_secret(&settings.secret, MAX_FILE)?;
        let secret = secret.trim_ascii();
        ensure!(
            secret.len() >= LEAST_SECRET,
            "{file} holds less than {LEAST_SECRET} bytes; make one with `openssl rand -hex 32`"
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let outward = Outward::new(None, "a public name")?;
        Ok(Self { url: settings.url.clone(), key, outward, store, subscribers, public_url, wake })
    }

    /// Tells of each report, for ever. A failure is logged once, until a report is taken again.
    pub(crate) async fn run(self) {
        let mut fails = false;
        loop {
            match self.tell_all().await {
                Ok(0) => {}
                Ok(_) => fails = false,
                Err(error) if !fails => {
                    let error = format!("{error:#}");
                    tracing::error!(error, "the ticket system takes no slow report; they wait for a day");
                    fails = true;
                }
                Err(_) => {}
            }
            let _ = timeout(LOOKED_FOR_EVERY, self.wake.notified()).await;
        }
    }

    /// Tells of every report that waits. Returns how many were taken.
    async fn tell_all(&self) -> Result<usize> {
        let mut taken = 0;
        let database = self.store.database().await?;
        while let Some(report) = slow_reports::untold(&database, SystemTime::now().into()).await? {
            let number = report.number;
            self.tell(&report).await.with_context(|| format!("report {number}"))?;
            slow_reports::told(&database, number, SystemTime::now().into()).await?;
            taken += 1;
        }
        Ok(taken)
    }

    async fn tell(&self, report: &Report) -> Result<()> {
        let body = self.body(report).to_string();
        let seconds = unix_seconds(SystemTime::now());
        let signature = hmac::sign(&self.key, format!("{seconds}.{body}").as_bytes());
        let request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE, format!("t={seconds},v1={}", HEXLOWER.encode(signature.as_ref())))
            .body(Full::new(Bytes::from(body)))?;
        let status = self.outward.ask(request).await?.status();
        ensure!(status.is_success(), "it answers {status}");
        Ok(())
    }

    fn body(&self, report: &Report) -> serde_json::Value {
        let Report { number, username, made, by, words, .. } = report;
        let subscriber = Username::from_text(username).ok().and_then(|username| self.subscribers.get(&username));
        let customer = subscriber.and_then(|row| row.customer.as_deref().map(str::to_owned));
        let url = self.public_url.as_ref().map(|url| format!("{url}console/slow/{number}"));
        let made: UnixMillis = *made;
        json!({
            "type": "slow_report", "number": number, "username": username, "customer": customer,
            "made": made, "by": by, "words": words, "url": url,
        })
    }
}
