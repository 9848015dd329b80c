//! The check of the flags of ACME, with the other ways to a certificate.

use std::time::Duration;

use super::ConfigError;
use super::typed::{AcmeArguments, TlsArguments};
use crate::net::acme::{AcmeSettings, LETS_ENCRYPT};

/// The wait after a first failed order. Let's Encrypt takes five failed proofs of a name an hour.
const FIRST_WAIT: Duration = Duration::from_secs(10 * 60);
/// The longest wait: even a certificate of six days has several tries left.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3_600);
/// The time between two looks at clock and file.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl AcmeArguments {
    /// Returns the settings; `None` without names.
    ///
    /// # Errors
    /// A certificate by files too, or a flag of ACME without names.
    pub(super) fn check(self, tls: &TlsArguments) -> Result<Option<AcmeSettings>, ConfigError> {
        let Self { acme: mut names, acme_contact: contact, acme_directory, acme_ca: ca, acme_http: http } = self;
        if names.is_empty() {
            let given = [
                ("acme-contact", contact.is_some()),
                ("acme-directory", acme_directory.is_some()),
                ("acme-ca", ca.is_some()),
                ("acme-http", http.is_some()),
            ];
            let alone = given.into_iter().find(|(_, is_given)| *is_given);
            return alone.map_or(Ok(None), |(given, _)| Err(ConfigError::Needs { given, missing: "acme" }));
        }
        if tls.tls_cert.is_some() || tls.tls_key.is_some() {
            return Err(ConfigError::TwoCertificates);
        }
        names.sort();
        names.dedup();
        let directory = acme_directory.unwrap_or_else(|| LETS_ENCRYPT.to_owned());
        let (first_wait, longest_wait, look_every) = (FIRST_WAIT, LONGEST_WAIT, LOOK_EVERY);
        Ok(Some(AcmeSettings { names, contact, directory, ca, http, first_wait, longest_wait, look_every }))
    }
}
