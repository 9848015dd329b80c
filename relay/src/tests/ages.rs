//! How old samples are when they are written to viewers, as the metrics tell it.

use super::stage::*;

/// Stage, agent and viewer of one line; one sample has fixed the agent's time on the relay's clock.
async fn settled(room: usize) -> (Stage, AgentEnd, ViewerEnd) {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer_with_room("ali", room).await;
    viewer.snapshot().await;
    agent.samples(&[(1, 0, 0)]).await;
    viewer.sample().await;
    seconds(1).await;
    (stage, agent, viewer)
}

/// Samples that were at most so old, in seconds as Prometheus writes them.
fn within(stage: &Stage, bound: &str) -> u64 {
    let text = stage.context.metrics.render();
    let series = format!("linelight_sample_age_seconds_bucket{{le=\"{bound}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_sample_that_comes_late_is_counted_as_old() {
    let (stage, mut agent, mut viewer) = settled(64 * 1024).await;
    assert_eq!((within(&stage, "0.05"), within(&stage, "+Inf")), (1, 1));
    for late in [40, 3_000] {
        let uptime = agent.uptime() - late;
        agent.batch(agent.sequence, uptime, false, &[(1, late, 0)]).await;
        agent.sequence += 1;
        assert_eq!(viewer.sample().await.down, late);
    }
    assert_eq!(["0.05", "2.5", "5", "+Inf"].map(|bound| within(&stage, bound)), [2, 2, 3, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_gets_each_sample_at_an_age_of_its_own() {
    let (stage, mut agent, mut viewer) = settled(100).await;
    agent.stream(1, 10).await;
    // One frame in the pipe, one half written, and eight in one frame, nine seconds to one second old.
    assert_eq!((viewer.sample().await.down, viewer.sample().await.down), (14_780_000, 14_780_001));
    viewer.frame().await;
    assert_eq!(["0.05", "1", "5", "10", "+Inf"].map(|bound| within(&stage, bound)), [3, 4, 8, 11, 11]);
}

#[tokio::test(start_paused = true)]
async fn a_past_that_a_viewer_opens_with_is_no_late_sample() {
    let (stage, mut agent, _viewer) = settled(64 * 1024).await;
    let before = within(&stage, "+Inf");
    stage.viewer("ali").await.snapshot().await;
    let (sequence, uptime) = (agent.sequence, agent.uptime());
    agent.batch(sequence, uptime - 5_000, true, &[(1, 7, 0)]).await;
    seconds(3).await;
    assert_eq!(within(&stage, "+Inf"), before);
}
