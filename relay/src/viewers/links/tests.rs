use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jwt_compact::alg::{Hs384, Hs384Key};
use serde_json::{Value, json};

use super::*;

const NOW: u64 = 1_795_363_200;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A key whose bytes are known, so that tokens can be forged with the right signature.
fn keys(ids: &[(&str, u8)]) -> Keys {
    let keys: Vec<Value> = ids
        .iter()
        .map(|(id, byte)| json!({"kty": "oct", "alg": "HS256", "kid": id, "k": BASE64_URL_SAFE_NO_PAD.encode([*byte; 32])}))
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    crate::store::data_directory::write_new(&path, json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    Keys::load(&path).unwrap()
}

fn access() -> Access {
    Access::new(Mode::Link, keys(&[("new", 1), ("old", 2)]))
}

/// Signs any header and claims by the key made of `byte`, with ring: another implementation than the one under test.
fn sign(header: &Value, claims: &Value, byte: u8) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[byte; 32]);
    let signature = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn header() -> Value {
    json!({"alg": "HS256", "typ": "JWT", "kid": "new"})
}

fn claims() -> Value {
    json!({"aud": AUDIENCE, "sub": "ali", "exp": NOW + 60})
}

fn with(mut value: Value, key: &str, new: Value) -> Value {
    value[key] = new;
    value
}

fn without(mut value: Value, key: &str) -> Value {
    value.as_object_mut().unwrap().remove(key);
    value
}

fn admit(token: &str) -> Result<Admission, Denial> {
    access().admit(&WatchRequest::Token(token.to_owned()), at(NOW))
}

fn ali() -> Username {
    Username::from_text("ali").unwrap()
}

#[test]
fn a_good_token_opens_its_line_until_it_expires() {
    for (header, byte) in [(header(), 1), (with(header(), "kid", json!("old")), 2), (without(header(), "kid"), 2)] {
        let admission = admit(&sign(&header, &claims(), byte)).unwrap();
        assert_eq!(admission, Admission { username: ali(), expires: Some(at(NOW + 60)), show_names: true });
    }
    let several = with(claims(), "aud", json!(["billing", AUDIENCE]));
    assert!(admit(&sign(&header(), &several, 1)).is_ok());
    let young = with(claims(), "nbf", json!(NOW + 60));
    assert!(admit(&sign(&header(), &young, 1)).is_ok(), "a portal's clock may be a minute ahead");
}

#[test]
fn a_minted_link_opens_its_line_and_no_other() {
    let keys = keys(&[("new", 1)]);
    for bytes in [&b"ali"[..], b"alice", b"caf\xE9", b"50%", "a/b c,\u{1F642}".as_bytes(), &[0xFF; 255]] {
        let username = Username::from_bytes(bytes).unwrap();
        let token = mint(&keys, &username, at(NOW), at(NOW + 5)).unwrap();
        let admission = admit(&token).unwrap();
        assert_eq!((admission.username, admission.expires), (username, Some(at(NOW + 5))));
    }
}

#[test]
fn what_is_not_signed_by_hs256_with_our_key_is_refused() {
    let none = format!("{}.", sign(&with(header(), "alg", json!("none")), &claims(), 1).rsplit_once('.').unwrap().0);
    let claims_384 = Claims::new(LineClaims { aud: Audience::One(AUDIENCE.into()), sub: "ali".into() });
    let hs384 = Hs384.token(&Header::empty().with_key_id("new"), &claims_384, &Hs384Key::new([1; 32])).unwrap();
    for (why, token) in [
        ("no signature", none),
        ("alg none, with a signature", sign(&with(header(), "alg", json!("none")), &claims(), 1)),
        ("alg HS384 in name alone", sign(&with(header(), "alg", json!("HS384")), &claims(), 1)),
        ("HS384", hs384),
        ("alg in other case", sign(&with(header(), "alg", json!("hs256")), &claims(), 1)),
        ("no alg", sign(&without(header(), "alg"), &claims(), 1)),
        ("another key", sign(&header(), &claims(), 3)),
        ("another key of ours than its kid says", sign(&header(), &claims(), 2)),
        ("a kid that we do not have", sign(&with(header(), "kid", json!("newer")), &claims(), 1)),
        ("an extension that must be understood", sign(&with(header(), "crit", json!(["b64"])), &claims(), 1)),
        ("empty", String::new()),
        ("not a token", "ali".to_owned()),
        ("four parts", format!("{}.x", sign(&header(), &claims(), 1))),
        ("too long", "x".repeat(MAX_TOKEN + 1)),
    ] {
        assert_eq!(admit(&token), Err(Denial::Unsigned), "{why}");
    }
}

