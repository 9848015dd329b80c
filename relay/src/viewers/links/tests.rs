use data_encoding::BASE64URL_NOPAD;
use jwt_compact::alg::{Hs384, Hs384Key};
use serde_json::{Value, json};
use shared::close::Close;

use super::*;

const NOW: u64 = 1_795_363_200;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Returns keys of known bytes, so that tests can forge correctly signed tokens.
fn keys(ids: &[(&str, u8)]) -> Keys {
    let keys: Vec<Value> = ids
        .iter()
        .map(|(id, byte)| json!({"kty": "oct", "alg": "HS256", "kid": id, "k": BASE64URL_NOPAD.encode(&[*byte; 32])}))
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
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[byte; 32]);
    let signature = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
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

/// The username, the end, and the visibility of names in an admission.
type Seen = (Username, Option<SystemTime>, bool);

fn seen(admission: Admission) -> Seen {
    (admission.username, admission.expires, admission.proof == Proof::Link)
}

fn admit(token: &str) -> Result<Seen, Denial> {
    access().admit(&WatchRequest::Token(token.to_owned()), at(NOW)).map(seen)
}

fn faulty(fault: Fault) -> Denial {
    Denial::Faulty { fault, username: Some(ali()) }
}

fn nameless(fault: Fault) -> Denial {
    Denial::Faulty { fault, username: None }
}

fn ali() -> Username {
    Username::from_text("ali").unwrap()
}

#[test]
fn a_good_token_opens_its_line_until_it_expires() {
    for (header, byte) in [(header(), 1), (with(header(), "kid", json!("old")), 2), (without(header(), "kid"), 2)] {
        let admission = admit(&sign(&header, &claims(), byte)).unwrap();
        assert_eq!(admission, (ali(), Some(at(NOW + 60)), true));
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
        let token = mint(&keys, &username, "1", at(NOW), at(NOW + 5)).unwrap();
        let admission = admit(&token).unwrap();
        assert_eq!((admission.0, admission.1), (username, Some(at(NOW + 5))));
    }
}

#[test]
fn what_our_key_did_not_sign_by_hs256_is_refused_by_its_kind() {
    let none = format!("{}.", sign(&with(header(), "alg", json!("none")), &claims(), 1).rsplit_once('.').unwrap().0);
    let claims_384 = Claims::new(LineClaims { aud: AUDIENCE, sub: "ali".into(), jti: "1" });
    let hs384 = Hs384.token(&Header::empty().with_key_id("new"), &claims_384, &Hs384Key::new([1; 32])).unwrap();
    let cut = sign(&header(), &claims(), 1);
    for (why, token, kind) in [
        ("no signature", none, Unsigned::CutOff),
        ("HS384", hs384, Unsigned::OtherKey),
        ("another key", sign(&header(), &claims(), 3), Unsigned::OtherKey),
        ("empty", String::new(), Unsigned::NotAToken),
        ("not a token", "ali".to_owned(), Unsigned::NotAToken),
        ("half a token", cut[..cut.len() - 20].to_owned(), Unsigned::CutOff),
        ("too long", "x".repeat(MAX_TOKEN + 1), Unsigned::TooLong),
    ] {
        assert_eq!(admit(&token), Err(Denial::Unsigned(kind)), "{why}");
    }
}

#[test]
fn every_fault_of_a_header_that_our_key_signed_has_a_name() {
    for (header, byte, fault) in [
        (with(header(), "alg", json!("none")), 1, Fault::Algorithm),
        (with(header(), "alg", json!("HS384")), 1, Fault::Algorithm),
        (with(header(), "alg", json!("hs256")), 1, Fault::Algorithm),
        (without(header(), "alg"), 1, Fault::Algorithm),
        (header(), 2, Fault::KidUnknown),
        (with(header(), "kid", json!("newer")), 1, Fault::KidUnknown),
        (with(header(), "kid", json!(1)), 1, Fault::KidKind),
        (with(header(), "crit", json!(["b64"])), 1, Fault::Critical),
        (with(header(), "cty", json!("JWT")), 1, Fault::Nested),
    ] {
        assert_eq!(admit(&sign(&header, &claims(), byte)), Err(faulty(fault)), "{header}");
    }
}

#[test]
fn a_link_that_a_mail_spoilt_opens_its_line() {
    let token = sign(&header(), &claims(), 1);
    for text in
        [format!("https://speed.example.net/%23{token}."), format!("{token}&utm_source=mail"), format!("<{token}>")]
    {
        assert_eq!(admit(&text).unwrap().0, ali(), "{text}");
    }
}

