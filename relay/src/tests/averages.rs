//! Averages: they give an unwatched line a past, and replace missing samples; seen from an open page.

use super::*;
use crate::wire::viewer_frame::Averages;

/// Returns the downloads of the page's past.
fn past(averages: Option<Averages>) -> Vec<Option<u64>> {
    averages.map(|averages| averages.down).unwrap_or_default()
}

async fn averages_each_half_minute(agent: &mut AgentEnd, averages: &[(u32, u64, u64)], times: u64) {
    for _ in 0..times {
        seconds(30).await;
        agent.averages(averages).await;
    }
}

impl crate::tests::stage::ViewerEnd {
    /// Reads on, over states, to the next averages.
    async fn averages(&mut self) -> Averages {
        loop {
            match self.frame().await {
                ViewerFrame::Averages(averages) => return averages,
                ViewerFrame::State(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_nobody_watched_opens_with_its_past() {
    let stage = Stage::new();
    let mut agent = stage.silent_agent("a", 1).await;
    agent.hello().await;
    agent.report(vec![live(1, "ali"), live(2, "bob")]).await;
    assert!(agent.welcome().await.averages, "the agent is told that they are taken");
    averages_each_half_minute(&mut agent, &[(1, 1_000, 7), (2, 2_000, 7)], 3).await;
    seconds(10).await;
    let snapshot = stage.viewer("bob").await.snapshot().await;
    let averages = snapshot.averages.unwrap();
    assert_eq!((averages.interval, &averages.down[..]), (30_000, &[Some(2_000); 3][..]));
    assert_eq!(averages.start, snapshot.now - 100_000);
    assert!(snapshot.history.t.is_empty());
    assert_eq!(past(stage.viewer("carl").await.snapshot().await.averages), []);
}

#[tokio::test(start_paused = true)]
async fn a_page_left_open_gets_each_new_one_beside_its_samples() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    averages_each_half_minute(&mut agent, &[(1, 1, 1)], 2).await;
    let mut viewer = stage.viewer("ali").await;
    assert_eq!(past(viewer.snapshot().await.averages), [Some(1); 2]);
    agent.samples(&[(1, 5, 5)]).await;
    assert_eq!(viewer.sample().await.down, 5);
    viewer.read(30).await;
    agent.averages(&[(1, 3, 3)]).await;
    let newer = viewer.averages().await;
    assert_eq!((newer.interval, newer.down, newer.up), (30_000, vec![Some(3)], vec![Some(3)]));
    assert_eq!(past(stage.viewer("ali").await.snapshot().await.averages), [Some(1), Some(1), Some(3)]);
}

#[tokio::test(start_paused = true)]
async fn averages_of_an_outage_come_from_the_backlog_and_fill_its_gap() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    averages_each_half_minute(&mut agent, &[(1, 1, 1)], 2).await;
    let (started, sequence, missed) = (agent.started, agent.sequence, agent.uptime() + 30_000);
    agent.lost().await;
    seconds(60).await;
    let mut agent = stage.silent_agent("a", 1).await;
    (agent.started, agent.sequence) = (started, sequence + 1);
    agent.hello_with_backlog(1).await;
    agent.report(vec![live(1, "ali")]).await;
    agent.welcome().await;
    agent.averages(&[(1, 3, 3)]).await;
    let mut viewer = stage.viewer("ali").await;
    assert_eq!(past(viewer.snapshot().await.averages), [Some(1), Some(1), None, Some(3)]);
    agent.averages_at(sequence, missed, true, &[(1, 2, 2)]).await;
    assert_eq!(past(viewer.snapshot().await.averages), [Some(1), Some(1), Some(2), Some(3)]);
}

#[tokio::test(start_paused = true)]
async fn the_report_that_counts_is_the_one_whose_averages_are_kept() {
    let stage = Stage::new();
    let mut concentrator = stage.agent("a", 1, vec![live(1, "ali"), offline(2, "bob")]).await;
    let home = LineReport { role: Role::Client, ..live(1, "ali") };
    let mut home = stage.agent("home", 2, vec![home]).await;
    seconds(30).await;
    concentrator.averages(&[(1, 10, 1), (2, 10, 1)]).await;
    home.averages(&[(1, 11, 2)]).await;
    seconds(1).await;
    assert_eq!(past(stage.viewer("ali").await.snapshot().await.averages), [Some(10)]);
    assert_eq!(past(stage.viewer("bob").await.snapshot().await.averages), [], "of no session there is no average");
}

#[tokio::test(start_paused = true)]
async fn where_samples_do_not_come_averages_stand_in_until_they_do() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    averages_each_half_minute(&mut agent, &[(1, 1_000, 7)], 1).await;
    let mut viewer = stage.viewer("ali").await;
    assert_eq!(viewer.snapshot().await.notice, None, "samples have a moment to come");
    seconds(10).await;
    let state = viewer.state().await;
    let expected = (LineState::Running, 30_000, Some(Notice::Averages));
    assert_eq!((state.state, state.interval, state.notice), expected);
    agent.samples(&[(1, 5, 5)]).await;
    let state = viewer.state().await;
    assert_eq!((state.state, state.interval, state.notice), (LineState::Running, 1_000, None));
    assert_eq!(viewer.sample().await.down, 5);
}

#[tokio::test(start_paused = true)]
async fn where_the_router_refuses_a_line_its_averages_stand_in_at_once() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent.watches().await;
    agent.say(&FromAgent::WatchRefused { lines: vec![LineHandle(1)], reason: WatchRefusal::RouterRefuses }).await;
    let state = viewer.state().await;
    assert_eq!((state.state, state.notice), (LineState::Running, Some(Notice::RouterRefuses)), "and never stalled");
    let refusals = stage.explain("ali").refusals;
    assert!(refusals[0].what.contains("neither by .id nor by name; rename"), "{}", refusals[0].what);
    seconds(20).await;
    agent.averages(&[(1, 1_000, 7)]).await;
    viewer.averages().await;
    assert_eq!(past(stage.viewer("ali").await.snapshot().await.averages), [Some(1_000)]);
    let snapshot = stage.viewer("ali").await.snapshot().await;
    assert_eq!((snapshot.notice, snapshot.interval), (Some(Notice::Averages), 30_000), "a newcomer does not wait");
    // The watch stays: the interface may be renamed, and the end of the watch is told.
    agent.samples(&[(1, 5, 5)]).await;
    while viewer.state().await.notice.is_some() {}
    assert_eq!(viewer.sample().await.down, 5);
    viewer.leave().await;
    assert_eq!(agent.watches().await, (vec![], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_router_ends_with_its_session() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent.watches().await;
    agent.say(&FromAgent::WatchRefused { lines: vec![LineHandle(1)], reason: WatchRefusal::RouterRefuses }).await;
    assert_eq!(viewer.state().await.notice, Some(Notice::RouterRefuses));
    viewer.leave().await;
    let mut viewer = stage.viewer("ali").await;
    assert_eq!(viewer.snapshot().await.notice, Some(Notice::RouterRefuses), "the agent may not tell a second time");
    agent.report(vec![offline(1, "ali")]).await;
    assert_eq!(viewer.until(LineState::Offline).await.notice, None);
    agent.report(vec![live(1, "ali")]).await;
    assert_eq!(viewer.until(LineState::Running).await.notice, None);
}

#[tokio::test(start_paused = true)]
async fn a_line_whose_averages_stop_as_well_is_stalled() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    averages_each_half_minute(&mut agent, &[(1, 1_000, 7)], 1).await;
    let mut viewer = stage.viewer("ali").await;
    agent.stream(1, 3).await;
    let stalled = viewer.until(LineState::Stalled).await;
    assert_eq!(stalled.notice, None, "the last average came before the last sample");
    agent.averages(&[(1, 1_000, 7)]).await;
    assert_eq!(viewer.until(LineState::Running).await.notice, Some(Notice::Averages));
    let mut repeated = Vec::new();
    while repeated.last() != Some(&LineState::Stalled) && repeated.len() < 10 {
        agent.status(|_| {}).await;
        repeated.push(viewer.state().await.state);
    }
    assert!((6..=8).contains(&repeated.len()), "for two intervals it stands in: {repeated:?}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_may_see_or_knows_changes_nothing() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    agent.averages(&[(1, 1, 1), (4_711, 1, 1)]).await;
    seconds(1).await;
    assert_eq!((stage.hub.metrics.averages.get(), stage.hub.metrics.samples.get()), (2, 0));
    assert_eq!(stage.hub.metrics.lines_live.get(), 0, "an average alone gives a line no ring of points");
}
