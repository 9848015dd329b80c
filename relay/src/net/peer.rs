//! The address of a request behind reverse proxies.
//!
//! A forwarded address counts only from a named proxy and from the one configured header, read from the right.
//! Everything to the left of the first foreign address was written by the sender, and is never looked at. A named proxy without a
//! legible address gives none: the proxy's own address would stand for everybody.

mod words;

use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use self::words::{Words, forwarded_for};

/// The end of the names of headers in which each proxy adds an address: `X-Forwarded-For` and its relatives.
const LIST: &str = "forwarded-for";

/// The trusted proxies, and their header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarding {
    /// Networks of the proxies.
    pub proxies: Vec<IpNet>,
    /// The header with the address, such as `X-Forwarded-For`, `X-Real-IP` or `Forwarded` (RFC 7239).
    pub header: HeaderName,
}

/// How a header names addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Each proxy adds the address of its own client, as in `X-Forwarded-For`.
    List,
    /// The same, in the elements of RFC 7239.
    Elements,
    /// The last proxy names the client, as in `X-Real-IP`. A second value is the sender's.
    Single,
}

impl Forwarding {
    /// Returns the address behind a connection's; `None` from a proxy that names none.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.is_proxy(peer) {
            return Some(peer);
        }
        let form = self.form();
        let mut leftmost = None;
        for word in words_from_the_right(headers, &self.header, form) {
            let address = named(word?, form)?;
            if form == Form::Single || !self.is_proxy(address) {
                return Some(address);
            }
            leftmost = Some(address);
        }
        // Proxies alone: the request began on the first of them.
        leftmost
    }

    fn form(&self) -> Form {
        match &self.header {
            header if header == FORWARDED => Form::Elements,
            header if header.as_str().ends_with(LIST) => Form::List,
            _ => Form::Single,
        }
    }

    /// True for the address of a trusted proxy.
    pub(crate) fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }
}

/// Returns the elements of all lines of a header, the last one first; `None` for one without a beginning. Nothing is read ahead.
fn words_from_the_right<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    form: Form,
) -> impl Iterator<Item = Option<&'a [u8]>> {
    let lines = headers.get_all(name).into_iter().rev().map(HeaderValue::as_bytes);
    lines.flat_map(move |line| match form {
        Form::Elements => Words::quoted(line, b','),
        Form::List | Form::Single => Words::plain(line, b','),
    })
}

fn named(word: &[u8], form: Form) -> Option<IpAddr> {
    match form {
        Form::Elements => address(&forwarded_for(word)?),
        Form::List | Form::Single => address(word),
    }
}

/// Reads an address, with or without a port or brackets.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(bytes).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| bare.parse::<SocketAddr>().map(|address| address.ip())).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests;
