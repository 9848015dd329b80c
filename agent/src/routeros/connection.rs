//! One connection to a router's API: moves a dialogue's bytes over any stream, and logs in.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};

use super::commands::Command;
use super::dialogue::{Dialogue, DialogueError, Event, in_words};
use super::greeting::{Greeting, Service};
use super::sentence::Tag;

/// The stream under a connection: TCP, TLS over TCP, or a pipe in a test.
pub trait Transport: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin + ?Sized> Transport for S {}

/// Why there is no connection, or no longer one. [`remedy`](ConnectionError::remedy) says how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The password cannot be read, or TLS not be set up. The words include the remedy.
    #[error("{0}")]
    Configuration(String),
    /// The address does not resolve.
    #[error("router {address} is not found: {source}")]
    Resolve {
        /// As configured.
        address: String,
        /// The resolver's error.
        source: io::Error,
    },
    /// Nothing answered: packets are dropped.
    #[error("router {address} does not answer")]
    ConnectTimeout {
        /// As configured.
        address: String,
    },
    /// The address answered, and no service listens on the port.
    #[error("router {address} refused the connection")]
    Refused {
        /// As configured.
        address: String,
    },
    /// No way there.
    #[error("router {address} cannot be reached: {source}")]
    Unreachable {
        /// As configured.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// The TLS handshake failed. The reason includes the remedy.
    #[error("TLS to router {address}: {reason}")]
    Tls {
        /// As configured.
        address: String,
        /// The fault.
        reason: String,
    },
    /// Something else than the API answers.
    #[error("{0} answers there, not a router's API")]
    NotTheApi(Service),
    /// The login took too long.
    #[error("router did not answer the login")]
    LoginTimeout,
    /// The router knows the old login only.
    #[error("RouterOS before 6.43 speaks an older login")]
    OldLogin,
    /// The router refuses this user.
    #[error("router refused the login: {0}")]
    LoginRefused(String),
    /// The user may not read.
    #[error("router refuses to list sessions: {0}")]
    NotPermitted(String),
    /// The other side hung up.
    #[error("router closed the connection without a word")]
    Closed,
    /// The connection broke.
    #[error("connection to the router broke: {0}")]
    Broken(#[from] io::Error),
    /// The dialogue cannot go on.
    #[error(transparent)]
    Dialogue(#[from] DialogueError),
    /// The API answers, but tables or streams do not come.
    #[error("router's API hangs: {0}")]
    Stalled(&'static str),
}

impl ConnectionError {
    /// Whether to come back much later: each try writes a line to the router's log, and nothing mends itself.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::LoginRefused(_) | Self::OldLogin | Self::NotPermitted(_))
    }

    /// Returns the advice for the operator; empty if the error's words include the remedy.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Configuration(_) | Self::Tls { .. } => "",
            Self::Resolve { .. } => "set LINELIGHT_ROUTER to the router's address",
            Self::ConnectTimeout { .. } => {
                "accept this agent's address in the input chain (/ip/firewall/filter), above the rule that drops"
            }
            Self::Refused { .. } => "enable api (or api-ssl) in /ip/service and look at its port",
            Self::Unreachable { .. } => "look at the agent's own network: veth, address, gateway",
            Self::NotTheApi(Service::Tls) => "name api's port (8728), or say that the connection is api-ssl's",
            Self::NotTheApi(_) => "is this the port of api (8728) or of api-ssl (8729)? /ip/service shows both",
            Self::LoginTimeout => "is this the API's port, and are its sessions used up (/ip/service max-sessions)?",
            Self::OldLogin => "upgrade RouterOS to 6.43 or later",
            Self::LoginRefused(_) => {
                "check the user, its password, the addresses it may come from and its group's api policy"
            }
            Self::NotPermitted(_) => "give the user's group the policies read and api",
            Self::Closed => "allow this agent's address in /ip/service",
            Self::Dialogue(DialogueError::Framing(_)) => "is this the API's port?",
            Self::Broken(_) | Self::Dialogue(_) | Self::Stalled(_) => {
                "it is tried again; if it stays, reboot the router"
            }
        }
    }

    /// The error and the remedy, for an operator.
    pub fn explain(&self) -> String {
        match self.remedy() {
            "" => self.to_string(),
            remedy => format!("{self}; {remedy}"),
        }
    }
}

