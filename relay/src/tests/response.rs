//! Responses of lines and of viewers, from an agent's batch to the page.

use std::time::Duration;

use shared::Response;
use shared::control::{LineReport, Role};

use super::stage::{Stage, live, name, seconds};
use crate::wire::response::{Measured, ResponseWay};
use crate::wire::viewer_frame::ViewerFrame;

const QUIET: Response = Response::Micros(12_000);

#[tokio::test(start_paused = true)]
async fn a_response_goes_from_the_agent_to_the_page_and_stays_in_the_history() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    assert_eq!(viewer.snapshot().await.response, None);
    for (response, drops) in [(QUIET, 0), (Response::Lost, 3), (Response::NotMeasured, 0)] {
        agent.detailed(1, response, drops).await;
        seconds(1).await;
    }
    let frames = viewer.read(2).await;
    let told: Vec<_> = frames
        .iter()
        .filter_map(|frame| match frame {
            ViewerFrame::Sample(sample) => Some((sample.response, sample.drops)),
            _ => None,
        })
        .collect();
    let expected = [(Some(Measured::Micros(12_000)), 0), (Some(Measured::Lost), 3), (None, 0)];
    assert_eq!(told, expected, "{frames:?}");
    let ways = frames.iter().filter_map(|frame| match frame {
        ViewerFrame::State(state) => Some(state.response),
        _ => None,
    });
    assert_eq!(ways.collect::<Vec<_>>(), [Some(ResponseWay::Router)]);
    let snapshot = stage.viewer("ali").await.snapshot().await;
    assert_eq!(snapshot.history.responses, [Some(12_000), None, Some(0)]);
    assert_eq!((snapshot.history.drops, snapshot.response), (vec![0, 3, 0], Some(ResponseWay::Router)));
    let metrics = &stage.hub.metrics;
    assert_eq!((metrics.probes_answered.get(), metrics.probes_lost.get()), (1, 1));
    let findings = stage.hub.findings(&name("ali"), stage.hub.now());
    assert_eq!(findings.response, Some(Measured::Lost));
}

#[tokio::test(start_paused = true)]
async fn the_quiet_response_is_told_once_it_is_known_and_outlives_the_viewers() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    for _ in 0..10 {
        agent.detailed(1, QUIET, 0).await;
        seconds(1).await;
    }
    let frames = viewer.read(1).await;
    let told = frames.iter().filter_map(|frame| match frame {
        ViewerFrame::State(state) => Some(state.quiet),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [None, Some(12_000)], "{frames:?}");
    viewer.leave().await;
    for _ in 0..300 {
        agent.averages(&[]).await;
        seconds(1).await;
    }
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    agent.detailed(1, QUIET, 0).await;
    assert_eq!(viewer.state().await.quiet, Some(12_000));
}

#[tokio::test(start_paused = true)]
async fn a_router_without_answers_is_silent_and_a_home_router_measures_to_the_provider() {
    let stage = Stage::new();
    let home = LineReport { role: Role::Client, ..live(2, "bob") };
    let mut agent = stage.agent("a", 1, vec![live(1, "ali"), home]).await;
    let (mut ali, mut bob) = (stage.viewer("ali").await, stage.viewer("bob").await);
    ali.snapshot().await;
    bob.snapshot().await;
    agent.detailed(1, Response::Silent, 0).await;
    agent.detailed(2, QUIET, 0).await;
    assert_eq!(ali.state().await.response, Some(ResponseWay::Silent));
    assert_eq!(ali.sample().await.response, None, "silence is no loss");
    assert_eq!(bob.state().await.response, Some(ResponseWay::Provider));
}

#[tokio::test(start_paused = true)]
async fn a_page_is_told_its_own_response() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    let streaming = tokio::spawn(async move { agent.stream(1, 10).await });
    // The ping rides on the second sample; the page answers when it reads, and is told with the third.
    tokio::time::sleep(Duration::from_millis(1_700)).await;
    let micros = viewer.own_response().await;
    assert!((700_000..710_000).contains(&micros), "{micros}");
    streaming.await.unwrap();
}
