//! A failed TLS handshake in words for the operator of the router, with the remedy.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::certificate::UnusableKey;
use super::pin::PinMismatch;
use super::survey::Obstacle;
use super::verifier::OldVersion;
use crate::shown::shown;

/// 2025-01-01, before this program's first release: an earlier clock has not been set.
const CLOCK_IS_UNSET_BEFORE: Duration = Duration::from_secs(1_735_689_600);

/// The longest shown name or error of the other side, in characters.
const MAX_SHOWN: usize = 80;

/// The other side of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The relay.
    Relay,
    /// The router's api-ssl.
    Router,
}

impl Peer {
    const fn is_called(self) -> &'static str {
        match self {
            Self::Relay => "the relay",
            Self::Router => "api-ssl",
        }
    }

    const fn certificate(self) -> &'static str {
        match self {
            Self::Relay => "the relay's certificate",
            Self::Router => "the router's certificate",
        }
    }

    /// Where to look for the reason of a fault without words of its own.
    pub(crate) const fn place(self) -> &'static str {
        match self {
            Self::Relay => "look at the log of the relay, or of the reverse proxy before it",
            Self::Router => "look at api-ssl and its certificate in /ip/service",
        }
    }

    const fn variable(self) -> &'static str {
        match self {
            Self::Relay => "LINELIGHT_RELAY",
            Self::Router => "LINELIGHT_ROUTER",
        }
    }
}

/// Returns the meaning of a handshake's error and the remedy; `None` if TLS is not at fault.
pub fn explain(error: &io::Error, peer: Peer, now: SystemTime) -> Option<String> {
    let who = peer.is_called();
    Some(match tls_error(error)? {
        Error::InvalidCertificate(why) => explain_certificate(why, peer, now),
        Error::AlertReceived(alert) => explain_alert(*alert, peer),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the other side does not speak TLS: is it the right port?".to_owned()
        }
        Error::InvalidMessage(_) | Error::PeerMisbehaved(_) | Error::DecryptError => format!(
            "{who} breaks the rules of TLS, or something on the way alters what it says: is it the right port, and is a \
             firewall that inspects TLS between?"
        ),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            explain_obstacle(Obstacle::OldVersion, peer)
        }
        Error::PeerIncompatible(_) => no_common_way(peer),
        Error::NoCertificatesPresented => explain_obstacle(Obstacle::NoCertificate, peer),
        Error::NoApplicationProtocol => no_protocol(who),
        Error::FailedToGetRandomBytes => {
            "the system gives no random bytes for TLS: update the kernel of the agent's machine".to_owned()
        }
        other => {
            let error = shown(&other.to_string(), MAX_SHOWN);
            format!("the TLS handshake with {who} failed: {error}; {}", peer.place())
        }
    })
}

/// True if the other side refuses the handshake without a reason. A [survey](super::survey) may find the reason.
pub(crate) fn is_unexplained(error: &io::Error) -> bool {
    use AlertDescription::{HandshakeFailure, InsufficientSecurity, InternalError, ProtocolVersion};
    matches!(
        tls_error(error),
        Some(
            Error::AlertReceived(HandshakeFailure | InsufficientSecurity | InternalError | ProtocolVersion)
                | Error::PeerIncompatible(_)
        )
    )
}

fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref::<Error>()
}

fn explain_alert(alert: AlertDescription, peer: Peer) -> String {
    use AlertDescription as Alert;
    let who = peer.is_called();
    match alert {
        Alert::HandshakeFailure | Alert::InsufficientSecurity => no_common_way(peer),
        Alert::ProtocolVersion => explain_obstacle(Obstacle::OldVersion, peer),
        Alert::UnrecognisedName => {
            format!("{who} knows no host of this name: write the name of its certificate into {}", peer.variable())
        }
        Alert::NoApplicationProtocol => no_protocol(who),
        Alert::CertificateRequired | Alert::AccessDenied | Alert::UnknownCA => {
            format!("{who} wants a certificate of this agent, which has none: do not ask for client certificates")
        }
        other => {
            let alert = shown(&format!("{other:?}"), MAX_SHOWN);
            format!("{who} ended the TLS handshake with the alert {alert}; {}", peer.place())
        }
    }
}

