//! A line as the console's lists show it, in the console's words.

use serde::Serialize;
use shared::Username;

use crate::clock::UnixMillis;
use crate::lines::line::glance::Glance;
use crate::wire::viewer_frame::{LineState, PlanLimits};

/// The averages of a row's little chart, at most.
const SPARK: usize = 40;
/// From this share of its plan on a line is full, in percent.
const FULL_PERCENT: u64 = 90;

/// The state of a line, in the words of every page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ShownState {
    Running,
    Full,
    NotConnected,
    OutOfSight,
    NoFigures,
    NeverSeen,
}

impl ShownState {
    pub(super) fn of(glance: &Glance) -> Self {
        match glance.state.state {
            LineState::Running if is_full(glance.rates, glance.plan) => Self::Full,
            LineState::Running => Self::Running,
            LineState::Stalled => Self::NoFigures,
            LineState::Offline => Self::NotConnected,
            LineState::Unreachable | LineState::Starting => Self::OutOfSight,
            LineState::Unknown => Self::NeverSeen,
        }
    }
}

fn is_full(rates: Option<(u64, u64)>, plan: PlanLimits) -> bool {
    let fills = |rate: u64, limit: Option<u64>| {
        limit.is_some_and(|limit| u128::from(rate) * 100 >= u128::from(limit) * u128::from(FULL_PERCENT))
    };
    rates.is_some_and(|(down, up)| fills(down, plan.down) || fills(up, plan.up))
}

/// A row of a list.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) username: String,
    pub(super) customer: Option<String>,
    pub(super) package: Option<String>,
    pub(super) state: ShownState,
    /// Since when, if known.
    pub(super) since: Option<UnixMillis>,
    /// The newest rates, bits per second.
    pub(super) down: Option<u64>,
    pub(super) up: Option<u64>,
    pub(super) plan: PlanLimits,
    /// Averages of the last two hours, oldest first; `None` is a gap.
    pub(super) spark: Vec<Option<u64>>,
    /// Where the query was found, unless the row shows it.
    pub(super) matched: Option<Matched>,
}

/// A value in which a query was found.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Matched {
    pub(super) field: String,
    pub(super) text: String,
}

impl Row {
    pub(super) fn of(username: &Username, glance: Glance, matched: Option<Matched>) -> Self {
        Self {
            username: username.to_text(),
            state: ShownState::of(&glance),
            since: glance.state.since,
            down: glance.rates.map(|(down, _)| down),
            up: glance.rates.map(|(_, up)| up),
            plan: glance.plan,
            spark: glance.averages.as_ref().map(|averages| spark(&averages.down)).unwrap_or_default(),
            customer: glance.customer.map(String::from),
            package: glance.package.map(String::from),
            matched,
        }
    }
}

/// Returns averages in few steps; a step without any is a gap.
pub(super) fn spark(rates: &[Option<u64>]) -> Vec<Option<u64>> {
    let step = rates.len().div_ceil(SPARK).max(1);
    // The newest step is whole.
    let steps = rates.rchunks(step);
    let mut steps: Vec<Option<u64>> = steps.map(mean).collect();
    steps.reverse();
    steps
}

fn mean(rates: &[Option<u64>]) -> Option<u64> {
    let known = || rates.iter().flatten();
    let count = known().count() as u64;
    (count > 0).then(|| known().sum::<u64>() / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hours_become_forty_steps_and_gaps_stay() {
        assert!(spark(&[]).is_empty());
        assert_eq!(spark(&[Some(1), None, Some(3)]), [Some(1), None, Some(3)]);
        let mut down: Vec<Option<u64>> = (0..240).map(Some).collect();
        down.iter_mut().skip(234).for_each(|rate| *rate = None);
        let steps = spark(&down);
        assert_eq!((steps.len(), steps[0], steps[38], steps[39]), (40, Some(2), Some(230), None));
    }

    #[test]
    fn a_line_at_nine_tenths_of_its_plan_is_full() {
        let plan = |down, up| PlanLimits { down, up, shared: false };
        assert!(is_full(Some((45, 0)), plan(Some(50), None)) && is_full(Some((0, 9)), plan(Some(50), Some(10))));
        assert!(!is_full(Some((44, 9)), plan(Some(50), None)) && !is_full(None, plan(Some(50), None)));
        assert!(is_full(Some((u64::MAX, 0)), plan(Some(u64::MAX), None)));
    }
}