/// A dialogue and the stream under it.
#[derive(Debug)]
pub struct Connection<S, P> {
    stream: S,
    dialogue: Dialogue<P>,
    unflushed: bool,
    /// The first received bytes, until the login is over.
    greeting: Option<Greeting>,
}

impl<S: Transport, P: Copy> Connection<S, P> {
    /// Begins a dialogue over a stream, see [`Dialogue::new`].
    pub fn new(stream: S, cancel_timeout: Duration) -> Self {
        Self { stream, dialogue: Dialogue::new(cancel_timeout), unflushed: false, greeting: Some(Greeting::default()) }
    }

    /// Says a command, see [`Dialogue::send`]. The next [`ready`](Self::ready) writes the command.
    ///
    /// # Errors
    /// [`ConnectionError::Dialogue`].
    pub fn send(
        &mut self,
        command: &Command<'_>,
        purpose: P,
        timeout: Option<Duration>,
        now: Instant,
    ) -> Result<Tag, ConnectionError> {
        tracing::trace!(command = command.path(), "said");
        Ok(self.dialogue.send(command, purpose, timeout, now)?)
    }

    /// Ends a command, see [`Dialogue::cancel`].
    ///
    /// # Errors
    /// [`ConnectionError::Dialogue`].
    pub fn cancel(&mut self, tag: Tag, now: Instant) -> Result<(), ConnectionError> {
        Ok(self.dialogue.cancel(tag, now)?)
    }

