//! Viewers against an independent client over in-memory streams, in paused time.

mod floods;

use std::pin::Pin;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::limits::Limits;
use crate::tests::stage::{AgentEnd, Stage, eventually, live, seconds};
use crate::viewers::context::follow_rights;
use crate::viewers::links::{AUDIENCE, Mode};
use crate::wire::viewer_frame::{LineState, TimedSample};

/// Returns a stage with one agent, and its line `ali` as handle 1.
async fn stage_with_line() -> (Stage, AgentEnd) {
    let stage = Stage::new();
    let agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    (stage, agent)
}

fn limited(limit: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    limit(&mut limits);
    limits
}

#[tokio::test(start_paused = true)]
async fn a_page_gets_a_snapshot_then_each_sample() {
    let (stage, mut agent) = stage_with_line().await;
    let mut viewer = stage.viewer("ali").await;
    let snapshot = viewer.snapshot().await;
    assert_eq!((snapshot.username.as_str(), snapshot.state, snapshot.sessions), ("ali", LineState::Running, 1));
    assert_eq!((snapshot.plan.down, snapshot.plan.up), (Some(50_000_000), Some(10_000_000)));
    assert_eq!(snapshot.brand.as_deref(), Some("Karoo Wireless"));
    assert!((snapshot.since.unwrap() - (snapshot.now - 3_600_000)).abs() < 100);
    assert!(snapshot.history.t.is_empty());
    for second in 0..3 {
        agent.samples(&[(1, 14_780_000 + second, 620_000)]).await;
        let TimedSample { t, down, up, .. } = viewer.sample().await;
        assert_eq!((down, up), (14_780_000 + second, 620_000));
        assert!((t - stage.hub.now().unix).abs() < 100);
        seconds(1).await;
    }
    let mut second_viewer = stage.viewer("ali").await;
    assert_eq!(second_viewer.snapshot().await.history.down, [14_780_000, 14_780_001, 14_780_002]);
}

#[tokio::test(start_paused = true)]
async fn open_access_shows_no_names_and_a_link_does() {
    let stage = Stage::new();
    stage.subscribe("ali", "Protea Motors", 20_000_000);
    let _agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let bare = stage.viewer("ali").await.snapshot().await;
    assert_eq!((bare.customer, bare.package, bare.plan.down), (None, None, Some(20_000_000)));
    let token = stage.token("ali", Duration::from_secs(60));
    let full = stage.viewer_with_token(&token).await.snapshot().await;
    assert_eq!((full.customer.as_deref(), full.package.as_deref()), (Some("Protea Motors"), Some("50-10")));
    assert_eq!((full.plan.down, full.plan.up), (Some(20_000_000), Some(10_000_000)), "the file's, else the router's");
}

