//! Addresses as they are written in the configuration: of a router, a relay, a proxy, and the default gateway.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use http::Uri;

use super::secret::Secret;

/// A name or an IP address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A DNS name, or an IP address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl HostPort {
    /// Takes both as they are.
    pub const fn new(host: String, port: u16) -> Self {
        Self { host, port }
    }

    /// Reads `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self, &'static str> {
        const FORM: &str = "write it as host or host:port, an IPv6 address with a port in brackets";
        let (host, port) = if text.parse::<std::net::Ipv6Addr>().is_ok() {
            (text, "")
        } else if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or(FORM)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| FORM)?;
            (host, rest)
        } else {
            text.find(':').map_or((text, ""), |colon| text.split_at(colon))
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or("the port is a number from 1 to 65535")?,
            None if port.is_empty() => default_port,
            None => return Err(FORM),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if host.is_empty() || !(host.parse::<IpAddr>().is_ok() || host.chars().all(is_name)) {
            return Err(FORM);
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// Returns the IP address; `None` for a name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// True for this machine's own loopback.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Whether a relay is spoken to over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `wss://`, over TLS.
    Wss,
    /// `ws://`, in plain text.
    Ws,
}

/// The address of a relay's uplink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayAddress {
    /// The host and the port.
    pub host: HostPort,
    /// The uplink's path: [`UPLINK_PATH`](shared::UPLINK_PATH) in the relay's folder.
    pub path: String,
    /// The URL's scheme.
    pub scheme: Scheme,
}

impl RelayAddress {
    /// True if the token and all samples cross a network in plain text.
    pub(super) fn is_exposed(&self) -> bool {
        self.scheme == Scheme::Ws && !self.host.is_loopback()
    }

    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "write it as wss://host, wss://host:port or wss://host/folder";
        let uri: Uri = text.parse().map_err(|_| FORM)?;
        let (scheme, port) = match uri.scheme_str() {
            Some("wss") => (Scheme::Wss, 443),
            Some("ws") => (Scheme::Ws, 80),
            _ => return Err(FORM),
        };
        let authority = uri.authority().ok_or(FORM)?.as_str();
        if authority.contains('@') {
            return Err("an address holds no password: the token has a file of its own");
        }
        // `Uri` drops a fragment without an error.
        if uri.query().is_some() || text.contains('#') {
            return Err("an address holds no query and no fragment");
        }
        let host = HostPort::parse(authority, port)?;
        Ok(Self { host, path: uplink_path(uri.path()), scheme })
    }
}

/// Returns the uplink's path for a relay's folder. A path that ends in the uplink's own is taken as it is.
fn uplink_path(path: &str) -> String {
    match path.trim_end_matches('/') {
        whole if whole.ends_with(shared::UPLINK_PATH) => whole.to_owned(),
        folder => format!("{folder}{}", shared::UPLINK_PATH),
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Wss => "wss",
            Scheme::Ws => "ws",
        };
        write!(f, "{scheme}://{}{}", self.host, self.path)
    }
}

/// A proxy's address and credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyAddress {
    /// The host and the port.
    pub host: HostPort,
    /// `user:password`, unescaped.
    pub credentials: Option<Secret>,
}

impl ProxyAddress {
    /// Reads `http://[user:password@]host[:port]`.
    ///
    /// # Errors
    /// The fault, without the text: there may be a password in the text.
    pub fn parse(url: &[u8]) -> Result<Self, &'static str> {
        const FORM: &str = "write it as http://host:port or http://user:password@host:port";
        let text = std::str::from_utf8(url).map_err(|_| FORM)?.trim();
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some(_) => return Err("only http:// proxies are spoken to; the relay's TLS runs through them unopened"),
            None => text,
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(unescape(credentials).ok_or(FORM)?), host),
            None => (None, authority),
        };
        let host = HostPort::parse(host, 3128).map_err(|_| FORM)?;
        Ok(Self { host, credentials: credentials.map(Secret::new) })
    }
}

/// Undoes `%XX`.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            other => other,
        });
    }
    Some(out)
}

