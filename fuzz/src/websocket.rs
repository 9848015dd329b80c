//! The viewers' WebSocket: with any cut, the bytes mean the same to us and to tungstenite. We refuse more than tungstenite does, and
//! read nothing beyond.

use std::io::{self, Read, Write};

use relay::limits::MAX_VIEWER_FRAME;
use relay::wire::websocket::{Inbound, Parser, Violation, close, pong, text};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// The first byte is the length of the pieces, the rest is the viewer's.
pub fn holds(data: &[u8]) {
    let (piece, bytes) = super::pieces(data);
    a_viewer_is_understood(bytes, piece);
    tungstenite_understands(bytes);
}

fn a_viewer_is_understood(bytes: &[u8], piece: usize) {
    let (messages, violation) = read(bytes, piece);
    let (expected, failed) = oracle(bytes);
    match violation {
        None => assert!(!failed && messages == expected, "{messages:?} for {expected:?}"),
        // Refused by us alone: messages in parts, long forms of a length, forbidden codes.
        Some(Violation::Fragmented | Violation::LengthForm | Violation::TooLong | Violation::Close) => {
            assert!(expected.starts_with(&messages), "{messages:?} before {violation:?}, {expected:?}");
        }
        // Refused by both, by us perhaps before the frame is complete.
        Some(violation) => assert_eq!(messages, expected, "{violation:?}"),
    }
}

fn tungstenite_understands(bytes: &[u8]) {
    let Ok(said) = std::str::from_utf8(bytes) else { return };
    let sent = [text(bytes), pong(bytes), close(4_000, said)].concat();
    let mut socket = tungstenite(Role::Client, &sent);
    socket.set_config(|config| {
        config.max_frame_size = None;
        config.max_message_size = None;
    });
    assert_eq!(socket.read().expect("a text"), Message::text(said));
    assert!(matches!(socket.read().expect("a pong"), Message::Pong(_)));
    let Message::Close(Some(close)) = socket.read().expect("a close") else { panic!("no close frame") };
    assert!(u16::from(close.code) == 4_000 && said.starts_with(close.reason.as_str()));
}

fn read(bytes: &[u8], piece: usize) -> (Vec<Inbound>, Option<Violation>) {
    let mut parser = Parser::default();
    let mut messages = Vec::new();
    for mut bytes in bytes.chunks(piece) {
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

/// Tungstenite's messages of the same bytes, and true after an error.
fn oracle(bytes: &[u8]) -> (Vec<Inbound>, bool) {
    let mut socket = tungstenite(Role::Server, bytes);
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

fn tungstenite(role: Role, bytes: &[u8]) -> WebSocket<Wire> {
    let config =
        WebSocketConfig::default().max_frame_size(Some(MAX_VIEWER_FRAME)).max_message_size(Some(MAX_VIEWER_FRAME));
    WebSocket::from_raw_socket(Wire { input: io::Cursor::new(bytes.to_vec()) }, role, Some(config))
}

/// A peer's bytes, and then silence. Drops all writing to the peer.
struct Wire {
    input: io::Cursor<Vec<u8>>,
}

impl Read for Wire {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.input.read(out)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            taken => Ok(taken),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
