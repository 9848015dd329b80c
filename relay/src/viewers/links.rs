//! Access to a line: for the holder of a signed link (`link`, the default), or for anyone with a username (`open`).
//!
//! A link is a JSON Web Token (RFC 7519) for exactly one username. A billing portal can mint links with any library:
//!
//! | part | holds |
//! |---|---|
//! | header | `alg` `HS256` and nothing else; `kid`, the key's id, may be absent |
//! | `aud` | `linelight:line`, or an array with this value |
//! | `sub` | the username's text form, exactly; a whole number becomes its digits |
//! | `exp` | required, seconds since 1970; the stream ends at this time |
//! | `nbf` | optional; the relay accepts the link up to 60 s earlier |
//! | `iat` | optional; without it, `links void` ends the link as one of the oldest |
//! | `jti` | optional; the id by which the link is revoked |
//!
//! jwt-compact does the cryptography (RustCrypto's hmac and sha2, compared in constant time). Of the maintained libraries, only
//! jwt-compact needs neither aws-lc nor an RSA crate with an open advisory. The relay reads the token itself, so that each refusal
//! of a token signed by the relay's key has its own error.

pub mod keys;

pub mod book;
mod claims;
mod denial;
pub mod lease;
pub mod revocations;
mod token;
mod uses;

use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use jwt_compact::alg::Hs256;
use jwt_compact::{AlgorithmExt, Claims, Header};
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use shared::Username;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

pub use self::claims::{AUDIENCE, TEN_YEARS};
pub use self::denial::{Denial, Fault, Unsigned};
use self::keys::Keys;
use self::lease::Lease;
use self::revocations::{LinkMark, Revocations, Revoked, Standing, Table, link_id};
pub use self::token::{Found, MAX_TOKEN, find};
use self::uses::Uses;
use crate::clock::UnixMillis;
use crate::store::random::fill_random;

/// How far ahead the end of a link may be, unless configured otherwise.
pub const MAX_LIFETIME: Duration = Duration::from_secs(400 * 86_400);

/// The length of a fresh link's id, in bytes.
const FRESH_ID: usize = 12;
/// A refusal for one reason is logged this often at most.
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// How viewers are admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// By a signed link for exactly one username.
    Link,
    /// By a username, whoever knows it; customers' names are not shown.
    Open,
}

/// The line that a viewer asks for.
#[derive(Clone)]
pub enum WatchRequest {
    /// The token of a signed link.
    Token(String),
    /// The text form of a username; in `open` access only.
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

/// What an admitted viewer showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A link that the relay's key signed. Its holder also sees customer and package.
    Link,
    /// A username, which anybody may guess.
    Username,
    /// The session of somebody of the provider's staff, who sees what a link's holder does.
    Staff {
        /// True if the line's other viewers are told that staff watch.
        announced: bool,
    },
}

/// The line that an admitted viewer sees, and for how long.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The one line.
    pub username: Username,
    /// When the stream ends; `None` is never.
    pub expires: Option<SystemTime>,
    /// What the viewer showed.
    pub proof: Proof,
    /// Ends when the operator removes the signing key, or revokes the link.
    pub lease: Lease,
}

/// Admits or refuses viewers.
#[derive(Debug)]
pub struct Access {
    mode: Mode,
    max_lifetime: Duration,
    // Held for a lookup, and to put a changed file's keys in place; a reader never waits for the file.
    keys: RwLock<Option<Arc<Keys>>>,
    revocations: Arc<Revocations>,
    uses: Uses,
    changes: watch::Sender<()>,
    // Locked by each refusal, to read and set a time; never locked by an admission.
    logged: Mutex<HashMap<String, SystemTime>>,
}

/// The claims of a new token, beside its times.
#[derive(Serialize)]
struct LineClaims<'a> {
    aud: &'static str,
    sub: String,
    jti: &'a str,
}

impl Access {
    /// Admits links signed by these keys and, in [`Mode::Open`], usernames.
    pub fn new(mode: Mode, keys: Keys) -> Self {
        Self { keys: RwLock::new(Some(Arc::new(keys))), mode, ..Self::open() }
    }

    /// Admits by username alone: for tests and tools without keys.
    pub fn open() -> Self {
        Self {
            mode: Mode::Open,
            max_lifetime: MAX_LIFETIME,
            keys: RwLock::new(None),
            revocations: Arc::default(),
            uses: Uses::default(),
            changes: watch::Sender::new(()),
            logged: Mutex::default(),
        }
    }

    /// Sets how far ahead the end of a link may be.
    #[must_use]
    pub fn with_max_lifetime(self, max_lifetime: Duration) -> Self {
        Self { max_lifetime, ..self }
    }

    /// How viewers are admitted.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns the keys; `None` where links open nothing.
    pub(crate) fn keys(&self) -> Option<Arc<Keys>> {
        self.keys.read().clone()
    }

    /// Returns how far ahead the end of a link may be.
    pub(crate) fn max_lifetime(&self) -> Duration {
        self.max_lifetime
    }

    /// Returns when a link opened its line last, since this relay's start.
    pub(crate) fn last_used(&self, username: &Username, id: &str) -> Option<UnixMillis> {
        self.uses.last(&LinkMark::new(username, id, 0))
    }

    /// Replaces the keys by those of a changed file. The streams of removed keys end.
    pub fn set_keys(&self, mut keys: Keys) {
        let mut current = self.keys.write();
        if let Some(before) = current.as_deref() {
            keys.succeed(before);
        }
        *current = Some(Arc::new(keys));
        drop(current);
        self.changes.send_replace(());
    }

