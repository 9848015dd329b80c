//! Limits on an agent's messages (time, size, rate, order), on its identity and on its reports.

use shared::MAX_UPLINK_FRAME;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::*;

#[tokio::test(start_paused = true)]
async fn hello_comes_first_and_in_time() {
    let stage = Stage::new();
    let before = stage.hub.now().steady;
    assert_eq!(stage.silent_agent("a", 1).await.closed().await, Close::HelloTimeout);
    assert_eq!(stage.hub.now().steady - before, 10_000);

    let mut agent = stage.silent_agent("a", 1).await;
    agent.report(vec![]).await;
    assert_eq!(agent.closed().await, Close::ProtocolError);

    let mut agent = stage.silent_agent("a", 1).await;
    agent.samples(&[]).await;
    assert_eq!(agent.closed().await, Close::ProtocolError);

    let mut agent = stage.silent_agent("a", 1).await;
    agent.socket.send(Message::text("not json")).await.unwrap();
    assert_eq!(agent.closed().await, Close::ProtocolError);
    assert_eq!(stage.hub.metrics.uplink_closes.get(Close::ProtocolError), 3);
}

#[tokio::test(start_paused = true)]
async fn the_table_is_complete_in_time() {
    let stage = Stage::new();
    let mut agent = stage.silent_agent("a", 1).await;
    agent.hello().await;
    agent.say(&FromAgent::Lines(Lines { uptime_ms: 61_000, more: true, lines: vec![live(1, "ali")] })).await;
    let before = stage.hub.now().steady;
    assert_eq!(agent.closed().await, Close::HelloTimeout);
    assert_eq!(stage.hub.now().steady - before, 30_000);
    eventually(|| stage.hub.metrics.uplinks.get() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_table_in_parts_is_answered_once() {
    let stage = Stage::new();
    let mut agent = stage.silent_agent("a", 1).await;
    agent.hello().await;
    agent.say(&FromAgent::Lines(Lines { uptime_ms: 61_000, more: true, lines: vec![live(1, "ali")] })).await;
    agent.say(&FromAgent::Unknown).await;
    agent.report(vec![live(2, "bob")]).await;
    let welcome = agent.welcome().await;
    assert_eq!((welcome.agent.as_str(), welcome.next, welcome.generation), ("a", None, 0));
    assert_eq!(stage.hub.metrics.lines.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_second_hello_and_a_foreign_epoch_break_the_protocol() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![]).await;
    agent.hello().await;
    assert_eq!(agent.closed().await, Close::ProtocolError);

    let mut agent = stage.agent("a", 1, vec![]).await;
    agent.epoch.0 = 2;
    agent.samples(&[]).await;
    assert_eq!(agent.closed().await, Close::ProtocolError);

    let mut agent = stage.agent("a", 1, vec![]).await;
    agent.socket.send(Message::binary(vec![1, 0])).await.unwrap();
    assert_eq!(agent.closed().await, Close::ProtocolError);
}

#[tokio::test(start_paused = true)]
async fn a_later_kind_of_message_is_skipped() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![]).await;
    agent.socket.send(Message::binary(vec![9, 1, 2, 3])).await.unwrap();
    agent.say(&FromAgent::Unknown).await;
    agent.samples(&[]).await;
    assert!(matches!(agent.heard().await, Some(FromRelay::Ack { next: 2 })));
}

