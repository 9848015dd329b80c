//! The origins of web pages (RFC 6454), and which of them may read what needs no token.
//!
//! A browser names the page's origin in every WebSocket handshake and in every request to another origin. Programs name none.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};

/// The origin of a page: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Box<str>,
    host: Box<str>,
    /// The port; `None` is unknown, for a scheme other than `http` and `https`.
    port: Option<u16>,
}

/// The origins whose pages may read lines without a token.
#[derive(Debug, Clone)]
pub struct Origins {
    /// The address under which browsers reach the relay, if configured.
    pub public: Option<Origin>,
    /// Origins beside the relay's own.
    pub allowed: Arc<[Origin]>,
    /// How browsers reach the relay.
    pub transport: Transport,
}

/// How browsers reach the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// By the relay's own TLS: pages of plain HTTP are foreign.
    Tls,
    /// By plain HTTP, or through a proxy that does TLS or not.
    Plain,
}

/// The judgement of a request's origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// The request names none, or the relay's own.
    Own,
    /// One of the allowed origins, as the request names it.
    Allowed(HeaderValue),
    /// Another one.
    Foreign,
}

impl Origin {
    /// Returns the origin of an address; `None` without scheme and host.
    pub fn of(uri: &Uri) -> Option<Self> {
        Self::new(uri.scheme_str()?, uri.authority()?)
    }

    fn new(scheme: &str, authority: &Authority) -> Option<Self> {
        let (scheme, host) = (scheme.to_ascii_lowercase(), authority.host().to_ascii_lowercase());
        if host.is_empty() || authority.as_str().contains('@') {
            return None;
        }
        let port = authority.port_u16().or(match scheme.as_str() {
            "https" => Some(443),
            "http" => Some(80),
            _ => None,
        });
        Some(Self { scheme: scheme.into(), host: host.into(), port })
    }

    /// Reads the origin of a portal: http or https with a plain name or an IPv4 address. A content security policy can hold no other
    /// (CSP Level 3, section 2.3.1).
    ///
    /// # Errors
    /// A sentence with the form.
    pub fn of_portal(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "this is not the origin of a portal; write it as https://portal.example, without a path";
        let origin: Self = text.parse().map_err(|_| FORM)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        let is_web = matches!(&*origin.scheme, "http" | "https");
        if is_web && origin.host.bytes().all(is_plain) { Ok(origin) } else { Err(FORM) }
    }

    /// Returns the origin as browsers write it: without the usual port (RFC 6454, section 6.2).
    pub fn source(&self) -> String {
        match (&*self.scheme, self.port) {
            (scheme, None) | (scheme @ "https", Some(443)) | (scheme @ "http", Some(80)) => {
                format!("{scheme}://{}", self.host)
            }
            _ => self.to_string(),
        }
    }

