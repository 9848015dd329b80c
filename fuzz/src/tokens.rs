//! Links: no text without our signature opens a line. Of signed texts, only those open one in which an independent reader finds
//! no fault.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD as BASE64;
use relay::viewers::links::keys::Keys;
use relay::viewers::links::{self, AUDIENCE, Access, Found, Mode, WatchRequest};
use ring::hmac;
use serde_json::Value;

/// The key of the seeds; a real relay has another.
const KEY: [u8; 32] = *b"a key for fuzzing, of 32 bytes..";
const KEY_ID: &str = "fuzz";
/// The time of the judgement, in seconds since 1970.
const NOW: u64 = 1_800_000_000;

/// The bytes are a token, and then the header and the claims of a signed token, on two lines.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    judge(text);
    let (header, claims) = text.split_once('\n').unwrap_or((r#"{"alg":"HS256","kid":"fuzz"}"#, text));
    judge(&signed(header, claims));
}

fn judge(token: &str) {
    let Ok(admission) = access().admit(&WatchRequest::Token(token.to_owned()), now()) else { return };
    let Found::Token(token) = links::find(token) else { panic!("admitted without a token") };
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let signature = BASE64.decode(signature.as_bytes()).expect("a signature");
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &KEY), signed.as_bytes(), &signature).expect("signed by our key");
    let (header, claims) = signed.split_once('.').expect("three parts");
    let (header, claims) = (json(header), json(claims));
    assert_eq!(header["alg"], "HS256");
    assert!(header.get("crit").is_none() && header.get("cty").is_none(), "extensions are not understood");
    assert!(header.get("kid").is_none_or(|kid| kid.is_null() || kid == KEY_ID));
    assert!(
        claims["aud"] == AUDIENCE || claims["aud"].as_array().is_some_and(|all| all.iter().any(|one| one == AUDIENCE))
    );
    assert!(claims["exp"].as_f64().is_some_and(|expires| expires > NOW as f64), "{}", claims["exp"]);
    assert!(admission.expires.is_some_and(|expires| expires > now()));
    let digits = || {
        claims["sub"]
            .as_u64()
            .map_or_else(|| format!("{:.0}", claims["sub"].as_f64().expect("a number")), |n| n.to_string())
    };
    let named = claims["sub"].as_str().map_or_else(digits, str::to_owned);
    assert_eq!(admission.username, shared::Username::from_text(&named).expect("a username"));
}

fn json(part: &str) -> Value {
    serde_json::from_slice(&BASE64.decode(part.as_bytes()).expect("base64")).expect("JSON")
}

fn signed(header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", BASE64.encode(header.as_bytes()), BASE64.encode(claims.as_bytes()));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &KEY), signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(signature.as_ref()))
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn access() -> &'static Access {
    static ACCESS: OnceLock<Access> = OnceLock::new();
    ACCESS.get_or_init(|| {
        let keys =
            serde_json::json!({"keys": [{"kty": "oct", "alg": "HS256", "kid": KEY_ID, "k": BASE64.encode(&KEY)}]});
        // Mode 0600, as a file of keys has to be.
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), keys.to_string()).expect("a file of keys");
        Access::new(Mode::Link, Keys::load(file.path()).expect("keys"))
    })
}
