//! The fields of a head that say where the request goes and where its body ends.

use http::uri::Authority;

use super::refusal::{MAX_FIELDS, Refusal};

/// The longest body of a request that hyper judges by its method and path, in bytes. Of lengths near 2^64 hyper makes signs of its own, and
/// answers them past the relay's door.
const MAX_BODY: u64 = u64::MAX / 2;

/// What comes behind a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next head.
    Head,
    /// A body, or another protocol.
    Other,
}

/// What the fields so far have said.
#[derive(Debug, Default)]
pub(super) struct Fields {
    count: usize,
    hosts: usize,
    /// The body's length.
    length: Option<u64>,
    is_chunked: bool,
    wants_upgrade: bool,
}

impl Fields {
    /// Adds a line (RFC 9112, section 5). A line that begins with a blank continues another (obs-fold): it has no name.
    pub(super) fn add(&mut self, line: &[u8]) -> Result<(), Refusal> {
        self.count += 1;
        if self.count > MAX_FIELDS {
            return Err(Refusal::TooLarge);
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Refusal::FieldName)?;
        let (name, value) = line.split_at(colon);
        if !is_token(name) {
            return Err(Refusal::FieldName);
        }
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        match name.to_ascii_lowercase().as_slice() {
            b"host" => self.host(value),
            b"content-length" => self.content_length(value),
            b"transfer-encoding" => self.transfer_encoding(value),
            b"upgrade" => {
                self.wants_upgrade = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &[u8]) -> Result<(), Refusal> {
        self.hosts += 1;
        let is_host = Authority::try_from(value).is_ok_and(|host| !host.host().is_empty() && !value.contains(&b'@'));
        if is_host { Ok(()) } else { Err(Refusal::Host) }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let length = std::str::from_utf8(value).ok().filter(|_| is_number).and_then(|value| value.parse().ok());
        let length = length.filter(|length| *length <= MAX_BODY);
        if self.length.is_some() || length.is_none() {
            return Err(Refusal::Length);
        }
        self.length = length;
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Refusal::Length);
        }
        self.is_chunked = true;
        Ok(())
    }

    /// Judges all fields together.
    pub(super) fn judge(&self, is_http_11: bool) -> Result<Next, Refusal> {
        if self.hosts > 1 || (is_http_11 && self.hosts == 0) {
            return Err(Refusal::Host);
        }
        if self.is_chunked && (self.length.is_some() || !is_http_11) {
            return Err(Refusal::Length);
        }
        let has_body = self.is_chunked || self.length.is_some_and(|length| length > 0);
        match (has_body, self.wants_upgrade) {
            (true, true) => Err(Refusal::UpgradeWithBody),
            (false, false) => Ok(Next::Head),
            _ => Ok(Next::Other),
        }
    }
}

/// True for a token (RFC 9110, section 5.6.2).
pub(super) fn is_token(bytes: &[u8]) -> bool {
    let is_mark = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_mark)
}
