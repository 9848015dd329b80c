//! `linelight-relay link --explain FILE`: says of a token what it is, and whether the relay admits its holder, by the relay's own
//! judgement. The output never contains the token.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use encoding_rs::{Encoding, UTF_8};
use ring::hmac;
use serde_json::{Map, Value};
use shared::escape::one_line;

use crate::commands::store::with_existing_store;
use crate::commands::times;
use crate::store::data_directory::{self, DataDirectory};
use crate::store::database::location::Location;
use crate::viewers::links::keys::{Key, Keys};
use crate::viewers::links::{self, Access, Found, Mode, WatchRequest, book};

/// The maximum size of a file, in bytes: a link with the longest token, and a mail around the link.
const MAX_FILE: u64 = 64 * 1024;

/// Explains the token in a file.
///
/// # Errors
/// The file contains no token, or the relay refuses the token; with the reason.
pub(super) fn run(
    path: &Path,
    (data, store): (&DataDirectory, &Location),
    longest: Duration,
    out: &mut impl Write,
) -> Result<()> {
    let content = data_directory::read(path, MAX_FILE)?;
    let (encoding, _) = Encoding::for_bom(&content).unwrap_or((UTF_8, 0));
    let text = encoding.decode(&content).0;
    let keys = Keys::load(&data.present_keys()?)?;
    // Without a whole token, the relay's words for what the text holds.
    let token = match links::find(&text) {
        Found::Token(token) => token,
        Found::CutOff | Found::Nothing => text.chars().take(links::MAX_TOKEN / 4).collect(),
    };
    let parts = Parts::of(&token);
    if let Some(parts) = &parts {
        parts.write_header(&Signature::of(parts, &keys), out)?;
        parts.write_claims(out)?;
    }
    let access = Access::new(Mode::Link, keys).with_max_lifetime(longest);
    let now = SystemTime::now();
    match with_existing_store(store, async |database| book::revocations(database, now).await) {
        Ok(table) => access.set_revocations(table.unwrap_or_default()),
        Err(error) => writeln!(out, "revoked    not known: {}", one_line(&format!("{error:#}")))?,
    }
    match access.admit(&WatchRequest::Token(token), now) {
        Ok(admission) => {
            let end = admission.expires.and_then(|end| end.duration_since(SystemTime::UNIX_EPOCH).ok());
            let end = end.map(|end| format!(" until {}", times::minute(end.as_secs()))).unwrap_or_default();
            writeln!(out, "opens      the line {}{end}", one_line(&admission.username.to_text()))?;
            Ok(())
        }
        Err(denial) => bail!("the token opens no line: {denial}"),
    }
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
            [BASE64URL_NOPAD, BASE64, HEXLOWER].map(|encoding| encoding.encode(secret))
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
    /// Reads the three parts; `None` if a part cannot be read.
    fn of(token: &str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok();
        Some(Self {
            signed: signed.to_owned(),
            header: object(header)?,
            claims: object(claims)?,
            signature: BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?,
        })
    }

    fn write_header(&self, signature: &Signature, out: &mut impl Write) -> Result<()> {
        writeln!(out, "header     alg {}, kid {}", shown(self.header.get("alg")), shown(self.header.get("kid")))?;
        match signature {
            Signature::Ours(id) => writeln!(out, "signed     by the key {}", one_line(id))?,
            Signature::TextOfKey(id) => writeln!(
                out,
                "signed     with the text of the key {}: decode k by base64url first, and sign with its bytes",
                one_line(id)
            )?,
            Signature::Nobodys => writeln!(out, "signed     by none of the relay's keys")?,
        }
        Ok(())
    }

    fn write_claims(&self, out: &mut impl Write) -> Result<()> {
        for claim in ["sub", "aud"] {
            writeln!(out, "{claim}        {}", shown(self.claims.get(claim)))?;
        }
        for claim in ["iat", "nbf", "exp"] {
            if let Some(value) = self.claims.get(claim) {
                let time = value.as_u64().map(|time| format!(", {}", times::minute(time))).unwrap_or_default();
                writeln!(out, "{claim}        {}{time}", shown(Some(value)))?;
            }
        }
        Ok(())
    }
}

/// Returns a value of the token as JSON on one line.
fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| one_line(&value.to_string()).to_string())
}
