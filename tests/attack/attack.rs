//! The attacks, and how fast each goes.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::stage::{Access, Needs};
use crate::wire::{Door, until_closed, until_socket_closed};

/// How often a flood spawns attempts.
const BEAT: Duration = Duration::from_millis(10);

/// A stranger's repeated action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Attack {
    /// TLS handshakes whose second flight does not come.
    HalfHandshakes,
    /// Connections that say nothing.
    Silent,
    /// A complete request, and then nothing on an open connection.
    IdleRequests,
    /// WebSockets that never watch.
    IdleWebSockets,
    /// A complete request, and then a header that grows and does not end.
    HalfHeaders,
    /// WebSockets with a token that nobody signed.
    ForgedTokens,
    /// The same with bytes before a trusted proxy's own word in the header that names the viewer.
    ForgedForwarded,
    /// Streams of one line, by one link.
    SeatsOfALine,
    /// In open access, streams of lines that nobody has.
    SeatsOfNoLine,
}

/// How much of an attack there is.
struct Pace {
    /// Attempts a second.
    rate: usize,
    /// Connections at a time.
    most: usize,
}

impl Attack {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::HalfHandshakes => "half-handshakes",
            Self::Silent => "silent",
            Self::IdleRequests => "idle-requests",
            Self::IdleWebSockets => "idle-web-sockets",
            Self::HalfHeaders => "half-headers",
            Self::ForgedTokens => "forged-tokens",
            Self::ForgedForwarded => "forged-forwarded",
            Self::SeatsOfALine => "seats-of-a-line",
            Self::SeatsOfNoLine => "seats-of-no-line",
        }
    }

    /// The relay that this attack is meant for.
    pub(crate) fn needs(self) -> Needs {
        let flags: &[&str] = match self {
            Self::IdleRequests | Self::IdleWebSockets => &["--max-connections=3000"],
            Self::ForgedForwarded => &["--trusted-proxy=127.7.0.0/16", "--forwarded-header=X-Forwarded-For"],
            Self::SeatsOfNoLine => &["--max-viewers=1000"],
            _ => &[],
        };
        let access = if self == Self::SeatsOfNoLine { Access::Open } else { Access::Link };
        Needs { access, flags }
    }

    fn pace(self) -> Pace {
        let (rate, most) = match self {
            Self::HalfHandshakes => (300, 4_096),
            Self::Silent => (2_000, 8_192),
            Self::IdleRequests | Self::IdleWebSockets => (1_000, 3_200),
            Self::HalfHeaders => (500, 2_000),
            Self::ForgedTokens | Self::ForgedForwarded => (200, 200),
            Self::SeatsOfALine => (50, 40),
            Self::SeatsOfNoLine => (500, 1_100),
        };
        Pace { rate, most }
    }
}

/// One attack that goes on.
pub(crate) struct Flood<'a> {
    /// `None` for one that does nothing.
    pub(crate) attack: Option<Attack>,
    pub(crate) door: &'a Door,
    pub(crate) sources: &'a [Ipv4Addr],
    /// The first frame of whoever holds a link to the first line.
    pub(crate) watch: &'a Value,
    pub(crate) attempts: &'a AtomicUsize,
    /// Connections that are open right now.
    pub(crate) held: &'a AtomicUsize,
}

impl Flood<'_> {
    /// Attacks until it is dropped, which ends its connections. An attempt that fails is one more attempt.
    pub(crate) async fn run(self) -> anyhow::Error {
        let Some(attack) = self.attack else { return std::future::pending().await };
        let Pace { rate, most } = attack.pace();
        let hello = match self.door.client_hello() {
            Ok(hello) => hello,
            Err(error) => return error,
        };
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut open, mut due) = (JoinSet::new(), 0.0);
        loop {
            beats.tick().await;
            while open.try_join_next().is_some() {}
            due = f64::min(due + rate as f64 * BEAT.as_secs_f64(), rate as f64);
            while due >= 1.0 && open.len() < most {
                due -= 1.0;
                let nth = self.attempts.fetch_add(1, Ordering::Relaxed);
                let from = self.sources[nth % self.sources.len()];
                let attempt = Attempt { attack, door: self.door.clone(), from, nth };
                open.spawn(attempt.make(hello.clone(), self.watch.clone()));
            }
            self.held.store(open.len(), Ordering::Relaxed);
        }
    }
}

/// One connection of an attack.
struct Attempt {
    attack: Attack,
    door: Door,
    from: Ipv4Addr,
    nth: usize,
}

/// A token of the right form that no key has signed.
const FORGED: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6Im5vbmUifQ.eyJzdWIiOiJub2JvZHkiLCJleHAiOjQxMDI0NDQ4MDB9.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
/// Bytes of a header that does not end: below the relay's largest, so that it goes on waiting.
const HALF_HEADER: usize = 14 * 1024;

impl Attempt {
    /// Does it, and holds the connection for as long as the relay does.
    async fn make(self, hello: Vec<u8>, watch: Value) -> Result<()> {
        let Self { attack, ref door, from, nth } = self;
        let forged = json!({"type": "watch", "token": FORGED});
        match attack {
            Attack::HalfHandshakes => {
                let mut stream = door.tcp(from).await?;
                stream.write_all(&hello).await?;
                until_closed(stream).await
            }
            Attack::Silent => until_closed(door.tcp(from).await?).await,
            Attack::IdleRequests => self.say(&[REQUEST]).await,
            Attack::HalfHeaders => self.say(&[REQUEST, &half_header()]).await,
            Attack::IdleWebSockets => until_socket_closed(door.socket(from).await?).await,
            Attack::ForgedTokens => until_socket_closed(door.watch(from, &forged).await?).await,
            Attack::ForgedForwarded => self.say(&[&forwarded(nth)]).await,
            Attack::SeatsOfALine => until_socket_closed(door.watch(from, &watch).await?).await,
            Attack::SeatsOfNoLine => {
                let nobody = json!({"type": "watch", "username": format!("nobody-{nth}")});
                until_socket_closed(door.watch(from, &nobody).await?).await
            }
        }
    }

    async fn say(&self, parts: &[&[u8]]) -> Result<()> {
        let mut stream = self.door.tls(self.from).await?;
        for part in parts {
            stream.write_all(part).await?;
        }
        stream.flush().await?;
        until_closed(stream).await
    }
}

fn half_header() -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Fill: ".to_vec(), vec![b'x'; HALF_HEADER]].concat()
}

/// A forged token over server-sent events, by a proxy that adds its viewer's address to what the viewer has sent.
fn forwarded(nth: usize) -> Vec<u8> {
    let head =
        format!("GET /api/v1/lines/nobody/live HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {FORGED}\r\n");
    let viewer = format!(", 203.0.113.{}\r\nConnection: close\r\n\r\n", nth % 4);
    [head.as_bytes(), b"X-Forwarded-For: \xff\xfe", viewer.as_bytes()].concat()
}
