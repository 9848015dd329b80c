//! Requests against the RFC.

use super::*;

/// Sends bytes, in two pieces if `split` is within them, and reads until the relay ends the connection.
async fn raw(relay: &TestRelay, bytes: &[u8], split: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let (first, second) = bytes.split_at(split.min(bytes.len()));
    for piece in [first, second] {
        // The relay may hang up before the end of the request.
        let _ = stream.write_all(piece).await;
        tokio::task::yield_now().await;
    }
    read_to_end(&mut stream).await
}

#[tokio::test]
async fn what_the_rfc_forbids_is_answered_400_with_the_relays_headers() {
    let relay = TestRelay::start(|_| {});
    let upgrade = format!("GET /api/v1/live HTTP/1.1\r\nhost: a\r\n{WEBSOCKET}content-length: 3\r\n\r\nabc");
    for wrong in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.1\nhost: a\n\n",
        "GET / HTTP/1.1\r\nhost: a\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx : y\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551615\r\n\r\n",
        "GET /line/\u{e9} HTTP/1.1\r\nhost: a\r\n\r\n",
        &upgrade,
    ] {
        for split in [0, 1, 17, wrong.len() - 1] {
            let answer = raw(&relay, wrong.as_bytes(), split).await;
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.starts_with("HTTP/1.1 400 "), "{wrong:?}: {answer}");
            assert_eq!(
                answer.matches("HTTP/1.1").count(),
                1 + answer.matches("needs one Host").count() + answer.matches("or HTTP/1.1").count(),
                "{wrong:?}: {answer}"
            );
            for line in
                ["x-content-type-options: nosniff", "linelight: relay", "connection: close", "cache-control: no-store"]
            {
                assert!(answer.contains(line), "{wrong:?}: {line} is not in {answer}");
            }
        }
    }
}

#[tokio::test]
async fn http_1_0_has_no_upgrade() {
    let relay = TestRelay::start(|_| {});
    let answer = raw(&relay, format!("GET /api/v1/live HTTP/1.0\r\nhost: a\r\n{WEBSOCKET}\r\n").as_bytes(), 0).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.0 426 ") && answer.contains("x-content-type-options: nosniff"), "{answer}");
}

#[tokio::test]
async fn a_wrong_head_is_answered_in_its_turn_and_nothing_behind_it_is_read() {
    let relay = TestRelay::start(|_| {});
    let good = "GET /nothing HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = raw(&relay, format!("{good}{good}GET / HTTP/1.1\r\n\r\n{good}").as_bytes(), 40).await;
    let answer = String::from_utf8_lossy(&answer);
    let statuses: Vec<&str> = answer
        .split("HTTP/1.1 ")
        .skip(1)
        .filter_map(|part| part.get(..3))
        .filter(|part| part.parse::<u16>().is_ok())
        .collect();
    assert_eq!(statuses, ["404", "404", "400"], "{answer}");
    let refused = raw(&relay, b"REFUSED / HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n", 0).await;
    assert!(refused.starts_with(b"HTTP/1.1 405 "), "a method like any other");
}

#[tokio::test]
async fn a_connection_ends_behind_a_body_or_an_upgrade_that_is_none() {
    let relay = TestRelay::start(|_| {});
    let hidden = "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";
    for (wrapped, status) in [
        (format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{hidden}{hidden}", hidden.len()), "405"),
        (format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"), "405"),
        (format!("GET /nothing HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\n\r\n{hidden}"), "404"),
    ] {
        let answer = raw(&relay, wrapped.as_bytes(), 0).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{wrapped:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{wrapped:?}: {answer}");
    }
}