#[test]
fn any_changed_character_voids_a_token() {
    let token = sign(&header(), &claims(), 1);
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(admit(std::str::from_utf8(&bytes).unwrap()).is_err(), "character {at}");
    }
    let (body, signature) = token.rsplit_once('.').unwrap();
    let (head, _) = body.split_once('.').unwrap();
    let alice = BASE64_URL_SAFE_NO_PAD.encode(with(claims(), "sub", json!("alice")).to_string());
    assert_eq!(admit(&format!("{head}.{alice}.{signature}")), Err(Denial::Unsigned));
}

#[test]
fn claims_are_checked() {
    let unsigned = || Denial::Unsigned;
    for (why, claims, denial) in [
        ("no aud", without(claims(), "aud"), unsigned()),
        ("another aud", with(claims(), "aud", json!("linelight:agent")), Denial::OtherUse(ali())),
        ("aud in other case", with(claims(), "aud", json!("Linelight:line")), Denial::OtherUse(ali())),
        ("others' auds", with(claims(), "aud", json!(["a", "b"])), Denial::OtherUse(ali())),
        ("no sub", without(claims(), "sub"), unsigned()),
        ("empty sub", with(claims(), "sub", json!("")), unsigned()),
        ("a sub that is not the text form", with(claims(), "sub", json!("%61li")), unsigned()),
        ("no exp", without(claims(), "exp"), Denial::Endless(ali())),
        ("exp null", with(claims(), "exp", json!(null)), unsigned()),
        ("exp as text", with(claims(), "exp", json!("9999999999")), unsigned()),
        ("exp beyond time", with(claims(), "exp", json!(u64::MAX)), unsigned()),
        ("not yet", with(claims(), "nbf", json!(NOW + 61)), Denial::TooEarly(ali())),
        ("past exp", with(claims(), "exp", json!(NOW - 1)), Denial::Expired(ali())),
        ("exp now", with(claims(), "exp", json!(NOW)), Denial::Expired(ali())),
        ("exp before 1970", with(claims(), "exp", json!(-1)), Denial::Expired(ali())),
        (
            "past exp for another audience",
            with(with(claims(), "exp", json!(1)), "aud", json!("x")),
            Denial::OtherUse(ali()),
        ),
    ] {
        assert_eq!(admit(&sign(&header(), &claims, 1)), Err(denial), "{why}");
    }
}

#[test]
fn a_viewer_is_told_that_a_link_has_expired_and_nothing_else() {
    for denial in [Denial::Unsigned, Denial::TooEarly(ali()), Denial::Endless(ali()), Denial::OtherUse(ali())] {
        assert_eq!(denial.close(), Close::LinkRefused);
    }
    assert_eq!(Denial::OtherLine(ali()).close(), Close::LinkRefused);
    assert_eq!(Denial::Expired(ali()).close(), Close::LinkExpired);
    assert_eq!((Denial::Unsigned.username(), Denial::Expired(ali()).username()), (None, Some(&ali())));
}

#[test]
fn an_expired_token_of_a_stranger_is_refused_not_expired() {
    assert_eq!(admit(&sign(&header(), &with(claims(), "exp", json!(1)), 3)), Err(Denial::Unsigned));
}

#[test]
fn a_username_opens_a_line_in_open_access_alone_and_without_names() {
    let request = WatchRequest::Username("ali".into());
    assert_eq!(access().admit(&request, at(NOW)), Err(Denial::Unsigned));
    let open = Access::new(Mode::Open, keys(&[("new", 1)]));
    let admission = Admission { username: ali(), expires: None, show_names: false };
    assert_eq!(open.admit(&request, at(NOW)), Ok(admission.clone()));
    assert_eq!(Access::open().admit(&request, at(NOW)), Ok(admission));
    assert_eq!(open.admit(&WatchRequest::Username("%61li".into()), at(NOW)), Err(Denial::Unsigned));
    let token = WatchRequest::Token(sign(&header(), &claims(), 1));
    assert!(open.admit(&token, at(NOW)).unwrap().show_names, "a link still opens its line, with names");
    assert_eq!(Access::open().admit(&token, at(NOW)), Err(Denial::Unsigned));
}

#[test]
fn a_rotated_key_opens_and_a_removed_one_does_not() {
    let access = access();
    let old = WatchRequest::Token(sign(&with(header(), "kid", json!("old")), &claims(), 2));
    assert!(access.admit(&old, at(NOW)).is_ok());
    access.set_keys(keys(&[("newest", 3), ("new", 1)]));
    assert_eq!(access.admit(&old, at(NOW)), Err(Denial::Unsigned));
    assert!(access.admit(&WatchRequest::Token(sign(&header(), &claims(), 1)), at(NOW)).is_ok());
}

#[test]
fn a_request_never_prints_its_token() {
    assert!(!format!("{:?}", WatchRequest::Token("secret".into())).contains("secret"));
}
