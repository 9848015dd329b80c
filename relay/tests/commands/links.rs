//! Links: made, and explained.

use super::*;

#[test]
fn a_link_and_a_script_name_the_folder_of_the_public_url() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    for url in ["https://example.net/speed", "https://example.net/speed/"] {
        let link = good(directory.path(), &["--public-url", url, "link", "ali"]);
        assert!(link.starts_with("https://example.net/speed/#"), "{link}");
        let script = ["--public-url", url, "router-script", "--agent", "tower", "--lines", "*", "--new-token"];
        let script = good(directory.path(), &script);
        assert!(script.contains("\"wss://example.net/speed\""), "{script}");
    }
    let (code, error) = bad(directory.path(), &["--public-url", "https://example.net/line/", "link", "ali"]);
    assert!(code == 2 && error.contains("a path of the relay itself"), "{code}: {error}");
}

#[test]
fn a_link_opens_its_line_for_its_time() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let (code, error) = bad(directory.path(), &["link", "ali"]);
    assert_eq!(code, 1);
    assert!(error.contains("LINELIGHT_SERVER_PUBLIC_URL"), "{error}");

    let access = Access::new(Mode::Link, Keys::load(&DataDirectory::new(directory.path()).keys()).unwrap());
    for (typed, text) in [("ali", "ali"), ("a/b c,d", "a/b c,d"), ("caf%E9", "caf%E9"), ("50%", "50%25"), ("🙂", "🙂")]
    {
        let link =
            good(directory.path(), &["--public-url", "https://monitor.example", "link", typed, "--expires", "2h"]);
        let token = link.trim().strip_prefix("https://monitor.example/#").unwrap();
        let now = SystemTime::now();
        let admission = access.admit(&WatchRequest::Token(token.to_owned()), now).unwrap();
        assert_eq!(admission.username.to_text(), text);
        let left = admission.expires.unwrap().duration_since(now).unwrap().as_secs();
        assert!((7100..=7200).contains(&left), "{left}");
    }
}

/// A token of these claims, signed by the first key of a data directory, by any means but the relay's own.
fn signed(data: &Path, header: &str, claims: &str, secret: impl Fn(&str) -> Vec<u8>) -> String {
    use data_encoding::BASE64URL_NOPAD as BASE64;
    let keys: serde_json::Value =
        serde_json::from_slice(&std::fs::read(DataDirectory::new(data).keys()).unwrap()).unwrap();
    let secret = secret(keys["keys"][0]["k"].as_str().unwrap());
    let signed = format!("{}.{}", BASE64.encode(header.as_bytes()), BASE64.encode(claims.as_bytes()));
    let signature = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret), signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(signature.as_ref()))
}