fn no_protocol(who: &str) -> String {
    format!("{who} refuses HTTP/1.1 in TLS (ALPN): allow http/1.1 in the reverse proxy, WebSockets need it")
}

/// Returns the obstacle in words, with the remedy.
pub(crate) fn explain_obstacle(obstacle: Obstacle, peer: Peer) -> String {
    let who = peer.is_called();
    let remedy = match (obstacle, peer) {
        (Obstacle::NoCertificate, Peer::Router) => "assign one, /ip/service/set api-ssl certificate=…".to_owned(),
        (Obstacle::NoCertificate, Peer::Relay) => "give it one".to_owned(),
        (Obstacle::Key(_), _) => another_key(peer),
        (Obstacle::OldVersion, Peer::Router) => {
            "/ip/service/set api-ssl tls-version=only-1.2, or upgrade RouterOS".to_owned()
        }
        (_, Peer::Router) => "upgrade RouterOS, or use the plain api on the router itself".to_owned(),
        (_, Peer::Relay) => {
            "allow TLS 1.2 with ECDHE and AES-GCM, or TLS 1.3, in the reverse proxy or firewall before it".to_owned()
        }
    };
    format!("{who} and this agent have no way of TLS in common: {obstacle}; {remedy}")
}

/// Returns all possible reasons, for an unknown obstacle.
fn no_common_way(peer: Peer) -> String {
    let certificate = match peer {
        Peer::Router => "; or it has no certificate: /ip/service/set api-ssl certificate=…",
        Peer::Relay => "",
    };
    format!(
        "{} and this agent have no way of TLS in common: it needs TLS 1.2 with ECDHE and AES-GCM, or TLS 1.3, and a key of \
         RSA 2048 or P-256{certificate}",
        peer.is_called()
    )
}

fn another_key(peer: Peer) -> String {
    match peer {
        Peer::Router => "use a certificate with key-size=2048 or prime256v1 (/certificate/add)".to_owned(),
        Peer::Relay => "use a certificate with a key of RSA 2048 or ECDSA P-256".to_owned(),
    }
}

fn explain_certificate(why: &CertificateError, peer: Peer, now: SystemTime) -> String {
    let (whose, variable) = (peer.certificate(), peer.variable());
    match why {
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => explain_early(whose, now),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("{whose} has expired, or the router's clock is ahead: renew it, or set the clock")
        }
        CertificateError::UnknownIssuer
        | CertificateError::InvalidPurpose
        | CertificateError::InvalidPurposeContext { .. } => {
            format!(
                "{whose} is signed by nobody that is trusted: name its issuer in {variable}_CA or its key in {variable}_PIN"
            )
        }
        CertificateError::NotValidForName => wrong_name(whose, variable, &[]),
        CertificateError::NotValidForNameContext { presented, .. } => wrong_name(whose, variable, presented),
        CertificateError::BadSignature => format!(
            "{whose} is copied or altered: the other side does not hold the key, or another issuer of the same name signed it; \
             make a new one, and look for who stands between"
        ),
        CertificateError::BadEncoding => {
            format!(
                "{whose} cannot be read: it is no X.509 certificate, or something on the way altered it; make a new one"
            )
        }
        CertificateError::Revoked => format!("{whose} was revoked by its issuer: renew it"),
        CertificateError::Other(other) => explain_other(&*other.0, peer),
        other if is_of_algorithm(other) => format!(
            "{whose} or one of its issuers' is signed with an algorithm that is out of use, such as SHA-1 or a short RSA \
             key: renew it with SHA-256, or pin its key in {variable}_PIN"
        ),
        _ => format!("{whose} says something that this agent does not understand: pin its key in {variable}_PIN"),
    }
}

const fn is_of_algorithm(why: &CertificateError) -> bool {
    matches!(
        why,
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
    )
}