/// Returns the gateway of the IPv4 default route in the text of `/proc/net/route`: for a container, the router.
pub fn default_gateway(routes: &str) -> Option<Ipv4Addr> {
    const FLAG_GATEWAY: u16 = 2;
    let mut found: Vec<(u32, Ipv4Addr)> = routes
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            let [_, "00000000", gateway, flags, _, _, metric, "00000000", ..] = fields[..] else { return None };
            // The kernel prints the address as the machine's own number.
            let gateway = Ipv4Addr::from(u32::from_str_radix(gateway, 16).ok()?.to_ne_bytes());
            let flags = u16::from_str_radix(flags, 16).ok()?;
            (flags & FLAG_GATEWAY != 0).then_some((metric.parse().ok()?, gateway))
        })
        .collect();
    found.sort_by_key(|(metric, _)| *metric);
    found.first().map(|(_, gateway)| *gateway)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_with_and_without_port() {
        let read = |text| HostPort::parse(text, 1).map(|host| host.to_string());
        assert_eq!(read("172.17.0.1").as_deref(), Ok("172.17.0.1:1"));
        assert_eq!(read("router.lan:8728").as_deref(), Ok("router.lan:8728"));
        assert_eq!(read("fd00::1").as_deref(), Ok("[fd00::1]:1"));
        assert_eq!(read("[fd00::1]:2").as_deref(), Ok("[fd00::1]:2"));
        for wrong in ["", ":1", "a:0", "a:65536", "a:b:c", "[::1", "[::1]2", "http://a", "a b", "a@b", "[a]"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn relays_are_read_as_urls() {
        let read = |text| RelayAddress::parse(text).map(|address| address.to_string());
        assert_eq!(read("wss://relay.example").as_deref(), Ok("wss://relay.example:443/agent/v1"));
        for folder in ["/speed", "/speed/", "/speed/agent/v1", "/speed/agent/v1/"] {
            let address = RelayAddress::parse(&format!("wss://relay.example:8443{folder}")).unwrap();
            assert_eq!(address.to_string(), "wss://relay.example:8443/speed/agent/v1", "{folder}");
        }
        assert_eq!(read("ws://[::1]:80/").as_deref(), Ok("ws://[::1]:80/agent/v1"));
        for wrong in [
            "relay.example",
            "https://relay.example",
            "wss://u:p@relay.example",
            "wss://a/?token=1",
            "wss://a/?",
            "wss://a/#b",
            "wss://a#b",
            "wss://",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_proxys_password_is_unescaped_and_masked() {
        let proxy = ProxyAddress::parse(b"http://al%40ice:p%3Ass@proxy.example:8080/").unwrap();
        assert_eq!(proxy.host.to_string(), "proxy.example:8080");
        assert_eq!(proxy.credentials.as_ref().unwrap().expose(), b"al@ice:p:ss");
        assert!(!format!("{proxy:?}").contains("p:ss"));
        assert_eq!(ProxyAddress::parse(b"proxy").unwrap().host.to_string(), "proxy:3128");
        for wrong in ["https://proxy", "socks5://proxy", "http://", "http://a%4:b@proxy", "http://proxy/path"] {
            assert!(ProxyAddress::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_gateway_is_the_default_route_of_the_lowest_metric() {
        let gateway = u32::from_ne_bytes([172, 17, 0, 1]);
        let other = u32::from_ne_bytes([10, 0, 0, 1]);
        let routes = format!(
            "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
             eth1 00000000 {other:08X} 0003 0 0 100 00000000 0 0 0\n\
             veth-agent 00000000 {gateway:08X} 0003 0 0 0 00000000 0 0 0\n\
             veth-agent 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0\n"
        );
        assert_eq!(default_gateway(&routes), Some(Ipv4Addr::new(172, 17, 0, 1)));
        assert_eq!(default_gateway(""), None);
        assert_eq!(default_gateway("head\neth0 00000000 00000000 0001 0 0 0 00000000\n"), None);
    }
}
