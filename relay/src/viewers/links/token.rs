//! A link's token: found in a link as mail programs and messengers change it, parsed, and verified.
//!
//! A token is a JSON Web Token with the signature HS256 (RFC 7515): three parts of base64url, joined by dots.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jwt_compact::alg::{Hs256, Hs256Signature};
use jwt_compact::{Algorithm, AlgorithmSignature};
use serde_json::{Map, Value};

use super::denial::{Fault, Unsigned};
use super::keys::{Key, Keys};

/// The maximum length of a searched text, in bytes: a username of 255 escaped bytes makes a token of 1.2 KiB.
pub const MAX_TOKEN: usize = 4096;

/// The first letters of a header without blanks: `{"` in base64url.
const BEGIN: &str = "eyJ";
/// The bytes of a signature by HS256.
const SIGNATURE_BYTES: usize = 32;
/// The characters of a signature by HS256 in base64url.
const SIGNATURE: usize = 43;

/// The result of the search for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    /// A whole token, judged by its form only.
    Token(Cow<'a, str>),
    /// The beginning of one.
    CutOff,
    /// None.
    Nothing,
}

/// Finds the token in a link, or in a part of one, with whatever was added before and behind: `%23` for `#`, a full stop, a
/// bracket, `%20`, `&utm_source=…`.
pub fn find(text: &str) -> Found<'_> {
    let mut found = whole(text.trim());
    // The first letters can stand in the relay's name too.
    for (begin, _) in text.match_indices(BEGIN) {
        found = first_token(text.get(begin..).unwrap_or_default());
        if matches!(found, Found::Token(_)) {
            return found;
        }
    }
    found
}

/// Returns the text as a token if the text is nothing else. Such a token may have a header with blanks, and so other
/// first letters.
fn whole(text: &str) -> Found<'_> {
    let parts: Vec<&str> = text.split('.').collect();
    let is_whole = parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.chars().all(is_base64url));
    if is_whole && parts.last().is_some_and(|last| last.len() == SIGNATURE) {
        return Found::Token(Cow::Borrowed(text));
    }
    Found::Nothing
}

/// Returns the token at the beginning of the text.
fn first_token(text: &str) -> Found<'_> {
    let text = unescaped(text);
    let end = text.find(|c| c != '.' && !is_base64url(c)).unwrap_or(text.len());
    let mut parts = text.get(..end).unwrap_or_default().splitn(3, '.');
    let (Some(_), Some(claims), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
        return Found::CutOff;
    };
    if signature.split('.').next().is_none_or(|first| first.len() < SIGNATURE) || claims.is_empty() {
        return Found::CutOff;
    }
    // Punctuation behind the link can belong to base64url too; the signature's known length separates the two.
    let surplus = signature.get(SIGNATURE..).unwrap_or_default();
    let length = if surplus.chars().any(char::is_alphanumeric) { end } else { end - surplus.len() };
    Found::Token(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..length).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(length);
            Cow::Owned(text)
        }
    })
}

fn is_base64url(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Restores the dots, minus signs and underscores of a token after a program escaped them.
fn unescaped(text: &str) -> Cow<'_, str> {
    let escapes = [("%2E", "."), ("%2e", "."), ("%2D", "-"), ("%2d", "-"), ("%5F", "_"), ("%5f", "_")];
    if !escapes.iter().any(|(escape, _)| text.contains(escape)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(escapes.iter().fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain)))
}

/// A token signed by one of the relay's keys.
pub(super) struct Signed<'a> {
    /// The key.
    pub(super) key: &'a Key,
    /// The token alone, without what surrounded it.
    pub(super) token: String,
    header: Map<String, Value>,
    claims: Vec<u8>,
}

/// Verifies a token. Trusts nothing in the token before; the algorithm is always HS256.
///
/// # Errors
/// [`Unsigned`], if none of the keys signed the token.
pub(super) fn verify<'a>(keys: &'a Keys, text: &str) -> Result<Signed<'a>, Unsigned> {
    if text.len() > MAX_TOKEN {
        return Err(Unsigned::TooLong);
    }
    let token = match find(text) {
        Found::Token(token) => token,
        Found::CutOff => return Err(Unsigned::CutOff),
        Found::Nothing => return Err(Unsigned::NotAToken),
    };
    signed(keys, &token).ok_or(Unsigned::OtherKey)
}

fn signed<'a>(keys: &'a Keys, token: &str) -> Option<Signed<'a>> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
    // The library panics on a signature of any other length.
    let signature = <[u8; SIGNATURE_BYTES]>::try_from(decoded(signature)?).ok()?;
    let signature = Hs256Signature::try_from_slice(&signature).ok()?;
    let made_by = |key: &&Key| Hs256.verify_signature(&signature, &key.secret, message.as_bytes());
    let key = keys.all().find(made_by)?;
    let header = serde_json::from_slice(&decoded(header)?).ok()?;
    Some(Signed { key, token: token.to_owned(), header, claims: decoded(claims)? })
}

impl Signed<'_> {
    /// Returns the fault of the header.
    pub(super) fn header_fault(&self) -> Option<Fault> {
        let field = |name| self.header.get(name);
        if field("alg").and_then(Value::as_str) != Some("HS256") {
            return Some(Fault::Algorithm);
        }
        if field("crit").is_some() {
            return Some(Fault::Critical);
        }
        if field("cty").is_some() {
            return Some(Fault::Nested);
        }
        match field("kid") {
            None | Some(Value::Null) => None,
            Some(Value::String(kid)) => (*kid != self.key.id).then_some(Fault::KidUnknown),
            Some(_) => Some(Fault::KidKind),
        }
    }

    /// Returns the unchecked claims; `None` if they are no JSON object.
    pub(super) fn claims(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(&self.claims).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Cases {
        token: String,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        what: String,
        text: String,
        holds: String,
    }

    #[test]
    fn tokens_are_found_in_spoilt_links() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/golden/links/spoilt.json");
        let Cases { token, cases } = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for Case { what, text, holds } in cases {
            let (header, rest) = token.split_once('.').unwrap();
            let (claims, signature) = rest.split_once('.').unwrap();
            let parts = [("{token}", &*token), ("{header}", header), ("{claims}", claims), ("{signature}", signature)];
            let text = parts.iter().fold(text, |text, (name, part)| text.replace(name, part));
            let expected = match &*holds {
                "token" => Found::Token(token.clone().into()),
                "cut off" => Found::CutOff,
                _ => Found::Nothing,
            };
            assert_eq!(find(&text), expected, "{what}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_searched(text in "\\PC{0,80}") {
            let _ = find(&text);
            let _ = find(&format!("eyJ{text}"));
            let _ = find(&format!("eyJ.{text}"));
            let _ = find(&format!("eyJ.a.{}{text}", "x".repeat(SIGNATURE)));
        }
    }
}