fn explain_other(why: &(dyn std::error::Error + 'static), peer: Peer) -> String {
    let (whose, variable) = (peer.certificate(), peer.variable());
    if let Some(mismatch) = why.downcast_ref::<PinMismatch>() {
        format!("{whose} is not accepted: {mismatch}; if it was renewed on purpose, add that to {variable}_PIN")
    } else if let Some(key) = why.downcast_ref::<UnusableKey>() {
        format!("{whose} has {key}; {}", another_key(peer))
    } else if let Some(version) = why.downcast_ref::<OldVersion>() {
        format!("{whose} is not accepted: {version}; pin its key in {variable}_PIN, or make one of version 3")
    } else if let Some(webpki::Error::CaUsedAsEndEntity) = why.downcast_ref() {
        format!("{whose} is an issuer's own (CA:TRUE), which vouches for no host: pin its key in {variable}_PIN")
    } else {
        format!("{whose} says something that this agent does not understand: pin its key in {variable}_PIN")
    }
}

fn wrong_name(whose: &str, variable: &str, presented: &[String]) -> String {
    let names: Vec<_> =
        presented.iter().take(3).map(|name| shown(name.split('"').nth(1).unwrap_or(name), MAX_SHOWN)).collect();
    let shown = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    format!("{whose} is for another name{shown} than {variable} has: write the name that it shows, or pin its key")
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

    /// Every fault has a remedy: behind a semicolon or a colon, or as a question. No part is told twice.
    #[test]
    fn every_fault_has_a_remedy_and_tells_no_part_twice() {
        use rustls::{InconsistentKeys, PeerMisbehaved};
        let other = |error| CertificateError::Other(rustls::OtherError(std::sync::Arc::new(error)));
        let certificates = [
            CertificateError::NotValidYet,
            CertificateError::Expired,
            CertificateError::UnknownIssuer,
            CertificateError::InvalidPurpose,
            CertificateError::NotValidForName,
            CertificateError::BadSignature,
            CertificateError::BadEncoding,
            CertificateError::Revoked,
            CertificateError::UnhandledCriticalExtension,
            other(OldVersion(1)),
            CertificateError::Other(rustls::OtherError(std::sync::Arc::new(UnusableKey::Rsa(1024)))),
            CertificateError::Other(rustls::OtherError(std::sync::Arc::new(webpki::Error::CaUsedAsEndEntity))),
        ];
        let alerts = [
            AlertDescription::HandshakeFailure,
            AlertDescription::ProtocolVersion,
            AlertDescription::UnrecognisedName,
            AlertDescription::NoApplicationProtocol,
            AlertDescription::CertificateRequired,
            AlertDescription::InternalError,
            AlertDescription::DecodeError,
        ];
        let errors = [
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Error::InvalidMessage(InvalidMessage::MessageTooLarge),
            Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare),
            Error::DecryptError,
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            Error::NoCertificatesPresented,
            Error::NoApplicationProtocol,
            Error::FailedToGetRandomBytes,
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch),
            Error::General("odd".to_owned()),
        ];
        let all = certificates.into_iter().map(Error::InvalidCertificate);
        let all = all.chain(alerts.into_iter().map(Error::AlertReceived)).chain(errors);
        for (error, peer) in all.flat_map(|error| [(error.clone(), Peer::Router), (error, Peer::Relay)]) {
            let told = words(error, peer, UNIX_EPOCH + Duration::from_secs(1_800_000_000));
            assert!(told.contains("; ") || told.contains(": ") || told.ends_with('?'), "no remedy: {told}");
            let mut parts: Vec<_> =
                told.split([';', ':', ',']).map(str::trim).filter(|part| part.contains(' ')).collect();
            let count = parts.len();
            parts.sort_unstable();
            parts.dedup();
            assert_eq!(parts.len(), count, "told twice: {told}");
        }
    }

    #[test]
    fn what_is_not_tls_is_not_explained() {
        assert_eq!(explain(&io::Error::from(io::ErrorKind::TimedOut), Peer::Relay, UNIX_EPOCH), None);
    }
}
