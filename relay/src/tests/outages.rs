//! The states of a line while its agent or its router is away, and afterwards; seen from an open page.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_blip_of_the_uplink_is_not_seen_and_leaves_no_hole() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent.watches().await;
    agent.stream(1, 3).await;
    let (sequence, started) = (agent.sequence, agent.started);
    agent.lost().await;
    seconds(2).await;
    let mut again = stage.silent_agent("a", 1).await;
    (again.sequence, again.started) = (sequence + 2, started);
    again.hello_with_backlog(sequence).await;
    again.report(vec![aged(3_605_000, live(1, "ali"))]).await;
    let welcome = again.welcome().await;
    assert_eq!((welcome.next, welcome.watched), (Some(sequence), vec![LineHandle(1)]));
    // The live sample comes first, then the missing ones.
    again.samples(&[(1, 5, 0)]).await;
    let uptime = again.uptime();
    again.batch(sequence, uptime - 2_000, true, &[(1, 3, 0)]).await;
    again.batch(sequence + 1, uptime - 1_000, true, &[(1, 4, 0)]).await;
    for down in [14_780_000, 14_780_001, 14_780_002, 5] {
        assert_eq!(viewer.sample().await.down, down);
    }
    let history = viewer.snapshot().await.history;
    assert_eq!(history.down, [14_780_000, 14_780_001, 14_780_002, 3, 4, 5]);
    assert!(history.t.windows(2).all(|pair| pair[1] - pair[0] == 1_000), "{:?}", history.t);
}

#[tokio::test(start_paused = true)]
async fn a_lost_agents_lines_are_unreachable_until_it_is_back() {
    let stage = Stage::new();
    let agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    let lost = stage.hub.now().unix;
    agent.lost().await;
    let state = viewer.until(LineState::Unreachable).await;
    assert_eq!((state.since, state.sessions), (Some(lost), 0));
    assert!((3_000..=4_100).contains(&(state.now - lost)), "{} ms", state.now - lost);
    viewer.read(60).await;
    let mut again = stage.agent("a", 2, vec![live(9, "ali")]).await;
    viewer.until(LineState::Running).await;
    again.samples(&[(9, 3, 3)]).await;
    assert_eq!(viewer.sample().await.down, 3);
}

#[tokio::test(start_paused = true)]
async fn another_run_of_the_agent_may_take_its_time_to_read_the_router() {
    let stage = Stage::new();
    let first = stage.agent("a", 1, vec![live(1, "ali"), live(2, "gone")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    first.lost().await;
    let mut second = stage.agent("a", 2, vec![]).await;
    seconds(2).await;
    second.report(vec![aged(3_602_000, live(1, "ali"))]).await;
    assert_eq!(second.watches().await, (vec![1], vec![]));
    second.samples(&[(1, 8, 8)]).await;
    assert_eq!(viewer.sample().await.down, 8, "and no other state was shown");
    assert_eq!(stage.explain("gone").state, LineState::Running, "within the grace");
    second.status(|status| status.lines_pending = true).await;
    seconds(30).await;
    assert_eq!(stage.explain("gone").state, LineState::Unreachable, "nobody knows yet");
    second.status(|_| {}).await;
    eventually(|| stage.explain("gone").state == LineState::Offline).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_was_offline_when_its_agent_restarted_still_is() {
    let stage = Stage::new();
    let first = stage.agent("a", 1, vec![aged(600_000, offline(1, "ali")), live(2, "bob")]).await;
    let (mut ali, mut bob) = (stage.viewer("ali").await, stage.viewer("bob").await);
    let since = ali.snapshot().await.since;
    assert_eq!(since, Some(stage.hub.now().unix - 600_000));
    bob.snapshot().await;
    let lost = stage.hub.now().unix;
    first.lost().await;
    // The new run's router is slow: its API answers before the agent has read its tables.
    let mut second = stage.agent("a", 2, vec![]).await;
    second.status(|status| (status.router_reachable, status.lines_pending) = (false, true)).await;
    seconds(30).await;
    second.status(|status| status.lines_pending = true).await;
    assert_eq!(ali.until(LineState::Unreachable).await.since, Some(lost));
    second.report(vec![live(1, "eve")]).await;
    second.status(|_| {}).await;
    let state = ali.until(LineState::Offline).await;
    assert_eq!((state.since, state.sessions), (since, 0), "as it was");
    assert_eq!(bob.until(LineState::Offline).await.since, Some(lost), "what was lost with the agent");
    assert!(second.is_left_alone(5).await, "a handle of another run is not asked for");
    // A short break of the uplink changes none of these times.
    second.lost().await;
    let mut again = stage.agent("a", 2, vec![live(1, "eve")]).await;
    again.status(|_| {}).await;
    assert!(
        ali.read(30)
            .await
            .iter()
            .all(|frame| !matches!(frame, ViewerFrame::State(state) if state.state != LineState::Offline))
    );
    again.lost().await;
    // Nor does one more run.
    let mut third = stage.agent("a", 3, vec![]).await;
    third.status(|_| {}).await;
    seconds(2).await;
    assert_eq!(stage.viewer("ali").await.snapshot().await.since, since);
    // The agent's new report of the line counts again.
    third.report(vec![aged(500, live(7, "ali"))]).await;
    ali.until(LineState::Running).await;
    assert_eq!(third.watches().await, (vec![7], vec![]));
    third.say(&FromAgent::Gone { lines: vec![LineHandle(7)] }).await;
    ali.until(LineState::Unknown).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_of_earlier_runs_is_bounded_in_number_and_time() {
    let limits = Limits { lines_per_agent: 3, agent_retention: Duration::from_secs(600), ..Limits::default() };
    let stage = Stage::with(Mode::Open, limits);
    for run in 0..20 {
        let reports = (1..=3).map(|handle| live(handle, &format!("user{run}-{handle}"))).collect();
        let mut agent = stage.agent("a", run, reports).await;
        agent.status(|_| {}).await;
        agent.lost().await;
    }
    assert_eq!(stage.hub.metrics.lines.get(), 6, "three of the first run, three of the last");
    let mut agent = stage.agent("a", 20, vec![]).await;
    for _ in 0..61 {
        agent.status(|_| {}).await;
        seconds(10).await;
    }
    assert_eq!(stage.hub.metrics.lines.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_router_that_does_not_answer_makes_its_lines_unreachable() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent
        .status(|status| {
            status.router_reachable = false;
            status.router_age_ms = 4_000;
            status.fault = Some("172.17.0.1:8728 timed out".into());
        })
        .await;
    let state = viewer.until(LineState::Unreachable).await;
    assert_eq!(state.since, Some(state.now - 4_000));
    let text = stage.explain("ali").to_string();
    assert!(text.contains("does not answer") && text.contains("172.17.0.1:8728 timed out"), "{text}");
    agent.status(|_| {}).await;
    viewer.until(LineState::Running).await;
}

#[tokio::test(start_paused = true)]
async fn late_samples_are_stalled_judged_by_their_arrival() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent.samples(&[(1, 1, 1)]).await;
    let last = viewer.sample().await.t;
    let state = viewer.until(LineState::Stalled).await;
    assert_eq!((state.since, state.sessions), (Some(last), 1));
    assert!((5_000..=6_200).contains(&(state.now - last)), "{} ms", state.now - last);
    // An old time, as after a stuck uplink, is an arrival all the same.
    let uptime = agent.uptime() - 3_000;
    agent.batch(agent.sequence, uptime, false, &[(1, 2, 2)]).await;
    viewer.until(LineState::Running).await;
    assert_eq!(viewer.sample().await.down, 2);
}
