//! Several agents that speak for one line, with patterns of different narrowness.

use shared::control::{LineReport, Role};

use super::stage::{AgentEnd, Stage, entries, eventually, live, seconds};
use crate::wire::viewer_frame::LineState;

/// A report of a session that began after that of [`live`].
fn newer(handle: u32, username: &str) -> LineReport {
    LineReport { age_ms: Some(1_000), ..live(handle, username) }
}

/// A stage with two agents: one of a realm, and one of every line. The second one claims a newer session of the realm's line.
async fn claimed() -> (Stage, AgentEnd, AgentEnd) {
    let stage = Stage::new();
    stage.registry.replace(entries(&[("a", &["*@north"]), ("b", &["*"])])).unwrap();
    let narrow = stage.agent("a", 1, vec![live(1, "ali@north")]).await;
    let wide = stage.agent("b", 1, vec![newer(1, "ali@north"), live(2, "bob@south")]).await;
    (stage, narrow, wide)
}

/// Returns the agent whose report of the realm's line counts.
fn counts(stage: &Stage) -> Option<String> {
    let reports = stage.explain("ali@north").reports;
    reports.into_iter().find(|report| report.counts).map(|report| report.agent.name)
}

#[tokio::test(start_paused = true)]
async fn an_agent_of_every_line_takes_no_line_of_a_realms_agent() {
    let (stage, mut narrow, mut wide) = claimed().await;
    let mut viewer = stage.viewer("ali@north").await;
    viewer.snapshot().await;
    assert_eq!(narrow.watches().await, (vec![1], vec![]));
    wide.samples(&[(1, 6, 6)]).await;
    narrow.samples(&[(1, 5, 5)]).await;
    assert_eq!(viewer.sample().await.down, 5);
    assert_eq!(counts(&stage).as_deref(), Some("a"));
    assert_eq!((stage.hub.metrics.reports_held_back.get(), stage.hub.metrics.lines_taken_over.get()), (1, 0));
    let text = stage.explain("ali@north").to_string();
    assert!(
        text.contains("does not count: that of agent a is narrower") && text.contains("1 reports did not count"),
        "{text}"
    );
    assert!(stage.explain("bob@south").reports[0].counts, "its other lines stand");

    narrow.lost().await;
    viewer.until(LineState::Unreachable).await;
    stage.registry.replace(entries(&[("b", &["*"])])).unwrap();
    viewer.until(LineState::Running).await;
    assert_eq!(counts(&stage).as_deref(), Some("b"), "the narrower agent was revoked");
    assert_eq!(stage.hub.metrics.lines_taken_over.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_takeover_by_an_equal_pattern_is_counted_and_shown() {
    let stage = Stage::new();
    let _first = stage.agent("a", 1, vec![live(1, "ali@north")]).await;
    let mut second = stage.agent("b", 1, vec![newer(1, "ali@north")]).await;
    assert_eq!(counts(&stage).as_deref(), Some("b"));
    second.report(vec![newer(1, "ali@north")]).await;
    seconds(1).await;
    assert_eq!(stage.hub.metrics.lines_taken_over.get(), 1, "once");
    let text = stage.explain("ali@north").to_string();
    for shown in [
        "the line passed to agent b while agent a still spoke for it",
        "counts, taken from an agent that still spoke for the line",
        "took 1 for which another agent still spoke",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_report_by_a_wider_pattern_takes_a_home_routers_line_and_says_so() {
    let stage = Stage::new();
    stage.registry.replace(entries(&[("home", &["ali@north"]), ("b", &["*"])])).unwrap();
    let _home = stage.agent("home", 1, vec![LineReport { role: Role::Client, ..live(1, "ali@north") }]).await;
    let mut core = stage.agent("b", 1, vec![]).await;
    // The router's reachability is the agent's word too: a report that does not count yet is no way around the count.
    core.status(|status| status.router_reachable = false).await;
    core.report(vec![live(1, "ali@north")]).await;
    eventually(|| stage.explain("ali@north").reports.len() == 2).await;
    assert_eq!((counts(&stage).as_deref(), stage.hub.metrics.lines_taken_over.get()), (Some("home"), 0));
    core.status(|status| status.router_reachable = true).await;
    eventually(|| counts(&stage).as_deref() == Some("b")).await;
    assert_eq!(stage.hub.metrics.lines_taken_over.get(), 1);
    let text = stage.explain("ali@north").to_string();
    assert!(text.contains("passed to agent b while agent home still spoke for it, by a wider pattern"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn rights_that_changed_decide_again_who_speaks_for_a_line() {
    let (stage, _narrow, _wide) = claimed().await;
    let mut viewer = stage.viewer("ali@north").await;
    viewer.snapshot().await;
    let mut rights = entries(&[("a", &["*@north"]), ("b", &["*"])]);
    rights.agents[1].shares_lines = true;
    stage.registry.replace(rights).unwrap();
    eventually(|| counts(&stage).as_deref() == Some("b")).await;
    assert_eq!(stage.hub.metrics.lines_taken_over.get(), 1);
    stage.registry.replace(entries(&[("a", &["*@north"]), ("b", &["*"])])).unwrap();
    eventually(|| counts(&stage).as_deref() == Some("a")).await;
    stage.registry.replace(entries(&[("a", &["*"]), ("b", &["*"])])).unwrap();
    eventually(|| counts(&stage).as_deref() == Some("b")).await;
    stage.registry.replace(entries(&[("a", &["*"]), ("b", &["*@north", "*@south"])])).unwrap();
    eventually(|| stage.explain("ali@north").reports.iter().any(|report| report.held_back_by.as_deref() == Some("b")))
        .await;
}
