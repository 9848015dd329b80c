//! The reasons for refusing a viewer, for the viewer and for the operator.

use shared::Username;
use shared::close::Close;

/// The reason for refusing a viewer. A username in it comes from a token signed by one of the relay's keys, never from
/// a stranger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No token, or no valid signature by one of the relay's keys.
    #[error("no signed link: {0}")]
    Unsigned(Unsigned),
    /// The token is signed by the relay's key and made wrongly.
    #[error("viewer refused: {fault}")]
    Faulty {
        /// The fault of the token.
        fault: Fault,
        /// The token's username, if readable.
        username: Option<Username>,
    },
    /// The link's time is over.
    #[error("viewer refused: the link has expired; a new one is needed")]
    Expired(Username),
    /// The link's time has not begun.
    #[error("viewer refused: the link is not valid yet; are the clocks of the relay and of the link's maker right?")]
    TooEarly(Username),
    /// The operator revoked the link.
    #[error("viewer refused: the link was revoked")]
    Revoked(Username),
    /// The operator made the line's older links void.
    #[error("viewer refused: the link is older than the line's links that are still good; a new one is needed")]
    Void(Username),
    /// The link has no end.
    #[error("viewer refused: the link has no end (exp)")]
    Endless(Username),
    /// The link is not for the relay.
    #[error("viewer refused: the link is for another use (aud)")]
    OtherUse(Username),
    /// The link was shown at the address of another line.
    #[error("viewer refused: the link was shown at the address of another line")]
    OtherLine(Username),
}

/// The content of a request without a token signed by the relay's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// A username alone, in `link` access.
    #[error("a username alone opens no line, unless the relay runs with --access open")]
    NoToken,
    /// In open access, a username outside the text form.
    #[error("it is no username in text form")]
    NoUsername,
    /// No token in the text.
    #[error("it holds no token")]
    NotAToken,
    /// The beginning of a token.
    #[error("the link was cut off: only a part of its token is left")]
    CutOff,
    /// More bytes than any token of a link has.
    #[error("it is longer than any link")]
    TooLong,
    /// A token with another signature.
    #[error("none of the relay's keys signed it, or it was changed afterwards")]
    OtherKey,
}

/// A mistake of the token's maker, in a token signed by the relay's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// `alg` is missing or another.
    #[error("the link's header must have alg \"HS256\"")]
    Algorithm,
    /// `crit` names extensions; the relay supports none (RFC 7515, section 4.1.11).
    #[error("the link's header has crit: links have no extensions")]
    Critical,
    /// `cty` announces another token inside (RFC 7519, section 5.2).
    #[error("the link's header has cty: a link is not a token within a token; leave cty out")]
    Nested,
    /// `kid` is no text.
    #[error("the link's kid is not text; it is the kid of keys.json, in quotes, or is left out")]
    KidKind,
    /// `kid` names no key, or not the signing key.
    #[error("the link's kid is not that of the key that signed it; it is the kid of keys.json, or is left out")]
    KidUnknown,
    /// The claims are no JSON object.
    #[error("the link's claims are not a JSON object")]
    Claims,
    /// `sub` is missing.
    #[error("the link names no username (sub)")]
    SubMissing,
    /// `sub` is neither text nor a whole number.
    #[error("the link's sub is neither text nor a whole number; it is the username, in quotes")]
    SubKind,
    /// `sub` is no username in text form.
    #[error(
        "the link's sub is not a username in text form: 1 to 255 bytes, % written %25, a byte that is not UTF-8 as %XX"
    )]
    SubForm,
    /// `aud` is missing.
    #[error("the link has no aud; it is \"linelight:line\"")]
    AudMissing,
    /// `aud` is neither text nor an array.
    #[error("the link's aud is neither text nor an array; it is \"linelight:line\"")]
    AudKind,
    /// `exp` is no number.
    #[error("the link's exp is not a number; it is whole seconds since 1970, without quotes")]
    ExpKind,
    /// `exp` is a time in milliseconds.
    #[error("the link's exp is in milliseconds; it is whole seconds since 1970")]
    ExpMilliseconds,
    /// `exp` is more than ten years ahead.
    #[error("the link's exp is more than ten years ahead; it is whole seconds since 1970")]
    ExpTooFar,
    /// `exp` is further ahead than the relay is configured to take.
    #[error("the link lasts longer than --max-link-lifetime allows")]
    LastsTooLong,
    /// `nbf` is more than ten years ahead.
    #[error("the link's nbf is more than ten years ahead; it is whole seconds since 1970")]
    NbfTooFar,
    /// `nbf` is no number.
    #[error("the link's nbf is not a number; it is whole seconds since 1970, without quotes")]
    NbfKind,
}

impl Denial {
    /// Returns the viewer's close code, which reveals only whether the link was once valid.
    pub fn close(&self) -> Close {
        match self {
            Self::Expired(_) => Close::LinkExpired,
            _ => Close::LinkRefused,
        }
    }

    /// True if the relay's key signed the token.
    pub fn is_signed(&self) -> bool {
        !matches!(self, Self::Unsigned(_))
    }

    /// Returns the username of a signed token, for the operator.
    pub fn username(&self) -> Option<&Username> {
        match self {
            Self::Unsigned(_) => None,
            Self::Faulty { username, .. } => username.as_ref(),
            Self::Expired(username)
            | Self::TooEarly(username)
            | Self::Endless(username)
            | Self::Revoked(username)
            | Self::Void(username)
            | Self::OtherUse(username)
            | Self::OtherLine(username) => Some(username),
        }
    }
}
