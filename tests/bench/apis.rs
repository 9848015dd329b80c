//! Routers' APIs as cheap as they can be: enough of RouterOS for an agent, mikronode-ng and node-routeros to log in, list
//! sessions and monitor traffic, with the mark in each row's download. What a router really does is the simulated router's
//! business; ten of thousands of rows a second are this one's.
//!
//! A router writes the rows of all its streams at once, at its own place in the second. That is the kindest to whoever
//! reads: one wake-up for fifty rows, in however many streams.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use tests::bench::{mark, phase_us, upload, username};
use tests::simulated_router::framing::{MAX_SENTENCE, SentenceReader, encode_sentence, encode_word};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::machine::Machine;
use crate::uplinks::Routers;

/// The API's user. Any password is right.
pub(crate) const PASSWORD: &str = "simulated";

/// RouterOS before 6.43 asks for the MD5 of this; nobody looks at the answer.
const CHALLENGE: &str = "=ret=000102030405060708090a0b0c0d0e0f";

/// Running routers, until the drop.
pub(crate) struct Apis {
    /// Each router's API.
    pub(crate) addresses: Vec<SocketAddr>,
    _tasks: JoinSet<()>,
}

impl Apis {
    /// Opens a port for each router.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn open(routers: Routers, machine: Machine) -> Result<Self> {
        let (mut tasks, mut addresses) = (JoinSet::new(), Vec::new());
        for nth in 0..routers.count {
            let listener = machine.in_the_field(|| Ok(std::net::TcpListener::bind((machine.field_address(), 0))?))?;
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            addresses.push(listener.local_addr()?);
            tasks.spawn_local(accept(listener, Rc::new(Router { nth, lines: routers.lines_each })));
        }
        Ok(Self { addresses, _tasks: tasks })
    }
}

async fn accept(listener: TcpListener, router: Rc<Router>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let router = Rc::clone(&router);
        connections.spawn_local(async move {
            // A client's end concerns nobody else; a failed client leaves viewers without samples.
            let _: Result<()> = Connection::new(&router).serve(stream).await;
        });
    }
}

struct Router {
    nth: usize,
    lines: usize,
}

impl Router {
    /// A session's line. The interface has the same `.id`, counted from 0.
    fn line(&self, session: usize) -> usize {
        self.nth * self.lines + session
    }

    fn session(&self, interface: &[u8]) -> Option<usize> {
        let interface = std::str::from_utf8(interface).ok()?;
        let session = match interface.strip_prefix('*') {
            Some(id) => usize::from_str_radix(id, 16).ok()?,
            None => {
                let username = interface.strip_prefix("<pppoe-")?.strip_suffix('>')?;
                tests::bench::line(username)?.checked_sub(self.line(0))?
            }
        };
        (session < self.lines).then_some(session)
    }

    /// When the next tick after now is due.
    fn next_tick(&self) -> Instant {
        let into = mark::now_us() % 1_000_000;
        let wait = (1_000_000 + phase_us(self.nth) - into - 1) % 1_000_000 + 1;
        Instant::now() + Duration::from_micros(wait)
    }
}

/// One `monitor-traffic`.
struct Stream {
    tag: String,
    /// Each row up to the download's nine digits, and the rest up to the section.
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    section: u64,
}

impl Stream {
    fn new(router: &Router, tag: &str, list: &[u8]) -> Self {
        let sessions = list.split(|byte| *byte == b',').filter_map(|interface| router.session(interface));
        let rows = sessions.map(|session| row(tag, router.line(session))).collect();
        Self { tag: tag.to_owned(), rows, section: 0 }
    }

    fn put_rows(&mut self, out: &mut Vec<u8>) {
        let download = format!("=tx-bits-per-second={}", mark::of(mark::now_us()));
        let section = format!("=.section={}", self.section);
        self.section += 1;
        for (head, tail) in &self.rows {
            out.extend_from_slice(head);
            encode_word(download.as_bytes(), out);
            out.extend_from_slice(tail);
            encode_word(section.as_bytes(), out);
            out.push(0);
        }
    }
}

