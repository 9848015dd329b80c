//! The load: so many viewers in one thread, each with a WebSocket of its own, and the age of every sample that they get.
//!
//! It reads frames by the simplest rules that the servers here keep to, lest the load be dearer than what it measures.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::cmsg_space;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use rustix::thread::sched_yield;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tests::bench::{mark, username};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinSet, spawn_local, yield_now};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::machine::{Machine, since_us};

/// Handshakes under way at once, except in a storm.
const AT_ONCE: usize = 64;
/// All viewers have joined by then, or the run is void.
const PATIENCE: Duration = Duration::from_secs(120);
/// Read at once by whichever viewer has something to read.
const READ_SIZE: usize = 64 * 1024;

/// A server's language within WebSocket frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// JSON, the first frame the viewer's.
    Linelight,
    /// Engine.IO 4 with Socket.IO 5 on top.
    SocketIo,
}

/// The viewers' address, and the way there.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) dialect: Dialect,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// The machine, with the viewers' place.
    pub(crate) machine: Machine,
}

/// The sum of all viewers.
#[derive(Default)]
struct Tally {
    counting: Cell<bool>,
    joined: Cell<usize>,
    left: Cell<usize>,
    merged: Cell<u64>,
    bytes: Cell<usize>,
    /// The arrival of the last bytes read, since the Unix epoch; `None` without a stamp of the kernel.
    arrived: Cell<Option<Duration>>,
    delays: RefCell<Vec<u32>>,
    change: Notify,
}

/// The sum of a span.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Ages of the sample frames in microseconds, rising.
    pub(crate) delays: Vec<u32>,
    /// Frames with several samples, for viewers that were behind.
    pub(crate) merged: u64,
}

/// Open viewers; dropping them closes every socket at once.
pub(crate) struct Crowd {
    tally: Rc<Tally>,
    _tasks: JoinSet<()>,
}

impl Crowd {
    /// Opens so many viewers, spread evenly over the lines, and waits for each first frame.
    ///
    /// # Errors
    /// When one of them is refused, or not all are in within two minutes.
    pub(crate) async fn join(endpoint: &Endpoint, viewers: usize, lines: &[String]) -> Result<Self> {
        Self::storm(endpoint, viewers, lines, AT_ONCE).await
    }

    /// The same with so many handshakes at once.
    ///
    /// # Errors
    /// As [`Crowd::join`].
    pub(crate) async fn storm(endpoint: &Endpoint, viewers: usize, lines: &[String], at_once: usize) -> Result<Self> {
        let tally = Rc::new(Tally::default());
        let (scratch, turn) = (Rc::new(RefCell::new(vec![0; READ_SIZE])), Rc::new(Semaphore::new(at_once)));
        let mut tasks = JoinSet::new();
        for nth in 0..viewers {
            let (endpoint, line) = (endpoint.clone(), lines[nth % lines.len()].clone());
            let (tally, scratch, turn) = (Rc::clone(&tally), Rc::clone(&scratch), Rc::clone(&turn));
            tasks.spawn_local(async move {
                let Ok(turn) = turn.acquire().await else { return };
                let viewer = Viewer { line, tally: Rc::clone(&tally), scratch, partial: Vec::new(), out: Vec::new() };
                // A viewer less voids the run.
                let _: Result<()> = view(&endpoint, viewer, || drop(turn)).await;
                tally.left.set(tally.left.get() + 1);
                tally.change.notify_one();
            });
        }
        let crowd = Self { tally, _tasks: tasks };
        timeout(PATIENCE, crowd.complete(viewers)).await.context("not all viewers joined in time")??;
        Ok(crowd)
    }

    async fn complete(&self, viewers: usize) -> Result<()> {
        while self.tally.joined.get() < viewers {
            ensure!(self.tally.left.get() == 0, "a viewer was refused after {} joined", self.tally.joined.get());
            self.tally.change.notified().await;
        }
        Ok(())
    }

