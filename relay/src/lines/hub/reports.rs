//! What agents report of lines, and which report counts.

use std::sync::Arc;

use shared::Username;
use tracing::{debug, warn};

use super::Hub;
use crate::clock::Now;
use crate::lines::agent::Agent;
use crate::lines::circumstances::Circumstances;
use crate::lines::claims::Takeover;
use crate::lines::line::Line;
use crate::lines::narrowness::Narrowness;
use crate::lines::report::Report;

impl Hub {
    /// Gives a line one more report, and returns the line.
    pub(crate) fn report(&self, username: &Username, report: Report, circumstances: Circumstances<'_>) -> Arc<Line> {
        let is_own = !report.agent.is_elsewhere();
        let (line, takeover) = self.with_line(username, |_, line| line.report(report, circumstances));
        self.note(&line, takeover);
        self.tell_elsewhere(&line, is_own);
        line
    }

    /// Decides again which report of a line counts, after a change of an agent.
    pub(crate) fn settle(&self, line: &Line, circumstances: Circumstances<'_>) {
        self.note(line, line.settle(circumstances));
    }

    /// Takes the narrowness of an agent's changed pattern for a line.
    pub(crate) fn take_claim(&self, agent: &Arc<Agent>, narrowness: Narrowness, line: &Line, now: Now) {
        self.note(line, line.take_claim(agent, narrowness, self.circumstances(now)));
    }

    /// Tells the operator of a takeover: by a metric, `explain`, `agent list` and the log. A legitimate move looks the same while both
    /// routers have the session.
    fn note(&self, line: &Line, takeover: Option<Takeover>) {
        let Some(Takeover { by, from, is_wider }) = takeover else { return };
        self.metrics.lines_taken_over.increment();
        let pattern = if is_wider { ", by a wider pattern" } else { "" };
        let what =
            format!("the line passed to agent {} while agent {} still spoke for it{pattern}", by.name, from.name);
        self.refuse(line.username(), what);
        debug!(by = &*by.name, from = &*from.name, is_wider, username = %line.username(), "line taken over");
        if by.count_taken() {
            let (by_name, from) = (&*by.name, &*from.name);
            warn!(
                by = by_name,
                from,
                is_wider,
                taken = by.taken(),
                "agent took lines for which another agent still spoke; see explain"
            );
        }
    }

    /// Drops those reports of an agent that `is_forgotten` names. Forgets the line with its last report.
    pub(crate) fn forget_reports(
        &self,
        agent: &Arc<Agent>,
        line: &Arc<Line>,
        now: Now,
        is_forgotten: impl Fn(&Report) -> bool,
    ) {
        line.forget(agent, self.circumstances(now), is_forgotten);
        self.tell_elsewhere(line, !agent.is_elsewhere());
        self.forget_if_unused(line);
    }

    /// Notes for other relays that an own agent's report of a line changed.
    fn tell_elsewhere(&self, line: &Line, is_own: bool) {
        if let Some(outlook) = self.outlook.get().filter(|_| is_own) {
            outlook.changed(line.username());
        }
    }
}
