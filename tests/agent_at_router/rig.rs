//! A simulated router, the agent's router task beside it, and what that task handed over. No relay, no uplink, no socket.

use std::time::Duration;

use agent::backlog::Backlog;
use agent::batch::Batcher;
use agent::config::{AgentLimits, Secret, SecretSource, Timing};
use agent::handover::{Handover, WatchSet};
use agent::router::{Login, Router};
use agent::sessions::LineTable;
use shared::control::{Status, WatchRefusal};
use shared::frame::Batch;
use shared::{Epoch, LineHandle};
use tests::simulated_router::{Rate, Rates, Setup, SimulatedRouter, Stream};
use tokio::io::duplex;
use tokio::time::{Instant, timeout};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// From a router's change to a line that is shown offline.
pub(crate) const OFFLINE_WITHIN: Duration = Duration::from_secs(3);

/// From a session's return, or a router's, to a line that is shown running, with a sample.
pub(crate) const BACK_WITHIN: Duration = Duration::from_secs(3);

/// The longest hole in a line because of somebody else's trouble.
pub(crate) const LONGEST_GAP: Duration = Duration::from_millis(2_500);

/// A hole that nobody sees: a second, and what is added while a tick's rows are gathered.
pub(crate) const NO_GAP: Duration = Duration::from_millis(1_200);

/// From a watch to the first sample.
pub(crate) const FIRST_SAMPLE_WITHIN: Duration = Duration::from_millis(1_500);

/// When within the router's second something happens, in milliseconds.
pub(crate) const PHASES: [u64; 5] = [0, 130, 370, 610, 890];

/// What every line carries, so that any other figure is an error.
pub(crate) const STEADY: Rates = Rates::new(5_000_000, 100_000);

/// How often a condition is looked at that nobody tells of.
const LOOK: Duration = Duration::from_millis(20);

const PASSWORD: &str = "simulated";

pub(crate) struct Rig {
    pub(crate) router: SimulatedRouter,
    pub(crate) handover: Handover,
    /// The subscribers that the router had at its start.
    pub(crate) users: Vec<Vec<u8>>,
    case: String,
}

impl Rig {
    pub(crate) fn new(setup: Setup) -> Self {
        let router = SimulatedRouter::unconnected(setup);
        let mut users: Vec<_> = router.ports().into_iter().map(|port| port.username).collect();
        users.retain(|username| !username.is_empty());
        users.iter().for_each(|username| router.set_rate(username, Rate::Exact(STEADY)));
        let limits = limits();
        let backlog = Backlog::new(limits.backlog_bytes, Duration::from_secs(3_600));
        let handover = Handover::new(LineTable::new(limits.sessions), backlog, WatchSet::new(1_000), Instant::now());
        Self { router, handover, users, case: String::new() }
    }

    /// Names the case, for what failures say.
    pub(crate) fn case(mut self, case: impl Into<String>) -> Self {
        self.case = case.into();
        self
    }

    /// Runs the task while the story goes on, which begins when every line is known.
    pub(crate) async fn run(&self, story: impl Future<Output = ()>) {
        let connect = async || {
            let (ours, theirs) = duplex(16 * 1024);
            drop(self.router.serve(theirs));
            Ok(ours)
        };
        let password = SecretSource::Value(Secret::new(PASSWORD.as_bytes()));
        let (limits, timing) = (limits(), Timing::default());
        let task = Router::new(&limits, &timing, Batcher::new(Epoch(1)), &self.handover);
        let story = async {
            self.within(5 * SECOND, "the lines", |rig| rig.handover.lines.borrow().len() == rig.users.len()).await;
            story.await;
        };
        tokio::select! {
            never = task.keep(connect, Login { user: "linelight", password: &password }) => match never {},
            () = story => {}
        }
    }

    /// Waits until something is so; fails where that takes longer than the bound.
    pub(crate) async fn within(&self, bound: Duration, what: &str, condition: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !condition(self) {
            assert!(began.elapsed() < bound, "{}: {what} not within {bound:?}; {:?}", self.case, self.status());
            // Not every condition is told of; those that may last no longer than a millisecond are.
            let _ = timeout(LOOK, self.handover.to_uplink.notified()).await;
        }
    }

    pub(crate) fn watch(&self, username: &[u8]) {
        let line = self.line(username);
        self.handover.watched.borrow_mut().add(line);
        self.handover.to_router.notify_one();
    }

    pub(crate) fn watch_all(&self) {
        self.users.iter().for_each(|username| self.watch(username));
    }

    pub(crate) fn unwatch(&self, username: &[u8]) {
        let line = self.line(username);
        self.handover.watched.borrow_mut().remove(line);
        self.handover.to_router.notify_one();
    }

