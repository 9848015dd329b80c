//! Who may see a line: the holder of a signed link (`link`, the default), or anyone who knows a username (`open`).
//!
//! A link is a JSON Web Token (RFC 7519) for exactly one username, so that a billing portal mints it with any library:
//!
//! | part | holds |
//! |---|---|
//! | header | `alg` `HS256` and nothing else; `kid`, the key's id, may be absent |
//! | `aud` | `linelight:line`, or an array that holds it |
//! | `sub` | the username's text form, exactly |
//! | `exp` | required, whole seconds since 1970; the stream ends then |
//! | `nbf` | optional; a clock may be 60 s behind it |
//!
//! jwt-compact does the cryptography (RustCrypto's hmac and sha2, compared in constant time): of the kept libraries it is the one
//! that needs neither aws-lc nor an RSA with an open advisory, and it takes the algorithm from us instead of from the
//! token.

pub mod keys;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use jwt_compact::alg::Hs256;
use jwt_compact::{AlgorithmExt, Claims, Header, Token, UntrustedToken};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use shared::Username;
use shared::close::Close;

use self::keys::Keys;

/// The audience of a link: a key's other uses, should there ever be any, open no line.
pub const AUDIENCE: &str = "linelight:line";

/// The longest token that is looked at, in bytes: a username of 255 escaped bytes makes 1.2 KiB.
pub const MAX_TOKEN: usize = 4096;

/// How far a portal's clock may be ahead of ours.
const NOT_BEFORE_LEEWAY: Duration = Duration::from_secs(60);

/// How viewers are admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// By a signed link for exactly one username.
    Link,
    /// By a username, whoever knows it; customers' names are not shown.
    Open,
}

/// What a viewer asks to see.
#[derive(Clone)]
pub enum WatchRequest {
    /// The line that a signed link opens.
    Token(String),
    /// A line by the text form of its username; `open` access only.
    Username(String),
}

impl fmt::Debug for WatchRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(…)",
            Self::Username(_) => "Username(…)",
        })
    }
}

/// What a viewer may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The one line.
    pub username: Username,
    /// When the stream ends; `None` is never.
    pub expires: Option<SystemTime>,
    /// Whether customer and package are shown.
    pub show_names: bool,
}

/// Why somebody is not admitted. A username comes from a token that one of our keys signed, and so from no stranger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No token where one is needed, or one that none of the keys signed for a username.
    #[error("no signed link")]
    Unsigned,
    /// Its time is over.
    #[error("viewer refused: the link has expired; a new one is needed")]
    Expired(Username),
    /// Its time has not begun.
    #[error("viewer refused: the link is not valid yet; are the clocks of the relay and of the link's maker right?")]
    TooEarly(Username),
    /// It has no end, or none that can be read.
    #[error("viewer refused: the link has no end (exp)")]
    Endless(Username),
    /// It is not for the relay.
    #[error("viewer refused: the link is for another use (aud)")]
    OtherUse(Username),
    /// It was shown at the address of another line.
    #[error("viewer refused: the link was shown at the address of another line")]
    OtherLine(Username),
}

/// Decides who is admitted.
#[derive(Debug)]
pub struct Access {
    mode: Mode,
    // Held for a lookup, and to put a changed file's keys in place; a reader never waits for the file.
    keys: RwLock<Option<Arc<Keys>>>,
}

/// What only a token's signer could have written.
#[derive(Serialize, Deserialize)]
struct LineClaims {
    aud: Audience,
    sub: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Header fields that change a token's meaning: one that names extensions which must be understood is not ours (RFC 7515,
/// section 4.1.11).
#[derive(Clone, Deserialize)]
struct Extensions {
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

impl Access {
    /// Admits by these keys and, where the mode says so, by username.
    pub fn new(mode: Mode, keys: Keys) -> Self {
        Self { mode, keys: RwLock::new(Some(Arc::new(keys))) }
    }

    /// Admits by username alone: for tests and tools that have no keys.
    pub fn open() -> Self {
        Self { mode: Mode::Open, keys: RwLock::new(None) }
    }

    /// How viewers are admitted.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Puts a changed file's keys in place; streams already open go on until their links expire.
    pub fn set_keys(&self, keys: Keys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
    }

