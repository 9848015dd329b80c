//! The claims of a link with a valid signature. Each wrong claim has its own error.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use shared::Username;

use super::denial::{Denial, Fault};

/// The audience of a link: a key's other uses, should there ever be any, open no line.
pub const AUDIENCE: &str = "linelight:line";
/// How far a portal's clock may be ahead of the relay's.
const NOT_BEFORE_LEEWAY: Duration = Duration::from_secs(60);
/// No link is meant to last longer than ten years; an `exp` beyond is a mistake.
pub const TEN_YEARS: Duration = Duration::from_secs(3_653 * 86_400);

/// Checked claims, which open a line now.
pub(super) struct Claims {
    pub(super) username: Username,
    pub(super) expires: SystemTime,
    /// The time of making, Unix seconds; 0 if the link does not say.
    pub(super) issued: u64,
}

/// Reads and judges the claims. `longest` is how far ahead the end may be.
///
/// # Errors
/// [`Denial`], never [`Denial::Unsigned`].
pub(super) fn judge(claims: &Map<String, Value>, now: SystemTime, longest: Duration) -> Result<Claims, Denial> {
    let username = username(claims.get("sub")).map_err(|fault| Denial::Faulty { fault, username: None })?;
    let faulty = |fault| Denial::Faulty { fault, username: Some(username.clone()) };
    if !is_ours(claims.get("aud")).map_err(faulty)? {
        return Err(Denial::OtherUse(username));
    }
    let Some(expires) = claims.get("exp") else { return Err(Denial::Endless(username)) };
    let expires = time(expires).ok_or_else(|| faulty(Fault::ExpKind))?;
    if let Some(fault) = too_far(expires, now, longest) {
        return Err(faulty(fault));
    }
    let begins = claims.get("nbf").map(|begins| time(begins).ok_or_else(|| faulty(Fault::NbfKind))).transpose()?;
    if begins.is_some_and(|begins| is_ahead(begins, now, TEN_YEARS)) {
        return Err(faulty(Fault::NbfTooFar));
    }
    if begins.is_some_and(|begins| is_ahead(begins, now, NOT_BEFORE_LEEWAY)) {
        return Err(Denial::TooEarly(username));
    }
    match UNIX_EPOCH.checked_add(expires) {
        Some(expires) if expires > now => {
            let issued = claims.get("iat").and_then(time).unwrap_or_default().as_secs();
            Ok(Claims { username, expires, issued })
        }
        _ => Err(Denial::Expired(username)),
    }
}

/// Reads `sub` as a username; a whole number becomes its digits. PHP turns a numeric username into a number if the
/// username is the key of an array.
pub(super) fn username(sub: Option<&Value>) -> Result<Username, Fault> {
    let text = match sub {
        None | Some(Value::Null) => return Err(Fault::SubMissing),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => {
            number.as_u64().or_else(|| whole(number.as_f64()?)).ok_or(Fault::SubKind)?.to_string()
        }
        Some(_) => return Err(Fault::SubKind),
    };
    Username::from_text(&text).map_err(|_| Fault::SubForm)
}

/// Returns a number without a fraction, such as 4446.0, up to the largest that is exact.
fn whole(number: f64) -> Option<u64> {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    // The cast is lossless: the number is whole and in range.
    (number.fract() == 0.0 && (0.0..=LARGEST).contains(&number)).then_some(number as u64)
}

/// Returns the end of a link, Unix seconds; `None` without a readable one.
pub(super) fn end(claims: &Map<String, Value>) -> Option<u64> {
    claims.get("exp").and_then(time).map(|end| end.as_secs())
}

fn is_ours(aud: Option<&Value>) -> Result<bool, Fault> {
    match aud {
        None | Some(Value::Null) => Err(Fault::AudMissing),
        Some(Value::String(audience)) => Ok(audience == AUDIENCE),
        Some(Value::Array(several)) => Ok(several.iter().any(|audience| audience == AUDIENCE)),
        Some(_) => Err(Fault::AudKind),
    }
}

/// Reads a time (RFC 7519, section 2: NumericDate) since 1970; a fraction is dropped, and a time before 1970 is 1970.
fn time(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64()?;
    // The precision of a f64 suffices: the next check refuses times beyond ten years.
    Some(value.as_u64().map_or_else(|| Duration::from_secs(seconds.max(0.0) as u64), Duration::from_secs))
}

fn too_far(expires: Duration, now: SystemTime, longest: Duration) -> Option<Fault> {
    if is_ahead(expires, now, TEN_YEARS) {
        let as_milliseconds = expires / 1_000;
        let is_about_now = is_ahead(as_milliseconds + TEN_YEARS, now, Duration::ZERO);
        let is_milliseconds = is_about_now && !is_ahead(as_milliseconds, now, TEN_YEARS);
        return Some(if is_milliseconds { Fault::ExpMilliseconds } else { Fault::ExpTooFar });
    }
    is_ahead(expires, now, longest).then_some(Fault::LastsTooLong)
}

/// True if `time` (since 1970) is later than `now` by more than `by`.
fn is_ahead(time: Duration, now: SystemTime, by: Duration) -> bool {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    time > now.saturating_add(by)
}