    fn line(&self, username: &[u8]) -> LineHandle {
        self.handover.lines.borrow().line_of(username).expect("the line is known").handle()
    }

    /// How many sessions of a line are up, as the agent would report.
    pub(crate) fn sessions(&self, username: &[u8]) -> u16 {
        self.handover.lines.borrow().line_of(username).map_or(0, agent::sessions::Line::sessions)
    }

    /// Takes the refusals for the relay, by username.
    pub(crate) fn refusals(&self) -> Vec<(WatchRefusal, Vec<u8>)> {
        let (mut watched, lines) = (self.handover.watched.borrow_mut(), self.handover.lines.borrow());
        let mut refusals = Vec::new();
        while let Some((reason, handles)) = watched.take_refused(usize::MAX) {
            let names = handles.iter().filter_map(|handle| lines.line(*handle)).map(|line| line.username());
            refusals.extend(names.map(|username| (reason, username.as_bytes().to_vec())));
        }
        refusals
    }

    /// True if there is a refusal for the relay.
    pub(crate) fn has_refusals(&self) -> bool {
        self.handover.watched.borrow().has_refused()
    }

    pub(crate) fn status(&self) -> Status {
        self.handover.status_at(Instant::now())
    }

    pub(crate) fn is_reachable(&self) -> bool {
        self.handover.status.borrow().router_reachable
    }

    /// The router's monitor-traffic streams that run.
    pub(crate) fn monitors(&self) -> Vec<Stream> {
        self.router.record(|record| record.monitors().cloned().collect())
    }

    /// How many sentences with this command word the router was sent.
    pub(crate) fn heard(&self, command: &str) -> usize {
        let is_it = |words: &[Vec<u8>]| words.first().is_some_and(|word| word == command.as_bytes());
        self.router.record(|record| record.commands().filter(|command| is_it(&command.sentence.words)).count())
    }

    pub(crate) fn count(&self, username: &[u8]) -> usize {
        self.samples(username).0.len()
    }

    /// What was handed over of a line, oldest first.
    pub(crate) fn samples(&self, username: &[u8]) -> Samples {
        let line = self.line(username);
        let backlog = self.handover.backlog.borrow();
        let (mut cursor, mut bytes, mut samples) = (backlog.cursor(0), Vec::new(), Vec::new());
        while backlog.read(&mut cursor, &mut bytes).is_some() {
            let batch = Batch::parse(&bytes).expect("the agent's own batch");
            let at = Duration::from_millis(batch.header.uptime_ms);
            let of_line = batch.samples().filter(|sample| sample.line == line);
            samples.extend(of_line.map(|sample| (at, Rates::new(sample.download, sample.upload))));
        }
        Samples(samples)
    }

    /// Asserts that a line shows nothing but its true rates, has no hole longer than the bound, no second twice, and is sampled
    /// now. Gives how many samples it has.
    pub(crate) fn assert_undisturbed(&self, username: &[u8], bound: Duration) -> usize {
        let samples = self.samples(username);
        let who = format!("{}: {}", self.case, username.escape_ascii());
        samples.assert_true(&who);
        assert!(samples.longest_gap() <= bound, "{who}: a hole of {:?}", samples.longest_gap());
        assert!(samples.shortest_gap() >= SECOND * 2 / 5, "{who}: two within {:?}", samples.shortest_gap());
        let age = Instant::now() - self.handover.started - samples.last_at();
        assert!(age <= bound, "{who}: nothing for {age:?}");
        samples.0.len()
    }
}

pub(crate) fn limits() -> AgentLimits {
    AgentLimits {
        max_watched: 200,
        streams: 8,
        interfaces_per_stream: 50,
        sessions: 20_000,
        backlog_bytes: 1 << 20,
        report_comments: false,
        probes_per_second: 200,
    }
}

/// A line's samples, each with the agent's uptime.
#[derive(Debug)]
pub(crate) struct Samples(pub(crate) Vec<(Duration, Rates)>);

impl Samples {
    /// Asserts that each is what the line carried: no zero, no half and no double.
    pub(crate) fn assert_true(&self, who: &str) {
        let wrong: Vec<_> = self.0.iter().filter(|(_, rates)| *rates != STEADY).collect();
        assert!(wrong.is_empty(), "{who}: {wrong:?}");
    }

    pub(crate) fn longest_gap(&self) -> Duration {
        self.gaps().max().unwrap_or_default()
    }

    pub(crate) fn shortest_gap(&self) -> Duration {
        self.gaps().min().unwrap_or(SECOND)
    }

    fn gaps(&self) -> impl Iterator<Item = Duration> {
        self.0.windows(2).map(|pair| pair[1].0 - pair[0].0)
    }

    /// When the newest was taken.
    pub(crate) fn last_at(&self) -> Duration {
        self.0.last().expect("a sample").0
    }
}
