//! A line whose agent comes from another relay: what the agent brings is neither lost nor shown twice.

use super::*;
use crate::lines::agent::Agent;
use crate::lines::audience::DirectWriter;
use crate::lines::line::Line;
use crate::lines::live::Arrival;
use crate::lines::narrowness::Narrowness;
use crate::lines::report::Report;
use crate::tests::stage::name;
use crate::wire::viewer_frame::TimedSample;

/// The agent `a` at another relay, with the line `ali`.
fn elsewhere(stage: &Stage) -> (Arc<Agent>, Arc<Line>) {
    let agent = Arc::new(Agent::elsewhere("a".into()));
    let now = stage.hub.now();
    agent.begin_table(now.steady);
    let since = Some(now.steady - 1_000);
    let report = Report::new(&agent, Narrowness::of_part(0), &live(1, "ali"), since, None);
    let line = stage.hub.report(&name("ali"), report, stage.hub.circumstances(now));
    (agent, line)
}

/// A sample that came by the other relay.
fn shown(stage: &Stage, (agent, line): &(Arc<Agent>, Arc<Line>), down: u64) {
    let now = stage.hub.now();
    let sample = TimedSample { t: now.unix, down, up: 1, response: None, drops: 0 };
    let response = shared::Response::NotMeasured;
    let arrival = Arrival { agent, handle: LineHandle(1), sample, response, replayed: false };
    line.publish(arrival, stage.hub.circumstances(now), &mut DirectWriter::default());
}

#[tokio::test(start_paused = true)]
async fn what_an_agent_brings_from_another_relay_is_kept_once() {
    let stage = Stage::new();
    let away = elsewhere(&stage);
    let mut viewer = stage.viewer("ali").await;
    viewer.snapshot().await;
    shown(&stage, &away, 100);
    seconds(1).await;
    shown(&stage, &away, 200);
    seconds(1).await;
    // Its uptime is that of the run. The line follows the other relay until the machine hears of the new owner.
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let uptime = agent.uptime();
    agent.batch(0, uptime - 993, true, &[(1, 200, 1)]).await;
    agent.batch(1, uptime, true, &[(1, 300, 1)]).await;
    seconds(2).await;
    let points = stage.viewer("ali").await.snapshot().await.history.down;
    assert_eq!(points, [100, 200, 300]);
}
