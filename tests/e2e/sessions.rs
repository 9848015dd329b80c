//! PPPoE sessions come and go, and routers misbehave. The page shows the true state, without a spike and without a false zero.

use std::time::Duration;

use anyhow::{Result, ensure};
use tests::harness::{Site, Viewer};
use tests::simulated_router::{BadName, Injection, Misbehaviour, Partial, Setup, SimulatedRouter, Vanished};
use tokio::time::Instant;

const DOWN: i64 = 14_780_000;
const UP: i64 = 620_000;

/// A busy machine's bound for a change on the page. `tests/agent_at_router` holds the promised 3 s, in paused time.
const SOON: Duration = Duration::from_secs(10);

async fn watched() -> Result<(Site, Viewer)> {
    let site = Site::start(Setup::concentrator(3)).await?;
    site.outpost.set_rates(b"alice", DOWN as u64, UP as u64);
    let mut viewer = site.viewer("alice").await?;
    viewer.until_rates(DOWN, UP).await?;
    Ok((site, viewer))
}

/// Drops alice's session, brings it back under a new id, and checks the page's frames and their times.
async fn drops_and_returns(vanished: Vanished) -> Result<()> {
    let (site, mut viewer) = watched().await?;
    site.router().misbehave(|misbehaviour| misbehaviour.vanished = vanished);
    // A viewer of another line on the same stream must not notice.
    let mut other = site.viewer("ali").await?;
    other.until_sample().await?;

    let dropped = Instant::now();
    site.router().session_down(b"alice");
    let state = viewer.until_state("offline").await?;
    ensure!(dropped.elapsed() < SOON, "offline after {:?}", dropped.elapsed());
    ensure!(state["since"].is_i64(), "{state}");

    let returned = Instant::now();
    site.router().session_up(b"alice");
    viewer.until_state("running").await?;
    let point = viewer.until_rates(DOWN, UP).await?;
    ensure!(returned.elapsed() < SOON, "running after {:?}", returned.elapsed());

    let chart = viewer.chart();
    let false_ones: Vec<_> = chart.iter().filter(|point| (point.down, point.up) != (DOWN, UP)).collect();
    ensure!(false_ones.is_empty(), "a spike or a false zero: {false_ones:?}");
    ensure!(chart.windows(2).all(|pair| pair[0].t < pair[1].t), "times do not rise: {chart:?}");
    ensure!(chart.last().map(|last| last.t) >= Some(point.t));

    other.until_sample().await?;
    let states: Vec<_> = other.frames().filter_map(|frame| frame["state"].as_str()).collect();
    ensure!(!states.contains(&"offline") && !states.contains(&"unreachable"), "ali was told {states:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_returns_where_its_rows_stopped() -> Result<()> {
    drops_and_returns(Vanished::RowsStop).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_returns_where_its_rows_were_zeros() -> Result<()> {
    drops_and_returns(Vanished::Zeros).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_returns_where_the_stream_was_a_trap() -> Result<()> {
    drops_and_returns(Vanished::Trap).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_returns_where_the_stream_was_done() -> Result<()> {
    drops_and_returns(Vanished::Done).await
}

/// Slow tables: zeros of a disappearing interface are no samples.
async fn drops_while_tables_are_slow(telling: bool) -> Result<()> {
    let (site, mut viewer) = watched().await?;
    site.router().misbehave(|misbehaviour| {
        misbehaviour.vanished = Vanished::Zeros;
        misbehaviour.partial = Some(Partial::Paused(3_000));
        misbehaviour.no_listen = !telling;
    });
    if !telling {
        site.router().drop_connections();
        viewer.until_rates(DOWN, UP).await?;
    }
    let dropped = Instant::now();
    site.router().session_down(b"alice");
    viewer.until_state("offline").await?;
    let soon = if telling { SOON } else { 2 * SOON };
    ensure!(dropped.elapsed() < soon, "offline after {:?}", dropped.elapsed());
    site.router().session_up(b"alice");
    viewer.until_state("running").await?;
    viewer.until_rates(DOWN, UP).await?;
    let false_ones: Vec<_> = viewer.chart().into_iter().filter(|point| (point.down, point.up) != (DOWN, UP)).collect();
    ensure!(false_ones.is_empty(), "a spike or a false zero: {false_ones:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_returns_where_its_rows_were_zeros_and_the_tables_slow() -> Result<()> {
    drops_while_tables_are_slow(true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_returns_where_the_tables_were_slow_and_the_router_told_nothing() -> Result<()> {
    drops_while_tables_are_slow(false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_routers_session_returns() -> Result<()> {
    let site = Site::start(Setup::customer()).await?;
    site.outpost.set_rates(b"alice", DOWN as u64, UP as u64);
    let mut viewer = site.viewer("alice").await?;
    viewer.until_rates(DOWN, UP).await?;
    let dropped = Instant::now();
    site.router().client_down(b"alice");
    viewer.until_state("offline").await?;
    ensure!(dropped.elapsed() < SOON, "offline after {:?}", dropped.elapsed());
    let returned = Instant::now();
    site.router().client_up(b"alice");
    viewer.until_state("running").await?;
    viewer.until_rates(DOWN, UP).await?;
    ensure!(returned.elapsed() < SOON, "running after {:?}", returned.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_interface_goes_on() -> Result<()> {
    let (site, mut viewer) = watched().await?;
    ensure!(site.router().rename(b"<pppoe-alice>", b"alice, upstairs"));
    site.outpost.set_rates(b"alice", 7_000_000, 700_000);
    viewer.until_rates(7_000_000, 700_000).await?;
    Ok(())
}

/// Switches a misbehaviour on under a watched line. After its end the line runs with the router's new rates.
async fn recovers(change: impl FnOnce(&mut Misbehaviour), then: impl FnOnce(&SimulatedRouter)) -> Result<()> {
    let (site, mut viewer) = watched().await?;
    site.router().misbehave(change);
    then(site.router());
    // A second line makes the agent change streams and read tables meanwhile.
    let mut other = site.viewer("ali").await?;
    other.until("an answer", |frame| frame["type"] == "snapshot").await?;
    site.outpost.set_rates(b"alice", 7_000_000, 700_000);
    viewer.until_rates(7_000_000, 700_000).await?;
    let wrong = |point: &&tests::harness::Point| ![(DOWN, UP), (7_000_000, 700_000)].contains(&(point.down, point.up));
    let chart = viewer.chart();
    ensure!(!chart.iter().any(|point| wrong(&point)), "{chart:?}");
    Ok(())
}

macro_rules! recovers {
    ($($name:ident: $change:expr, $then:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() -> Result<()> {
            recovers($change, $then).await
        }
    )*};
}

recovers! {
    goes_on_with_rows_without_names: |m| m.nameless_rows = true, |_| {};
    goes_on_with_suffixed_rates: |m| m.suffixed_rates = true, |_| {};
    goes_on_with_sentences_in_pieces: |m| m.piece = Some(3), |_| {};
    goes_on_with_unknown_reply_words: |m| m.unknown_words = true, |router| router.inject(&Injection::UnknownWord);
    goes_on_with_late_replies: |m| m.late_replies = 5, |_| {};
    goes_on_without_listen: |m| m.no_listen = true, SimulatedRouter::drop_connections;
    goes_on_without_a_queue_menu: |m| m.missing_menus = vec!["/queue".to_owned()], SimulatedRouter::drop_connections;
    goes_on_with_a_flood: |_| {}, |router| router.inject(&Injection::Flood(10_000));
    goes_on_after_a_fatal: |_| {}, |router| router.inject(&Injection::Fatal("session killed".to_owned()));
    comes_back_after_a_huge_word: |_| {}, |router| router.inject(&Injection::HugeWord);
    comes_back_after_a_reserved_prefix: |_| {}, |router| router.inject(&Injection::ReservedPrefix);
    goes_on_without_a_row_of_70_000_bytes: |_| {}, |router| router.inject(&Injection::LongWord);
    goes_on_without_a_row_of_99_words: |_| {}, |router| router.inject(&Injection::ManyWords);
    goes_on_without_a_row_of_118_kib: |_| {}, |router| router.inject(&Injection::LongSentence);
    goes_on_where_bad_names_are_skipped: |m| m.bad_name = BadName::Skipped, |_| {};
    goes_on_with_attributes_missing: |m| m.missing_properties = vec!["rx-drops-per-second".into(), "fp-rx-bits-per-second".into(), "uptime".into()], |_| {};
    goes_on_with_an_interrupted_table: |m| m.missing_properties = Vec::new(), SimulatedRouter::drop_connections;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_is_stalled_and_comes_back() -> Result<()> {
    let (site, mut viewer) = watched().await?;
    site.router().misbehave(|misbehaviour| misbehaviour.silent_streams = true);
    viewer.until_state("stalled").await?;
    site.router().misbehave(|misbehaviour| misbehaviour.silent_streams = false);
    viewer.until_state("running").await?;
    viewer.until_rates(DOWN, UP).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_that_answers_nothing_is_unreachable_and_comes_back() -> Result<()> {
    let (site, mut viewer) = watched().await?;
    site.router().stall(true);
    viewer.until_state("unreachable").await?;
    site.router().stall(false);
    viewer.until_state("running").await?;
    viewer.until_rates(DOWN, UP).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_router_is_asked_less_often_and_the_page_is_told() -> Result<()> {
    let site = Site::start(Setup::concentrator(3)).await?;
    site.router().set_cpu_load(97);
    let mut viewer = site.viewer("alice").await?;
    viewer.until("a longer interval", |frame| frame["interval"].as_i64() > Some(1_000)).await?;
    Ok(())
}

/// A table without its second half, and without an error, makes half of the lines look offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_cut_short_in_silence_makes_no_zero_and_heals() -> Result<()> {
    let (site, mut viewer) = watched().await?;
    let mut second_half = site.viewer("bob@fibre").await?;
    site.outpost.set_rates(b"bob@fibre", DOWN as u64, UP as u64);
    second_half.until_rates(DOWN, UP).await?;
    site.router().misbehave(|misbehaviour| misbehaviour.partial = Some(Partial::Truncated));
    // A change makes the agent read the table again.
    site.router().session_down(b"ali");
    second_half.until_state("offline").await?;
    viewer.until_sample().await?;
    site.router().misbehave(|misbehaviour| misbehaviour.partial = None);
    site.router().session_up(b"ali");
    second_half.until_state("running").await?;
    second_half.until_rates(DOWN, UP).await?;
    for viewer in [&viewer, &second_half] {
        let zeros = viewer.chart().into_iter().filter(|point| point.down == 0).count();
        ensure!(zeros == 0, "a false zero: {:?}", viewer.chart());
    }
    let states: Vec<_> = viewer.frames().filter_map(|frame| frame["state"].as_str()).collect();
    ensure!(!states.contains(&"offline"), "alice was told {states:?}");
    Ok(())
}
