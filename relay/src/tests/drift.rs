//! An agent whose oscillator is off, after two weeks: the chart is in order, ages are right, and nobody is called stalled.

use super::*;

const TWO_WEEKS_MS: u64 = 14 * 86_400_000;

/// Streams for an hour from an agent whose seconds are so many millionths too long.
async fn an_hour_of(ppm: i64) {
    let stage = Stage::new();
    let mut agent = stage.silent_agent("a", 1).await;
    let uptime = |elapsed: std::time::Duration| {
        let elapsed = i64::try_from(elapsed.as_micros()).unwrap();
        TWO_WEEKS_MS.checked_add_signed((elapsed - elapsed * ppm / 1_000_000) / 1_000).unwrap()
    };
    let (epoch, began) = (agent.epoch, agent.started);
    let hello =
        Hello { version: "0.1.0".into(), epoch, oldest: 1, next: 1, uptime_ms: uptime(began.elapsed()), lost: 0 };
    agent.say(&FromAgent::Hello(hello)).await;
    agent
        .say(&FromAgent::Lines(Lines { uptime_ms: uptime(began.elapsed()), more: false, lines: vec![live(1, "ali")] }))
        .await;
    agent.welcome().await;
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    let mut last = None;
    for second in 1..=3_600 {
        seconds(1).await;
        agent.batch(second, uptime(began.elapsed()), false, &[(1, second, 0)]).await;
        let point = loop {
            match viewer.frame().await {
                ViewerFrame::Sample(point) => break point,
                ViewerFrame::State(state) => assert_eq!(state.state, LineState::Running, "second {second}"),
                other => panic!("{other:?}"),
            }
        };
        let age = stage.hub.now().unix - point.t;
        assert!(age.abs() <= 50, "second {second}: {age} ms old");
        assert!(last.is_none_or(|last| (980..=1_020).contains(&(point.t - last))), "{point:?} behind {last:?}");
        last = Some(point.t);
        // The agent reads the acknowledgements, so that they cannot fill the stream.
        while tokio::time::timeout(std::time::Duration::ZERO, agent.heard()).await.is_ok() {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_oscillator_makes_nobody_stalled() {
    an_hour_of(100).await;
}

#[tokio::test(start_paused = true)]
async fn a_fast_oscillator_makes_nobody_stalled() {
    an_hour_of(-100).await;
}
