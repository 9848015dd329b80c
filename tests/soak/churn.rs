//! The faults of a running system, one a second: sessions end and come back, viewers come and go, links break, agents
//! crash, the relay restarts. Each fault goes into the books.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use rustls::ClientConfig;
use tests::attacks::Door;
use tests::harness::{Network, Proxy, Relay};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::Sabotage;
use crate::books::{Books, Reason, Totals, look};
use crate::chance::Chance;
use crate::gauges::Gauge;
use crate::towers::Tower;
use crate::viewers::{Looking, Viewer, until_looking};

/// Books close after the agent's ring of two minutes, when no sample can arrive any more.
const HORIZON: Duration = Duration::from_secs(150);
/// The time without other faults before a restart of the relay.
const QUIET: Duration = Duration::from_secs(25);
/// Everybody is back within this time, or the run fails.
const PATIENCE: Duration = Duration::from_secs(120);
/// Viewers' links: a broken one is that of an eighth of them.
const DOORS: usize = 8;
/// Rows that were under way when a session ended, a link was cut or an agent killed.
const BEFORE: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_secs(5);

/// Something broken for a time.
enum Broken {
    Session(String),
    Uplink(usize),
    Api(usize),
    Door(usize),
}

/// A run.
pub(crate) struct Churn {
    pub(crate) relay: Relay,
    pub(crate) towers: Vec<Tower>,
    pub(crate) gauges: Vec<Gauge>,
    pub(crate) began: Instant,
    books: Books,
    viewers: Vec<Viewer>,
    doors: Vec<Proxy>,
    tls: Arc<ClientConfig>,
    looking: Looking,
    broken: Vec<(Instant, Broken)>,
    chance: Chance,
    deliveries: u64,
    faults: u64,
}

impl Churn {
    /// Opens the books of towers that run.
    ///
    /// # Errors
    /// When no port can be had.
    pub(crate) async fn new(relay: Relay, towers: Vec<Tower>, tls: Arc<ClientConfig>) -> Result<Self> {
        let mut books = Books::new(towers.len());
        for (router, tower) in towers.iter().enumerate() {
            tower.lines.iter().for_each(|line| books.add_line(line, router));
        }
        let mut doors = Vec::new();
        for _ in 0..DOORS {
            doors.push(Proxy::start(relay.address).await?);
        }
        Ok(Self {
            relay,
            towers,
            gauges: Vec::new(),
            began: Instant::now(),
            books,
            viewers: Vec::new(),
            doors,
            tls,
            looking: Looking::default(),
            broken: Vec::new(),
            chance: Chance::new(1),
            deliveries: 0,
            faults: 0,
        })
    }

    /// Keeps so many viewers busy for so long; the relay is restarted after a sixth of it. `tell` gets a line of the table now
    /// and then.
    ///
    /// # Errors
    /// When a program fails or somebody does not come back.
    pub(crate) async fn run(
        &mut self,
        viewers: usize,
        length: Duration,
        sabotage: Option<Sabotage>,
        mut tell: impl FnMut(&Gauge, &Totals) -> Result<()>,
    ) -> Result<()> {
        for _ in 0..viewers {
            self.open_viewer();
        }
        until_looking(&self.looking, viewers, PATIENCE).await?;
        self.began = Instant::now();
        let restart = self.began + length / 6;
        let end = self.began + length;
        let (mut restarted, mut lost) = (false, false);
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let every = (length.as_secs() / 20).max(1);
        for second in 0.. {
            let now = seconds.tick().await;
            if now >= end {
                break;
            }
            self.heal(now);
            self.come_and_go(viewers);
            self.drop_sessions(now);
            if !restarted && now >= restart {
                self.restart(now).await?;
                restarted = true;
            } else if restarted || now + QUIET < restart {
                self.break_something(second, now).await?;
            }
            if sabotage == Some(Sabotage::Lose) && !lost && now + length / 3 >= end {
                lost = true;
                self.lose_samples().await?;
            }
            self.collect(now);
            if second.is_multiple_of(every) {
                let gauge = Gauge::read(&self.relay, self.began.elapsed()).await?;
                self.gauges.push(gauge);
                tell(&gauge, self.books.totals())?;
            }
        }
        self.settle(viewers).await
    }

