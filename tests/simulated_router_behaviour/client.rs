//! A small API client over any stream, with mikrotik-rs's codec.

use std::time::Duration;

use mikrotik_rs::proto::codec::{self, Decode};
use tests::simulated_router::{Setup, SimulatedRouter};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};

/// One reply as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply(pub(crate) Vec<Vec<u8>>);

impl Reply {
    /// Words joined by spaces, bytes that are not ASCII escaped.
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn word(&self) -> &[u8] {
        &self.0[0]
    }

    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        let prefix = format!("={name}=");
        self.0.iter().find_map(|word| word.strip_prefix(prefix.as_bytes()))
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        let value = self.bytes(name).unwrap_or_else(|| panic!("no {name} in {}", self.text()));
        std::str::from_utf8(value).expect("text")
    }

    pub(crate) fn tag(&self) -> Option<&str> {
        self.0.iter().find_map(|word| std::str::from_utf8(word.strip_prefix(b".tag=")?).ok())
    }

    /// The names of the attributes, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let attributes = self.0.iter().filter_map(|word| word.strip_prefix(b"="));
        attributes
            .map(|word| String::from_utf8_lossy(word.split(|byte| *byte == b'=').next().unwrap()).into())
            .collect()
    }
}

pub(crate) struct Client<S> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send_bytes(&mut self, words: &[&[u8]]) {
        let mut bytes = Vec::new();
        words.iter().for_each(|word| codec::encode_word(word, &mut bytes));
        codec::encode_terminator(&mut bytes);
        self.stream.write_all(&bytes).await.expect("the router reads");
    }

    /// Sends a sentence written as words between spaces.
    pub(crate) async fn send(&mut self, sentence: &str) {
        let words: Vec<&[u8]> = sentence.split(' ').map(str::as_bytes).collect();
        self.send_bytes(&words).await;
    }

    /// The next reply, or `None` at the connection's end.
    pub(crate) async fn next(&mut self) -> Option<Reply> {
        loop {
            if let Some(reply) = self.decode() {
                return Some(reply);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes).await {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.buffer.extend_from_slice(&bytes[..length]),
            }
        }
    }

    fn decode(&mut self) -> Option<Reply> {
        let (words, used) = match codec::decode_sentence(&self.buffer).expect("well formed") {
            Decode::Complete { value, bytes_consumed } => (value.words().map(<[u8]>::to_vec).collect(), bytes_consumed),
            Decode::Incomplete { .. } => return None,
        };
        self.buffer.drain(..used);
        Some(Reply(words))
    }

    pub(crate) async fn reply(&mut self) -> Reply {
        self.next().await.expect("the connection is open")
    }

    pub(crate) async fn text(&mut self) -> String {
        self.reply().await.text()
    }

    /// Sends a sentence and collects everything up to and with its `!done`.
    pub(crate) async fn ask(&mut self, sentence: &str) -> Vec<Reply> {
        self.send(sentence).await;
        self.until_done().await
    }

    pub(crate) async fn until_done(&mut self) -> Vec<Reply> {
        let mut replies = vec![self.reply().await];
        while replies[replies.len() - 1].word() != b"!done" {
            replies.push(self.reply().await);
        }
        replies
    }

    /// The same as text.
    pub(crate) async fn ask_text(&mut self, sentence: &str) -> Vec<String> {
        self.ask(sentence).await.iter().map(Reply::text).collect()
    }

    /// The rows of an answer that ends well.
    pub(crate) async fn rows(&mut self, sentence: &str) -> Vec<Reply> {
        let mut replies = self.ask(sentence).await;
        assert_eq!(replies.pop().map(|reply| reply.text()).as_deref(), Some("!done"));
        replies.iter().for_each(|reply| assert_eq!(reply.word(), b"!re", "{}", reply.text()));
        replies
    }

    /// Cancels the command with this tag, which ends.
    pub(crate) async fn cancel(&mut self, tag: &str) {
        self.send(&format!("/cancel =tag={tag} .tag=c")).await;
        assert_eq!(self.text().await, format!("!trap .tag={tag} =category=2 =message=interrupted"));
        assert_eq!([self.text().await, self.text().await], ["!done .tag=c".to_owned(), format!("!done .tag={tag}")]);
    }

    /// Nothing comes for so many seconds.
    pub(crate) async fn assert_silent(&mut self, seconds: u64) {
        tokio::select! {
            reply = self.reply() => panic!("unexpected: {}", reply.text()),
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
        }
    }

    pub(crate) async fn log_in(mut self) -> Self {
        assert_eq!(self.ask_text("/login =name=linelight =password=simulated").await, ["!done"]);
        self
    }
}

/// A logged-in client over an in-memory stream.
pub(crate) async fn client(router: &SimulatedRouter) -> Client<DuplexStream> {
    stranger(router).log_in().await
}

/// A client over an in-memory stream, not logged in.
pub(crate) fn stranger(router: &SimulatedRouter) -> Client<DuplexStream> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    router.serve(theirs);
    Client::new(ours)
}

/// A concentrator without subscribers and ports.
pub(crate) fn router() -> SimulatedRouter {
    SimulatedRouter::unconnected(Setup::default())
}
