//! A small fake router: a few sessions, their rates once a second, and refusals for a test. The full simulated router is in
//! tests/. This one is for the router's task alone, over a pipe and in paused time.

#![expect(clippy::unwrap_used, reason = "the functions around the tests are tests too")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use agent::backlog::Backlog;
use agent::batch::Batcher;
use agent::config::{AgentLimits, Secret, SecretSource, Timing};
use agent::handover::{Handover, WatchSet};
use agent::router::{Login, Router};
use agent::routeros::framing::{Framing, Progress};
use agent::sessions::LineTable;
use mikrotik_rs::proto::codec;
use shared::control::LineReport;
use shared::frame::Batch;
use shared::{Epoch, LineHandle};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use tokio::time::{Instant, sleep, timeout_at};

/// A session on the fake: `.id`, interface, username, rx, tx.
pub(crate) type Session = (&'static str, &'static str, &'static str, u64, u64);

/// The fake's sessions and behaviour; tests change both during the run.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) sessions: RefCell<Vec<Session>>,
    /// Every received sentence without the tag, with the time.
    pub(crate) heard: RefCell<Vec<(Instant, String)>>,
    /// Answers by command, instead of the usual ones: sentences without their tag.
    pub(crate) answers: RefCell<BTreeMap<&'static str, Vec<Vec<&'static str>>>>,
    /// Streams stop while this is set.
    pub(crate) silent: Cell<bool>,
}

impl Fake {
    /// How often a command came.
    pub(crate) fn count(&self, command: &str) -> usize {
        self.heard.borrow().iter().filter(|(_, words)| words.split(' ').next() == Some(command)).count()
    }

    /// The last sentence of a command.
    pub(crate) fn last(&self, command: &str) -> Option<String> {
        let heard = self.heard.borrow();
        heard.iter().rev().find(|(_, words)| words.split(' ').next() == Some(command)).map(|(_, words)| words.clone())
    }

