//! The head of an HTTP/1 answer, read to the last byte and no further: TLS or WebSocket follows.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::shown::shown;

/// The longest head, in bytes.
const MAX_HEAD: usize = 8 * 1024;

/// The longest shown beginning of another protocol's answer, in bytes.
const SHOWN: usize = 40;

/// The longest shown header value, in characters.
const MAX_SHOWN_VALUE: usize = 100;

/// A status and the header fields.
#[derive(Debug)]
pub(super) struct Head {
    /// The status code.
    pub(super) status: u16,
    /// Name and value, in order.
    fields: Vec<(String, String)>,
}

/// Why no head was read.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadError {
    /// The connection broke, or ended before the head did.
    #[error(transparent)]
    Broken(#[from] io::Error),
    /// The head is longer than [`MAX_HEAD`].
    #[error("its answer is longer than {MAX_HEAD} bytes")]
    TooLong,
    /// The first line is not of HTTP/1; with the line's beginning, made harmless.
    #[error("its answer begins with \"{0}\" and is no HTTP")]
    NotHttp(String),
}

impl Head {
    /// Reads a head of HTTP/1.0 or HTTP/1.1.
    pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Self, HeadError> {
        let first = read_line(stream, MAX_HEAD, is_http).await?;
        let status = status(&first).ok_or_else(|| not_http(&first))?;
        let mut head = Self { status, fields: Vec::new() };
        let mut left = MAX_HEAD - first.len();
        loop {
            let line = read_line(stream, left, |_| true).await?;
            left -= line.len();
            let text = String::from_utf8_lossy(&line);
            match text.trim_end().split_once(':') {
                Some((name, value)) => head.fields.push((name.to_owned(), value.trim().to_owned())),
                None if text.trim_end().is_empty() => return Ok(head),
                None => {}
            }
        }
    }

    /// Returns the first value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the first value of a name, harmless and of bounded length.
    pub(super) fn shown(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| shown(value, MAX_SHOWN_VALUE))
    }
}

/// Reads up to a newline, at most `limit` bytes. A line with an unlawful beginning is given up early:
/// the end may never come.
async fn read_line<S: AsyncRead + Unpin>(
    stream: &mut S,
    limit: usize,
    lawful: impl Fn(&[u8]) -> bool,
) -> Result<Vec<u8>, HeadError> {
    let mut line = Vec::with_capacity(64);
    while !line.ends_with(b"\n") {
        if line.len() == limit {
            return Err(HeadError::TooLong);
        }
        match stream.read_u8().await {
            Ok(byte) => line.push(byte),
            Err(_) if !lawful(&line) => return Err(not_http(&line)),
            Err(error) => return Err(error.into()),
        }
        if !lawful(&line) && (line.len() >= SHOWN || line.ends_with(b"\n")) {
            return Err(not_http(&line));
        }
    }
    Ok(line)
}

/// True unless the bytes are not how an answer of HTTP/1 begins.
fn is_http(line: &[u8]) -> bool {
    const BEGIN: &[u8] = b"HTTP/1.";
    line.iter().zip(BEGIN).all(|(byte, expected)| byte == expected)
}

fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.0 ").or_else(|| line.strip_prefix(b"HTTP/1.1 "))?;
    std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok().filter(|status| (100..1000).contains(status))
}

fn not_http(line: &[u8]) -> HeadError {
    let text = String::from_utf8_lossy(line);
    HeadError::NotHttp(shown(text.trim_end(), SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> (Result<Head, HeadError>, &[u8]) {
        let head = Head::read(&mut bytes).await;
        (head, bytes)
    }

    #[tokio::test]
    async fn a_head_is_read_to_its_last_byte_whatever_its_version_and_line_ends() {
        for head in [
            "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n",
            "HTTP/1.0 200 OK\nSERVER:x \n\n",
            "HTTP/1.1 200\r\nserver: x\r\n\r\n",
        ] {
            let text = format!("{head}rest");
            let (met, rest) = read(text.as_bytes()).await;
            let met = met.unwrap();
            assert_eq!((met.status, met.get("Server"), rest), (200, Some("x"), b"rest".as_slice()), "{head:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_http_is_shown_without_harm_and_without_waiting_for_its_end() {
        for (bytes, shown) in [
            ("SSH-2.0-OpenSSH_9.6\r\nmore".as_bytes(), "\"SSH-2.0-OpenSSH_9.6\""),
            (&[0x15, 3, 3, 0, 2, 2, 40, b'\n'], "\\u{15}"),
            (&[b'x'; 50], "xxxxx"),
            (b"HTTP/2.0 200 OK\r\n", "HTTP/2.0 200 OK"),
            (b"HTTP/1.1 ???\r\n", "HTTP/1.1 ???"),
        ] {
            let (met, _) = read(bytes).await;
            let words = met.unwrap_err().to_string();
            assert!(words.contains(shown) && words.contains("no HTTP") && words.len() < 300, "{words}");
        }
    }

    #[tokio::test]
    async fn a_head_has_a_bound_and_an_end() {
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(5_000));
        assert!(matches!(read(endless.as_bytes()).await.0, Err(HeadError::TooLong)));
        assert!(matches!(read(b"HTTP/1.1 200 OK\r\na:").await.0, Err(HeadError::Broken(_))));
    }

    #[tokio::test]
    async fn a_value_is_shown_harmless_and_short() {
        let long = format!("HTTP/1.1 200 OK\r\nServer: \u{1b}[2J{}\r\n\r\n", "x".repeat(1_000));
        let shown = read(long.as_bytes()).await.0.unwrap().shown("server").unwrap();
        assert!(shown.starts_with("\\u{1b}[2J") && shown.len() == MAX_SHOWN_VALUE, "{shown}");
    }
}
