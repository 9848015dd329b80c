//! The address of a request behind reverse proxies.
//!
//! A forwarded address counts only from a named proxy and from the one configured header, read from the right.
//! Everything to the left of the first foreign address was written by the sender. A named proxy without the header
//! gives no address: the proxy's own address would stand for everybody.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The trusted proxies, and their header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarding {
    /// Networks of the proxies.
    pub proxies: Vec<IpNet>,
    /// The header with the address, such as `X-Forwarded-For`, `X-Real-IP` or `Forwarded` (RFC 7239).
    pub header: HeaderName,
}

impl Forwarding {
    /// Returns the address behind a connection's; `None` from a proxy without the header.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.is_proxy(peer) {
            return Some(peer);
        }
        let values = headers.get_all(&self.header).into_iter().map(|value| value.to_str().ok());
        let lines: Vec<&str> = values.collect::<Option<_>>()?;
        let is_rfc = self.header == http::header::FORWARDED;
        let mut leftmost = None;
        for element in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let text = if is_rfc { forwarded_for(element)? } else { element.trim() };
            let address = address(text)?;
            if !self.is_proxy(address) {
                return Some(address);
            }
            leftmost = Some(address);
        }
        // Proxies alone: the request began on the first of them.
        leftmost
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }
}

/// The `for` of one element of a `Forwarded` header.
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without a port or brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| bare.parse::<SocketAddr>().map(|address| address.ip())).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn forwarding(header: &'static str) -> Forwarding {
        Forwarding {
            proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            header: HeaderName::from_static(header),
        }
    }

    fn client(header: &'static str, peer: &str, lines: &[&'static str]) -> Option<String> {
        let headers = lines
            .iter()
            .map(|line| (HeaderName::from_static(header), HeaderValue::from_static(line)))
            .collect::<HeaderMap>();
        forwarding(header).client(peer.parse().unwrap(), &headers).map(|address| address.to_string())
    }

    #[test]
    fn a_proxys_word_is_walked_from_the_right() {
        for (lines, expected) in [
            (&["203.0.113.7"][..], Some("203.0.113.7")),
            (&["1.2.3.4, 203.0.113.7"], Some("203.0.113.7")),
            (&["1.2.3.4, 203.0.113.7, 10.0.0.9"], Some("203.0.113.7")),
            (&["1.2.3.4", "203.0.113.7", "10.0.0.9"], Some("203.0.113.7")),
            (&["203.0.113.7:4711"], Some("203.0.113.7")),
            (&["[2001:db8::1]:443"], Some("2001:db8::1")),
            (&["2001:db8::1"], Some("2001:db8::1")),
            (&["::ffff:203.0.113.7"], Some("203.0.113.7")),
            (&["10.0.0.8, 10.0.0.9"], Some("10.0.0.8")),
            (&[], None),
            (&[""], None),
            (&["203.0.113.7, unknown"], None),
            (&["203.0.113.7,"], None),
        ] {
            assert_eq!(client("x-forwarded-for", "10.0.0.1", lines).as_deref(), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_strangers_word_counts_for_nothing() {
        assert_eq!(client("x-forwarded-for", "203.0.113.9", &["1.2.3.4"]).as_deref(), Some("203.0.113.9"));
        let mut headers = HeaderMap::new();
        headers.insert("x-real-ip", HeaderValue::from_static("1.2.3.4"));
        assert_eq!(forwarding("x-forwarded-for").client("10.0.0.1".parse().unwrap(), &headers), None, "another header");
    }

    #[test]
    fn rfc_7239_is_understood() {
        for (line, expected) in [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", Some("192.0.2.60")),
            ("for=1.2.3.4, For=\"[2001:db8:cafe::17]:4711\"", Some("2001:db8:cafe::17")),
            ("for=_hidden", None),
            ("proto=http", None),
        ] {
            assert_eq!(client("forwarded", "fd00::1", &[line]).as_deref(), expected, "{line}");
        }
    }
}
