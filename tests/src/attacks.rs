//! Attacks on a relay from addresses of 127.0.0.0/8, each at a bounded pace. `make attack` measures them one by one, and the soak
//! runs them beside its churn.

mod door;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

pub use self::door::{Door, Socket, address};
use self::door::{until_closed, until_socket_closed};

/// How often a flood spawns attempts.
const BEAT: Duration = Duration::from_millis(10);

/// A stranger's repeated action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Attack {
    /// TLS handshakes whose second flight does not come.
    HalfHandshakes,
    /// The same, ten times as many.
    ManyHalfHandshakes,
    /// The beginning of a client's hello.
    HalfHellos,
    /// Silent connections.
    Silent,
    /// A complete request, and then nothing on an open connection.
    IdleRequests,
    /// WebSockets without a watch.
    IdleWebSockets,
    /// A complete request, and then a header without an end.
    HalfHeaders,
    /// WebSockets with a forged token.
    ForgedTokens,
    /// Forged tokens again, with bytes before a trusted proxy's own word in the forwarded header.
    ForgedForwarded,
    /// Streams of one line, by one link.
    SeatsOfALine,
    /// In open access, streams of unreported usernames.
    SeatsOfNoLine,
}

/// How much of an attack there is.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Attempts a second.
    pub rate: usize,
    /// Connections at a time.
    pub most: usize,
}

impl Pace {
    /// Returns one of so many equal parts.
    #[must_use]
    pub fn part(self, parts: usize) -> Self {
        Self { rate: self.rate.div_ceil(parts), most: self.most.div_ceil(parts) }
    }
}

impl Attack {
    /// Returns the attack's name in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::HalfHandshakes => "half-handshakes",
            Self::ManyHalfHandshakes => "many-half-handshakes",
            Self::HalfHellos => "half-hellos",
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

    /// Returns how much of the attack a stranger does.
    pub fn pace(self) -> Pace {
        let (rate, most) = match self {
            Self::HalfHandshakes => (60, 4_096),
            Self::ManyHalfHandshakes => (600, 8_192),
            Self::HalfHellos => (500, 2_000),
            Self::Silent => (4_000, 8_192),
            Self::IdleRequests | Self::IdleWebSockets => (1_000, 3_200),
            Self::HalfHeaders => (500, 2_000),
            Self::ForgedTokens | Self::ForgedForwarded => (200, 200),
            Self::SeatsOfALine => (50, 40),
            Self::SeatsOfNoLine => (500, 1_100),
        };
        Pace { rate, most }
    }
}

/// A running attack.
pub struct Flood<'a> {
    /// The attack.
    pub attack: Attack,
    /// The attack's speed and size.
    pub pace: Pace,
    /// The attacked relay.
    pub door: &'a Door,
    /// The sources of the attempts, in turn.
    pub sources: &'a [Ipv4Addr],
    /// The first frame of a link's owner, for the first line.
    pub watch: &'a Value,
    /// Where the attempts run.
    pub on: Handle,
    /// Counts the attempts.
    pub attempts: &'a AtomicUsize,
    /// Open connections now.
    pub held: &'a AtomicUsize,
}

impl Flood<'_> {
    /// Attacks until the flood is dropped. Dropping it ends its connections. A failed attempt counts like every other
    /// one. Returns an error if the attack cannot begin.
    pub async fn run(self) -> anyhow::Error {
        let Pace { rate, most } = self.pace;
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
                let attempt = Attempt { attack: self.attack, door: self.door.clone(), from, nth };
                open.spawn_on(attempt.make(hello.clone(), self.watch.clone()), &self.on);
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

/// A well-formed token without a valid signature.
const FORGED: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6Im5vbmUifQ.eyJzdWIiOiJub2JvZHkiLCJleHAiOjQxMDI0NDQ4MDB9.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
/// Bytes of an unfinished header or hello. The relay's limit is higher, so the relay waits for the rest.
const HALF: usize = 7 * 1024;

impl Attempt {
    /// Makes the attempt, and holds the connection until the relay closes it.
    async fn make(self, hello: Vec<u8>, watch: Value) -> Result<()> {
        let Self { attack, ref door, from, nth } = self;
        let forged = json!({"type": "watch", "token": FORGED});
        match attack {
            Attack::HalfHandshakes | Attack::ManyHalfHandshakes => {
                let mut stream = door.tcp(from).await?;
                stream.write_all(&hello).await?;
                until_closed(stream).await
            }
            Attack::HalfHellos => {
                let mut stream = door.tcp(from).await?;
                stream.write_all(&half_hello()).await?;
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
    [b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Fill: ".to_vec(), vec![b'x'; HALF]].concat()
}

/// Returns a record of 16 KiB with the beginning of a hello (RFC 8446, sections 4 and 5.1).
fn half_hello() -> Vec<u8> {
    [&[0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3][..], &[0; HALF]].concat()
}

/// Returns a forged token over server-sent events, from a proxy with its viewer's forged address.
fn forwarded(nth: usize) -> Vec<u8> {
    let head =
        format!("GET /api/v1/lines/nobody/live HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {FORGED}\r\n");
    let viewer = format!(", 203.0.113.{}\r\nConnection: close\r\n\r\n", nth % 4);
    [head.as_bytes(), b"X-Forwarded-For: \xff\xfe", viewer.as_bytes()].concat()
}
