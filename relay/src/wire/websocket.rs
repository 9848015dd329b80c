//! The relay's side of WebSocket framing for viewers (RFC 6455, section 5): writes whole frames, and reads a browser's.
//!
//! No I/O, and no general WebSocket. A viewer says one short thing and then answers pings, so inbound messages are
//! unfragmented and at most [`MAX_VIEWER_FRAME`] long. The uplink uses tungstenite, the oracle of this file's tests.

use crate::limits::MAX_VIEWER_FRAME;

/// The known kinds of frame (RFC 6455, section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Opcode {
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// The longest payload of a control frame, in bytes (RFC 6455, section 5.5).
const MAX_CONTROL: usize = 125;

/// A ping without payload.
pub const PING: [u8; 2] = [FIN | Opcode::Ping as u8, 0];

/// Length in bytes of the header before a payload of at most 125 bytes, such as every `sample`.
pub const SHORT_HEADER: usize = 2;

/// A text frame.
pub fn text(payload: &[u8]) -> Vec<u8> {
    frame(Opcode::Text, payload)
}

/// Appends a text frame with a payload of at most 125 bytes, written by `put`. The header has two bytes.
pub fn put_short_text(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[FIN | Opcode::Text as u8, 0]);
    put(out);
    let length = out.len() - start - SHORT_HEADER;
    debug_assert!(length <= MAX_CONTROL, "{length} bytes need a longer header");
    out[start + 1] = length as u8;
}

/// The answer to a ping.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    frame(Opcode::Pong, &payload[..payload.len().min(MAX_CONTROL)])
}

/// A close frame; the reason is cut at 123 bytes.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(MAX_CONTROL - 2)]);
    frame(Opcode::Close, &payload)
}

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 10);
    out.push(FIN | opcode as u8);
    match payload.len() {
        // The casts are lossless: the patterns say so.
        length @ 0..=125 => out.push(length as u8),
        length @ 126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
    out
}

/// A viewer's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// A text message.
    Text(String),
    /// A binary message, ignored.
    Binary,
    /// To be answered by a pong with the same payload.
    Ping(Vec<u8>),
    /// The answer to a ping.
    Pong,
    /// The viewer's close, with a code or without.
    Close(Option<u16>),
}

/// A breach of the rules. The relay closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A client's frame without a mask (RFC 6455, section 5.1).
    #[error("websocket frame is not masked")]
    Unmasked,
    /// A reserved bit without an agreed extension.
    #[error("websocket frame has reserved bits")]
    Reserved,
    /// A reserved opcode.
    #[error("websocket frame has unknown opcode {0}")]
    Opcode(u8),
    /// A message in parts: no viewer has so much to say.
    #[error("websocket message is fragmented")]
    Fragmented,
    /// Longer than [`MAX_VIEWER_FRAME`], or a control frame longer than 125 bytes.
    #[error("websocket frame is too long")]
    TooLong,
    /// A length in more bytes than needed.
    #[error("websocket frame's length is not in its shortest form")]
    LengthForm,
    /// Text beyond UTF-8.
    #[error("websocket text is not utf-8")]
    Text,
    /// A close frame with half a code, a forbidden code, or a reason beyond UTF-8.
    #[error("websocket close frame is malformed")]
    Close,
}

/// Reads a viewer's frames from bytes as they come.
#[derive(Debug, Default)]
pub struct Parser {
    /// At most 2 + 8 + 4 bytes.
    header: [u8; 14],
    header_has: u8,
    payload: Vec<u8>,
}

/// A complete header.
struct Header {
    opcode: Opcode,
    length: usize,
    mask: [u8; 4],
}

impl Parser {
    /// Takes the next frame from the front of `input`; `None` if its end is missing.
    ///
    /// # Errors
    /// [`Violation`]. Nothing after it can be understood.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Inbound>, Violation> {
        let Some(header) = self.take_header(input)? else { return Ok(None) };
        if !self.take_payload(&header, input) {
            return Ok(None);
        }
        self.header_has = 0;
        let mut payload = std::mem::take(&mut self.payload);
        payload.iter_mut().zip(header.mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        message(header.opcode, payload).map(Some)
    }

    fn take_header(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Violation> {
        loop {
            if let Some(header) = parse_header(&self.header[..usize::from(self.header_has)])? {
                return Ok(Some(header));
            }
            let Some((&byte, rest)) = input.split_first() else { return Ok(None) };
            *input = rest;
            self.header[usize::from(self.header_has)] = byte;
            self.header_has += 1;
        }
    }

    /// Whether the payload is complete.
    fn take_payload(&mut self, header: &Header, input: &mut &[u8]) -> bool {
        let (taken, rest) = input.split_at(input.len().min(header.length - self.payload.len()));
        *input = rest;
        if self.payload.is_empty() {
            self.payload.reserve_exact(if taken.is_empty() { 0 } else { header.length });
        }
        self.payload.extend_from_slice(taken);
        self.payload.len() == header.length
    }
}

/// Parses a header; `None` if its end is missing. Every rule applies as soon as its byte is there.
fn parse_header(bytes: &[u8]) -> Result<Option<Header>, Violation> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let opcode = parse_opcode(first)?;
    let Some(&second) = bytes.get(1) else { return Ok(None) };
    if second & MASKED == 0 {
        return Err(Violation::Unmasked);
    }
    let is_control = opcode as u8 >= Opcode::Close as u8;
    let (length, at) = match second & !MASKED {
        127 => return Err(Violation::TooLong),
        126 if is_control => return Err(Violation::TooLong),
        126 => match bytes.get(2..4) {
            Some(&[high, low]) => (usize::from(u16::from_be_bytes([high, low])), 4),
            _ => return Ok(None),
        },
        length => (usize::from(length), 2),
    };
    if at == 4 && length <= MAX_CONTROL {
        return Err(Violation::LengthForm);
    }
    if length > MAX_VIEWER_FRAME {
        return Err(Violation::TooLong);
    }
    let Some(&[a, b, c, d]) = bytes.get(at..at + 4) else { return Ok(None) };
    Ok(Some(Header { opcode, length, mask: [a, b, c, d] }))
}

fn parse_opcode(first: u8) -> Result<Opcode, Violation> {
    if first & 0x70 != 0 {
        return Err(Violation::Reserved);
    }
    let opcode = match first & 0x0f {
        0 => return Err(Violation::Fragmented),
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        other => return Err(Violation::Opcode(other)),
    };
    if first & FIN == 0 { Err(Violation::Fragmented) } else { Ok(opcode) }
}

fn message(opcode: Opcode, payload: Vec<u8>) -> Result<Inbound, Violation> {
    Ok(match opcode {
        Opcode::Text => Inbound::Text(String::from_utf8(payload).map_err(|_| Violation::Text)?),
        Opcode::Binary => Inbound::Binary,
        Opcode::Ping => Inbound::Ping(payload),
        Opcode::Pong => Inbound::Pong,
        Opcode::Close => Inbound::Close(close_code(&payload)?),
    })
}

fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    match payload {
        [] => Ok(None),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            let may_be_sent = matches!(code, 1000..=1003 | 1007..=1013 | 3000..=4999);
            if !may_be_sent || str::from_utf8(reason).is_err() {
                return Err(Violation::Close);
            }
            Ok(Some(code))
        }
        [_] => Err(Violation::Close),
    }
}

#[cfg(test)]
mod tests;
