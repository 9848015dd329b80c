//! Every sample of the router is in the chart at its time, or has a known reason to be missing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tests::harness::{Network, Outpost, PATIENCE, Point, Relay, RelaySetup, Site, Viewer};
use tests::simulated_router::{SampleSent, Setup};
use tokio::time::{Instant, interval, sleep};

/// The time between two changes of the marked rates. A tick is longer, so each sample has a mark of its own.
const MARK_EVERY: Duration = Duration::from_millis(200);

/// How far apart the way of two samples may be, milliseconds: the clock's slewing, and this machine's scheduling.
const TIME_SPREAD: i64 = 400;

/// During a takeover two streams read one interface, within one tick of each other.
const OVERLAP: Duration = Duration::from_millis(1_100);

/// Gives a line a rate of its own for each sample, rising, for ever.
pub(crate) async fn mark(outpost: &Outpost, username: &[u8]) -> Result<()> {
    let mut ticks = interval(MARK_EVERY);
    for mark in 0.. {
        ticks.tick().await;
        outpost.set_rates(username, 10_000_000 + mark, 1_000_000 + mark);
    }
    bail!("the marks are used up")
}

/// The fate of every sample of a line.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) shown: usize,
    /// First rows of a stream. They are no samples.
    warm_up: usize,
    /// Seconds that both the old and the new stream of a takeover have read.
    doubled: usize,
    /// Samples without a trace.
    lost: Vec<SampleSent>,
}

impl Account {
    /// Compares a line's samples with a chart, up to the chart's newest sample.
    fn of(samples: &[SampleSent], username: &[u8], chart: &[Point]) -> Self {
        let shown: BTreeSet<u64> = chart.iter().map(|point| point.down.unsigned_abs()).collect();
        let newest = shown.last().copied().unwrap_or_default();
        let mine: Vec<_> = samples.iter().filter(|sample| sample.username == username).collect();
        let (mut account, mut streams) = (Self::default(), BTreeSet::new());
        for sample in mine.iter().filter(|sample| sample.download <= newest) {
            let stream = (sample.connection, sample.tag.clone());
            let is_first = streams.insert(stream);
            let is_other_shown = |other: &&&SampleSent| {
                other.tag != sample.tag && apart(other, sample) < OVERLAP && shown.contains(&other.download)
            };
            match sample {
                sample if shown.contains(&sample.download) => account.shown += 1,
                _ if is_first => account.warm_up += 1,
                _ if mine.iter().any(|other| is_other_shown(&other)) => account.doubled += 1,
                sample => account.lost.push((**sample).clone()),
            }
        }
        account
    }

    fn lost_between(&self, from: Instant, to: Instant) -> bool {
        self.lost.iter().all(|sample| sample.at >= from && sample.at <= to)
    }
}

fn apart(one: &SampleSent, other: &SampleSent) -> Duration {
    one.at.saturating_duration_since(other.at).max(other.at.saturating_duration_since(one.at))
}

/// Checks that each point is one sample of the router, in order, at the router's time.
fn ensure_original(samples: &[SampleSent], username: &[u8], chart: &[Point]) -> Result<()> {
    ensure!(
        chart.windows(2).all(|pair| pair[0].t < pair[1].t && pair[0].down < pair[1].down),
        "out of order: {chart:?}"
    );
    let made: BTreeMap<u64, Instant> = samples
        .iter()
        .filter(|sample| sample.username == username)
        .map(|sample| (sample.download, sample.at))
        .collect();
    let start = *made.values().min().context("the router sent nothing")?;
    let mut delays = BTreeSet::new();
    for point in chart {
        let at =
            made.get(&point.down.unsigned_abs()).with_context(|| format!("{point:?} is no sample of the router's"))?;
        delays.insert(point.t - i64::try_from(at.duration_since(start).as_millis())?);
    }
    let spread = delays.last().zip(delays.first()).map_or(0, |(most, least)| most - least);
    ensure!(spread <= TIME_SPREAD, "points lie {spread} ms apart from their times: {chart:?}");
    Ok(())
}