    /// Serves one connection.
    pub(crate) async fn serve(self: Rc<Self>, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut framing = Framing::new();
        let mut streams: Vec<(String, String, u64)> = Vec::new();
        let mut next = Instant::now() + Duration::from_secs(1);
        loop {
            while framing.advance() == Ok(Progress::Complete) {
                let words: Vec<_> =
                    framing.words().iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
                let reply = self.answer(&words, &mut streams);
                if stream.write_all(&reply).await.is_err() {
                    return;
                }
            }
            match timeout_at(next, stream.read(framing.space())).await {
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(bytes)) => framing.filled(bytes),
                Err(_) => {
                    next += Duration::from_secs(1);
                    let mut rows = Vec::new();
                    streams.iter_mut().for_each(|stream| self.tick(stream, &mut rows));
                    if stream.write_all(&rows).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn answer(&self, words: &[String], streams: &mut Vec<(String, String, u64)>) -> Vec<u8> {
        let (tag, words) = words.split_last().unwrap();
        self.heard.borrow_mut().push((Instant::now(), words.join(" ")));
        let mut out = Vec::new();
        if let Some(answers) = self.answers.borrow().get(words[0].as_str()) {
            for answer in answers {
                say(&mut out, answer, tag);
            }
            return out;
        }
        match words[0].as_str() {
            "/interface/pppoe-server/print" => self.list(tag, &mut out),
            "/interface/print" => self.count_bytes(tag, &mut out),
            "/interface/monitor-traffic" => {
                let interfaces = words[1].strip_prefix("=interface=").unwrap();
                let mut stream = (tag.clone(), interfaces.to_owned(), 0);
                self.tick(&mut stream, &mut out);
                if words[2] != "=once=" {
                    streams.push(stream);
                    return out;
                }
            }
            "/cancel" => {
                let ended = format!(".tag={}", words[1].strip_prefix("=tag=").unwrap());
                streams.retain(|(tag, ..)| *tag != ended);
                say(&mut out, &["!trap", "=category=2", "=message=interrupted"], &ended);
                say(&mut out, &["!done"], tag);
                say(&mut out, &["!done"], &ended);
                return out;
            }
            listen if listen.ends_with("/listen") => return out,
            _ => {}
        }
        say(&mut out, &["!done"], tag);
        out
    }

    fn list(&self, tag: &str, out: &mut Vec<u8>) {
        for (id, name, user, ..) in self.sessions.borrow().iter() {
            let row = [
                "!re",
                &format!("=.id={id}"),
                &format!("=name={name}"),
                &format!("=user={user}"),
                "=uptime=1m",
                "=running=true",
            ];
            say(out, &row, tag);
        }
    }

    /// Counters from the start of the test.
    fn count_bytes(&self, tag: &str, out: &mut Vec<u8>) {
        let first = self.heard.borrow()[0].0;
        let seconds = first.elapsed().as_secs();
        for (id, name, _, rx, tx) in self.sessions.borrow().iter() {
            let [rx, tx] = [rx, tx].map(|rate| rate / 8 * seconds);
            let row = [
                "!re",
                &format!("=.id={id}"),
                &format!("=name={name}"),
                &format!("=rx-byte={rx}"),
                &format!("=tx-byte={tx}"),
            ];
            say(out, &row, tag);
        }
    }

    /// One row for each remaining interface of the stream.
    fn tick(&self, (tag, interfaces, section): &mut (String, String, u64), out: &mut Vec<u8>) {
        if self.silent.get() {
            return;
        }
        for id in interfaces.split(',') {
            if let Some((_, name, _, rx, tx)) = self.sessions.borrow().iter().find(|session| session.0 == id) {
                let row = [
                    "!re",
                    &format!("=name={name}"),
                    &format!("=rx-bits-per-second={rx}"),
                    &format!("=tx-bits-per-second={tx}"),
                    &format!("=.section={section}"),
                ];
                say(out, &row, tag);
            }
        }
        *section += 1;
    }
}

fn say(out: &mut Vec<u8>, words: &[&str], tag: &str) {
    codec::encode_word(words[0].as_bytes(), out);
    codec::encode_word(tag.as_bytes(), out);
    words[1..].iter().for_each(|word| codec::encode_word(word.as_bytes(), out));
    codec::encode_terminator(out);
}

/// A router's task against a fake.
pub(crate) struct Rig {
    pub(crate) fake: Rc<Fake>,
    pub(crate) handover: Handover,
    pub(crate) limits: AgentLimits,
    pub(crate) timing: Timing,
}

impl Rig {
    pub(crate) fn new(sessions: &[Session]) -> Self {
        let limits = AgentLimits {
            max_watched: 200,
            streams: 8,
            interfaces_per_stream: 50,
            sessions: 1_000,
            backlog_bytes: 1 << 20,
            report_comments: false,
            probes_per_second: 200,
        };
        let backlog = Backlog::new(limits.backlog_bytes, Duration::from_secs(3_600));
        let handover = Handover::new(LineTable::new(limits.sessions), backlog, WatchSet::new(1_000), Instant::now());
        let fake = Rc::new(Fake { sessions: RefCell::new(sessions.to_vec()), ..Fake::default() });
        Self { fake, handover, limits, timing: Timing::default() }
    }

    /// Runs the task while the story goes on.
    pub(crate) async fn run(&self, story: impl Future<Output = ()>) {
        let connect = async || {
            let (ours, theirs) = duplex(64 * 1024);
            drop(tokio::task::spawn_local(Rc::clone(&self.fake).serve(theirs)));
            Ok(ours)
        };
        let password = SecretSource::Value(Secret::new(b"secret"));
        let router = Router::new(&self.limits, &self.timing, Batcher::new(Epoch(7)), &self.handover);
        let task = router.keep(connect, Login { user: "linelight", password: &password });
        let both = async {
            tokio::select! {
                never = task => match never {},
                () = story => {}
            }
        };
        tokio::task::LocalSet::new().run_until(both).await;
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) -> Duration {
        let began = Instant::now();
        while !condition(self) {
            assert!(began.elapsed() < Duration::from_secs(600), "never: {what}");
            sleep(Duration::from_millis(20)).await;
        }
        began.elapsed()
    }

    pub(crate) fn report(&self, username: &str) -> Option<LineReport> {
        let lines = self.handover.lines.borrow();
        lines.reports(Instant::now()).find(|report| report.username.as_bytes() == username.as_bytes())
    }

    pub(crate) fn line(&self, username: &str) -> LineHandle {
        self.report(username).unwrap().line
    }

    pub(crate) fn is_live(&self, username: &str) -> bool {
        self.report(username).is_some_and(|report| report.sessions > 0)
    }

    pub(crate) fn fault(&self) -> String {
        self.handover.status.borrow().fault.clone().unwrap_or_default()
    }

    pub(crate) fn watch(&self, username: &str) {
        let line = self.line(username);
        self.handover.watched.borrow_mut().add(line);
        self.handover.to_router.notify_one();
    }

    pub(crate) fn unwatch(&self, username: &str) {
        let line = self.line(username);
        self.handover.watched.borrow_mut().remove(line);
        self.handover.to_router.notify_one();
    }

    /// Uptime, download and upload of each of a line's samples.
    pub(crate) fn samples(&self, username: &str) -> Vec<(u64, u64, u64)> {
        self.batches(username, false)
    }

    /// The same for averages.
    pub(crate) fn averages(&self, username: &str) -> Vec<(u64, u64, u64)> {
        self.batches(username, true)
    }

    fn batches(&self, username: &str, averages: bool) -> Vec<(u64, u64, u64)> {
        let line = self.line(username);
        let backlog = self.handover.backlog.borrow();
        let mut cursor = backlog.cursor(0);
        let mut bytes = Vec::new();
        let mut found = Vec::new();
        while backlog.read(&mut cursor, &mut bytes).is_some() {
            let batch = Batch::parse(&bytes).unwrap();
            let of_line = batch.samples().filter(|sample| sample.line == line && batch.reach.is_some() == averages);
            found.extend(of_line.map(|sample| (batch.header.uptime_ms, sample.download, sample.upload)));
        }
        found
    }
}
