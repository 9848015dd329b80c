//! A link's token: found in a link as mail programs and messengers change it, parsed, and verified.
//!
//! A token is a JSON Web Token with the signature HS256 (RFC 7515): three parts of base64url, joined by dots.

use data_encoding::BASE64URL_NOPAD;
use jwt_compact::alg::{Hs256, Hs256Signature};
use jwt_compact::{Algorithm, AlgorithmSignature};
use serde_json::{Map, Value};
use std::borrow::Cow;

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

/// What programs write for the characters of a token: percent-encoding, quoted-printable (RFC 2045), HTML, and the dashes of
/// "smart punctuation".
const SPELLINGS: [(&str, &str); 19] = [
    ("%2E", "."),
    ("%2e", "."),
    ("=2E", "."),
    ("&#46;", "."),
    ("&period;", "."),
    ("%2D", "-"),
    ("%2d", "-"),
    ("=2D", "-"),
    ("&#45;", "-"),
    ("&hyphen;", "-"),
    ("\u{2010}", "-"),
    ("\u{2011}", "-"),
    ("\u{2013}", "--"),
    ("\u{2014}", "--"),
    ("%5F", "_"),
    ("%5f", "_"),
    ("=5F", "_"),
    ("&#95;", "_"),
    ("&lowbar;", "_"),
];
/// A percent sign, escaped.
const PERCENT: &str = "%25";
/// So often an address is escaped at most: by a mail program, a link checker and a messenger.
const ESCAPED: usize = 4;
/// What stands between the parts of a broken line: the end of a line of quoted-printable, a quoted mail's mark, and escaped line
/// breaks.
const BREAKS: [&str; 8] = ["=\r\n", "=\n", "\r\n> ", "\n> ", "%0D", "%0d", "%0A", "%0a"];
/// Characters without width, which programs put where a long word may break.
const INVISIBLE: [char; 7] = ['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{2060}', '\u{feff}'];

/// The result of the search for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A whole token, judged by its form only.
    Token(String),
    /// The beginning of one.
    CutOff,
    /// None.
    Nothing,
}

/// Finds the token in a link, or in a part of one, with whatever was added before and behind: `%23` for `#`, a full stop, a
/// bracket, `%20`, `&utm_source=…`. A token on several lines is joined.
pub fn find(text: &str) -> Found {
    let text = respelt(text);
    match search(&text) {
        Found::CutOff => match search(&joined(&text)) {
            Found::Token(token) => Found::Token(token),
            _ => Found::CutOff,
        },
        found => found,
    }
}

fn search(text: &str) -> Found {
    let mut found = whole(text.trim());
    if matches!(found, Found::Token(_)) {
        return found;
    }
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
fn whole(text: &str) -> Found {
    let parts: Vec<&str> = text.split('.').collect();
    let is_whole = parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.chars().all(is_base64url));
    if is_whole && parts.last().is_some_and(|last| last.len() == SIGNATURE) {
        return Found::Token(text.to_owned());
    }
    Found::Nothing
}

/// Returns the token at the beginning of the text.
fn first_token(text: &str) -> Found {
    let end = text.find(|c| c != '.' && !is_base64url(c)).unwrap_or(text.len());
    let mut parts = text.get(..end).unwrap_or_default().splitn(3, '.');
    let (Some(_), Some(claims), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
        return Found::CutOff;
    };
    if signature.split('.').next().is_none_or(|first| first.len() < SIGNATURE) || claims.is_empty() {
        return Found::CutOff;
    }
    // What follows can be of base64url too: an underscore for italics, or a word on the next line. The signature's known length
    // separates the two.
    let surplus = signature.len() - SIGNATURE;
    Found::Token(text.get(..end - surplus).unwrap_or_default().to_owned())
}

fn is_base64url(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Restores the characters of a token after programs wrote them in other ways.
fn respelt(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..ESCAPED {
        if text.contains(PERCENT) {
            text = Cow::Owned(text.replace(PERCENT, "%"));
        }
    }
    for (spelling, plain) in SPELLINGS {
        if text.contains(spelling) {
            text = Cow::Owned(text.replace(spelling, plain));
        }
    }
    text
}

/// Joins a text that was broken into lines.
fn joined(text: &str) -> String {
    let text = BREAKS.iter().fold(text.to_owned(), |text, line_break| text.replace(line_break, ""));
    text.replace(['\r', '\n', '\t'], "").replace(INVISIBLE, "")
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
    let decoded = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).ok();
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
                "token" => Found::Token(token.clone()),
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