#[test]
fn a_header_without_fields_is_named_as_that() {
    let token = sign(&json!({}), &claims(), 1);
    assert_eq!(
        admit(&token).unwrap_err(),
        faulty(Fault::Algorithm),
        "its letters begin otherwise than those of other headers"
    );
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
    let alice = BASE64URL_NOPAD.encode(with(claims(), "sub", json!("alice")).to_string().as_bytes());
    assert_eq!(admit(&format!("{head}.{alice}.{signature}")), Err(Denial::Unsigned(Unsigned::OtherKey)));
}

#[test]
fn a_whole_number_is_a_username_of_digits() {
    for (sub, username) in [
        (json!(4446), "4446"),
        (json!(4446.0), "4446"),
        (json!(1e3), "1000"),
        (json!(0), "0"),
        (json!(u64::MAX), "18446744073709551615"),
    ] {
        let (admitted, ..) = admit(&sign(&header(), &with(claims(), "sub", sub), 1)).unwrap();
        assert_eq!(admitted.to_text(), username);
    }
}

#[test]
fn every_fault_of_claims_that_our_key_signed_has_a_name() {
    const DAY: u64 = 86_400;
    let exp = |exp: Value| with(claims(), "exp", exp);
    for (why, claims, denial) in [
        ("no object", json!("ali"), nameless(Fault::Claims)),
        ("no aud", without(claims(), "aud"), faulty(Fault::AudMissing)),
        ("aud as a number", with(claims(), "aud", json!(1)), faulty(Fault::AudKind)),
        ("another aud", with(claims(), "aud", json!("linelight:agent")), Denial::OtherUse(ali())),
        ("aud in other case", with(claims(), "aud", json!("Linelight:line")), Denial::OtherUse(ali())),
        ("others' auds", with(claims(), "aud", json!(["a", 7, "b"])), Denial::OtherUse(ali())),
        ("no sub", without(claims(), "sub"), nameless(Fault::SubMissing)),
        ("sub null", with(claims(), "sub", json!(null)), nameless(Fault::SubMissing)),
        ("empty sub", with(claims(), "sub", json!("")), nameless(Fault::SubForm)),
        ("a sub that is not the text form", with(claims(), "sub", json!("%61li")), nameless(Fault::SubForm)),
        ("sub with a fraction", with(claims(), "sub", json!(44.5)), nameless(Fault::SubKind)),
        ("sub beyond exact numbers", with(claims(), "sub", json!(1e20)), nameless(Fault::SubKind)),
        ("sub below zero", with(claims(), "sub", json!(-1)), nameless(Fault::SubKind)),
        ("sub in an array", with(claims(), "sub", json!(["ali"])), nameless(Fault::SubKind)),
        ("no exp", without(claims(), "exp"), Denial::Endless(ali())),
        ("exp null", exp(json!(null)), faulty(Fault::ExpKind)),
        ("exp as text", exp(json!("9999999999")), faulty(Fault::ExpKind)),
        ("exp in milliseconds", exp(json!((NOW + 60) * 1_000)), faulty(Fault::ExpMilliseconds)),
        ("exp beyond time", exp(json!(u64::MAX)), faulty(Fault::ExpTooFar)),
        ("exp in eleven years", exp(json!(NOW + 11 * 366 * DAY)), faulty(Fault::ExpTooFar)),
        ("exp in 401 days", exp(json!(NOW + 401 * DAY)), faulty(Fault::LastsTooLong)),
        ("not yet", with(claims(), "nbf", json!(NOW + 61)), Denial::TooEarly(ali())),
        ("nbf in milliseconds", with(claims(), "nbf", json!(NOW * 1_000)), faulty(Fault::NbfTooFar)),
        ("nbf as text", with(claims(), "nbf", json!("now")), faulty(Fault::NbfKind)),
        ("past exp", exp(json!(NOW - 1)), Denial::Expired(ali())),
        ("exp now", exp(json!(NOW)), Denial::Expired(ali())),
        ("exp before 1970", exp(json!(-1)), Denial::Expired(ali())),
        ("past exp for another audience", with(exp(json!(1)), "aud", json!("x")), Denial::OtherUse(ali())),
    ] {
        assert_eq!(admit(&sign(&header(), &claims, 1)), Err(denial), "{why}");
    }
    assert!(admit(&sign(&header(), &exp(json!(NOW + 400 * DAY)), 1)).is_ok());
    assert_eq!(admit(&sign(&header(), &exp(json!(NOW as f64 + 60.5)), 1)).unwrap().1, Some(at(NOW + 60)));
}

