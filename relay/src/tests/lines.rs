//! The states of a line while agents report, lose, move and regain the line; seen from an open page.

use super::*;

fn client(handle: u32, username: &str) -> LineReport {
    LineReport { role: Role::Client, ..live(handle, username) }
}

#[tokio::test(start_paused = true)]
async fn ten_viewers_are_one_watch_and_the_last_one_ends_it() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali"), live(2, "bob")]).await;
    assert!(agent.is_left_alone(5).await, "nobody watches: nothing is asked");
    let mut viewers = Vec::new();
    for _ in 0..10 {
        let mut viewer = stage.viewer("ali").await;
        viewer.snapshot().await;
        viewers.push(viewer);
    }
    assert_eq!(agent.watches().await, (vec![1], vec![]));
    agent.samples(&[(1, 14_780_000, 620_000)]).await;
    let mut texts = Vec::new();
    for viewer in &mut viewers {
        texts.push(viewer.text().await.unwrap());
    }
    assert!(texts[0].contains(r#""down":14780000,"up":620000"#));
    assert!(texts.iter().all(|text| *text == texts[0]), "encoded once");
    while let Some(viewer) = viewers.pop() {
        assert!(agent.is_left_alone(1).await, "{} still watch", viewers.len() + 1);
        viewer.leave().await;
    }
    assert_eq!(agent.watches().await, (vec![], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_coming_and_going_is_not_seen() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali"), live(2, "bob")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    for second in 0..30 {
        let mut other = stage.viewer(if second % 2 == 0 { "ali" } else { "bob" }).await;
        other.snapshot().await;
        agent.samples(&[(1, second, 0), (2, 1, 1)]).await;
        assert_eq!(viewer.sample().await.down, second);
        other.leave().await;
        seconds(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn usernames_are_compared_byte_for_byte() {
    let stage = Stage::new();
    let names = ["ali", "alice", "Bob", "bob", "%E9", "é", "4446@karoo.example", "a/b c,d", "50%25", "🙂"];
    let reports = names.iter().zip(1..).map(|(name, handle)| live(handle, name)).collect();
    let mut agent = stage.agent("a", 1, reports).await;
    let mut viewers = Vec::new();
    for name in names {
        let mut viewer = stage.viewer(name).await;
        assert_eq!(viewer.snapshot().await.username, name);
        viewers.push(viewer);
    }
    let samples: Vec<_> = (1..=names.len() as u32).map(|handle| (handle, u64::from(handle), 0)).collect();
    agent.samples(&samples).await;
    for (viewer, handle) in viewers.iter_mut().zip(1..) {
        assert_eq!(viewer.sample().await.down, handle);
    }
    assert_eq!(stage.viewer("%E9").await.snapshot().await.display, "é", "as windows-1252 has it");
    assert_eq!(stage.viewer("50%25").await.snapshot().await.display, "50%");
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_lines_share_is_called_so_unless_the_subscribers_file_knows_better() {
    let stage = Stage::new();
    let shared = LineReport { plan_shared: true, ..live(1, "ali") };
    let mut agent = stage.agent("a", 1, vec![shared.clone(), live(2, "bob")]).await;
    let mut viewer = stage.viewer("ali").await;
    let plan = viewer.snapshot().await.plan;
    assert_eq!((plan.down, plan.shared), (Some(50_000_000), true));
    assert!(!stage.viewer("bob").await.snapshot().await.plan.shared);
    assert!(stage.explain("ali").to_string().contains("shares it with other lines"));
    agent.report(vec![live(1, "ali")]).await;
    assert!(!viewer.snapshot().await.plan.shared, "the line has a queue of its own now");
    agent.report(vec![shared]).await;
    assert!(viewer.snapshot().await.plan.shared);
    // Download from the file, upload from the shared queue.
    stage.subscribe("ali", "Ali", 20_000_000);
    let plan = viewer.snapshot().await.plan;
    assert_eq!((plan.down, plan.up, plan.shared), (Some(20_000_000), Some(10_000_000), true));
    assert!(!stage.explain("bob").to_string().contains("shares"));
}

#[tokio::test(start_paused = true)]
async fn a_session_drops_and_returns_without_a_false_zero() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent.stream(1, 3).await;
    agent.report(vec![offline(1, "ali")]).await;
    // A sample of a vanishing interface does not count.
    agent.samples(&[(1, 0, 0)]).await;
    let down = viewer.until(LineState::Offline).await;
    assert_eq!((down.sessions, down.since), (0, Some(down.now)));
    seconds(20).await;
    agent.report(vec![aged(500, live(1, "ali"))]).await;
    let up = viewer.until(LineState::Running).await;
    assert_eq!((up.sessions, up.since), (1, Some(up.now - 500)));
    agent.samples(&[(1, 5, 5)]).await;
    assert_eq!(viewer.sample().await.down, 5);
    let history = stage.viewer("ali").await.snapshot().await.history;
    assert_eq!(history.down, [14_780_000, 14_780_001, 14_780_002, 5]);
    assert!(history.t[3] - history.t[2] > 20_000, "a gap is a gap");
}

#[tokio::test(start_paused = true)]
async fn a_concentrator_and_a_home_router_are_not_added_up() {
    let stage = Stage::new();
    let mut home = stage.agent("home", 1, vec![aged(10, client(1, "ali"))]).await;
    let mut viewer = stage.viewer("ali").await;
    assert_eq!(viewer.snapshot().await.sessions, 1);
    assert_eq!(home.watches().await, (vec![1], vec![]));
    let mut concentrator = stage.agent("a", 1, vec![aged(20, live(7, "ali"))]).await;
    assert_eq!(home.watches().await, (vec![], vec![1]));
    for second in 0..3 {
        concentrator.samples(&[(7, 100 + second, 10)]).await;
        home.samples(&[(1, 100 + second, 10)]).await;
        seconds(1).await;
    }
    let history = stage.viewer("ali").await.snapshot().await.history;
    assert_eq!((history.down, history.up), (vec![100, 101, 102], vec![10, 10, 10]));
    // The concentrator's session ends only for the concentrator; the home router's session remains.
    concentrator.report(vec![offline(7, "ali")]).await;
    assert_eq!(home.watches().await, (vec![1], vec![]));
    home.samples(&[(1, 200, 20)]).await;
    eventually(|| stage.explain("ali").newest.is_some_and(|point| point.down == 200)).await;
    let explained = stage.explain("ali");
    assert_eq!(explained.state, LineState::Running);
    assert!(explained.to_string().contains("agent home, handle 1: client, sessions 1"), "{explained}");
}

#[tokio::test(start_paused = true)]
async fn several_sessions_are_shown_with_their_count() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent.report(vec![LineReport { sessions: 2, ..live(1, "ali") }]).await;
    assert_eq!(viewer.until(LineState::Running).await.sessions, 2);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_moves_goes_on_in_the_open_page() {
    let stage = Stage::new();
    let mut a = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut b = stage.agent("b", 1, vec![]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    a.watches().await;
    a.samples(&[(1, 1, 1)]).await;
    assert_eq!(viewer.sample().await.down, 1);
    seconds(1).await;
    b.report(vec![aged(0, live(5, "ali"))]).await;
    assert_eq!(b.watches().await, (vec![5], vec![]));
    assert_eq!(a.watches().await, (vec![], vec![1]));
    a.samples(&[(1, 99, 99)]).await;
    b.samples(&[(5, 2, 2)]).await;
    a.report(vec![offline(1, "ali")]).await;
    loop {
        match viewer.frame().await {
            ViewerFrame::Sample(point) => break assert_eq!(point.down, 2),
            ViewerFrame::State(state) => assert_eq!(state.state, LineState::Running),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stage.viewer("ali").await.snapshot().await.history.down, [1, 2], "the history moves along");
}

#[tokio::test(start_paused = true)]
async fn a_busy_routers_interval_is_shown_and_is_not_a_stall() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent.samples(&[(1, 0, 0)]).await;
    viewer.sample().await;
    // Told at once, and not when a sample is late.
    agent.status(|status| status.interval_ms = 5_000).await;
    agent.samples(&[(1, 0, 0)]).await;
    assert_eq!(viewer.state().await.interval, 5_000);
    viewer.sample().await;
    for second in 0..5 {
        agent.samples(&[(1, second, 0)]).await;
        assert_eq!(viewer.sample().await.down, second, "no stalled in between");
        seconds(5).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_at_its_own_limit_is_told_on_the_page() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    assert_eq!(viewer.snapshot().await.notice, None);
    agent.watches().await;
    let refuse = FromAgent::WatchRefused { lines: vec![LineHandle(1)], reason: WatchRefusal::TooManyWatched };
    agent.say(&refuse).await;
    let state = viewer.state().await;
    assert_eq!((state.notice, state.state), (Some(Notice::TooManyWatched), LineState::Running));
    let refusals = stage.explain("ali").refusals;
    assert!(refusals[0].what.contains("watches as many lines as it may"));
    // While a viewer waits, the relay repeats the watch, and nothing flickers on the page.
    for _ in 0..3 {
        let (alone, first) = tokio::join!(agent.is_left_alone(14), viewer.read(14));
        let (asked, then) = tokio::join!(timeout(Duration::from_secs(12), agent.watches()), viewer.read(12));
        assert_eq!((alone, asked.unwrap()), (true, (vec![1], vec![])));
        let mut frames = first.iter().chain(&then);
        assert!(frames.all(|frame| matches!(frame, ViewerFrame::State(state) if state.notice.is_some())));
        agent.say(&refuse).await;
    }
    viewer.read(10).await;
    assert_eq!(agent.watches().await, (vec![1], vec![]));
    agent.samples(&[(1, 8, 8)]).await;
    while viewer.state().await.notice.is_some() {}
    assert_eq!(viewer.sample().await.down, 8, "another line was left");
    agent.say(&refuse).await;
    assert_eq!(viewer.state().await.notice, Some(Notice::TooManyWatched));
    viewer.leave().await;
    assert!(agent.is_left_alone(40).await, "nobody is there to ask for");
    assert_eq!(stage.viewer("ali").await.snapshot().await.notice, None);
    assert_eq!(agent.watches().await, (vec![1], vec![]), "but when somebody comes again");
}

#[tokio::test(start_paused = true)]
async fn the_relay_asks_an_agent_for_so_many_lines() {
    let limits = Limits { watched_per_agent: 1, ..Limits::default() };
    let stage = Stage::with(Mode::Open, limits);
    let mut agent = stage.agent("a", 1, vec![live(1, "ali"), live(2, "bob")]).await;
    let first = stage.viewer("ali").await.snapshot().await;
    let stays = stage.viewer("ali").await;
    let mut waits = stage.viewer("bob").await;
    let second = waits.snapshot().await;
    assert_eq!((first.notice, second.notice), (None, Some(Notice::TooManyWatched)));
    assert!(
        waits.read(10).await.iter().all(|frame| matches!(frame, ViewerFrame::State(state) if state.notice.is_some()))
    );
    stays.leave().await;
    let asked = async { while !agent.watches().await.0.contains(&2) {} };
    timeout(Duration::from_secs(27), asked).await.expect("it is asked again, without anybody's doing");
    agent.samples(&[(2, 8, 8)]).await;
    while waits.state().await.notice.is_some() {}
    assert_eq!(waits.sample().await.down, 8);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_of_an_unreported_name_waits_and_leaves_nothing_behind() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![]).await;
    let mut waiting = stage.viewer("ali").await;
    assert_eq!(waiting.snapshot().await.state, LineState::Starting);
    tokio::join!(waiting.until(LineState::Unknown), agent.is_left_alone(59));
    assert!((60_000..62_000).contains(&stage.hub.now().steady.as_millis()), "after the relay's first minute");
    agent.report(vec![live(1, "ali")]).await;
    waiting.until(LineState::Running).await;
    assert_eq!(agent.watches().await, (vec![1], vec![]));
    stage.viewer("nobody").await.leave().await;
    agent.say(&FromAgent::Gone { lines: vec![LineHandle(1)] }).await;
    waiting.until(LineState::Unknown).await;
    assert_eq!(stage.hub.metrics.lines.get(), 1);
    waiting.leave().await;
    assert_eq!(stage.hub.metrics.lines.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_refreshed_keeps_its_history_for_a_minute() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent.stream(1, 3).await;
    viewer.leave().await;
    seconds(50).await;
    let mut viewer = stage.viewer("ali").await;
    assert_eq!(viewer.snapshot().await.history.down.len(), 3);
    viewer.leave().await;
    seconds(62).await;
    assert_eq!(stage.hub.metrics.lines_live.get(), 0, "then its memory is given back");
    assert!(stage.viewer("ali").await.snapshot().await.history.t.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_restarted_relay_has_no_hole() {
    let stage = Stage::new();
    // The relay knows nothing; the agent's backlog contains the last ten seconds.
    let mut agent = stage.silent_agent("a", 1).await;
    agent.sequence = 11;
    agent.hello_with_backlog(1).await;
    agent.report(vec![live(1, "ali"), live(2, "bob")]).await;
    let welcome = agent.welcome().await;
    assert_eq!((welcome.next, welcome.watched), (None, vec![]));
    agent.samples(&[(1, 11, 0)]).await;
    let uptime = agent.uptime();
    for sequence in 1..=10 {
        agent.batch(sequence, uptime - (11 - sequence) * 1_000, true, &[(1, sequence, 0)]).await;
    }
    assert!(matches!(agent.heard().await, Some(FromRelay::Ack { next: 12 })));
    seconds(3).await;
    let history = stage.viewer("ali").await.snapshot().await.history;
    assert_eq!(history.down, (1..=11).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_agent_cannot_fill_the_relay_with_lines_that_nobody_watches() {
    let limits = Limits { adopted_per_agent: 5, ..Limits::default() };
    let stage = Stage::with(Mode::Open, limits);
    let reports = (1..=50).map(|handle| live(handle, &format!("user{handle}"))).collect();
    let mut agent = stage.agent("a", 1, reports).await;
    let samples: Vec<_> = (1..=50).map(|handle| (handle, 1, 1)).collect();
    agent.samples(&samples).await;
    seconds(2).await;
    assert_eq!(stage.hub.metrics.lines_live.get(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_names_another_line_now_forgets_the_first() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    agent.report(vec![live(1, "bob")]).await;
    eventually(|| stage.explain("bob").state == LineState::Running).await;
    assert_eq!(stage.explain("ali").state, LineState::Starting);
    assert_eq!(stage.hub.metrics.lines.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_agent_is_forgotten_in_time() {
    let limits = Limits { agent_retention: Duration::from_secs(600), ..Limits::default() };
    let stage = Stage::with(Mode::Open, limits);
    let agent: AgentEnd = stage.agent("a", 1, vec![live(1, "ali")]).await;
    agent.lost().await;
    seconds(590).await;
    assert_eq!(stage.explain("ali").state, LineState::Unreachable);
    seconds(12).await;
    assert_eq!(stage.explain("ali").state, LineState::Unknown);
    assert_eq!(stage.hub.metrics.lines.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn runs_that_never_settle_leave_no_more_lines_than_an_agent_may_have() {
    let limits = Limits { lines_per_agent: 3, ..Limits::default() };
    let stage = Stage::with(Mode::Open, limits);
    for run in 0..20 {
        let reports = (1..=3).map(|handle| live(handle, &format!("user{run}-{handle}"))).collect();
        stage.agent("a", run, reports).await.lost().await;
        assert!(stage.hub.metrics.lines.get() <= 9, "{} lines", stage.hub.metrics.lines.get());
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_is_told_who_reports_a_line_and_what_became_of_it() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent.status(|status| status.identity = Some("core-1".into())).await;
    agent.samples(&[(1, 14_780_000, 620_000)]).await;
    viewer.sample().await;
    let explained = stage.explain("ali");
    let json = serde_json::to_value(&explained).unwrap();
    assert_eq!(
        (&json["state"], &json["viewers"], &json["newest"]["down"]),
        (&"running".into(), &1.into(), &14_780_000.into())
    );
    assert_eq!(json["reports"][0]["agent"]["name"], "a");
    assert_eq!((&json["reports"][0]["watched"], &json["reports"][0]["role"]), (&true.into(), &"server".into()));
    let text = explained.to_string();
    for part in [
        "state     running, since 60 min ago, sessions 1",
        "viewers   1",
        "14780000 bit/s down",
        "counts, watched",
        "core-1 answers",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let unknown = stage.explain("nobody");
    assert!(unknown.reports.is_empty() && unknown.to_string().contains("no connected agent sees this username"));
    assert_eq!(stage.hub.metrics.lines.get(), 1, "asking makes nothing");
}
