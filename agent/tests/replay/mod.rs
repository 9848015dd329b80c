//! A router's task with all lines watched, in paused time, over a router with prepared rows. The router costs nearly
//! nothing, so the cost of a row can be counted.

#![allow(unreachable_pub, missing_docs, clippy::unwrap_used, reason = "shared by a test and a benchmark alone")]

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use agent::backlog::Backlog;
use agent::batch::Batcher;
use agent::config::{AgentLimits, Secret, SecretSource, Timing};
use agent::handover::{Handover, WatchSet};
use agent::router::{Login, Router};
use agent::routeros::framing::{Framing, Progress};
use agent::sessions::LineTable;
use mikrotik_rs::proto::codec;
use shared::Epoch;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Watches so many lines, at most 400. `work` lets the router's seconds pass, counted from the start, and sees the handover.
/// Streams are in their final shape by second 130.
pub fn watching<T>(lines: usize, work: impl FnOnce(&mut dyn FnMut(u64), &Handover) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _guard = runtime.enter();
    let limits = AgentLimits {
        max_watched: 400,
        streams: 8,
        interfaces_per_stream: 50,
        sessions: 1_000,
        backlog_bytes: 256 * 1024,
        report_comments: false,
        probes_per_second: 200,
    };
    // The tables are not read within the measured time: a reading may allocate.
    let mut timing = Timing::default();
    timing.tables.reread_interval = Duration::from_secs(3_600);
    let started = Instant::now();
    let backlog = Backlog::new(limits.backlog_bytes, Duration::from_secs(120));
    let handover = Handover::new(LineTable::new(limits.sessions), backlog, WatchSet::new(1_000), started);
    let password = SecretSource::Value(Secret::new(b"secret"));
    let router = Router::new(&limits, &timing, Batcher::new(Epoch(7)), &handover);
    let connect = async || Ok(Replay::new(lines));
    let mut task = std::pin::pin!(router.keep(connect, Login { user: "linelight", password: &password }));
    let mut run_until = |second: u64| {
        runtime.block_on(async {
            tokio::select! {
                // The router's task first: a tick that falls on that very second is either always in or never.
                biased;
                never = &mut task => match never {},
                () = sleep_until(started + Duration::from_secs(second)) => {}
            }
        });
    };
    run_until(2);
    let reported: Vec<_> = handover.lines.borrow().iter().map(|line| line.handle()).collect();
    assert_eq!(reported.len(), lines);
    reported.into_iter().for_each(|line| handover.watched.borrow_mut().add(line));
    handover.to_router.notify_one();
    work(&mut run_until, &handover)
}

/// A router whose rows are written beforehand: to send them it allocates nothing.
struct Replay {
    lines: usize,
    heard: Framing,
    answers: VecDeque<u8>,
    /// What stands behind the tag in each row of the counters.
    counters: Vec<Vec<u8>>,
    /// For each open stream, its rows with `.section=` and a digit that changes.
    streams: Vec<(Vec<u8>, Vec<usize>)>,
    section: u8,
    /// Bytes of the stream under way that went already, and which stream that is.
    sent: (usize, usize),
    tick: Pin<Box<Sleep>>,
}

impl Replay {
    fn new(lines: usize) -> Self {
        Self {
            lines,
            heard: Framing::new(),
            answers: VecDeque::new(),
            counters: (0..lines).map(counter).collect(),
            streams: Vec::new(),
            section: 0,
            sent: (0, 0),
            tick: Box::pin(sleep(Duration::from_secs(1))),
        }
    }

    fn answer(&mut self) {
        let words: Vec<_> = self.heard.words().iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let tag = words.last().unwrap().clone();
        match words[0].as_str() {
            "/interface/pppoe-server/print" => (0..self.lines).for_each(|n| {
                let row =
                    ["!re", &tag, &format!("=.id=*{n:X}"), &format!("=name=<pppoe-u{n}>"), &format!("=user=u{n}")];
                self.answers.extend(encode(&row));
            }),
            "/interface/print" => self.tell_counters(&tag),
            "/interface/monitor-traffic" => return self.open(&words[1], &tag),
            listen if listen.ends_with("/listen") => return,
            "/cancel" => {
                let ended = format!(".tag={}", words[1].strip_prefix("=tag=").unwrap());
                self.answers.extend(encode(&["!done", &ended]));
            }
            _ => {}
        }
        self.answers.extend(encode(&["!done", &tag]));
    }

    fn open(&mut self, interfaces: &str, tag: &str) {
        let (mut rows, mut digits) = (Vec::new(), Vec::new());
        for id in interfaces.strip_prefix("=interface=").unwrap().split(',') {
            let n = u32::from_str_radix(id.strip_prefix('*').unwrap(), 16).unwrap();
            let row = [
                "!re",
                tag,
                &format!("=name=<pppoe-u{n}>"),
                "=rx-bits-per-second=620000",
                "=tx-bits-per-second=14780000",
                "=.section=0",
            ];
            rows.extend(encode(&row));
            // Behind the digit stands the sentence's end.
            digits.push(rows.len() - 2);
        }
        self.streams.push((rows, digits));
    }

    fn tell_counters(&mut self, tag: &str) {
        for counter in &self.counters {
            self.answers.extend(b"\x03!re");
            self.answers.push_back(tag.len() as u8);
            self.answers.extend(tag.as_bytes());
            self.answers.extend(counter);
        }
    }

    fn send_rows(&mut self, buffer: &mut ReadBuf<'_>) {
        while let Some((rows, _)) = self.streams.get(self.sent.0) {
            let rest = &rows[self.sent.1..];
            let n = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..n]);
            self.sent.1 += n;
            if self.sent.1 < rows.len() {
                return;
            }
            self.sent = (self.sent.0 + 1, 0);
        }
    }

    fn next_section(&mut self) {
        self.section = (self.section + 1) % 10;
        self.sent = (0, 0);
        for (rows, digits) in &mut self.streams {
            digits.iter().for_each(|at| rows[*at] = b'0' + self.section);
        }
    }
}

impl AsyncRead for Replay {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while buffer.remaining() > 0 && !this.answers.is_empty() {
            buffer.put_slice(&[this.answers.pop_front().unwrap()]);
        }
        if this.tick.as_mut().poll(context).is_ready() {
            let next = this.tick.deadline() + Duration::from_secs(1);
            this.tick.as_mut().reset(next);
            this.next_section();
            let _ = this.tick.as_mut().poll(context);
        }
        this.send_rows(buffer);
        if buffer.filled().is_empty() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

impl AsyncWrite for Replay {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let n = bytes.len().min(self.heard.space().len());
        self.heard.space()[..n].copy_from_slice(&bytes[..n]);
        self.heard.filled(n);
        while self.heard.advance() == Ok(Progress::Complete) {
            self.answer();
        }
        context.waker().wake_by_ref();
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn counter(n: usize) -> Vec<u8> {
    encode(&[&format!("=.id=*{n:X}"), &format!("=name=<pppoe-u{n}>"), "=rx-byte=620000", "=tx-byte=14780000"])
}

fn encode(words: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    words.iter().for_each(|word| codec::encode_word(word.as_bytes(), &mut bytes));
    codec::encode_terminator(&mut bytes);
    bytes
}
