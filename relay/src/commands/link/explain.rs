//! `linelight-relay link --explain FILE`: explains a token, and the reason for its refusal. The output never contains
//! the token.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Map, Value};
use shared::Username;
use shared::escape::one_line;

use crate::commands::times;
use crate::store::data_directory::{self, DataDirectory};
use crate::viewers::links::keys::{Key, Keys};
use crate::viewers::links::{AUDIENCE, Access, MAX_TOKEN, Mode, WatchRequest};

/// The maximum size of a file, in bytes: a link with the longest token, and some words around the link.
const MAX_FILE: u64 = 64 * 1024;
/// The first letters of every token: `{"` in base64.
const BEGIN: &str = "eyJ";
/// Seconds since 1970 above this number (the year 5138) are probably milliseconds.
const MILLISECONDS: u64 = 100_000_000_000;

/// Explains the token in a file.
///
/// # Errors
/// The file contains no token, or the relay refuses the token; with the reason.
pub(super) fn run(path: &Path, data: &DataDirectory, longest: Duration, out: &mut impl Write) -> Result<()> {
    let content = data_directory::read(path, MAX_FILE)?;
    let token = token_in(&String::from_utf8_lossy(&content)).with_context(|| format!("{}", path.display()))?;
    let keys = Keys::load(&data.present_keys()?)?;
    let parts = Parts::of(&token)?;
    let signature = Signature::of(&parts, &keys);
    let mut complaints = parts.write_header(&signature, out)?;
    complaints.extend(parts.write_claims(out)?);
    let request = WatchRequest::Token(token);
    match Access::new(Mode::Link, keys).with_max_lifetime(longest).admit(&request, SystemTime::now()) {
        Ok(admission) => {
            let end = admission.expires.and_then(|end| end.duration_since(SystemTime::UNIX_EPOCH).ok());
            let end = end.map(|end| format!(" until {}", times::minute(end.as_secs()))).unwrap_or_default();
            writeln!(out, "opens      the line {}{end}", one_line(&admission.username.to_text()))?;
            Ok(())
        }
        Err(denial) if complaints.is_empty() => bail!("the token opens no line: {denial}"),
        Err(_) => bail!("the token opens no line: {}", complaints.join("; ")),
    }
}

/// Returns the token in a text. The text is a bare token, a link, or a token or link between words.
fn token_in(text: &str) -> Result<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
    let begin =
        text.find(BEGIN).context("there is no token in it: three parts of letters and digits, joined by dots")?;
    let token = text[begin..].split(|c| !is_part(c)).next().unwrap_or_default().trim_end_matches('.');
    ensure!(token.len() <= MAX_TOKEN, "the token has {} bytes; at most {MAX_TOKEN} are taken", token.len());
    Ok(token.to_owned())
}

/// A token's three parts, read as far as they can be.
struct Parts {
    /// The signed text: header and claims, unchanged.
    signed: String,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    signature: Vec<u8>,
}

/// The signer of a token.
enum Signature {
    /// The key of this id.
    Ours(String),
    /// The signer used the text of the key with this id, instead of the decoded bytes.
    TextOfKey(String),
    /// None of the keys.
    Nobodys,
}

impl Signature {
    fn of(parts: &Parts, keys: &Keys) -> Self {
        let made_by = |secret: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            hmac::verify(&key, parts.signed.as_bytes(), &parts.signature).is_ok()
        };
        let texts = |key: &Key| {
            let secret = key.secret.as_ref();
            let hex = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            [BASE64_URL_SAFE_NO_PAD.encode(secret), BASE64_STANDARD.encode(secret), hex]
        };
        keys.candidates(None)
            .find_map(|key| {
                if made_by(key.secret.as_ref()) {
                    return Some(Self::Ours(key.id.clone()));
                }
                texts(key).iter().any(|text| made_by(text.as_bytes())).then(|| Self::TextOfKey(key.id.clone()))
            })
            .unwrap_or(Self::Nobodys)
    }
}

