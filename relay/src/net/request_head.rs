//! A request's head (RFC 9112, sections 2 and 3), collected and judged before any use.
//!
//! hyper is lenient where the RFC lets a server be: hyper takes a bare LF as a line's end, and requests with two hosts
//! or none. A proxy before the relay may read the same bytes in another way, and then requests can be smuggled. So each
//! byte is judged here first, and every split of the bytes gives the same judgement.

mod fields;
mod refusal;

use http::Uri;

pub(crate) use self::fields::Next;
use self::fields::{Fields, is_token};
pub(crate) use self::refusal::{MAX_FIELDS, MAX_HEAD, Refusal};

/// The bytes of a head so far.
#[derive(Debug, Default)]
pub(crate) struct RequestHead {
    bytes: Vec<u8>,
    /// The beginning of the current line.
    line: usize,
    version: Option<Version>,
    fields: Fields,
}

/// The judgement on a head so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// More bytes are needed.
    Incomplete,
    /// The head is whole and right, and ends within the last bytes.
    Complete {
        /// The head's share of the last bytes.
        taken: usize,
        /// The bytes' purpose behind the head.
        next: Next,
    },
    /// The head is wrong. Nothing behind it is read.
    Refused(Refusal),
}

/// The relay's versions of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

impl RequestHead {
    /// Takes bytes until the head is whole. After [`Judgement::Complete`] the head is in [`Self::into_bytes`].
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Judgement {
        for (at, byte) in bytes.iter().enumerate() {
            match self.push_byte(*byte) {
                Ok(None) => {}
                Ok(Some(next)) => return Judgement::Complete { taken: at + 1, next },
                Err(refusal) => return Judgement::Refused(refusal),
            }
        }
        Judgement::Incomplete
    }

    /// Returns the head's memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.capacity()
    }

    /// Returns the head's bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn push_byte(&mut self, byte: u8) -> Result<Option<Next>, Refusal> {
        let behind_cr = self.bytes.last() == Some(&b'\r');
        match byte {
            _ if behind_cr != (byte == b'\n') => return Err(Refusal::LineEnd),
            b'\r' | b'\n' | b'\t' => {}
            0..=0x1f | 0x7f => return Err(Refusal::Control),
            _ => {}
        }
        if self.bytes.len() >= MAX_HEAD {
            return Err(Refusal::TooLarge);
        }
        self.bytes.push(byte);
        if byte == b'\n' { self.end_line() } else { Ok(None) }
    }

    fn end_line(&mut self) -> Result<Option<Next>, Refusal> {
        let end = self.bytes.len().saturating_sub(2);
        let line = self.bytes.get(self.line..end).unwrap_or_default();
        match (self.version, line) {
            // An empty line before the request is skipped (RFC 9112, section 2.2).
            (None, []) => {}
            (None, line) => self.version = Some(request_line(line)?),
            (Some(version), []) => return self.fields.judge(version == Version::Http11).map(Some),
            (Some(_), line) => self.fields.add(line)?,
        }
        self.line = self.bytes.len();
        Ok(None)
    }
}

/// Judges a request's first line.
fn request_line(line: &[u8]) -> Result<Version, Refusal> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::RequestLine);
    };
    let is_target = Uri::try_from(target).is_ok_and(|uri| uri.path().starts_with('/') || uri.path() == "*");
    if !is_token(method) || !is_target || !target.is_ascii() {
        return Err(Refusal::RequestLine);
    }
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        _ => Err(Refusal::RequestLine),
    }
}

#[cfg(test)]
mod tests;
