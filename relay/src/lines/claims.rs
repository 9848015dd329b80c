//! Lines that pass from one agent to another though the agent before still speaks for them.
//!
//! Reports are compared with others of the same role, and the narrowest pattern counts; a concentrator's and a home router's are both
//! ends of one session, and [`standing`] chooses between them. So an agent takes a line by an equally narrow pattern, by a permission,
//! or from the other end.

use std::sync::Arc;

use super::report::{Report, standing};
use crate::clock::Steady;
use crate::lines::agent::Agent;

/// A line that passed to another agent, though the agent before still speaks for the line.
#[derive(Debug)]
pub(crate) struct Takeover {
    /// The agent whose report counts now.
    pub(crate) by: Arc<Agent>,
    /// The agent whose report counted before.
    pub(crate) from: Arc<Agent>,
    /// True if the pattern of `by` is the wider one.
    pub(crate) is_wider: bool,
}

/// Puts the report that counts first, so that the next call knows it. Returns the takeover from the agent of the first report until
/// now, `before`, unless that was told already.
pub(super) fn settle(reports: &mut [Report], before: Option<&Arc<Agent>>, now: Steady) -> Option<Takeover> {
    if reports.len() < 2 {
        return None;
    }
    let at = standing(reports, now)?.chosen;
    reports.swap(0, at);
    let [chosen, rest @ ..] = reports else { return None };
    let before =
        rest.get(at.checked_sub(1)?).filter(|first| before.is_some_and(|agent| Arc::ptr_eq(agent, &first.agent)))?;
    let is_wider = chosen.narrowness < before.narrowness;
    let still_speaks = before.unreachable_since(now).is_none() && (before.sessions > 0 || is_wider);
    let is_taken = chosen.sessions > 0 && still_speaks && chosen.agent.name != before.agent.name;
    if !is_taken || std::mem::replace(&mut chosen.took_over, true) {
        return None;
    }
    Some(Takeover { by: Arc::clone(&chosen.agent), from: Arc::clone(&before.agent), is_wider })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::control::Role;

    use super::*;
    use crate::lines::report::held_back_by;
    use crate::lines::report::made::{agent, report};

    const NOW: Steady = Steady::from_millis(1_000_000);

    /// Returns the takeover when `newer` joins the report that counts.
    fn joins(reports: &mut Vec<Report>, newer: Report) -> Option<(String, String, bool)> {
        let before = reports.first().map(|report| Arc::clone(&report.agent));
        reports.push(newer);
        let Takeover { by, from, is_wider } = settle(reports, before.as_ref(), NOW)?;
        Some((by.name.to_string(), from.name.to_string(), is_wider))
    }

    #[test]
    fn a_wider_pattern_does_not_count_beside_a_narrower_one_of_its_role() {
        let (north, any) = (agent("north"), agent("any"));
        for sessions in [0, 1] {
            let mut reports = vec![report(&north, 6, Role::Server, sessions, 5)];
            assert_eq!(joins(&mut reports, report(&any, 0, Role::Server, 1, 900)), None);
            assert_eq!(&*reports[0].agent.name, "north", "with {sessions} sessions");
            assert_eq!(held_back_by(&reports[1], &reports).map(|agent| &*agent.name), Some("north"));
        }
        north.uplink_lost(Steady::from_millis(0));
        let reports = [report(&any, 0, Role::Server, 1, 900), report(&north, 6, Role::Server, 1, 5)];
        assert_eq!(
            standing(&reports, NOW).unwrap().chosen,
            1,
            "an outage of the narrower agent is no chance for others"
        );
    }

    #[test]
    fn equal_patterns_and_permitted_agents_take_a_line_by_the_newer_session() {
        let (one, other) = (agent("one"), agent("other"));
        let mut reports = vec![report(&one, 6, Role::Server, 1, 5)];
        let taken = joins(&mut reports, report(&other, 6, Role::Server, 1, 900));
        assert_eq!(taken, Some(("other".into(), "one".into(), false)));
        let mut reports = vec![report(&one, 6, Role::Server, 0, 5)];
        assert_eq!(
            joins(&mut reports, report(&other, 6, Role::Server, 1, 900)),
            None,
            "a line that moves is no takeover"
        );
        other.set_shares_lines(true);
        let mut reports = vec![report(&one, 6, Role::Server, 1, 5)];
        let taken = joins(&mut reports, report(&other, 0, Role::Server, 1, 900));
        assert_eq!(taken, Some(("other".into(), "one".into(), true)));
        assert!(held_back_by(&reports[1], &reports).is_none(), "a permission takes nothing from others");
    }

    #[test]
    fn a_wider_concentrator_takes_a_home_routers_line_and_that_is_told_once() {
        let (home, any) = (agent("home"), agent("any"));
        let mut reports = vec![report(&home, 255, Role::Client, 1, 5)];
        let taken = joins(&mut reports, report(&any, 0, Role::Server, 1, 900));
        assert_eq!(taken, Some(("any".into(), "home".into(), true)));
        let before = Arc::clone(&reports[0].agent);
        reports[0].sessions = 0;
        assert!(settle(&mut reports, Some(&before), NOW).is_none(), "the home router's is the only live one");
        let before = Arc::clone(&reports[0].agent);
        reports[1].sessions = 1;
        assert!(settle(&mut reports, Some(&before), NOW).is_none(), "told already");
        assert_eq!(&*reports[0].agent.name, "any");
    }

    #[test]
    fn who_is_forgotten_lost_no_line_to_anybody() {
        let (one, other, third) = (agent("one"), agent("other"), agent("third"));
        let mut reports = vec![report(&one, 0, Role::Server, 1, 900)];
        joins(&mut reports, report(&other, 0, Role::Server, 1, 5));
        joins(&mut reports, report(&third, 0, Role::Server, 1, 6));
        let before = Arc::clone(&reports[0].agent);
        reports.remove(0);
        assert!(settle(&mut reports, Some(&before), NOW).is_none());
        assert_eq!(&*reports[0].agent.name, "third");
    }

    proptest! {
        /// Of the same reports in any order the same agent counts; between any two of them nobody counts before the other in one
        /// order and behind in the other; and whoever counts has the narrowest pattern of its role, or a permission.
        #[test]
        fn the_choice_is_an_order(
            made in prop::collection::vec((0..3_usize, any::<bool>(), any::<bool>(), 0..2_u16, any::<bool>()), 1..6),
            turned in 0..6_usize,
        ) {
            let build = |nth: usize| {
                let (part, is_server, shares, sessions, is_lost) = made[nth];
                let agent = agent(&nth.to_string());
                agent.set_shares_lines(shares);
                if is_lost {
                    agent.uplink_lost(Steady::from_millis(0));
                }
                let role = if is_server { Role::Server } else { Role::Client };
                // Sessions of one age would be told apart by their places alone.
                report(&agent, part, role, sessions, nth as i64)
            };
            let counts = |order: &[usize]| {
                let reports: Vec<_> = order.iter().map(|nth| build(*nth)).collect();
                let chosen = standing(&reports, NOW).expect("of some reports one counts").chosen;
                prop_assert!(held_back_by(&reports[chosen], &reports).is_none());
                Ok(order[chosen])
            };
            let mut order: Vec<usize> = (0..made.len()).collect();
            let first = counts(&order)?;
            order.rotate_left(turned % made.len());
            prop_assert_eq!(counts(&order)?, first);
            order.reverse();
            prop_assert_eq!(counts(&order)?, first);
            for other in 0..made.len() {
                prop_assert_eq!(counts(&[first, other])?, counts(&[other, first])?);
            }
            let (part, is_server, shares, ..) = made[first];
            let narrowest = made.iter().filter(|report| report.1 == is_server).map(|report| report.0).max();
            prop_assert!(shares || Some(part) == narrowest);
        }
    }
}