    /// True if a name server has no say in the host: an address, or this machine.
    fn is_literal(&self) -> bool {
        let bare = self.host.trim_matches(['[', ']']);
        bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok()
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    /// Reads an origin as browsers write it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "this is not the origin of a web page; write it as https://portal.example, without a path";
        let uri: Uri = text.trim().parse().map_err(|_| FORM)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(FORM);
        }
        Self::of(&uri).ok_or(FORM)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Origins {
    /// Returns the origins of a relay without a public address, reached by plain HTTP: its own.
    pub fn own() -> Self {
        Self { public: None, allowed: Arc::new([]), transport: Transport::Plain }
    }

    /// Judges a request by its `Origin`.
    pub(crate) fn judge(&self, headers: &HeaderMap) -> Judgement {
        let mut values = headers.get_all(ORIGIN).into_iter();
        let Some(value) = values.next() else { return Judgement::Own };
        let origin = value.to_str().ok().and_then(|text| text.parse::<Origin>().ok());
        let Some(origin) = origin.filter(|_| values.next().is_none()) else { return Judgement::Foreign };
        if self.is_own(&origin, headers) {
            return Judgement::Own;
        }
        if self.allowed.contains(&origin) { Judgement::Allowed(value.clone()) } else { Judgement::Foreign }
    }

    /// True if the request names exactly one origin, the relay's own: the public address or, without one, the host of the request.
    /// A request that names none is not.
    pub(crate) fn is_named_own(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(ORIGIN).into_iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Some(origin) = value.to_str().ok().and_then(|text| text.parse::<Origin>().ok()) else { return false };
        match &self.public {
            Some(public) => *public == origin,
            None => self.is_own(&origin, headers),
        }
    }

    /// True for the public address. Without one, and for hosts that no name server can point elsewhere, true for the host of the
    /// request.
    fn is_own(&self, origin: &Origin, headers: &HeaderMap) -> bool {
        if self.transport == Transport::Tls && &*origin.scheme != "https" {
            return false;
        }
        match &self.public {
            Some(public) if public == origin => true,
            Some(_) if !origin.is_literal() => false,
            _ => is_host(origin, headers),
        }
    }
}

/// True if the request's `Host` is the origin's host and port.
fn is_host(origin: &Origin, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<Authority>().ok());
    host.and_then(|host| Origin::new(&origin.scheme, &host)).is_some_and(|host| host == *origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(public: Option<&str>, allowed: &[&str], transport: Transport) -> Origins {
        let read = |text: &str| text.parse().unwrap();
        Origins { public: public.map(read), allowed: allowed.iter().map(|text| read(text)).collect(), transport }
    }

    fn judged(origins: &Origins, host: &str, origin: &str) -> Judgement {
        let headers = [(HOST, host), (ORIGIN, origin)];
        origins.judge(&headers.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect())
    }

    fn is_own(origins: &Origins, host: &str, origin: &str) -> bool {
        judged(origins, host, origin) == Judgement::Own
    }

    #[test]
    fn the_relays_own_pages_are_those_of_its_host() {
        let plain = Origins::own();
        for (host, origin, own) in [
            ("monitor.example", "https://monitor.example", true),
            ("monitor.example", "http://monitor.example", true),
            ("Monitor.example:443", "https://monitor.EXAMPLE", true),
            ("monitor.example:8443", "https://monitor.example:8443", true),
            ("[::1]:8080", "http://[::1]:8080", true),
            ("monitor.example:8443", "https://monitor.example", false),
            ("monitor.example", "https://monitor.example:8443", false),
            ("monitor.example", "https://evil.example", false),
            ("monitor.example", "https://monitor.example.evil.example", false),
            ("monitor.example", "https://evil.example@monitor.example", false),
            ("monitor.example", "https://monitor.example/path", false),
            ("monitor.example", "null", false),
            ("monitor.example", "", false),
            ("monitor.example", "monitor.example", false),
            ("monitor.example", "file://", false),
        ] {
            assert_eq!(is_own(&plain, host, origin), own, "{host} {origin}");
        }
        assert_eq!(plain.judge(&HeaderMap::new()), Judgement::Own, "programs name none");
    }

    #[test]
    fn two_origins_and_illegible_ones_are_foreign() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("monitor.example"));
        headers.insert(ORIGIN, HeaderValue::from_static("https://monitor.example"));
        assert_eq!(Origins::own().judge(&headers), Judgement::Own);
        headers.append(ORIGIN, HeaderValue::from_static("https://monitor.example"));
        assert_eq!(Origins::own().judge(&headers), Judgement::Foreign);
        headers.insert(ORIGIN, HeaderValue::from_bytes(b"https://monitor.example\xff").unwrap());
        assert_eq!(Origins::own().judge(&headers), Judgement::Foreign);
    }

    #[test]
    fn with_a_public_address_a_name_that_points_here_is_not_enough() {
        let public = origins(Some("https://monitor.example"), &[], Transport::Plain);
        assert!(is_own(&public, "127.0.0.1:8080", "https://monitor.example"), "a proxy may change Host");
        assert!(!is_own(&public, "rebound.example:8080", "http://rebound.example:8080"));
        assert!(is_own(&public, "10.0.0.7:8080", "http://10.0.0.7:8080"), "an address cannot be pointed elsewhere");
        assert!(is_own(&public, "localhost:8080", "http://localhost:8080"));
    }

    #[test]
    fn under_tls_a_page_of_plain_http_is_foreign() {
        let tls = origins(None, &[], Transport::Tls);
        assert!(is_own(&tls, "monitor.example", "https://monitor.example"));
        assert!(!is_own(&tls, "monitor.example", "http://monitor.example"));
        assert!(!is_own(&tls, "monitor.example:443", "http://monitor.example:443"));
    }

    #[test]
    fn allowed_origins_are_named_back_as_they_came() {
        let list = origins(None, &["https://Portal.example", "chrome-extension://abcdef"], Transport::Plain);
        for origin in ["https://portal.example", "https://portal.example:443", "chrome-extension://abcdef"] {
            let expected = Judgement::Allowed(origin.parse().unwrap());
            assert_eq!(judged(&list, "monitor.example", origin), expected, "{origin}");
        }
        for origin in ["http://portal.example", "https://portal.example:8443", "https://sub.portal.example", "null"] {
            assert_eq!(judged(&list, "monitor.example", origin), Judgement::Foreign, "{origin}");
        }
    }

    #[test]
    fn a_portals_origin_is_written_as_browsers_write_it() {
        for (text, source) in [
            ("https://Portal.example:443/", "https://portal.example"),
            ("https://portal.example:8443", "https://portal.example:8443"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://localhost:8000", "http://localhost:8000"),
        ] {
            assert_eq!(Origin::of_portal(text).unwrap().source(), source, "{text}");
        }
        for text in
            ["*", "https://*.portal.example", "https://a;script-src", "https://a,b", "https://[::1]", "ftp://a", "null"]
        {
            assert!(Origin::of_portal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_the_form() {
        for text in ["", "*", "null", "portal.example", "https://portal.example/path", "https://", "https://a@b", "/x"]
        {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
        assert_eq!("https://portal.example/".parse::<Origin>().unwrap().to_string(), "https://portal.example:443");
    }
    #[test]
    fn a_change_names_the_relays_own_origin() {
        let named = |origins: &Origins, host: &'static str, names: &[&'static str]| {
            let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            for name in names {
                headers.append(ORIGIN, HeaderValue::from_static(name));
            }
            origins.is_named_own(&headers)
        };
        let public = origins(Some("https://monitor.example"), &["https://portal.example"], Transport::Plain);
        assert!(named(&public, "10.0.0.1:8080", &["https://monitor.example"]));
        for others in [
            &[][..],
            &["https://portal.example"],
            &["http://monitor.example"],
            &["https://monitor.example:8443"],
            &["http://10.0.0.1:8080"],
            &["null"],
            &["https://monitor.example", "https://monitor.example"],
        ] {
            assert!(!named(&public, "10.0.0.1:8080", others), "{others:?}");
        }
        assert!(named(&Origins::own(), "10.0.0.1:8080", &["http://10.0.0.1:8080"]));
        assert!(!named(&Origins::own(), "10.0.0.1:8080", &["http://10.0.0.2:8080"]));
        assert!(!named(&Origins::own(), "10.0.0.1:8080", &[]));
    }
}