    /// Every link is whole again; waits until everybody has everything, and closes the books.
    async fn settle(&mut self, viewers: usize) -> Result<()> {
        self.heal(Instant::now() + HORIZON);
        self.all_back(viewers).await?;
        let whole = Instant::now();
        while whole.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.collect(Instant::now());
        }
        let now = Instant::now();
        while let Some(viewer) = self.viewers.pop() {
            self.leave(&viewer, now);
        }
        self.books.close(now);
        Ok(())
    }

    /// The fate of all samples; at the end, with the points received by viewers.
    pub(crate) fn totals(&self) -> Totals {
        Totals { deliveries: self.deliveries, ..self.books.totals().clone() }
    }

    /// How often something was broken.
    pub(crate) fn faults(&self) -> u64 {
        self.faults
    }

    /// The present viewers.
    pub(crate) fn looking(&self) -> &Looking {
        &self.looking
    }

    fn collect(&mut self, now: Instant) {
        self.towers.iter().for_each(|tower| tower.report(&mut self.books));
        self.books.close(now - HORIZON);
    }

    fn open_viewer(&mut self) {
        let tower = self.chance.below(self.towers.len());
        let Some(tower) = self.towers.get(tower) else { return };
        // A fifth of all look at every twentieth line, so that some lines have several viewers.
        let popular = if self.chance.below(5) == 0 { tower.lines.len().div_ceil(20) } else { tower.lines.len() };
        let Some(line) = tower.lines.get(self.chance.below(popular)) else { return };
        let Some(door) = self.doors.get(self.chance.below(DOORS)) else { return };
        let door = Door { address: door.address(), tls: Arc::clone(&self.tls) };
        let chart = self.books.watch(line);
        let seed = self.chance.next();
        self.viewers.push(Viewer::open(door, line.clone(), chart, Arc::clone(&self.looking), seed));
    }

    fn leave(&mut self, viewer: &Viewer, now: Instant) {
        self.books.leave(&viewer.line, &viewer.chart, now);
        self.deliveries += look(&viewer.chart).deliveries();
    }

    /// Every fiftieth viewer closes its page each second, and others open theirs.
    fn come_and_go(&mut self, viewers: usize) {
        for _ in 0..viewers.div_ceil(50) {
            let leaves = self.chance.below(self.viewers.len());
            let viewer = self.viewers.swap_remove(leaves);
            self.leave(&viewer, Instant::now());
            drop(viewer);
            self.open_viewer();
        }
    }

    /// Some PPPoE sessions end, for three to ten seconds.
    fn drop_sessions(&mut self, now: Instant) {
        for _ in 0..self.towers.len().div_ceil(50) {
            let tower = self.chance.below(self.towers.len());
            let Some(tower) = self.towers.get(tower) else { return };
            let Some(line) = tower.lines.get(self.chance.below(tower.lines.len())) else { return };
            if tower.router.session_down(line.as_bytes()) > 0 {
                self.books.excuse_line(line, now - BEFORE..=now + AFTER, Reason::SessionEnded);
                let back = now + Duration::from_secs(3 + self.chance.next() % 8);
                self.broken.push((back, Broken::Session(line.clone())));
            }
        }
    }

    async fn break_something(&mut self, second: u64, now: Instant) -> Result<()> {
        let kind = [Network::Cut, Network::Reset, Network::Silent][self.chance.below(3)];
        for _ in 0..self.towers.len().div_ceil(100) {
            if second % 3 == 2
                && let Some(router) = self.settled(now)
            {
                self.towers[router].uplink.set(kind);
                let end = now + Duration::from_secs(3 + self.chance.next() % 7);
                self.begin(router, now, end, Broken::Uplink(router));
            }
            if second % 5 == 1
                && let Some(router) = self.settled(now)
            {
                self.towers[router].api.set(Network::Cut);
                let end = now + Duration::from_secs(2);
                self.books.excuse_router(router, now - BEFORE..=end + AFTER, Reason::ApiCut);
                self.begin(router, now, end, Broken::Api(router));
            }
            if second % 11 == 2
                && let Some(router) = self.settled(now)
            {
                self.books.excuse_router(router, now - BEFORE..=now + AFTER, Reason::AgentKilled);
                self.faults += 1;
                self.books.trouble(router, now);
                self.towers[router].crash().await?;
                self.books.over(router, now);
            }
        }
        if second % 13 == 3 {
            let door = self.chance.below(DOORS);
            self.doors[door].set(kind);
            let address = self.doors[door].address();
            let through = self.viewers.iter().filter(|viewer| viewer.door == address);
            through.for_each(|viewer| look(&viewer.chart).break_link(now));
            self.faults += 1;
            self.broken.push((now + Duration::from_secs(3), Broken::Door(door)));
        }
        Ok(())
    }

    fn begin(&mut self, router: usize, now: Instant, end: Instant, broken: Broken) {
        self.faults += 1;
        self.books.trouble(router, now);
        self.broken.push((end, broken));
    }

    /// A tower to which nothing has happened for a while; none where none is found soon.
    fn settled(&mut self, now: Instant) -> Option<usize> {
        (0..8).map(|_| self.chance.below(self.towers.len())).find(|router| self.books.is_settled(*router, now))
    }

    /// Mends everything broken for long enough.
    fn heal(&mut self, now: Instant) {
        let mended: Vec<_> = self.broken.extract_if(.., |(end, _)| *end <= now).collect();
        for (_, broken) in mended {
            match broken {
                Broken::Session(line) => {
                    let home = self.towers.iter().find(|tower| tower.lines.contains(&line));
                    home.map(|tower| tower.router.session_up(line.as_bytes()));
                }
                Broken::Uplink(router) => {
                    self.towers[router].uplink.set(Network::Up);
                    self.books.over(router, Instant::now());
                }
                Broken::Api(router) => {
                    self.towers[router].api.set(Network::Up);
                    self.books.over(router, Instant::now());
                }
                Broken::Door(door) => self.doors[door].set(Network::Up),
            }
        }
    }

    /// The relay is told to stop and started again; nothing may be lost.
    async fn restart(&mut self, now: Instant) -> Result<()> {
        self.faults += 1;
        self.heal(now + HORIZON);
        (0..self.towers.len()).for_each(|router| self.books.trouble(router, now));
        self.relay.stop().await?;
        self.relay.resume().await?;
        self.all_back(self.viewers.len()).await?;
        (0..self.towers.len()).for_each(|router| self.books.over_and_told(router, Instant::now()));
        Ok(())
    }

    async fn all_back(&self, viewers: usize) -> Result<()> {
        until_uplinks(&self.relay, self.towers.len(), PATIENCE).await?;
        until_looking(&self.looking, viewers, PATIENCE).await.map(drop)
    }

    /// Kills an agent with unsent samples, and does not tell the books.
    async fn lose_samples(&mut self) -> Result<()> {
        self.towers[0].uplink.set(Network::Cut);
        tokio::time::sleep(Duration::from_secs(5)).await;
        self.towers[0].crash().await?;
        self.towers[0].uplink.set(Network::Up);
        Ok(())
    }
}

/// Waits for this number of connected agents; returns the time needed.
///
/// # Errors
/// When they are fewer for too long.
pub(crate) async fn until_uplinks(relay: &Relay, wanted: usize, patience: Duration) -> Result<Duration> {
    let began = Instant::now();
    loop {
        let now = relay.metric("linelight_uplinks").await?;
        if now >= wanted as f64 {
            return Ok(began.elapsed());
        }
        anyhow::ensure!(began.elapsed() < patience, "only {now} of {wanted} agents are connected after {patience:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