#[tokio::test(start_paused = true)]
async fn a_new_customer_name_is_a_new_snapshot() {
    let (stage, mut agent) = stage_with_line().await;
    let mut viewer = stage.viewer_with_token(&stage.token("ali", Duration::from_secs(60))).await;
    assert_eq!(viewer.snapshot().await.customer, None);
    // A line at rest gets the name as well.
    agent.samples(&[(1, 1, 1)]).await;
    viewer.sample().await;
    stage.subscribe("ali", "Protea Motors", 20_000_000);
    assert_eq!(viewer.snapshot().await.customer.as_deref(), Some("Protea Motors"));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_see_a_line_does_not_learn_whether_it_exists() {
    let stage = Stage::with(Mode::Link, Limits::default());
    let _agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let foreign = Stage::with(Mode::Link, Limits::default());
    let refused = (Some(r#"{"type":"error","code":4102,"reason":"link_refused"}"#.to_owned()), Close::LinkRefused);
    for username in ["ali", "nobody"] {
        assert_eq!(stage.viewer(username).await.closed().await, refused);
        let token = foreign.token(username, Duration::from_secs(60));
        assert_eq!(stage.viewer_with_token(&token).await.closed().await, refused);
    }
    assert_eq!(stage.context.metrics.lines.get(), 1, "nothing was made for them");
}

#[tokio::test(start_paused = true)]
async fn the_stream_ends_when_the_link_does() {
    let (stage, _agent) = stage_with_line().await;
    let mut viewer = stage.viewer_with_token(&stage.token("ali", Duration::from_secs(30))).await;
    let snapshot = viewer.snapshot().await;
    let left = snapshot.expires.unwrap() - snapshot.now;
    // The link ends by the wall clock; this test holds the relay's clock.
    assert!((28_000..=31_000).contains(&left), "{left} ms");
    let (error, close) = viewer.closed().await;
    assert_eq!(error.unwrap(), r#"{"type":"error","code":4103,"reason":"link_expired"}"#);
    assert_eq!(close, Close::LinkExpired);
    assert!((stage.hub.now().unix - snapshot.expires.unwrap()).abs() < 100);
}

#[tokio::test(start_paused = true)]
async fn the_first_frame_comes_in_time_and_is_a_watch() {
    let stage = Stage::new();
    let before = stage.hub.now().steady;
    assert_eq!(stage.silent_viewer(1_024).await.closed().await.1, Close::WatchTimeout);
    assert_eq!(stage.hub.now().steady - before, 10_000);
    for first in [
        "hello",
        r#"{"type":"hello"}"#,
        r#"{"type":"watch"}"#,
        r#"{"type":"watch","token":"t","username":"u"}"#,
        &"x".repeat(MAX_VIEWER_FRAME + 1),
    ] {
        let mut viewer = stage.silent_viewer(64 * 1024).await;
        viewer.say(first).await;
        assert_eq!(viewer.closed().await.1, Close::ViewerProtocol, "{first:.40}");
    }
    let mut viewer = stage.silent_viewer(1_024).await;
    viewer.socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(viewer.closed().await.1, Close::ViewerProtocol);
}

#[tokio::test(start_paused = true)]
async fn links_refused_over_a_websocket_are_limited_by_address_and_good_ones_never_are() {
    let stage = Stage::with(Mode::Link, limited(|limits| limits.failed_attempts = 2));
    let _agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let (wrong, good) = ("not.a.token", stage.token("ali", Duration::from_secs(60)));
    for _ in 0..2 {
        assert_eq!(stage.viewer_with_token(wrong).await.closed().await.1, Close::LinkRefused);
    }
    let limited =
        (Some(r#"{"type":"error","code":4108,"reason":"too_many_failures"}"#.to_owned()), Close::TooManyFailures);
    assert_eq!(stage.viewer_with_token(wrong).await.closed().await, limited);
    assert_eq!(stage.viewer("ali").await.closed().await, limited, "no token is a wrong one");
    assert_eq!(stage.context.metrics.attempts_limited.get(), 2);
    stage.viewer_with_token(&good).await.snapshot().await;
    let mut elsewhere = stage.silent_viewer_from(None, 64 * 1024).await;
    elsewhere.say(r#"{"type":"watch","token":"x"}"#).await;
    assert_eq!(elsewhere.closed().await.1, Close::LinkRefused, "an unknown address has no count");
}

#[tokio::test(start_paused = true)]
async fn the_operator_is_told_whose_link_was_refused_and_why() {
    let stage = Stage::with(Mode::Link, limited(|limits| limits.failed_attempts = 3));
    let past = stage.hub.now().unix.as_millis() / 1_000 - 5;
    let expired = stage.token_with(&serde_json::json!({"sub": "ali", "aud": AUDIENCE, "exp": past}));
    let early =
        stage.token_with(&serde_json::json!({"sub": "ali", "aud": AUDIENCE, "exp": past + 900, "nbf": past + 800}));
    for (token, close) in [(&expired, Close::LinkExpired), (&expired, Close::LinkExpired), (&early, Close::LinkRefused)]
    {
        assert_eq!(stage.viewer_with_token(token).await.closed().await.1, close);
    }
    let explained = stage.explain("ali");
    let told: Vec<_> = explained.refusals.iter().map(|refusal| refusal.what.as_str()).collect();
    assert_eq!(told.len(), 2, "what happens again is told once: {told:?}");
    assert!(told[0].contains("link has expired") && told[1].contains("not valid yet"), "{told:?}");
    assert!(explained.to_string().contains("the link has expired"), "{explained}");
    // Strangers use up the address's count; who holds a link that was good once hears the truth all the same.
    for _ in 0..4 {
        stage.viewer_with_token("not.a.token").await.closed().await;
    }
    let bob = stage.token_with(&serde_json::json!({"sub": "bob", "aud": AUDIENCE, "exp": past}));
    assert_eq!(stage.viewer_with_token(&bob).await.closed().await.1, Close::LinkExpired);
    assert_eq!(stage.viewer_with_token("not.a.token").await.closed().await.1, Close::TooManyFailures);
    assert_eq!(stage.explain("bob").refusals.len(), 1);
    assert_eq!(stage.context.metrics.lines.get(), 0, "nothing was made for them");
}

#[tokio::test(start_paused = true)]
async fn a_first_frame_that_came_with_the_handshake_is_read() {
    let (stage, _agent) = stage_with_line().await;
    let mask_of_zeros = [0x81, 0x80 | 35, 0, 0, 0, 0];
    let leftover = [&mask_of_zeros[..], br#"{"type":"watch", "username": "ali"}"#].concat();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(serve_websocket(theirs, leftover.into(), None, Arc::clone(&stage.context), None));
    let role = tokio_tungstenite::tungstenite::protocol::Role::Client;
    let mut socket = tokio_tungstenite::WebSocketStream::from_raw_socket(ours, role, None).await;
    assert!(socket.next().await.unwrap().unwrap().to_text().unwrap().contains("snapshot"));
}

/// A pipe that counts the polls of the viewer's task.
struct Watched(tokio::io::DuplexStream, Arc<std::sync::atomic::AtomicUsize>);

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl ViewerStream for Watched {}

#[tokio::test(start_paused = true)]
async fn samples_reach_a_viewer_whose_task_sleeps() {
    let (stage, mut agent) = stage_with_line().await;
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let looks = Arc::<std::sync::atomic::AtomicUsize>::default();
    let watched = Watched(theirs, Arc::clone(&looks));
    tokio::spawn(serve_websocket(watched, Bytes::new(), None, Arc::clone(&stage.context), None));
    let role = tokio_tungstenite::tungstenite::protocol::Role::Client;
    let mut socket = tokio_tungstenite::WebSocketStream::from_raw_socket(ours, role, None).await;
    socket.send(Message::text(r#"{"type":"watch","username":"ali"}"#)).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().to_text().unwrap().contains("snapshot"));
    // The second sample carries a ping, and the pong wakes the task.
    for nth in 0..3 {
        agent.samples(&[(1, nth, 0)]).await;
        while !socket.next().await.unwrap().unwrap().is_text() {}
        seconds(1).await;
    }
    let frames = stage.context.metrics.frames_sent.get();
    let before = looks.load(std::sync::atomic::Ordering::Relaxed);
    // Less than the five seconds between two pings.
    for nth in 3..6 {
        agent.samples(&[(1, nth, 0)]).await;
        let sample = format!(r#""down":{nth},"#);
        let mut text = socket.next().await.unwrap().unwrap().to_string();
        if nth == 3 {
            assert!(text.contains("self"), "{text}");
            text = socket.next().await.unwrap().unwrap().to_string();
        }
        assert!(text.contains(&sample), "{text}");
        seconds(1).await;
    }
    assert_eq!(looks.load(std::sync::atomic::Ordering::Relaxed), before, "the task was woken for samples");
    assert_eq!(stage.context.metrics.frames_sent.get(), frames + 3);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_is_written_to_past_its_task_still_has_its_deadlines() {
    let (stage, mut agent) = stage_with_line().await;
    let mut viewer = stage.viewer_with_token(&stage.token("ali", Duration::from_secs(25))).await;
    viewer.snapshot().await;
    let streaming = tokio::spawn(async move { agent.stream(1, 40).await });
    let frames = viewer.read(20).await;
    assert!(frames.iter().all(|frame| matches!(frame, ViewerFrame::Sample(_))), "no state between samples: {frames:?}");
    let (_, close) = viewer.closed().await;
    assert_eq!(close, Close::LinkExpired);
    streaming.abort();
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_gets_now_and_no_replay_of_stale_seconds() {
    let (stage, mut agent) = stage_with_line().await;
    let mut viewer = stage.viewer_with_room("ali", 100).await;
    viewer.snapshot().await;
    agent.stream(1, 10).await;
    // One frame was in the pipe, one half written. Everything since then is one frame.
    assert_eq!(viewer.sample().await.down, 14_780_000);
    assert_eq!(viewer.sample().await.down, 14_780_001);
    let ViewerFrame::Samples(missed) = viewer.frame().await else { panic!("not in one frame") };
    assert_eq!(missed.down, (14_780_002..14_780_010).collect::<Vec<_>>());
    agent.samples(&[(1, 5, 5)]).await;
    assert_eq!(viewer.sample().await.down, 5);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_far_behind_gets_a_snapshot() {
    let (stage, mut agent) = stage_with_line().await;
    let mut viewer = stage.viewer_with_room("ali", 100).await;
    viewer.snapshot().await;
    for tenth in 0..80 {
        agent.samples(&[(1, tenth, 0)]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    viewer.sample().await;
    viewer.sample().await;
    assert_eq!(viewer.snapshot().await.history.down, (0..80).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_stopped_reading_is_let_go() {
    let (stage, mut agent) = stage_with_line().await;
    let viewer = stage.viewer_with_room("ali", 100).await;
    let (_unread, ended) = viewer.unread();
    eventually(|| stage.hub.viewers() == 1).await;
    agent.watches().await;
    agent.stream(1, 40).await;
    ended.await;
    assert_eq!(stage.hub.viewers(), 0);
    assert_eq!(stage.context.metrics.viewer_closes.get(Close::ViewerSilent), 1);
    assert_eq!(agent.watches().await, (vec![], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn pings_ride_on_frames_and_want_an_answer() {
    let (stage, mut agent) = stage_with_line().await;
    let (mut answering, deaf) = (stage.viewer("ali").await, stage.viewer_with_room("ali", 64 * 1024).await);
    let (_unread, deaf_ended) = deaf.unread();
    answering.snapshot().await;
    for second in 0..300 {
        agent.samples(&[(1, second, 0)]).await;
        assert_eq!(answering.sample().await.down, second);
        match second {
            15 => assert_eq!(stage.hub.viewers(), 2),
            // A ping at 1 s, an answer within 15 s.
            17 => assert_eq!(stage.hub.viewers(), 1),
            _ => {}
        }
        seconds(1).await;
    }
    deaf_ended.await;
    assert_eq!(stage.context.metrics.viewer_closes.get(Close::ViewerSilent), 1);
    assert_eq!(stage.hub.viewers(), 1, "the one that answers stays for minutes");
}

#[tokio::test(start_paused = true)]
async fn a_viewers_ping_is_answered() {
    let (stage, _agent) = stage_with_line().await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    viewer.socket.send(Message::Ping("are you there".into())).await.unwrap();
    assert_eq!(viewer.socket.next().await.unwrap().unwrap(), Message::Pong("are you there".into()));
}

#[tokio::test(start_paused = true)]
async fn a_stopping_relay_says_goodbye() {
    let (stage, _agent) = stage_with_line().await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    let without_first_frame = stage.silent_viewer(1_024).await;
    stage.stop();
    assert_eq!(viewer.closed().await, (None, Close::GoingAway));
    assert_eq!(without_first_frame.closed().await, (None, Close::GoingAway));
    assert_eq!(stage.viewer("ali").await.closed().await.1, Close::GoingAway);
    eventually(|| stage.hub.viewers() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_lines_state_is_repeated() {
    let stage = Stage::new();
    let mut viewer = stage.viewer("nobody").await;
    assert_eq!(viewer.snapshot().await.state, LineState::Starting);
    let mut previous = stage.hub.now().unix;
    for _ in 0..30 {
        let state = viewer.state().await;
        assert!((0..=10_100).contains(&(state.now - previous)), "{} ms", state.now - previous);
        previous = state.now;
    }
    assert_eq!(viewer.state().await.state, LineState::Unknown, "and a pong each 20 s keeps it open");
}

#[tokio::test(start_paused = true)]
async fn the_viewers_close_is_answered() {
    let (stage, _agent) = stage_with_line().await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    viewer.socket.close(None).await.unwrap();
    assert_eq!(viewer.closed().await.1, Close::Normal);
}

#[tokio::test(start_paused = true)]
async fn an_open_page_costs_little() {
    let (stage, _agent) = stage_with_line().await;
    let (ours, theirs) = tokio::io::duplex(1_024);
    let task = serve_websocket(theirs, Bytes::new(), None, Arc::clone(&stage.context), None);
    let size = size_of_val(&task);
    drop((task, ours));
    assert!(size <= 1_024, "{size} bytes");
    let task = serve_websocket(tokio::io::empty(), Bytes::new(), None, Arc::clone(&stage.context), None);
    println!("a viewer's future without its stream: {} bytes", size_of_val(&task));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_taken_out_ends_the_streams_that_it_opened() {
    let (stage, mut agent) = stage_with_line().await;
    tokio::spawn(follow_rights(Arc::clone(&stage.context.access), Arc::clone(&stage.hub)));
    let token = stage.token("ali", Duration::from_secs(3_600));
    let (mut viewer, mut open) = (stage.viewer_with_token(&token).await, stage.viewer("ali").await);
    let admission = stage.context.access.admit(&WatchRequest::Token(token), stage.hub.now().unix.into()).unwrap();
    let mut body = serve_events(admission, None, Arc::clone(&stage.context)).unwrap();
    let mut event = async || std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut body), cx)).await;
    for viewer in [&mut viewer, &mut open] {
        viewer.snapshot().await;
    }
    event().await.unwrap().unwrap();
    // The line rests: nothing but the keys wakes its viewers.
    agent.samples(&[(1, 1, 1)]).await;
    for viewer in [&mut viewer, &mut open] {
        viewer.sample().await;
    }
    event().await.unwrap().unwrap();

    // The same keys end nothing.
    stage.context.access.set_keys(stage.keys.clone());
    let before = stage.hub.now().steady;
    stage.context.access.set_keys(Stage::new().keys);
    assert_eq!(viewer.closed().await.1, Close::LinkRefused);
    let last = event().await.unwrap().unwrap().into_data().unwrap();
    assert!(String::from_utf8_lossy(&last).contains("link_refused"));
    assert!(stage.hub.now().steady - before < 1_000);
    agent.samples(&[(1, 2, 2)]).await;
    assert_eq!(open.sample().await.down, 2, "who needs no link stays");
}