impl Parts {
    fn of(token: &str) -> Result<Self> {
        let parts: Vec<&str> = token.split('.').collect();
        let &[header, claims, signature] = parts.as_slice() else {
            bail!("the token has {} of 3 parts, so it was cut off or holds something more", parts.len());
        };
        let object = |name: &str, part: &str| -> Result<Map<String, Value>> {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).ok();
            let object = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            object.with_context(|| format!("the token's {name} cannot be read: it was cut off or changed on its way"))
        };
        Ok(Self {
            signed: format!("{header}.{claims}"),
            header: object("header", header)?,
            claims: object("claims", claims)?,
            signature: BASE64_URL_SAFE_NO_PAD
                .decode(signature)
                .context("the token's signature cannot be read: it was cut off or changed on its way")?,
        })
    }

    /// Writes the header and the signer; returns their faults.
    fn write_header(&self, signature: &Signature, out: &mut impl Write) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        let (alg, kid) = (self.header.get("alg"), self.header.get("kid"));
        writeln!(out, "header     alg {}, kid {}", shown(alg), shown(kid))?;
        if alg.and_then(Value::as_str) != Some("HS256") {
            wrong.push(format!("alg is {} and must be \"HS256\"", shown(alg)));
        }
        for field in ["crit", "cty"] {
            if self.header.contains_key(field) {
                wrong.push(format!("the header has {field}, which links do not"));
            }
        }
        let signed_by = match signature {
            Signature::Ours(id) => {
                wrong.extend(wrong_kid(kid, id));
                format!("by the key {}", one_line(id))
            }
            Signature::TextOfKey(id) => {
                wrong.push(
                    "it is signed with the text of k; decode k by base64url first, and sign with its bytes".to_owned(),
                );
                format!("with the text of the key {}", one_line(id))
            }
            Signature::Nobodys => {
                wrong.push("none of the relay's keys signed it, or it was changed since".to_owned());
                "by none of the relay's keys".to_owned()
            }
        };
        writeln!(out, "signed     {signed_by}")?;
        Ok(wrong)
    }

    /// Writes the claims; returns their faults.
    fn write_claims(&self, out: &mut impl Write) -> Result<Vec<String>> {
        let now = times::unix_seconds();
        for claim in ["sub", "aud"] {
            writeln!(out, "{claim}        {}", shown(self.claims.get(claim)))?;
        }
        for claim in ["iat", "nbf", "exp"] {
            if let Some(value) = self.claims.get(claim) {
                let time = value.as_u64().map(|time| format!(", {}", times::minute(time))).unwrap_or_default();
                writeln!(out, "{claim}        {}{time}", shown(Some(value)))?;
            }
        }
        let checks = [wrong_sub(self.claims.get("sub")), wrong_aud(self.claims.get("aud"))];
        let times = [wrong_exp(self.claims.get("exp"), now), wrong_nbf(self.claims.get("nbf"), now)];
        Ok(checks.into_iter().chain(times).flatten().collect())
    }
}

/// Returns a value of the token as JSON on one line.
fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| one_line(&value.to_string()).to_string())
}

fn wrong_kid(kid: Option<&Value>, signer: &str) -> Option<String> {
    match kid {
        None => None,
        Some(Value::String(kid)) if kid == signer => None,
        Some(other) => Some(format!("kid is {}, and the key that signed is {:?}", shown(Some(other)), signer)),
    }
}

fn wrong_sub(sub: Option<&Value>) -> Option<String> {
    match sub {
        Some(Value::String(text)) => {
            Username::from_text(text).err().map(|error| format!("sub: {}", one_line(&error.to_string())))
        }
        // The relay accepts some whole numbers as their digits; the relay's verdict decides.
        Some(Value::Number(_)) => Some("sub is a number; write the username as text, in quotes".to_owned()),
        other => Some(format!("sub is {} and must be the username", shown(other))),
    }
}

fn wrong_aud(aud: Option<&Value>) -> Option<String> {
    let is_ours = |value: &Value| value.as_str() == Some(AUDIENCE);
    match aud {
        Some(Value::Array(several)) if several.iter().any(is_ours) => None,
        Some(one) if is_ours(one) => None,
        other => Some(format!("aud is {} and must be {AUDIENCE:?}", shown(other))),
    }
}

fn wrong_exp(exp: Option<&Value>, now: u64) -> Option<String> {
    match exp.map(Value::as_u64) {
        None => Some("exp is absent: a link has an end, in seconds since 1970".to_owned()),
        Some(None) => Some(format!("exp is {} and must be whole seconds since 1970", shown(exp))),
        Some(Some(exp)) if exp >= MILLISECONDS => Some("exp is in milliseconds and must be in seconds".to_owned()),
        Some(Some(exp)) if exp <= now => Some(format!("it expired on {}", times::minute(exp))),
        Some(Some(_)) => None,
    }
}

fn wrong_nbf(nbf: Option<&Value>, now: u64) -> Option<String> {
    match nbf.map(Value::as_u64) {
        None => None,
        Some(None) => Some(format!("nbf is {} and must be whole seconds since 1970", shown(nbf))),
        Some(Some(nbf)) if nbf > now => Some(format!(
            "it is valid from {} on: compare the clocks of the relay and of the portal",
            times::minute(nbf)
        )),
        Some(Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_what_surrounds_it() {
        for text in [
            "eyJa.b.c",
            "\u{feff}eyJa.b.c\n",
            "https://monitor.example/#eyJa.b.c",
            "https://monitor.example/%23eyJa.b.c&utm_source=mail",
            "<https://monitor.example/#eyJa.b.c>.",
            "Bearer \"eyJa.b.c\"",
        ] {
            assert_eq!(token_in(text).unwrap(), "eyJa.b.c", "{text}");
        }
        assert!(token_in("https://monitor.example/").is_err());
        assert!(token_in(&format!("eyJ{}", "x".repeat(5_000))).is_err());
    }

    #[test]
    fn half_a_token_was_cut_off() {
        for token in ["eyJa", "eyJa.b", "eyJh.eyJh.x", "eyJhbGciOiJIUzI1NiJ9.eyJz.AAAA"] {
            let Err(error) = Parts::of(token) else { panic!("{token}") };
            assert!(error.to_string().contains("cut off"), "{token}: {error}");
        }
    }
}