    /// All bytes read.
    pub(crate) fn bytes(&self) -> usize {
        self.tally.bytes.get()
    }

    /// Begins to count.
    ///
    /// From now on the load does not sleep, and only lets others in: whoever writes to a socket whose reader sleeps pays for
    /// waking it, and on loopback that depends on who is the faster of both.
    pub(crate) fn begin(&self) {
        self.tally.counting.set(true);
        let tally = Rc::clone(&self.tally);
        spawn_local(async move {
            while tally.counting.get() {
                sched_yield();
                yield_now().await;
            }
        });
    }

    /// The sum since the start or the last call; fails after a viewer's loss.
    pub(crate) fn seen(&self) -> Result<Seen> {
        ensure!(self.tally.left.get() == 0, "{} viewers were lost", self.tally.left.get());
        let mut delays = self.tally.delays.take();
        delays.sort_unstable();
        Ok(Seen { delays, merged: self.tally.merged.take() })
    }

    /// Counts no more.
    pub(crate) fn end(&self) {
        self.tally.counting.set(false);
    }
}

/// A viewer's socket that notes when what is read had come, which is not when this program gets round to reading it: in the
/// field each viewer has a processor of its own.
struct Stamped {
    stream: TcpStream,
    tally: Rc<Tally>,
}

impl AsyncRead for Stamped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, tally } = &*self;
        loop {
            ready!(stream.poll_read_ready(cx))?;
            match stream.try_io(Interest::READABLE, || receive(stream, bytes.initialize_unfilled())) {
                Ok((length, arrived)) => {
                    bytes.advance(length);
                    tally.arrived.set(arrived);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Reads bytes, and when the last of them had come.
fn receive(stream: &TcpStream, bytes: &mut [u8]) -> io::Result<(usize, Option<Duration>)> {
    let mut space = cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(bytes)];
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::empty())?;
    let arrived = message.cmsgs()?.find_map(|told| match told {
        ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
        _ => None,
    });
    Ok((message.bytes, arrived))
}

struct Viewer {
    line: String,
    tally: Rc<Tally>,
    scratch: Rc<RefCell<Vec<u8>>>,
    partial: Vec<u8>,
    out: Vec<u8>,
}

async fn view(endpoint: &Endpoint, viewer: Viewer, turn_ends: impl FnOnce()) -> Result<()> {
    let stream = endpoint.machine.in_the_field(|| Ok(TcpSocket::new_v4()?))?.connect(endpoint.address).await?;
    stream.set_nodelay(true)?;
    // Reset when closed: no port stays taken for a minute.
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    setsockopt(&stream, ReceiveTimestampns, &true)?;
    let stream = Stamped { stream, tally: Rc::clone(&viewer.tally) };
    let Some(tls) = &endpoint.tls else { return viewer.run(stream, endpoint.dialect, turn_ends).await };
    let name = ServerName::IpAddress(endpoint.address.ip().into());
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
    viewer.run(stream, endpoint.dialect, turn_ends).await
}

impl Viewer {
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        mut self,
        mut stream: S,
        dialect: Dialect,
        turn_ends: impl FnOnce(),
    ) -> Result<()> {
        let unread = handshake(&mut stream, dialect).await?;
        if dialect == Dialect::Linelight {
            self.say(&format!(r#"{{"type":"watch","username":"{}"}}"#, self.line));
        }
        self.take(&unread)?;
        turn_ends();
        poll_fn(|cx| self.poll(&mut stream, cx)).await
    }

    fn poll<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            self.write(stream, cx)?;
            let scratch = Rc::clone(&self.scratch);
            let mut scratch = scratch.borrow_mut();
            let mut bytes = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut bytes))?;
            if bytes.filled().is_empty() {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
            }
            self.take(bytes.filled())?;
        }
    }

    /// Writes a small message: the kernel takes the whole at once, or never.
    fn write<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        match Pin::new(&mut *stream).poll_write(cx, &self.out) {
            Poll::Ready(Ok(written)) if written == self.out.len() => self.out.clear(),
            _ => bail!("the server does not read"),
        }
        let _ = Pin::new(stream).poll_flush(cx)?;
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.tally.bytes.set(self.tally.bytes.get() + bytes.len());
        if self.partial.is_empty() {
            let rest = self.frames(bytes)?;
            self.partial.extend_from_slice(rest);
            return Ok(());
        }
        let mut all = std::mem::take(&mut self.partial);
        all.extend_from_slice(bytes);
        let rest = self.frames(&all)?;
        self.partial = rest.to_vec();
        Ok(())
    }

    /// Takes whole frames and returns the rest.
    fn frames<'b>(&mut self, mut bytes: &'b [u8]) -> Result<&'b [u8]> {
        while let Some((opcode, payload, rest)) = frame(bytes) {
            match opcode {
                1 => self.text(payload),
                8 => bail!("closed: {}", String::from_utf8_lossy(payload)),
                9 => self.queue(0x8A, payload),
                _ => {}
            }
            bytes = rest;
        }
        Ok(bytes)
    }

    fn text(&mut self, text: &[u8]) {
        let head = &text[..text.len().min(24)];
        if contains(head, b"sample\"") {
            return self.sample(text);
        }
        if contains(head, b"samples\"") && self.tally.counting.get() {
            self.tally.merged.set(self.tally.merged.get() + 1);
        }
        if contains(head, b"snapshot\"") {
            self.tally.joined.set(self.tally.joined.get() + 1);
            self.tally.change.notify_one();
        }
        match text {
            [b'0', b'{', ..] => self.say("40"),
            [b'4', b'0', ..] => self.say(&format!(r#"42["watch","{}"]"#, self.line)),
            [b'2'] => self.say("3"),
            _ => {}
        }
    }

    fn sample(&self, text: &[u8]) {
        if self.tally.counting.get()
            && let Some(mark) = number_after(text, b"\"down\":")
        {
            let delay = mark::age(mark, mark::now_us()).saturating_sub(self.tally.arrived.get().map_or(0, since_us));
            self.tally.delays.borrow_mut().push(u32::try_from(delay).unwrap_or(u32::MAX));
        }
    }

    fn say(&mut self, text: &str) {
        self.queue(0x81, text.as_bytes());
    }

    /// A frame in one piece, masked with zeros: unchanged.
    fn queue(&mut self, head: u8, payload: &[u8]) {
        self.out.extend_from_slice(&[head, 0x80 | payload.len().min(125) as u8, 0, 0, 0, 0]);
        self.out.extend_from_slice(&payload[..payload.len().min(125)]);
    }
}

/// The WebSocket handshake. Returns the bytes behind the answer.
async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, dialect: Dialect) -> Result<Vec<u8>> {
    let path = match dialect {
        Dialect::Linelight => "/api/v1/live",
        Dialect::SocketIo => "/socket.io/?EIO=4&transport=websocket",
    };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: \
         13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::with_capacity(512);
    loop {
        ensure!(stream.read_buf(&mut answer).await? > 0, "closed within the handshake");
        let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        ensure!(answer.starts_with(b"HTTP/1.1 101"), "refused: {}", String::from_utf8_lossy(&answer));
        return Ok(answer.split_off(end + 4));
    }
}

/// The first frame of an unmasked stream: opcode, payload and rest.
fn frame(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[head, short], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match short {
        126 => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))?,
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length) as usize, rest))?,
        short => (usize::from(short), rest),
    };
    let (payload, rest) = rest.split_at_checked(length)?;
    Some((head & 0x0F, payload, rest))
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

fn number_after(text: &[u8], name: &[u8]) -> Option<u64> {
    let at = text.windows(name.len()).position(|window| window == name)? + name.len();
    let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, &digit| number * 10 + u64::from(digit - b'0')))
}

/// The names of so many lines.
pub(crate) fn usernames(lines: usize) -> Vec<String> {
    (0..lines).map(username).collect()
}