/// True once the router's record has the chart's newest point. The router records a row after it wrote the row, so that the point
/// may be first.
fn has_recorded<'a>(samples: impl IntoIterator<Item = &'a SampleSent>, chart: &[Point]) -> bool {
    let newest = chart.last().map(|point| point.down.unsigned_abs());
    samples.into_iter().any(|sample| Some(sample.download) == newest)
}

/// Reads on until nothing is missing.
pub(crate) async fn until_whole(
    viewer: &mut Viewer,
    outpost: &Outpost,
    username: &[u8],
    since: Instant,
) -> Result<Account> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        viewer.next(deadline).await?;
        let (samples, chart) = (outpost.router.samples(), viewer.chart());
        let account = Account::of(&samples, username, &chart);
        let reaches_on = samples
            .iter()
            .rev()
            .any(|sample| sample.at > since && chart.iter().any(|point| point.down.unsigned_abs() == sample.download));
        if reaches_on && account.lost.is_empty() && has_recorded(&samples, &chart) {
            ensure_original(&samples, username, &chart)?;
            return Ok(account);
        }
        ensure!(Instant::now() < deadline, "never whole: {account:?}\nin {chart:?}");
    }
}

pub(crate) async fn samples_shown(viewer: &mut Viewer, count: usize) -> Result<()> {
    while viewer.chart().len() < count {
        viewer.next(Instant::now() + PATIENCE).await?;
    }
    Ok(())
}