/// A row in the order of a modern router.
fn row(tag: &str, line: usize) -> (Vec<u8>, Vec<u8>) {
    let [mut head, mut tail] = [Vec::new(), Vec::new()];
    let word = |name: &str, value: &dyn std::fmt::Display, out: &mut Vec<u8>| {
        encode_word(format!("={name}={value}").as_bytes(), out);
    };
    encode_word(b"!re", &mut head);
    encode_word(tag.as_bytes(), &mut head);
    word("name", &format_args!("<pppoe-{}>", username(line)), &mut head);
    for (name, value) in [
        ("rx-packets-per-second", 52),
        ("rx-bits-per-second", upload(line)),
        ("fp-rx-packets-per-second", 48),
        ("fp-rx-bits-per-second", upload(line) / 100 * 85),
        ("rx-drops-per-second", 0),
        ("rx-errors-per-second", 0),
        ("tx-packets-per-second", 10_417),
    ] {
        word(name, &value, &mut head);
    }
    for (name, value) in [
        ("fp-tx-packets-per-second", 8_855),
        ("fp-tx-bits-per-second", 85_000_000),
        ("tx-drops-per-second", 0),
        ("tx-queue-drops-per-second", 0),
        ("tx-errors-per-second", 0),
    ] {
        word(name, &value, &mut tail);
    }
    (head, tail)
}

struct Connection<'a> {
    router: &'a Router,
    streams: Vec<Stream>,
    out: Vec<u8>,
}

impl<'a> Connection<'a> {
    fn new(router: &'a Router) -> Self {
        Self { router, streams: Vec::new(), out: Vec::new() }
    }

    async fn serve(mut self, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let (mut reading, mut writing) = stream.into_split();
        let mut sentences = SentenceReader::default();
        let mut bytes = vec![0; 16 * 1024];
        let mut tick = self.router.next_tick();
        loop {
            tokio::select! {
                read = reading.read(&mut bytes) => {
                    let read = read?;
                    anyhow::ensure!(read > 0, "closed");
                    sentences.push(&bytes[..read]);
                    while let Some(words) = sentences.next_sentence(MAX_SENTENCE)? {
                        self.answer(&words)?;
                    }
                }
                () = sleep_until(tick) => {
                    tick = self.router.next_tick();
                    self.streams.iter_mut().for_each(|stream| stream.put_rows(&mut self.out));
                }
            }
            writing.write_all(&self.out).await?;
            self.out.clear();
        }
    }

    fn answer(&mut self, words: &[Vec<u8>]) -> Result<()> {
        let words: Vec<&str> = words.iter().map(|word| std::str::from_utf8(word)).collect::<Result<_, _>>()?;
        let command = *words.first().context("an empty sentence")?;
        let tag = words.iter().find(|word| word.starts_with(".tag=")).copied().unwrap_or_default();
        let attribute =
            |name: &str| words.iter().find_map(|word| word.strip_prefix('=')?.strip_prefix(name)?.strip_prefix('='));
        match command {
            "/login" if attribute("password").is_none() && attribute("response").is_none() => {
                self.say(&["!done", tag, CHALLENGE]);
                return Ok(());
            }
            "/system/identity/print" => self.say(&["!re", tag, "=name=concentrator"]),
            "/system/resource/print" => {
                self.say(&["!re", tag, "=version=7.23.1 (stable)", "=board-name=CCR2004-16G-2S+", "=cpu-load=12"]);
            }
            "/interface/pppoe-server/print" => self.list_sessions(tag),
            "/interface/monitor-traffic" => {
                let list = attribute("interface").context("monitor-traffic of nothing")?;
                let mut stream = Stream::new(self.router, tag, list.as_bytes());
                stream.put_rows(&mut self.out);
                if attribute("once").is_none() {
                    self.streams.push(stream);
                    return Ok(());
                }
            }
            "/cancel" => self.cancel(attribute("tag").unwrap_or_default()),
            listen if listen.ends_with("/listen") => return Ok(()),
            _ => {}
        }
        self.say(&["!done", tag]);
        Ok(())
    }

    fn cancel(&mut self, number: &str) {
        let tag = format!(".tag={number}");
        self.streams.retain(|stream| stream.tag != tag);
        self.say(&["!trap", &tag, "=category=2", "=message=interrupted"]);
        self.say(&["!done", &tag]);
    }

    fn list_sessions(&mut self, tag: &str) {
        for session in 0..self.router.lines {
            let username = username(self.router.line(session));
            let (id, name, user) =
                (format!("=.id=*{session:X}"), format!("=name=<pppoe-{username}>"), format!("=user={username}"));
            self.say(&["!re", tag, &id, &name, &user, "=uptime=1h2m3s", "=running=true", "=disabled=false"]);
        }
    }

    /// Appends a reply; with a tag only for clients with tags.
    fn say(&mut self, words: &[&str]) {
        self.out.extend(encode_sentence(words.iter().filter(|word| !word.is_empty())));
    }
}