    /// Decides what a viewer's first frame, or an Authorization header, opens.
    ///
    /// # Errors
    /// [`Denial`]; what of it is told does not depend on whether the line exists.
    pub fn admit(&self, request: &WatchRequest, now: SystemTime) -> Result<Admission, Denial> {
        match request {
            WatchRequest::Token(token) => self.admit_token(token, now),
            WatchRequest::Username(text) if self.mode == Mode::Open => admit_username(text),
            WatchRequest::Username(_) => Err(Denial::Unsigned),
        }
    }

    fn admit_token(&self, token: &str, now: SystemTime) -> Result<Admission, Denial> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Denial::Unsigned)?;
        let claims = verify(&keys, token).ok_or(Denial::Unsigned)?;
        let username = Username::from_text(&claims.custom.sub).map_err(|_| Denial::Unsigned)?;
        if !claims.custom.aud.is_ours() {
            return Err(Denial::OtherUse(username));
        }
        let Some(expires) = claims.expiration.and_then(system_time) else { return Err(Denial::Endless(username)) };
        let too_early = claims.not_before.is_some_and(|from| {
            system_time(from).is_none_or(|from| now.checked_add(NOT_BEFORE_LEEWAY).is_none_or(|now| now < from))
        });
        if too_early {
            return Err(Denial::TooEarly(username));
        }
        if expires <= now {
            return Err(Denial::Expired(username));
        }
        Ok(Admission { username, expires: Some(expires), show_names: true })
    }
}

impl Denial {
    /// What the viewer is told: whether a link was good once, and no more.
    pub fn close(&self) -> Close {
        match self {
            Self::Expired(_) => Close::LinkExpired,
            _ => Close::LinkRefused,
        }
    }

    /// The username that a signed token names, for the operator.
    pub fn username(&self) -> Option<&Username> {
        match self {
            Self::Unsigned => None,
            Self::Expired(username)
            | Self::TooEarly(username)
            | Self::Endless(username)
            | Self::OtherUse(username)
            | Self::OtherLine(username) => Some(username),
        }
    }
}

/// Mints the token of a link.
///
/// # Errors
/// Where the end lies beyond what a token can say, or there is no key.
pub fn mint(keys: &Keys, username: &Username, issued: SystemTime, expires: SystemTime) -> anyhow::Result<String> {
    let key = keys.current().ok_or_else(|| anyhow::anyhow!("there is no key to sign with"))?;
    let too_far = || anyhow::anyhow!("the link's end lies beyond what a token can say; choose an earlier one");
    let mut claims = Claims::new(LineClaims { aud: Audience::One(AUDIENCE.to_owned()), sub: username.to_text() });
    claims.issued_at = Some(date_time(issued).ok_or_else(too_far)?);
    claims.expiration = Some(date_time(expires).ok_or_else(too_far)?);
    let header = Header::empty().with_token_type("JWT").with_key_id(key.id.clone());
    Ok(Hs256.token(&header, &claims, &key.secret)?)
}

/// The claims of a token that one of the keys signed; nothing in it but its header is parsed before that is known.
fn verify(keys: &Keys, token: &str) -> Option<Claims<LineClaims>> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let token = UntrustedToken::<Extensions>::try_from(token).ok()?;
    if token.header().other_fields.crit.is_some() {
        return None;
    }
    keys.candidates(token.header().key_id.as_deref()).find_map(|key| {
        // The validator takes HS256 for given: a token whose header says anything else is refused.
        let token: Token<LineClaims, Extensions> = Hs256.validator(&key.secret).validate(&token).ok()?;
        Some(token.into_parts().1)
    })
}

fn admit_username(text: &str) -> Result<Admission, Denial> {
    let username = Username::from_text(text).map_err(|_| Denial::Unsigned)?;
    Ok(Admission { username, expires: None, show_names: false })
}

impl Audience {
    fn is_ours(&self) -> bool {
        match self {
            Self::One(audience) => audience == AUDIENCE,
            Self::Several(audiences) => audiences.iter().any(|audience| audience == AUDIENCE),
        }
    }
}

fn system_time(time: DateTime<Utc>) -> Option<SystemTime> {
    // A time before 1970 is past as well as 1970 itself is.
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0)))
}

fn date_time(time: SystemTime) -> Option<DateTime<Utc>> {
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)
}

#[cfg(test)]
mod tests;