    /// Puts changed revocations in force. The streams of revoked links end.
    pub fn set_revocations(&self, table: Table) {
        self.revocations.replace(table);
        self.changes.send_replace(());
    }

    /// Returns a receiver of the changes of keys and revocations.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Admits or refuses a viewer's first frame or Authorization header. Logs refusals, each reason once a minute at
    /// most.
    ///
    /// # Errors
    /// [`Denial`]; the viewer's answer does not depend on the line's existence.
    pub fn admit(&self, request: &WatchRequest, now: SystemTime) -> Result<Admission, Denial> {
        let admitted = match request {
            WatchRequest::Token(token) => self.admit_token(token, now),
            WatchRequest::Username(text) if self.mode == Mode::Open => admit_username(text),
            WatchRequest::Username(_) => Err(Denial::Unsigned(Unsigned::NoToken)),
        };
        admitted.inspect_err(|denial| self.log(denial, now))
    }

    fn admit_token(&self, token: &str, now: SystemTime) -> Result<Admission, Denial> {
        let keys = self.keys.read().clone();
        let keys = keys.ok_or(Denial::Unsigned(Unsigned::OtherKey))?;
        let signed = token::verify(&keys, token).map_err(Denial::Unsigned)?;
        let claims = signed.claims();
        if let Some(fault) = signed.header_fault() {
            let username = claims.and_then(|claims| claims::username(claims.get("sub")).ok());
            return Err(Denial::Faulty { fault, username });
        }
        let claims = claims.ok_or(Denial::Faulty { fault: Fault::Claims, username: None })?;
        let id = link_id(&claims, &signed.token);
        let claims = claims::judge(&claims, now, self.max_lifetime)?;
        let mark = LinkMark::new(&claims.username, &id, claims.issued);
        let standing = Standing::new(&self.revocations, mark).map_err(|revoked| match revoked {
            Revoked::Link => Denial::Revoked(claims.username.clone()),
            Revoked::Line => Denial::Void(claims.username.clone()),
        })?;
        self.uses.note(&mark, now.into());
        let lease = Lease::of_link(&signed.key.ended, standing);
        Ok(Admission { username: claims.username, expires: Some(claims.expires), proof: Proof::Link, lease })
    }

    /// Names no username: a log is read by more people than `explain`.
    fn log(&self, denial: &Denial, now: SystemTime) {
        let reason = denial.to_string();
        let mut logged = self.logged.lock();
        let is_recent = |at: &SystemTime| now.duration_since(*at).is_ok_and(|since| since < LOGGED_EVERY);
        if logged.get(&reason).is_some_and(is_recent) {
            return;
        }
        logged.insert(reason.clone(), now);
        drop(logged);
        match denial {
            Denial::Unsigned(_) | Denial::Expired(_) => tracing::info!(reason, "a viewer is not admitted"),
            _ => tracing::warn!(reason, "a link that the relay's key signed opens no line: its maker has to be mended"),
        }
    }
}

/// Returns a fresh id for a link.
///
/// # Errors
/// The system gives no randomness.
pub fn fresh_id() -> anyhow::Result<String> {
    let mut id = [0; FRESH_ID];
    fill_random(&mut id)?;
    Ok(BASE64URL_NOPAD.encode(&id))
}

/// Mints the token of a link.
///
/// # Errors
/// The end exceeds the range of a token, or there is no key.
pub fn mint(
    keys: &Keys,
    username: &Username,
    id: &str,
    issued: SystemTime,
    expires: SystemTime,
) -> anyhow::Result<String> {
    let key = keys.current().ok_or_else(|| anyhow::anyhow!("there is no key to sign with"))?;
    let too_far = || anyhow::anyhow!("the link's end lies beyond what a token can say; choose an earlier one");
    let mut claims = Claims::new(LineClaims { aud: AUDIENCE, sub: username.to_text(), jti: id });
    claims.issued_at = Some(date_time(issued).ok_or_else(too_far)?);
    claims.expiration = Some(date_time(expires).ok_or_else(too_far)?);
    let header = Header::empty().with_token_type("JWT").with_key_id(key.id.clone());
    Ok(Hs256.token(&header, &claims, &key.secret)?)
}

/// What the store knows a link by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The line.
    pub username: Username,
    /// The link's id.
    pub id: String,
    /// The link's end, Unix seconds.
    pub expires: u64,
}

/// Returns the identity of a link that one of the keys signed, whether the link opens its line or not.
///
/// # Errors
/// [`Denial`] for a text without such a link, or a link without a username or an end.
pub fn identify(keys: &Keys, text: &str) -> Result<Identity, Denial> {
    let signed = token::verify(keys, text).map_err(Denial::Unsigned)?;
    let claims = signed.claims().ok_or(Denial::Faulty { fault: Fault::Claims, username: None })?;
    let username = claims::username(claims.get("sub")).map_err(|fault| Denial::Faulty { fault, username: None })?;
    let expires = claims::end(&claims).ok_or_else(|| Denial::Endless(username.clone()))?;
    Ok(Identity { id: link_id(&claims, &signed.token), username, expires })
}

fn admit_username(text: &str) -> Result<Admission, Denial> {
    let username = Username::from_text(text).map_err(|_| Denial::Unsigned(Unsigned::NoUsername))?;
    Ok(Admission { username, expires: None, proof: Proof::Username, lease: Lease::endless() })
}

fn date_time(time: SystemTime) -> Option<DateTime<Utc>> {
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)
}

#[cfg(test)]
mod tests;