#[tokio::test(start_paused = true)]
async fn a_message_has_a_largest_size() {
    let stage = Stage::new();
    let agent = stage.agent("a", 1, vec![]).await;
    let (mut sink, mut stream) = agent.socket.split();
    let sent = tokio::spawn(async move { sink.send(Message::binary(vec![0; MAX_UPLINK_FRAME + 1])).await });
    let Some(Ok(Message::Close(Some(close)))) = stream.next().await else { panic!("no close frame") };
    assert_eq!(u16::from(close.code), Close::FrameTooLarge.code());
    sent.abort();
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_closed_and_a_backlog_is_not() {
    let limits = Limits { agent_message_burst: 300, ..Limits::default() };
    let stage = Stage::with(Mode::Open, limits);
    let mut agent = stage.agent("a", 1, vec![]).await;
    for _ in 0..250 {
        agent.samples(&[]).await;
    }
    seconds(3).await;
    assert!(matches!(agent.heard().await, Some(FromRelay::Ack { next: 251 })));
    for _ in 0..310 {
        agent.samples(&[]).await;
    }
    assert_eq!(agent.closed().await, Close::TooFast);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_bytes_is_closed() {
    let limits = Limits { agent_byte_burst: 100_000, ..Limits::default() };
    let stage = Stage::with(Mode::Open, limits);
    let mut agent = stage.agent("a", 1, vec![]).await;
    agent.socket.send(Message::binary(vec![9; 101_000])).await.unwrap();
    assert_eq!(agent.closed().await, Close::TooFast);
}

/// Sends messages of `length` bytes at a steady rate. Returns the seconds until the relay closes the uplink, 60 at
/// most.
async fn bears(limits: Limits, each_second: usize, length: usize) -> u64 {
    let stage = Stage::with(Mode::Open, limits);
    let mut agent = stage.agent("a", 1, vec![]).await;
    for second in 0..60 {
        for _ in 0..each_second {
            // The relay skips this unknown kind of message.
            if agent.socket.send(Message::binary(vec![9; length])).await.is_err() {
                return second;
            }
        }
        seconds(1).await;
        if stage.hub.metrics.uplink_closes.get(Close::TooFast) == 1 {
            return second;
        }
    }
    60
}

#[tokio::test(start_paused = true)]
async fn an_agent_keeps_its_rates_for_ever_and_is_closed_above_them() {
    let messages = || Limits { agent_message_burst: 30, agent_messages_per_second: 10, ..Limits::default() };
    assert_eq!(bears(messages(), 10, 1).await, 60);
    // Twice the rate: the burst pays for the excess. Hello and table took two messages of the burst.
    assert_eq!(bears(messages(), 20, 1).await, 1);
    let bytes = || Limits { agent_byte_burst: 3_000, agent_bytes_per_second: 1_000, ..Limits::default() };
    assert_eq!(bears(bytes(), 2, 500).await, 60);
    assert_eq!(bears(bytes(), 4, 500).await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_takes_nothing_is_closed() {
    let stage = Stage::new();
    // The stream has room for the agent's messages, because the relay reads them, and for none of the relay's.
    let mut agent = stage.silent_agent_with_room("a", 1, 16).await;
    let (before, closes) = (stage.hub.now().steady, &stage.hub.metrics.uplink_closes);
    agent.hello().await;
    agent.report(vec![live(1, "ali")]).await;
    eventually(|| closes.get(Close::Silent) == 1).await;
    let took = stage.hub.now().steady - before;
    assert!((10_000..10_100).contains(&took), "{took} ms: the write's patience, and not that of silence");
}

#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_asked_and_then_closed() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![]).await;
    let before = stage.hub.now().steady;
    // An agent that reads answers pings, and so is not silent.
    assert!(agent.is_left_alone(100).await);
    // Not reading is silence.
    let before_silence = stage.hub.now().steady;
    assert!(before_silence - before >= 100_000);
    eventually(|| stage.hub.metrics.uplink_closes.get(Close::Silent) == 1).await;
    assert!(stage.hub.now().steady - before_silence <= 46_000);
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_drop_by_drop_is_silence() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![]).await;
    let before = stage.hub.now().steady;
    let half = [&[0x82, 0xFF][..], &(MAX_UPLINK_FRAME as u64).to_be_bytes(), &[0; 4]].concat();
    let wire = agent.socket.get_mut();
    tokio::io::AsyncWriteExt::write_all(wire, &half).await.unwrap();
    // A byte a second, and pings are not answered.
    while stage.hub.metrics.uplink_closes.get(Close::Silent) == 0 {
        assert!(stage.hub.now().steady - before <= 46_000, "kept for ever");
        let _ = tokio::io::AsyncWriteExt::write_all(agent.socket.get_mut(), &[0]).await;
        seconds(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_uplink_of_the_same_run_wins() {
    let stage = Stage::new();
    let old = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    let mut new = stage.silent_agent("a", 1).await;
    new.hello().await;
    new.report(vec![live(1, "ali")]).await;
    assert_eq!(new.welcome().await.watched, [LineHandle(1)]);
    assert_eq!(old.closed().await, Close::Replaced);
    new.samples(&[(1, 7, 7)]).await;
    assert_eq!(viewer.sample().await.down, 7, "and nothing else was said to the page");
}

#[tokio::test(start_paused = true)]
async fn another_run_is_refused_while_the_first_answers() {
    let stage = Stage::new();
    let mut first = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut second = stage.silent_agent("a", 2).await;
    second.hello().await;
    let (alone, close) = tokio::join!(first.is_left_alone(3), second.closed());
    assert!(alone);
    assert_eq!(close, Close::Duplicate);
    let line = stage.explain("ali");
    assert!(line.reports[0].unreachable_since.is_none());
}

#[tokio::test(start_paused = true)]
async fn another_run_wins_when_the_first_does_not_answer() {
    let stage = Stage::new();
    // From here on, the first agent neither reads nor writes.
    let first = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let before = stage.hub.now().steady;
    let second = stage.agent("a", 2, vec![live(9, "ali")]).await;
    assert_eq!(stage.hub.now().steady - before, 5_000);
    assert_eq!(first.closed().await, Close::Replaced);
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn what_lies_beyond_the_patterns_is_refused_and_the_rest_stands() {
    let stage = Stage::new();
    stage.registry.replace(entries(&[("home", &["ali", "bob"])])).unwrap();
    let mut agent = stage.silent_agent("home", 1).await;
    agent.hello().await;
    agent.report(vec![live(1, "ali"), live(2, "alice"), live(3, "Ali"), live(4, "bob")]).await;
    let FromRelay::Refused { lines } = agent.told().await else { panic!("not told") };
    assert_eq!(lines, [LineHandle(2), LineHandle(3)]);
    agent.welcome().await;

    let mut foreign = stage.viewer("alice").await;
    assert_eq!(foreign.snapshot().await.state, LineState::Starting);
    let mut own = stage.viewer("ali").await;
    own.snapshot().await;
    assert_eq!(agent.watches().await, (vec![1], vec![]));
    agent.samples(&[(1, 5, 5), (2, 6, 6), (3, 7, 7), (77, 8, 8)]).await;
    assert_eq!(own.sample().await.down, 5);
    let metrics = &stage.hub.metrics;
    assert_eq!((metrics.samples_refused.get(), metrics.samples_unknown.get()), (2, 1));
    assert_eq!(metrics.reports_refused.get(), 2);
    let explained = stage.explain("alice");
    assert!(explained.reports.is_empty() && explained.refusals[0].what.contains("patterns of agent home"));
}

#[tokio::test(start_paused = true)]
async fn a_revoked_agent_is_closed_and_its_lines_are_forgotten() {
    let stage = Stage::new();
    let agent = stage.agent("a", 1, vec![live(1, "ali"), live(2, "bob")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    stage.registry.replace(entries(&[("b", &["*"])])).unwrap();
    assert_eq!(agent.closed().await, Close::Revoked);
    viewer.until(LineState::Starting).await;
    eventually(|| stage.hub.metrics.lines.get() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn patterns_that_changed_hold_at_once() {
    let stage = Stage::new();
    stage.registry.replace(entries(&[("a", &["ali", "bob"])])).unwrap();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali"), live(2, "bob")]).await;
    stage.registry.replace(entries(&[("a", &["ali"])])).unwrap();
    let FromRelay::Refused { lines } = agent.told().await else { panic!("not told") };
    assert_eq!(lines, [LineHandle(2)]);
    assert_eq!(stage.hub.metrics.lines.get(), 1);
    // Only the agent can report a refused line again; the agent comes back at once.
    stage.registry.replace(entries(&[("a", &["*"])])).unwrap();
    assert_eq!(agent.closed().await, Close::GoingAway);
}

#[tokio::test(start_paused = true)]
async fn patterns_that_changed_hold_for_what_was_reported_before_too() {
    let stage = Stage::new();
    let usernames = ["retired", "previous", "remembered", "kept"];
    let is_known = |username: &str| !stage.explain(username).reports.is_empty();
    // Remembered: from a run that ended, after its successor had read its router.
    let lines = vec![live(1, "remembered"), live(2, "kept"), live(3, "previous"), live(4, "retired")];
    stage.agent("a", 1, lines).await.lost().await;
    let mut second = stage.agent("a", 2, vec![live(3, "previous"), live(4, "retired")]).await;
    second.status(|_| {}).await;
    eventually(|| stage.explain("remembered").state == LineState::Offline).await;
    second.lost().await;
    // Previous: from a run whose successor has not yet read its router. Retired: from an earlier uplink of the same
    // run, with an incomplete table.
    stage.agent("a", 3, vec![live(4, "retired")]).await.lost().await;
    let mut third = stage.silent_agent("a", 3).await;
    third.hello().await;
    third.lost().await;
    assert!(usernames.into_iter().all(is_known));

    stage.registry.replace(entries(&[("a", &["kept"])])).unwrap();
    eventually(|| stage.hub.metrics.lines.get() == 1).await;
    assert_eq!(usernames.map(is_known), [false, false, false, true]);
    // The same with a connected agent.
    let mut again = stage.agent("a", 3, vec![]).await;
    again.status(|_| {}).await;
    assert!(is_known("kept"));
    stage.registry.replace(entries(&[("a", &["nobody"])])).unwrap();
    eventually(|| stage.hub.metrics.lines.get() == 0).await;
    assert!(again.is_left_alone(1).await, "there was nothing of its table to refuse");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_revoked_while_it_is_away_is_forgotten_at_once() {
    let stage = Stage::new();
    for name in ["a", "b", "home"] {
        stage.agent(name, 1, vec![live(1, "ali"), live(2, name)]).await.lost().await;
    }
    let before = stage.hub.now().steady;
    // The name gets another token: the relay forgets the reports under the old token all the same.
    let renewed = Entry { token_sha256: TokenHash::of(b"renewed"), ..entries(&[("b", &["*"])]).agents.remove(0) };
    let mut registry = entries(&[("home", &["*"])]);
    registry.agents.push(renewed);
    stage.registry.replace(registry).unwrap();
    eventually(|| stage.hub.metrics.lines.get() == 2).await;
    assert!(stage.hub.now().steady - before <= 2_000, "at once, and not after a day");
    let agents: Vec<_> = stage.fleet.findings(stage.hub.now()).agents.into_iter().map(|agent| agent.name).collect();
    assert_eq!(agents, ["home"]);
    assert_eq!(stage.explain("ali").reports.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_agent_has_so_many_lines() {
    let limits = Limits { lines_per_agent: 2, ..Limits::default() };
    let stage = Stage::with(Mode::Open, limits);
    let mut agent = stage.silent_agent("a", 1).await;
    agent.hello().await;
    agent.report(vec![live(1, "ali"), live(2, "bob"), live(3, "eve"), offline(2, "bob")]).await;
    let FromRelay::Refused { lines } = agent.told().await else { panic!("not told") };
    assert_eq!(lines, [LineHandle(3)]);
    assert_eq!(stage.hub.metrics.lines.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_are_a_cursor_and_doubles_are_dropped() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent.watches().await;
    agent.samples(&[(1, 1, 0)]).await;
    assert_eq!(viewer.sample().await.down, 1);
    let uptime = agent.uptime();
    agent.batch(1, uptime, false, &[(1, 99, 0)]).await;
    agent.sequence = 4;
    agent.samples(&[(1, 4, 0)]).await;
    assert_eq!(viewer.sample().await.down, 4);
    assert!(matches!(agent.heard().await, Some(FromRelay::Ack { next: 2 })));
    assert_eq!(stage.hub.metrics.batches_doubled.get(), 1);
    agent.batch(2, uptime + 1, true, &[]).await;
    agent.batch(3, uptime + 2, true, &[]).await;
    assert!(matches!(agent.heard().await, Some(FromRelay::Ack { next: 5 })));
}

#[tokio::test(start_paused = true)]
async fn what_leaves_the_backlog_of_a_slow_uplink_is_lost_then_and_not_at_the_next_reconnect() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    for sequence in [1, 2, 9] {
        agent.sequence = sequence;
        agent.samples(&[]).await;
    }
    let metrics = &stage.hub.metrics;
    agent.status(|status| status.oldest = Some(6)).await;
    eventually(|| metrics.batches_lost.get() == 3).await;
    agent.status(|status| status.oldest = Some(6)).await;
    let sequence = agent.sequence;
    agent.batch(7, 60_000, true, &[]).await;
    agent.status(|status| status.oldest = Some(sequence)).await;
    eventually(|| metrics.batches_lost.get() == 5).await;
    assert_eq!(stage.fleet.findings(stage.hub.now()).agents[0].batches_lost, 5, "3, 4, 5, then 6 and 8");
    agent.lost().await;
    let mut again = stage.silent_agent("a", 1).await;
    again.sequence = sequence;
    again.hello_with_backlog(sequence).await;
    again.report(vec![live(1, "ali")]).await;
    assert_eq!(again.welcome().await.next, Some(10));
    assert_eq!(metrics.batches_lost.get(), 5, "once");
}

#[tokio::test(start_paused = true)]
async fn the_welcome_says_what_is_missing() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    agent.samples(&[]).await;
    assert!(matches!(agent.heard().await, Some(FromRelay::Ack { next: 2 })));
    let sequence = agent.sequence;
    agent.lost().await;
    let mut again = stage.silent_agent("a", 1).await;
    again.sequence = sequence + 5;
    again.hello_with_backlog(1).await;
    again.report(vec![live(1, "ali")]).await;
    assert_eq!(again.welcome().await.next, Some(2));
    again.lost().await;
    let mut again = stage.silent_agent("a", 1).await;
    again.sequence = 8;
    again.hello_with_backlog(6).await;
    again.report(vec![live(1, "ali")]).await;
    assert_eq!(again.welcome().await.next, Some(6), "the agent has nothing older any more");
}

#[tokio::test(start_paused = true)]
async fn a_stopping_relay_says_goodbye() {
    let stage = Stage::new();
    let agent = stage.agent("a", 1, vec![]).await;
    let without_hello = stage.silent_agent("b", 1).await;
    stage.stop();
    assert_eq!(agent.closed().await, Close::GoingAway);
    assert_eq!(without_hello.closed().await, Close::GoingAway);
}

#[tokio::test(start_paused = true)]
async fn an_agents_goodbye_is_counted_as_what_it_says() {
    let stage = Stage::new();
    let mut stopping = stage.agent("a", 1, vec![]).await;
    let code = CloseCode::from(Close::GoingAway.code());
    stopping.socket.close(Some(CloseFrame { code, reason: "".into() })).await.unwrap();
    assert_eq!(stopping.closed().await, Close::GoingAway);
    let mut trying = stage.silent_agent("a", 1).await;
    trying.socket.close(None).await.unwrap();
    eventually(|| stage.hub.metrics.uplink_closes.get(Close::Normal) == 1).await;
    assert_eq!(stage.hub.metrics.uplink_closes.get(Close::GoingAway), 1);
}

#[test]
fn an_uplink_may_move_between_threads() {
    fn is_send<T: Send>(_: impl FnOnce() -> T) {}
    is_send(|| async {
        let stage = Stage::new();
        let (_, stream) = tokio::io::duplex(1);
        let role = tokio_tungstenite::tungstenite::protocol::Role::Server;
        let socket = WebSocketStream::from_raw_socket(stream, role, None).await;
        let grant = stage.registry.authenticate(b"a").unwrap();
        let (_, drain) = watch::channel(false);
        serve(socket, Caller { grant, address: None }, stage.registry.clone(), Arc::clone(&stage.fleet), drain).await;
    });
}

#[tokio::test(start_paused = true)]
async fn an_idle_uplink_costs_little() {
    let stage = Stage::new();
    let (_ours, theirs) = tokio::io::duplex(1_024);
    let role = tokio_tungstenite::tungstenite::protocol::Role::Server;
    let socket = WebSocketStream::from_raw_socket(theirs, role, Some(websocket_config())).await;
    let grant = stage.registry.authenticate(b"a").unwrap();
    let (_drain, draining) = watch::channel(false);
    let task =
        serve(socket, Caller { grant, address: None }, stage.registry.clone(), Arc::clone(&stage.fleet), draining);
    let size = size_of_val(&task);
    println!("an uplink's future: {size} bytes");
    assert!(size <= 4_096, "{size} bytes");
}
