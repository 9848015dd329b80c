//! The busiest lines now, of all routers or of one. From the averages that are there anyhow: no watch is begun.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Serialize;
use shared::Username;
use url::form_urlencoded;

use super::context::DeskContext;
use super::shown::spark;
use super::standings::{MOST, Standings, States, Sum};
use crate::agents::fleet::Fleet;
use crate::clock::UnixMillis;
use crate::lines::hub::Hub;
use crate::net::answers::json_answer;
use crate::net::problem::Problem;
use crate::operators::console::visitor::Operator;
use crate::wire::viewer_frame::{Averages, PlanLimits};

/// Lines of an answer, unless the request says otherwise.
const USUAL: usize = 12;

#[derive(Debug, Serialize)]
struct Board {
    at: UnixMillis,
    lines: Vec<Row>,
    states: States,
    agents: Vec<AgentRow>,
}

#[derive(Debug, Serialize)]
struct Row {
    rank: usize,
    username: String,
    customer: Option<String>,
    agent: Option<String>,
    down: Option<u64>,
    up: Option<u64>,
    plan: PlanLimits,
    /// The greater part of the plan that is in use, 1 for all of it; `None` without a plan.
    share: Option<f64>,
    spark: Vec<Option<u64>>,
}

#[derive(Debug, Serialize)]
struct AgentRow {
    name: String,
    down: u64,
    up: u64,
    lines: u64,
    lost_since: Option<UnixMillis>,
}

/// Answers the busiest lines to staff.
pub(super) async fn of_staff(State(desk): State<Arc<DeskContext>>, _: Operator, uri: Uri) -> Result<Response, Problem> {
    Ok(board(&desk, &uri).await)
}

/// Returns the answer to `?agent=NAME&n=LINES`.
pub(super) async fn board(desk: &DeskContext, uri: &Uri) -> Response {
    let (mut agent, mut count) = (None, USUAL);
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match &*name {
            "agent" if !value.is_empty() => agent = Some(value.into_owned()),
            "n" => count = value.parse().unwrap_or(USUAL).clamp(1, MOST),
            _ => {}
        }
    }
    let standings = desk.busiest.standings(desk.hub()).await;
    let names = match &agent {
        None => standings.all.names(),
        Some(agent) => standings.agents.get(agent.as_str()).map(|sum| sum.top.names()).unwrap_or_default(),
    };
    let lines =
        names.into_iter().take(count).zip(1..).map(|(username, rank)| row(desk.hub(), username, rank)).collect();
    let board = Board { at: standings.at, lines, states: standings.states, agents: agents(&standings, &desk.fleet) };
    json_answer(StatusCode::OK, &board)
}

fn row(hub: &Hub, username: &Username, rank: usize) -> Row {
    let glance = hub.glance(username);
    Row {
        rank,
        username: username.to_text(),
        share: share(glance.rates, glance.plan),
        customer: glance.customer.map(String::from),
        agent: glance.agent.map(|agent| agent.name.to_string()),
        down: glance.rates.map(|(down, _)| down),
        up: glance.rates.map(|(_, up)| up),
        plan: glance.plan,
        spark: glance
            .averages
            .as_ref()
            .map(|averages| spark(fuller(glance.rates, glance.plan, averages)))
            .unwrap_or_default(),
    }
}

fn share(rates: Option<(u64, u64)>, plan: PlanLimits) -> Option<f64> {
    let (down, up) = rates?;
    let of = |rate: u64, limit: Option<u64>| limit.filter(|limit| *limit > 0).map(|limit| rate as f64 / limit as f64);
    let share = of(down, plan.down).into_iter().chain(of(up, plan.up)).reduce(f64::max)?;
    Some((share * 1_000.0).round() / 1_000.0)
}

/// Every agent that is remembered, with the sums of its lines.
/// Returns the averages of the direction that uses more of its limit; without limits, of the one that carries more.
fn fuller(rates: Option<(u64, u64)>, plan: PlanLimits, averages: &Averages) -> &[Option<u64>] {
    /// Beyond every line, in bits per second: an unknown limit counts as this.
    const ENDLESS: u64 = 1_000_000_000_000;
    let of = |rate: u64, limit: Option<u64>| rate as f64 / limit.unwrap_or(ENDLESS).max(1) as f64;
    let is_upload = rates.is_some_and(|(down, up)| of(up, plan.up) > of(down, plan.down));
    if is_upload { &averages.up } else { &averages.down }
}

fn agents(standings: &Standings, fleet: &Fleet) -> Vec<AgentRow> {
    let known = fleet.findings(fleet.hub.now()).agents.into_iter();
    known
        .map(|agent| {
            let sum = standings.agents.get(agent.name.as_str());
            let of = |of: fn(&Sum) -> u64| sum.map_or(0, of);
            AgentRow {
                down: of(|sum| sum.down),
                up: of(|sum| sum.up),
                lines: of(|sum| sum.lines),
                lost_since: agent.lost_since,
                name: agent.name,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spark_is_that_of_the_fuller_direction() {
        let averages =
            Averages { interval: 30_000, start: UnixMillis::from_millis(0), down: vec![Some(1)], up: vec![Some(2)] };
        let plan = PlanLimits { down: Some(50), up: Some(10), shared: false };
        let of = |rates, plan| fuller(rates, plan, &averages)[0];
        assert_eq!((of(Some((25, 9)), plan), of(Some((25, 4)), plan)), (Some(2), Some(1)));
        assert_eq!((of(Some((25, 26)), PlanLimits::default()), of(None, plan)), (Some(2), Some(1)));
    }

    #[test]
    fn the_share_is_that_of_the_fuller_direction() {
        let plan = PlanLimits { down: Some(50), up: Some(10), shared: false };
        assert_eq!(share(Some((25, 9)), plan), Some(0.9));
        assert_eq!(share(Some((100, 0)), PlanLimits { up: None, ..plan }), Some(2.0));
        assert_eq!(share(Some((1, 1)), PlanLimits::default()), None);
        assert_eq!(share(None, plan), None);
    }
}