    /// Returns the next event, see [`Dialogue::take`].
    ///
    /// # Errors
    /// [`ConnectionError::Dialogue`].
    pub fn take(&mut self, now: Instant) -> Result<Option<Event<'_, P>>, ConnectionError> {
        Ok(self.dialogue.take(now)?)
    }

    /// When [`take`](Self::take) has something to do without new bytes.
    pub fn deadline(&self) -> Option<Instant> {
        self.dialogue.deadline()
    }

    /// Writes the unsent bytes and waits for new ones. Safe to drop at any time: nothing is lost.
    ///
    /// # Errors
    /// [`ConnectionError::Closed`] or [`ConnectionError::Broken`].
    pub async fn ready(&mut self) -> Result<(), ConnectionError> {
        poll_fn(|context| self.poll_ready(context)).await
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        while !self.dialogue.unsent().is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, self.dialogue.unsent()) {
                Poll::Ready(Ok(0)) => return self.last_words(context, ConnectionError::Closed),
                Poll::Ready(Err(error)) => return self.last_words(context, error.into()),
                Poll::Ready(Ok(written)) => self.dialogue.sent(written),
                Poll::Pending => return self.poll_read(context),
            }
            self.unflushed = true;
        }
        if self.unflushed && Pin::new(&mut self.stream).poll_flush(context)?.is_ready() {
            self.unflushed = false;
        }
        self.poll_read(context)
    }

    /// Reads the other side's last words, such as the reason of a `!fatal`. Without any, the write's error counts.
    fn last_words(&mut self, context: &mut Context<'_>, error: ConnectionError) -> Poll<Result<(), ConnectionError>> {
        match self.poll_read(context) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            _ => Poll::Ready(Err(error)),
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let mut space = ReadBuf::new(self.dialogue.space());
        match Pin::new(&mut self.stream).poll_read(context, &mut space) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Ready(Ok(())) if space.filled().is_empty() => Poll::Ready(Err(ConnectionError::Closed)),
            Poll::Ready(Ok(())) => {
                let bytes = space.filled().len();
                self.greeting.iter_mut().for_each(|greeting| greeting.note(space.filled()));
                self.dialogue.received(bytes);
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Logs in, before anything else is said.
    ///
    /// # Errors
    /// [`ConnectionError`]: among others [`LoginRefused`](ConnectionError::LoginRefused),
    /// [`OldLogin`](ConnectionError::OldLogin) and [`LoginTimeout`](ConnectionError::LoginTimeout).
    pub async fn login(
        &mut self,
        user: &str,
        password: &[u8],
        purpose: P,
        within: Duration,
    ) -> Result<(), ConnectionError> {
        let outcome = self.log_in(user, password, purpose, within).await;
        let service = self.greeting.take().and_then(|greeting| greeting.service());
        match (outcome, service) {
            (Err(error), Some(service)) if !error.is_refusal() => Err(ConnectionError::NotTheApi(service)),
            (outcome, _) => outcome,
        }
    }

    async fn log_in(
        &mut self,
        user: &str,
        password: &[u8],
        purpose: P,
        within: Duration,
    ) -> Result<(), ConnectionError> {
        let deadline = Instant::now() + within;
        self.send(&Command::Login { user, password }, purpose, None, Instant::now())?;
        loop {
            if self.login_answered()? {
                return Ok(());
            }
            timeout_at(deadline, self.ready()).await.map_err(|_| ConnectionError::LoginTimeout)??;
        }
    }

    fn login_answered(&mut self) -> Result<bool, ConnectionError> {
        match self.take(Instant::now())? {
            Some(Event::Trap(_, _, trap)) => Err(ConnectionError::LoginRefused(in_words(trap.message()))),
            // The challenge of the old login.
            Some(Event::Done(_, _, done)) if done.get("ret").is_some() => Err(ConnectionError::OldLogin),
            Some(Event::Done(..)) => Ok(true),
            Some(Event::Row(..) | Event::LeftOut(..) | Event::TimedOut(..)) | None => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mikrotik_rs::proto::codec;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const WITHIN: Duration = Duration::from_secs(10);

    /// Each says what was tried, what happened, and one remedy once.
    #[test]
    fn every_error_has_its_words_and_one_remedy() {
        let (address, source) = (|| "r:8728".to_owned(), || io::Error::other("odd"));
        let input_chain =
            "accept this agent's address in the input chain (/ip/firewall/filter), above the rule that drops";
        let own_network = "look at the agent's own network: veth, address, gateway";
        let rights = "check the user, its password, the addresses it may come from and its group's api policy";
        let again = "it is tried again; if it stays, reboot the router";
        for (error, what, remedy) in [
            (ConnectionError::Configuration("no file; mount it".into()), "no file; mount it", ""),
            (
                ConnectionError::Resolve { address: address(), source: source() },
                "router r:8728 is not found: odd",
                "set LINELIGHT_ROUTER to the router's address",
            ),
            (ConnectionError::ConnectTimeout { address: address() }, "router r:8728 does not answer", input_chain),
            (
                ConnectionError::Refused { address: address() },
                "router r:8728 refused the connection",
                "enable api (or api-ssl) in /ip/service and look at its port",
            ),
            (
                ConnectionError::Unreachable { address: address(), source: source() },
                "router r:8728 cannot be reached: odd",
                own_network,
            ),
            (
                ConnectionError::Tls { address: address(), reason: "it has no certificate; assign one".into() },
                "TLS to router r:8728: it has no certificate; assign one",
                "",
            ),
            (
                ConnectionError::NotTheApi(Service::Telnet),
                "a telnet server answers there, not a router's API",
                "is this the port of api (8728) or of api-ssl (8729)? /ip/service shows both",
            ),
            (
                ConnectionError::LoginTimeout,
                "router did not answer the login",
                "is this the API's port, and are its sessions used up (/ip/service max-sessions)?",
            ),
            (
                ConnectionError::OldLogin,
                "RouterOS before 6.43 speaks an older login",
                "upgrade RouterOS to 6.43 or later",
            ),
            (ConnectionError::LoginRefused("no".into()), "router refused the login: no", rights),
            (
                ConnectionError::NotPermitted("no".into()),
                "router refuses to list sessions: no",
                "give the user's group the policies read and api",
            ),
            (
                ConnectionError::Closed,
                "router closed the connection without a word",
                "allow this agent's address in /ip/service",
            ),
            (ConnectionError::Broken(source()), "connection to the router broke: odd", again),
            (ConnectionError::Stalled("it is slow"), "router's API hangs: it is slow", again),
        ] {
            let told = if remedy.is_empty() { what.to_owned() } else { format!("{what}; {remedy}") };
            assert_eq!((error.to_string().as_str(), error.remedy(), error.explain()), (what, remedy, told));
        }
    }

    fn sentence(words: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        words.iter().for_each(|word| codec::encode_word(word.as_bytes(), &mut bytes));
        codec::encode_terminator(&mut bytes);
        bytes
    }

    async fn login_against(answer: &[&[&str]]) -> (Result<(), ConnectionError>, Vec<u8>) {
        let (ours, mut theirs) = duplex(1_024);
        let mut connection = Connection::<DuplexStream, ()>::new(ours, WITHIN);
        let router = async {
            let mut heard = vec![0; 1_024];
            let n = theirs.read(&mut heard).await.unwrap();
            heard.truncate(n);
            for words in answer {
                theirs.write_all(&sentence(words)).await.unwrap();
            }
            (heard, theirs)
        };
        let (outcome, (heard, _open)) = tokio::join!(connection.login("linelight", b"secret", (), WITHIN), router);
        (outcome, heard)
    }

    #[tokio::test(start_paused = true)]
    async fn the_login_is_the_new_one() {
        let (outcome, heard) = login_against(&[&["!done", ".tag=1"]]).await;
        outcome.unwrap();
        assert_eq!(heard, sentence(&["/login", "=name=linelight", "=password=secret", ".tag=1"]));
    }

    #[tokio::test(start_paused = true)]
    async fn each_refusal_of_the_login_has_its_own_words() {
        let challenge = "=ret=0123456789abcdef0123456789abcdef";
        for (answer, words, refusal) in [
            (&[&["!done", ".tag=1", challenge][..]][..], "before 6.43 speaks an older login; upgrade RouterOS", true),
            (&[&["!trap", ".tag=1", "=message=cannot log in"], &["!done", ".tag=1"]], "cannot log in", true),
            (&[&["!trap", "=message=invalid user name or password (6)"]], "check the user", true),
            (&[&["!fatal", "too many sessions"]], "too many sessions", false),
            (&[], "did not answer the login", false),
        ] {
            let error = login_against(answer).await.0.unwrap_err();
            let text = error.explain();
            assert!(text.contains(words), "{text}");
            assert_eq!(error.is_refusal(), refusal, "{text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn another_service_on_the_port_is_told_as_what_it_is() {
        for (bytes, closes, words) in [
            (
                &b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<html>"[..],
                true,
                "a web server (HTTP/1.1 400 Bad Request)",
            ),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", false, "a web server"),
            (b"SSH-2.0-ROSSSH\r\n", false, "an SSH server (SSH-2.0-ROSSSH)"),
            (b"220 MikroTik FTP server ready\r\n", true, "a mail or FTP server"),
            (b"\x15\x03\x01\x00\x02\x02\x46", true, "TLS"),
            (b"\xFF\xFB\x01\xFF\xFB\x03", true, "a telnet server"),
            (b"\x00\x1b[31mwhat\x07", true, "something unknown (  [31mwhat )"),
        ] {
            let (ours, mut theirs) = duplex(1_024);
            let mut connection = Connection::<DuplexStream, ()>::new(ours, WITHIN);
            theirs.write_all(bytes).await.unwrap();
            let open = (!closes).then_some(theirs);
            let error = connection.login("linelight", b"secret", (), WITHIN).await.unwrap_err();
            let text = error.explain();
            assert!(text.starts_with(words), "{text}");
            assert!(!error.is_refusal() && (text.contains("/ip/service") || text.contains("8728")), "{text}");
            drop(open);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hang_up_is_told() {
        let (ours, theirs) = duplex(1_024);
        drop(theirs);
        let mut connection = Connection::<DuplexStream, ()>::new(ours, WITHIN);
        let error = connection.login("linelight", b"secret", (), WITHIN).await.unwrap_err();
        assert!(matches!(error, ConnectionError::Closed | ConnectionError::Broken(_)), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn it_reads_on_while_the_router_does_not() {
        // The pipe holds 16 bytes: the commands do not fit, and the router's reply comes through all the same.
        let (ours, mut theirs) = duplex(16);
        let mut connection = Connection::<DuplexStream, u8>::new(ours, WITHIN);
        let now = Instant::now();
        let tag = connection.send(&Command::Identity, 1, None, now).unwrap();
        theirs.write_all(&sentence(&["!re", ".tag=1"])).await.unwrap();
        connection.ready().await.unwrap();
        assert!(matches!(connection.take(now).unwrap(), Some(Event::Row(t, 1, _)) if t == tag));
    }
}
