//! Whose address a request has.

use proptest::prelude::*;

use super::*;

fn forwarding(header: &'static str) -> Forwarding {
    Forwarding {
        proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        header: HeaderName::from_static(header),
    }
}

fn client_of_bytes(header: &'static str, lines: &[Vec<u8>]) -> Option<String> {
    let name = HeaderName::from_static(header);
    let headers: HeaderMap = lines.iter().map(|line| (name.clone(), HeaderValue::from_bytes(line).unwrap())).collect();
    forwarding(header).client("10.0.0.1".parse().unwrap(), &headers).map(|address| address.to_string())
}

fn client(header: &'static str, lines: &[&str]) -> Option<String> {
    client_of_bytes(header, &lines.iter().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>())
}

#[test]
fn a_proxys_word_is_walked_from_the_right() {
    for (lines, expected) in [
        (&["203.0.113.7"][..], Some("203.0.113.7")),
        (&["1.2.3.4, 203.0.113.7"], Some("203.0.113.7")),
        (&["1.2.3.4, 203.0.113.7, 10.0.0.9"], Some("203.0.113.7")),
        (&["1.2.3.4", "203.0.113.7", "10.0.0.9"], Some("203.0.113.7")),
        (&["203.0.113.7:4711"], Some("203.0.113.7")),
        (&["[2001:db8::1]:443"], Some("2001:db8::1")),
        (&["2001:db8::1"], Some("2001:db8::1")),
        (&["::ffff:203.0.113.7"], Some("203.0.113.7")),
        (&["10.0.0.8, 10.0.0.9"], Some("10.0.0.8")),
        (&["\"1.2.3.4, 203.0.113.7"], Some("203.0.113.7")),
        (&[], None),
        (&[""], None),
        (&["203.0.113.7, unknown"], None),
        (&["203.0.113.7,"], None),
        (&["203.0.113.7", "\u{e9}"], None),
    ] {
        assert_eq!(client("x-forwarded-for", lines).as_deref(), expected, "{lines:?}");
    }
}

#[test]
fn a_strangers_word_counts_for_nothing() {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_static("1.2.3.4"));
    let stranger: IpAddr = "203.0.113.9".parse().unwrap();
    assert_eq!(forwarding("x-forwarded-for").client(stranger, &headers), Some(stranger));
    assert_eq!(forwarding("x-real-ip").client("10.0.0.1".parse().unwrap(), &headers), None, "another header");
}

#[test]
fn a_header_with_one_address_is_the_last_proxys_alone() {
    for (lines, expected) in [
        (&["203.0.113.7"][..], Some("203.0.113.7")),
        (&["1.2.3.4", "203.0.113.7"], Some("203.0.113.7")),
        (&["1.2.3.4, 203.0.113.7"], Some("203.0.113.7")),
        (&["1.2.3.4", "10.0.0.9"], Some("10.0.0.9")),
        (&["1.2.3.4", "unknown"], None),
        (&["1.2.3.4", ""], None),
    ] {
        assert_eq!(client("x-real-ip", lines).as_deref(), expected, "{lines:?}");
    }
}

#[test]
fn rfc_7239_is_understood() {
    for (line, expected) in [
        ("for=192.0.2.60;proto=http;by=203.0.113.43", Some("192.0.2.60")),
        ("for=1.2.3.4, For=\"[2001:db8:cafe::17]:4711\"", Some("2001:db8:cafe::17")),
        ("for=1.2.3.4, proto=https; for = \"192.0.2.60\" ", Some("192.0.2.60")),
        (r#"for=192.0.2.60;ext="a,b;for=1.2.3.4""#, Some("192.0.2.60")),
        (r#"for=192.0.2.60;ext="a\",for=1.2.3.4""#, Some("192.0.2.60")),
        (r#"for=192.0.2.60;ext="a\\""#, Some("192.0.2.60")),
        (r#"for="192.0.2.\60""#, Some("192.0.2.60")),
        (r#"for="1.2.3.4, for=192.0.2.60"#, Some("192.0.2.60")),
        (r#"for=1.2.3.4;x="\", for=192.0.2.60;y="z""#, Some("192.0.2.60")),
        (r#"for=1.2.3.4, for=192.0.2.60""#, None),
        (r#"for=1.2.3.4, for="192.0.2.60"#, None),
        ("for=1.2.3.4, for=192.0.2.60;for=192.0.2.61", None),
        ("for=1.2.3.4, for", None),
        ("for=_hidden", None),
        ("for=1.2.3.4, for=unknown", None),
        ("proto=http", None),
        ("", None),
    ] {
        assert_eq!(client("forwarded", &[line]).as_deref(), expected, "{line}");
    }
}

/// Every form of header, with the word that a proxy adds for `203.0.113.7`.
const OWN_WORDS: [(&str, &[u8]); 6] = [
    ("x-forwarded-for", b"203.0.113.7"),
    ("x-forwarded-for", b"203.0.113.7, 10.0.0.9"),
    ("x-real-ip", b"203.0.113.7"),
    ("forwarded", b"for=203.0.113.7;proto=https"),
    ("forwarded", b"proto=https;for=\"203.0.113.7:1\""),
    ("forwarded", b"by=\"a\\\",;=b\";for=203.0.113.7, for=10.0.0.9"),
];

fn any_value() -> impl Strategy<Value = Vec<u8>> {
    // The letters of the grammar come more often than in random bytes.
    let byte = prop_oneof![prop::sample::select(b"\",;=\\ \t1.2for:[]\xe9".to_vec()), any::<u8>()];
    prop::collection::vec(byte.prop_filter("a header's byte", |byte| HeaderValue::from_bytes(&[*byte]).is_ok()), 0..40)
}

proptest! {
    #[test]
    fn no_prefix_changes_the_judgement(prefix in any_value(), own in prop::sample::select(&OWN_WORDS[..])) {
        let (header, own) = own;
        let expected = Some("203.0.113.7".to_owned());
        let in_one_line = [&prefix[..], b", ", own].concat();
        prop_assert_eq!(client_of_bytes(header, &[in_one_line]), expected.clone());
        prop_assert_eq!(client_of_bytes(header, &[prefix, own.to_vec()]), expected);
    }

    #[test]
    fn no_header_whatever_stops_the_relay(lines in prop::collection::vec(any_value(), 0..4)) {
        for header in ["x-forwarded-for", "x-real-ip", "forwarded"] {
            client_of_bytes(header, &lines);
        }
    }
}
