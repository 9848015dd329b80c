//! Why a head is refused, and the limits of a head.

use http::StatusCode;

/// The longest head, in bytes: a token is 4 KiB at most, a browser's own fields another 2.
pub(crate) const MAX_HEAD: usize = 8 * 1024;
/// The most fields of a head.
pub(crate) const MAX_FIELDS: usize = 64;

/// Why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// A line ends in LF alone, or a CR stands alone.
    #[error("lines of a request end in CR LF")]
    LineEnd,
    /// NUL or another control character.
    #[error("there is a control character in the request")]
    Control,
    /// No method, target and version with one space between each.
    #[error("the first line is no request of HTTP/1.0 or HTTP/1.1")]
    RequestLine,
    /// No name, or blanks within, before or behind the name.
    #[error("a field's name is no name, or has blanks around it")]
    FieldName,
    /// None, several or no valid one.
    #[error("HTTP/1.1 needs one Host, with a name or an address")]
    Host,
    /// No number, several, or beside `Transfer-Encoding`.
    #[error("the length of the request's body is not clear")]
    Length,
    /// A body in a request for an upgrade.
    #[error("a request for an upgrade has no body")]
    UpgradeWithBody,
    /// More than [`MAX_HEAD`] bytes or [`MAX_FIELDS`] fields.
    #[error("the request's header is larger than 8 KiB or has more than 64 fields")]
    TooLarge,
}

impl Refusal {
    /// Returns the status of the answer.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
