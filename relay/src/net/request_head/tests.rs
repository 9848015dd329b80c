use proptest::prelude::*;

use super::*;

fn judged(bytes: &[u8]) -> Judgement {
    RequestHead::default().push(bytes)
}

/// The judgement of bytes in two or more pieces, with `taken` counted from the first byte.
fn judged_in_pieces(bytes: &[u8], ends: &[usize]) -> (Judgement, Vec<u8>) {
    let mut head = RequestHead::default();
    let mut begin = 0;
    for end in ends.iter().copied().chain([bytes.len()]) {
        match head.push(&bytes[begin..end]) {
            Judgement::Incomplete => begin = end,
            Judgement::Complete { taken, next } => {
                return (Judgement::Complete { taken: begin + taken, next }, head.into_bytes());
            }
            refused @ Judgement::Refused(_) => return (refused, head.into_bytes()),
        }
    }
    (Judgement::Incomplete, head.into_bytes())
}

const RIGHT: &[(&str, Next)] = &[
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Next::Head),
    ("\r\nGET /x?y=%20 HTTP/1.1\r\nhOsT:[2001:db8::1]:443\r\nAccept: */*\r\n\r\n", Next::Head),
    ("GET / HTTP/1.0\r\n\r\n", Next::Head),
    ("OPTIONS * HTTP/1.1\r\nHost: relay.example:8443 \r\n\r\n", Next::Head),
    ("GET http://relay.example/x HTTP/1.1\r\nHost: relay.example\r\n\r\n", Next::Head),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", Next::Head),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", Next::Other),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", Next::Other),
    ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", Next::Other),
    ("GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \tz\t\r\nX-Forwarded-For: \u{e9}\r\n\r\n", Next::Head),
];

#[test]
fn what_the_rfc_allows_is_taken() {
    for (text, next) in RIGHT {
        let next = *next;
        assert_eq!(judged(text.as_bytes()), Judgement::Complete { taken: text.len(), next }, "{text:?}");
        let behind = [text.as_bytes(), b"\x00 anything"].concat();
        assert_eq!(judged(&behind), Judgement::Complete { taken: text.len(), next }, "{text:?}");
    }
}

const WRONG: &[(&str, Refusal)] = &[
    ("GET / HTTP/1.1\nHost: a\n\n", Refusal::LineEnd),
    ("GET / HTTP/1.1\r\nHost: a\n\r\n", Refusal::LineEnd),
    ("GET / HTTP/1.1\r\nHost: a\r\n\n", Refusal::LineEnd),
    ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", Refusal::LineEnd),
    ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", Refusal::LineEnd),
    ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::LineEnd),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", Refusal::Control),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", Refusal::Control),
    ("GET /\x0b HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::Control),
    ("\x16\x03\x01", Refusal::Control),
    ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::RequestLine),
    (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::RequestLine),
    ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", Refusal::RequestLine),
    ("GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", Refusal::RequestLine),
    ("GET /\r\nHost: a\r\n\r\n", Refusal::RequestLine),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", Refusal::RequestLine),
    ("PRI * HTTP/2.0\r\n\r\n", Refusal::RequestLine),
    ("GET / http/1.1\r\nHost: a\r\n\r\n", Refusal::RequestLine),
    ("CONNECT relay.example:443 HTTP/1.1\r\nHost: relay.example\r\n\r\n", Refusal::RequestLine),
    ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::RequestLine),
    ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::RequestLine),
    ("GET / HTTP/1.1\r\n\r\n", Refusal::Host),
    ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", Refusal::Host),
    ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", Refusal::Host),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Refusal::Host),
    ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Refusal::Host),
    ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Refusal::Host),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", Refusal::FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", Refusal::FieldName),
    ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Refusal::FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz: a\r\n\r\n", Refusal::FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", Refusal::FieldName),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::Length),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", Refusal::Length),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::Length),
    ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\n", Refusal::UpgradeWithBody),
];

#[test]
fn what_the_rfc_forbids_is_refused() {
    for (text, refusal) in WRONG {
        assert_eq!(judged(text.as_bytes()), Judgement::Refused(*refusal), "{text:?}");
    }
    for length in
        ["", "+3", "-3", "3,3", "0x3", "3 3", "18446744073709551614", "18446744073709551615", "18446744073709551616"]
    {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(judged(text.as_bytes()), Judgement::Refused(Refusal::Length), "{length:?}");
    }
    for coding in ["gzip", "gzip, chunked", "chunked, chunked", "identity", "chunked;q=1", ""] {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n");
        assert_eq!(judged(text.as_bytes()), Judgement::Refused(Refusal::Length), "{coding:?}");
    }
}

#[test]
fn a_head_has_a_largest_size_and_so_many_fields() {
    let of_size = |size: usize| {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        format!("{start}{}\r\n\r\n", "x".repeat(size - start.len() - 4))
    };
    assert!(matches!(judged(of_size(MAX_HEAD).as_bytes()), Judgement::Complete { taken: MAX_HEAD, .. }));
    assert_eq!(judged(of_size(MAX_HEAD + 1).as_bytes()), Judgement::Refused(Refusal::TooLarge));
    assert_eq!(judged("\r\n".repeat(MAX_HEAD).as_bytes()), Judgement::Refused(Refusal::TooLarge));
    let of_fields = |fields: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(fields - 1));
    assert!(matches!(judged(of_fields(MAX_FIELDS).as_bytes()), Judgement::Complete { .. }));
    assert_eq!(judged(of_fields(MAX_FIELDS + 1).as_bytes()), Judgement::Refused(Refusal::TooLarge));
}

fn heads() -> impl Strategy<Value = Vec<u8>> {
    let texts: Vec<&str> = RIGHT.iter().map(|(text, _)| *text).chain(WRONG.iter().map(|(text, _)| *text)).collect();
    let known = prop::sample::select(texts).prop_map(|text| text.as_bytes().to_vec());
    let pieces: Vec<&str> =
        vec!["GET ", "/ ", "HTTP/1.1", "\r\n", "\n", "\r", "Host: a", "X: y", " ", ":", "\0", "Upgrade: x"];
    let mixed = prop::collection::vec(prop::sample::select(pieces), 0..20).prop_map(|all| all.concat().into_bytes());
    prop_oneof![known, mixed]
}

proptest! {
    /// Bytes are judged the same, however they are split.
    #[test]
    fn any_split_gives_the_same_judgement(head in heads(), ends in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let whole = judged_in_pieces(&head, &[]);
        let mut ends: Vec<usize> = ends.iter().map(|index| index.index(head.len() + 1)).collect();
        ends.sort_unstable();
        prop_assert_eq!(judged_in_pieces(&head, &ends), whole.clone());
        let each: Vec<usize> = (0..head.len()).collect();
        prop_assert_eq!(judged_in_pieces(&head, &each), whole);
    }

    /// A head that is taken is read by another parser as it stands: the same number of bytes, and one host at most.
    #[test]
    fn what_is_taken_has_one_reading(head in heads()) {
        if let Judgement::Complete { taken, .. } = judged(&head) {
            let text = String::from_utf8_lossy(&head[..taken]).into_owned();
            prop_assert!(text.ends_with("\r\n\r\n"));
            let lines: Vec<&str> = text.trim_start_matches("\r\n").trim_end_matches("\r\n").split("\r\n").collect();
            prop_assert!(lines.iter().all(|line| !line.contains(['\r', '\n']) && !line.starts_with([' ', '\t'])));
            prop_assert!(lines.iter().filter(|line| line.to_ascii_lowercase().starts_with("host:")).count() <= 1);
        }
    }
}
