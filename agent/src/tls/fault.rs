//! What a failed TLS handshake means for whoever runs the router, in words, with the remedy.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use super::pin::PinMismatch;

/// Before this nobody had this program: a clock that shows less has not been set. 2025-01-01.
const CLOCK_IS_UNSET_BEFORE: Duration = Duration::from_secs(1_735_689_600);

/// Whose certificate was refused, or who refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The relay.
    Relay,
    /// The router's api-ssl.
    Router,
}

/// What an error of a TLS handshake means; nothing when TLS is not at fault.
pub fn explain(error: &io::Error, peer: Peer, now: SystemTime) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::InvalidCertificate(why) => explain_certificate(why, peer, now),
        Error::AlertReceived(AlertDescription::HandshakeFailure) if peer == Peer::Router => {
            "api-ssl has no certificate that this agent can use: assign one, /ip/service/set api-ssl certificate=…"
                .to_owned()
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the other side does not speak TLS: is it the right port?".to_owned()
        }
        other => format!("the TLS handshake failed: {other}"),
    })
}

fn explain_certificate(why: &CertificateError, peer: Peer, now: SystemTime) -> String {
    let whose = match peer {
        Peer::Relay => "the relay's certificate",
        Peer::Router => "the router's certificate",
    };
    let variable = match peer {
        Peer::Relay => "LINELIGHT_RELAY",
        Peer::Router => "LINELIGHT_ROUTER",
    };
    match why {
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => explain_early(whose, now),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("{whose} has expired, or the router's clock is ahead: renew it, or set the clock")
        }
        CertificateError::UnknownIssuer | CertificateError::InvalidPurpose => {
            format!(
                "{whose} is signed by nobody that is trusted: name its issuer in {variable}_CA or its key in {variable}_PIN"
            )
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("{whose} is for another name than {variable} has: write the name that it shows, or pin its key")
        }
        CertificateError::BadSignature => format!(
            "{whose} is copied or altered: who answers does not hold the key, or another issuer of the same name signed it"
        ),
        CertificateError::Other(other) => match other.0.downcast_ref::<PinMismatch>() {
            Some(mismatch) => {
                format!("{whose} is not accepted: {mismatch}; if it was renewed on purpose, add that to {variable}_PIN")
            }
            None => format!("{whose} is not accepted: {other}; its key can be pinned in {variable}_PIN"),
        },
        other => format!("{whose} is not accepted: {other}; its key can be pinned in {variable}_PIN"),
    }
}

fn explain_early(whose: &str, now: SystemTime) -> String {
    let clock = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    if clock < CLOCK_IS_UNSET_BEFORE {
        let year = 1970 + clock.as_secs() / 31_556_952;
        return format!(
            "the router's clock says {year}, when {whose} was not yet valid: set /system/ntp/client, or wait until it \
             has the time; a pinned key does not ask for the time"
        );
    }
    format!("{whose} is not yet valid: is the router's clock behind?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(error: Error, peer: Peer, now: SystemTime) -> String {
        explain(&io::Error::other(error), peer, now).unwrap()
    }

    #[test]
    fn a_clock_in_1970_has_words_of_its_own() {
        let early = || Error::InvalidCertificate(CertificateError::NotValidYet);
        let unset = words(early(), Peer::Relay, UNIX_EPOCH + Duration::from_secs(86_400));
        assert!(unset.contains("1970") && unset.contains("/system/ntp/client"), "{unset}");
        let set = words(early(), Peer::Relay, UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        assert!(!set.contains("ntp") && set.contains("not yet valid"), "{set}");
    }

    #[test]
    fn a_router_without_certificate_is_told_how_to_get_one() {
        let alert = Error::AlertReceived(AlertDescription::HandshakeFailure);
        assert!(words(alert.clone(), Peer::Router, UNIX_EPOCH).contains("certificate="));
        assert!(!words(alert, Peer::Relay, UNIX_EPOCH).contains("api-ssl"));
    }

    #[test]
    fn what_is_not_tls_is_not_explained() {
        assert_eq!(explain(&io::Error::from(io::ErrorKind::TimedOut), Peer::Relay, UNIX_EPOCH), None);
    }
}
