//! The framing against tungstenite, and the rules beyond tungstenite's.

use std::io::{self, Read, Write};

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::*;

/// A peer's bytes to read. Keeps everything written to it.
struct Wire {
    input: Vec<u8>,
    at: usize,
    output: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = &self.input[self.at..];
        if rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = rest.len().min(out.len());
        out[..taken].copy_from_slice(&rest[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tungstenite(role: Role, input: &[u8]) -> WebSocket<Wire> {
    let config =
        WebSocketConfig::default().max_frame_size(Some(MAX_VIEWER_FRAME)).max_message_size(Some(MAX_VIEWER_FRAME));
    WebSocket::from_raw_socket(Wire { input: input.to_vec(), at: 0, output: Vec::new() }, role, Some(config))
}

/// Returns tungstenite's reading of a client's bytes: messages, and true if an error ended them.
fn oracle(input: &[u8]) -> (Vec<Inbound>, bool) {
    let mut socket = tungstenite(Role::Server, input);
    let mut messages = Vec::new();
    loop {
        messages.push(match socket.read() {
            Ok(Message::Text(text)) => Inbound::Text(text.to_string()),
            Ok(Message::Binary(_)) => Inbound::Binary,
            Ok(Message::Ping(payload)) => Inbound::Ping(payload.to_vec()),
            Ok(Message::Pong(_)) => Inbound::Pong,
            Ok(Message::Close(close)) => {
                messages.push(Inbound::Close(close.map(|close| close.code.into())));
                return (messages, false);
            }
            Ok(Message::Frame(_)) => unreachable!("never read"),
            Err(Error::Io(_) | Error::ConnectionClosed) => return (messages, false),
            Err(_) => return (messages, true),
        });
    }
}

/// Returns the parser's reading of the same bytes, in pieces.
fn ours(input: &[u8], piece: usize) -> (Vec<Inbound>, Option<Violation>) {
    let mut parser = Parser::default();
    let mut messages = Vec::new();
    for mut bytes in input.chunks(piece.max(1)) {
        loop {
            match parser.next(&mut bytes) {
                Ok(Some(close @ Inbound::Close(_))) => {
                    messages.push(close);
                    return (messages, None);
                }
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(violation) => return (messages, Some(violation)),
            }
        }
    }
    (messages, None)
}

/// A client's frame, lawful or not.
fn client_frame(first: u8, masked: bool, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let bit = if masked { MASKED } else { 0 };
    match payload.len() {
        length @ 0..=125 => out.push(bit | length as u8),
        length => {
            out.push(bit | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    if masked {
        out.extend_from_slice(&mask);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    } else {
        out.extend_from_slice(payload);
    }
    out
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => ".{0,20}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..140),
        1 => (4_000usize..4_200).prop_map(|length| vec![b'x'; length]),
        1 => (990u16..5_010, ".{0,8}").prop_map(|(code, reason)| [&code.to_be_bytes()[..], reason.as_bytes()].concat()),
    ]
}

fn a_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x81u8, 0x82, 0x88, 0x89, 0x8a]),
        1 => any::<u8>().prop_filter("fragments have a test of their own", |first| first & FIN != 0 && first & 15 != 0),
    ];
    (first, prop::bool::weighted(0.95), any::<[u8; 4]>(), payload())
        .prop_map(|(first, masked, mask, payload)| client_frame(first, masked, mask, &payload))
}

proptest! {
    #[test]
    fn a_clients_frames_have_the_same_outcome_as_with_tungstenite(
        frames in prop::collection::vec(a_frame(), 1..6),
        piece in 1usize..300,
    ) {
        let bytes = frames.concat();
        let (expected, failed) = oracle(&bytes);
        let (messages, violation) = ours(&bytes, piece);
        match violation {
            // Tungstenite answers a forbidden close code with 1002; here the code is a violation.
            Some(Violation::Close) if !failed => prop_assert_eq!(&expected[..messages.len()], &messages[..]),
            _ => {
                prop_assert_eq!(failed, violation.is_some(), "{:?}", violation);
                prop_assert_eq!(expected, messages);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), piece in 1usize..100) {
        let (messages, _) = ours(&bytes, piece);
        prop_assert!(messages.len() <= bytes.len() / 6);
    }

    #[test]
    fn what_the_relay_writes_is_what_tungstenite_reads(text_payload in ".{0,200}", long in 0usize..70_000, code in 4000u16..4200) {
        let long = "x".repeat(long);
        let bytes = [
            text(text_payload.as_bytes()),
            PING.to_vec(),
            text(long.as_bytes()),
            pong(b"abc"),
            close(code, &text_payload),
        ].concat();
        let mut socket = tungstenite(Role::Client, &bytes);
        socket.set_config(|config| {
            config.max_frame_size = None;
            config.max_message_size = None;
        });
        prop_assert_eq!(socket.read().unwrap(), Message::text(text_payload.clone()));
        prop_assert_eq!(socket.read().unwrap(), Message::Ping(Default::default()));
        prop_assert_eq!(socket.read().unwrap(), Message::text(long));
        prop_assert_eq!(socket.read().unwrap(), Message::Pong("abc".into()));
        let Message::Close(Some(read)) = socket.read().unwrap() else { panic!("no close frame") };
        prop_assert_eq!(u16::from(read.code), code);
        prop_assert!(text_payload.starts_with(read.reason.as_str()));
    }
}

#[test]
fn what_only_we_refuse() {
    let masked = |first: u8, payload: &[u8]| client_frame(first, true, [1, 2, 3, 4], payload);
    for (bytes, violation) in [
        (masked(0x01, b"first part"), Violation::Fragmented),
        (masked(0x80, b"last part"), Violation::Fragmented),
        (masked(0x09, b""), Violation::Fragmented),
        (vec![0x81, MASKED | 126, 0, 5], Violation::LengthForm),
        (vec![0x81, MASKED | 127], Violation::TooLong),
        (masked(0x88, &[3]), Violation::Close),
        (masked(0x88, &1005u16.to_be_bytes()), Violation::Close),
    ] {
        assert_eq!(ours(&bytes, 1), (vec![], Some(violation)), "{bytes:?}");
    }
}

#[test]
fn the_limit_is_four_kibibytes() {
    let fits = client_frame(0x81, true, [9; 4], &[b'x'; MAX_VIEWER_FRAME]);
    assert_eq!(ours(&fits, 1_000), (vec![Inbound::Text("x".repeat(MAX_VIEWER_FRAME))], None));
    let over = client_frame(0x81, true, [9; 4], &[b'x'; MAX_VIEWER_FRAME + 1]);
    assert_eq!(ours(&over[..4], 4), (vec![], Some(Violation::TooLong)), "refused before its payload");
}

#[test]
fn a_claimed_length_costs_no_memory_before_its_bytes() {
    let mut parser = Parser::default();
    let mut header: &[u8] = &[0x81, MASKED | 126, 0x10, 0, 1, 2, 3, 4];
    assert_eq!(parser.next(&mut header), Ok(None));
    assert_eq!(parser.payload.capacity(), 0);
    assert!(size_of::<Parser>() <= 40, "{}", size_of::<Parser>());
}