#[test]
fn a_token_is_explained_with_the_reason_for_its_refusal() {
    use data_encoding::BASE64URL_NOPAD as BASE64;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    good(data, &["init"]);
    let file = data.join("token");
    let explained = |content: &str| {
        std::fs::write(&file, content).unwrap();
        let output = run(data, &["link", "--explain", file.to_str().unwrap()]);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let link = good(data, &["--public-url", "https://monitor.example", "link", "ali"]);
    for content in [link.clone(), format!("Dear Ali: <{}>.", link.trim()), link.replace('#', "%23")] {
        let (code, out, _) = explained(&content);
        assert!(code == 0 && out.contains("opens      the line ali until 20") && out.contains("by the key"), "{out}");
        assert!(!out.contains("eyJ"), "a token is not printed");
    }
    // The server's own words.
    let decoded = |k: &str| BASE64.decode(k.as_bytes()).unwrap();
    let header = r#"{"alg":"HS256"}"#;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let with =
        |rest: &str| format!(r#"{{"aud":"linelight:line",{rest}}}"#).replace("LATER", &(now + 9_999).to_string());
    let claims = with(r#""sub":"ali","exp":LATER"#);
    let milliseconds = with(&format!(r#""sub":"ali","exp":{}"#, (now + 9_999) * 1_000));
    let by_us = |claims: &str| signed(data, header, claims, decoded);
    for (token, reason) in [
        (signed(data, header, &claims, |k| k.as_bytes().to_vec()), "none of the relay's keys signed it"),
        (signed(data, header, &claims, |_| vec![1; 32]), "none of the relay's keys signed it"),
        (signed(data, r#"{"alg":"HS512"}"#, &claims, decoded), "must have alg \"HS256\""),
        (signed(data, r#"{"alg":"HS256","kid":"other"}"#, &claims, decoded), "kid is not that of the key"),
        (signed(data, r#"{"alg":"HS256","cty":"JWT"}"#, &claims, decoded), "has cty"),
        (by_us(r#"{"sub":"ali","exp":4000000000}"#), "has no aud"),
        (by_us(&with(r#""sub":"ali","exp":"soon""#)), "exp is not a number"),
        (by_us(&with(r#""sub":"ali""#)), "has no end (exp)"),
        (by_us(&with(r#""sub":"ali","exp":1000"#)), "has expired"),
        (by_us(&milliseconds), "exp is in milliseconds"),
        (by_us(&with(r#""sub":"ali","exp":40000000000"#)), "more than ten years ahead"),
        (by_us(&with(&format!(r#""sub":"ali","exp":{}"#, now + 401 * 86_400))), "--max-link-lifetime"),
        (by_us(&with(r#""sub":"50%","exp":LATER"#)), "% written %25"),
        (by_us(&with(r#""sub":["ali"],"exp":LATER"#)), "neither text nor a whole number"),
        (by_us(&with(r#""sub":"ali","nbf":LATER,"exp":LATER"#)), "not valid yet"),
        (link.trim().rsplit_once('.').unwrap().0.to_owned(), "the link was cut off"),
        ("nothing".to_owned(), "it holds no token"),
    ] {
        let (code, out, error) = explained(&token);
        assert!(code == 1 && error.contains(reason), "{reason}: {out}{error}");
        assert!(!error.contains("eyJ") && !out.contains("eyJ"), "a token is not printed");
    }
    let (_, out, _) = explained(&signed(data, header, &claims, |k| k.as_bytes().to_vec()));
    assert!(out.contains("with the text of the key") && out.contains("decode k by base64url"), "{out}");
    for taken in [r#""sub":4446,"exp":LATER"#, r#""sub":"ali","nbf":NOW,"exp":LATER.5"#] {
        let (code, out, error) = explained(&by_us(&with(&taken.replace("NOW", &(now + 30).to_string()))));
        assert!(code == 0 && out.contains("opens      the line"), "{out}{error}");
    }
    let id = good(data, &["links", "list", "ali"]).lines().last().unwrap().split(' ').next().unwrap().to_owned();
    good(data, &["links", "revoke", "--id", &id, "--username", "ali"]);
    let (code, _, error) = explained(&link);
    assert!(code == 1 && error.contains("the link was revoked"), "{error}");
    good(data, &["links", "void", "bob"]);
    let older = signed(data, header, &with(&format!(r#""sub":"bob","iat":{},"exp":LATER"#, now - 9)), decoded);
    let (code, _, error) = explained(&older);
    assert!(code == 1 && error.contains("older than the line's links"), "{error}");
    std::fs::write(DataDirectory::new(data).database(), "no database").unwrap();
    let (code, out, _) = explained(&by_us(&claims));
    assert!(code == 0 && out.contains("revoked    not known: the store"), "{out}");
    let utf16 =
        by_us(&claims).encode_utf16().fold(vec![0xFF, 0xFE], |bytes, unit| [&bytes[..], &unit.to_le_bytes()].concat());
    std::fs::write(&file, utf16).unwrap();
    assert!(run(data, &["link", "--explain", file.to_str().unwrap()]).status.success(), "as PowerShell writes files");
    let (code, out, error) = explained(&signed(data, header, "{\"sub\":\"\\u001b[2J\"}", decoded));
    assert!(code == 1 && !out.contains('\u{1b}') && !error.contains('\u{1b}'), "{out}{error}");
    assert_eq!(bad(data, &["link", "ali", "--explain", "x"]).0, 2);
}