async fn uplinks(relay: &Relay, wanted: f64) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while relay.metric("linelight_uplinks").await? != wanted {
        ensure!(Instant::now() < deadline, "there are not {wanted} uplinks");
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_uplink_leaves_no_hole() -> Result<()> {
    let Site { relay, outpost } = Site::start(Setup::concentrator(3)).await?;
    let token = relay.token("alice").await?;
    let body = async {
        let mut viewer = Viewer::with_token(relay.address, &token).await?;
        samples_shown(&mut viewer, 3).await?;
        outpost.uplink.set(Network::Cut);
        viewer.until_state("unreachable").await?;
        outpost.uplink.set(Network::Up);
        let mended = Instant::now();
        viewer.until_state("running").await?;
        let account = until_whole(&mut viewer, &outpost, b"alice", mended).await?;
        ensure!(account.shown >= 6 && account.warm_up <= 2, "{account:?}");
        // Opened later, it is the same chart.
        let mut later = Viewer::with_token(relay.address, &token).await?;
        until_whole(&mut later, &outpost, b"alice", mended).await?;
        let (chart, whole) = (later.chart(), viewer.chart());
        ensure!(whole.iter().all(|point| chart.contains(point)), "{chart:?} is not {whole:?}");
        ensure!(relay.metric("linelight_batches_lost_total").await? == 0.0);
        Ok(())
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(&outpost, b"alice") => never,
    }
}

/// How a relay goes away.
#[derive(Clone, Copy, PartialEq)]
enum Exit {
    Told,
    Killed,
}

/// The relay is away for a while. A viewer comes back `late` samples after the agent.
async fn a_relay_that_restarts(exit: Exit, late: usize) -> Result<()> {
    let Site { mut relay, outpost } = Site::start(Setup::concentrator(3)).await?;
    let token = relay.token("alice").await?;
    let body = async {
        let mut viewer = Viewer::with_token(relay.address, &token).await?;
        samples_shown(&mut viewer, 3).await?;
        match exit {
            Exit::Told => ensure!(relay.stop().await?.success()),
            Exit::Killed => relay.program.kill().await?,
        }
        let gone = outpost.router.samples().len();
        outpost.router.wait_until(|record| record.samples().len() >= gone + 3).await;
        relay.resume().await?;
        uplinks(&relay, 1.0).await?;
        let back = outpost.router.samples().len();
        outpost.router.wait_until(|record| record.samples().len() >= back + late).await;
        let returned = Instant::now();
        let mut viewer = Viewer::with_token(relay.address, &token).await?;
        let account = until_whole(&mut viewer, &outpost, b"alice", returned).await?;
        ensure!(account.shown >= 6 + late && account.warm_up <= 2, "{account:?}");
        ensure!(relay.metric("linelight_batches_lost_total").await? == 0.0);
        Ok(())
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(&outpost, b"alice") => never,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_restarted_leaves_no_hole() -> Result<()> {
    a_relay_that_restarts(Exit::Told, 0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_killed_leaves_no_hole() -> Result<()> {
    a_relay_that_restarts(Exit::Killed, 0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_comes_back_long_after_its_agent_finds_no_hole() -> Result<()> {
    // Longer than a watch lingers after its last viewer.
    a_relay_that_restarts(Exit::Told, 20).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_routers_clock_moves_no_chart() -> Result<()> {
    const NOON: u64 = 1_767_268_800;
    let Site { relay, outpost } = Site::start(Setup::concentrator(3)).await?;
    let token = relay.token("alice").await?;
    let body = async {
        let mut viewer = Viewer::with_token(relay.address, &token).await?;
        for clock in [0, NOON, NOON + 3_600, NOON - 3_600] {
            outpost.router.set_clock(clock);
            let since = Instant::now();
            until_whole(&mut viewer, &outpost, b"alice", since).await?;
        }
        ensure!(!viewer.frames().any(|frame| frame["state"] == "stalled"), "a clock is no reason");
        Ok(())
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(&outpost, b"alice") => never,
    }
}

/// Lines watched so that 16 KiB of backlog hold some ten seconds.
const MANY: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_longer_than_the_ring_is_an_honest_gap_and_counted() -> Result<()> {
    let open = RelaySetup { flags: vec!["--access=open".to_owned()], ..RelaySetup::default() };
    let setup = Setup { seed: 7, ..Setup::default() };
    let Site { relay, outpost } = Site::start_with(setup, open, &["--backlog-kib=16"]).await?;
    outpost.router.session_up(b"alice");
    let others: Vec<_> = (0..MANY).map(|nth| format!("line-{nth}")).collect();
    for other in &others {
        outpost.router.session_up(other.as_bytes());
        outpost.set_rates(other.as_bytes(), 900_000_000, 800_000_000);
    }
    let body = async {
        let mut viewers = tokio::task::JoinSet::new();
        for other in others {
            let mut viewer = Viewer::with_username(relay.address, &other).await?;
            viewers.spawn(async move { while viewer.next(Instant::now() + PATIENCE).await.is_ok() {} });
        }
        let mut viewer = Viewer::with_username(relay.address, "alice").await?;
        samples_shown(&mut viewer, 3).await?;
        let cut = Instant::now();
        outpost.uplink.set(Network::Cut);
        viewer.until_state("unreachable").await?;
        let before = outpost.router.samples().len();
        outpost.router.wait_until(|record| record.samples().len() >= before + 16 * MANY).await;
        outpost.uplink.set(Network::Up);
        viewer.until_state("running").await?;
        // Not earlier, so that the agent's ring overflows until its next attempt.
        let back = Instant::now();
        let more = viewer.chart().len() + 5;
        samples_shown(&mut viewer, more).await?;
        let chart = viewer.chart();
        outpost.router.wait_until(|record| has_recorded(record.samples(), &chart)).await;
        let samples = outpost.router.samples();
        let account = Account::of(&samples, b"alice", &chart);
        ensure_original(&samples, b"alice", &chart)?;
        ensure!(!account.lost.is_empty(), "the ring held more than was thought: {account:?}");
        // The ring held the samples under way at the cut, and the later ones.
        ensure!(account.lost_between(cut - 2 * OVERLAP, back), "lost outside the outage: {account:?}");
        ensure!(chart.iter().all(|point| point.down > 0), "a gap is no zero: {chart:?}");
        let counted = relay.metric("linelight_batches_lost_total").await?;
        ensure!(counted >= account.lost.len() as f64, "{counted} batches counted, lost {}", account.lost.len());
        Ok(())
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(&outpost, b"alice") => never,
    }
}