#[test]
fn the_longest_lifetime_is_configured() {
    let request = WatchRequest::Token(sign(&header(), &claims(), 1));
    let short = access().with_max_lifetime(Duration::from_secs(59));
    assert_eq!(short.admit(&request, at(NOW)).unwrap_err(), faulty(Fault::LastsTooLong));
    assert!(short.admit(&request, at(NOW + 1)).is_ok(), "it counts from now on");
}

#[test]
fn a_viewer_is_told_that_a_link_has_expired_and_nothing_else() {
    let stranger = Denial::Unsigned(Unsigned::OtherKey);
    let others = [Denial::TooEarly(ali()), Denial::Endless(ali()), Denial::OtherUse(ali()), Denial::OtherLine(ali())];
    for denial in others.iter().chain([&stranger, &nameless(Fault::SubKind)]) {
        assert_eq!(denial.close(), Close::LinkRefused);
    }
    assert_eq!(Denial::Expired(ali()).close(), Close::LinkExpired);
    assert_eq!((stranger.username(), Denial::Expired(ali()).username()), (None, Some(&ali())));
    assert!(!stranger.is_signed() && nameless(Fault::SubKind).is_signed());
}

#[test]
fn an_expired_token_of_a_stranger_is_refused_not_expired() {
    assert_eq!(admit(&sign(&header(), &with(claims(), "exp", json!(1)), 3)), Err(Denial::Unsigned(Unsigned::OtherKey)));
}

#[test]
fn a_username_opens_a_line_in_open_access_alone_and_without_names() {
    let request = WatchRequest::Username("ali".into());
    let denial = |access: &Access, request: &WatchRequest| access.admit(request, at(NOW)).unwrap_err();
    assert_eq!(denial(&access(), &request), Denial::Unsigned(Unsigned::NoToken));
    let open = Access::new(Mode::Open, keys(&[("new", 1)]));
    for open in [&open, &Access::open()] {
        assert_eq!(seen(open.admit(&request, at(NOW)).unwrap()), (ali(), None, false));
    }
    let wrong = WatchRequest::Username("%61li".into());
    assert_eq!(denial(&open, &wrong), Denial::Unsigned(Unsigned::NoUsername));
    let token = WatchRequest::Token(sign(&header(), &claims(), 1));
    assert!(open.admit(&token, at(NOW)).unwrap().proof == Proof::Link, "a link still opens its line, with names");
    assert_eq!(denial(&Access::open(), &token), Denial::Unsigned(Unsigned::OtherKey));
}

#[test]
fn a_rotated_key_opens_and_a_removed_one_ends_what_it_opened() {
    let access = access();
    let admitted = |kid: &str, byte| {
        access.admit(&WatchRequest::Token(sign(&with(header(), "kid", json!(kid)), &claims(), byte)), at(NOW))
    };
    let (old, new) = (admitted("old", 2).unwrap(), admitted("new", 1).unwrap());
    let changes = access.changes();
    access.set_keys(keys(&[("newest", 3), ("new", 1)]));
    assert!(changes.has_changed().unwrap());
    assert_eq!(admitted("old", 2).unwrap_err(), Denial::Unsigned(Unsigned::OtherKey));
    assert_eq!((old.lease.has_ended(), new.lease.has_ended()), (true, false));
    access.set_keys(keys(&[("new", 4)]));
    assert!(new.lease.has_ended(), "another key under the same id is another key");
    assert!(!admitted("new", 4).unwrap().lease.has_ended());
}

#[test]
fn a_refusal_is_logged_once_a_minute_for_each_reason() {
    let access = access();
    let logged = || access.logged.lock().clone();
    let refuse =
        |claims: Value, now| access.admit(&WatchRequest::Token(sign(&header(), &claims, 1)), at(now)).unwrap_err();
    let endless = refuse(without(claims(), "exp"), NOW).to_string();
    refuse(without(claims(), "exp"), NOW + 59);
    assert_eq!(logged(), HashMap::from([(endless.clone(), at(NOW))]));
    let expired = refuse(claims(), NOW + 60).to_string();
    refuse(without(claims(), "exp"), NOW + 60);
    assert_eq!(logged(), HashMap::from([(endless.clone(), at(NOW + 60)), (expired, at(NOW + 60))]));
    assert!(!endless.contains("ali"), "a log names nobody");
}

#[test]
fn a_request_never_prints_its_token() {
    assert!(!format!("{:?}", WatchRequest::Token("secret".into())).contains("secret"));
}
