//! The line reports for a relay: the table after a hello, then changed and forgotten lines.

use shared::LineHandle;
use shared::control::{LINES_PER_MESSAGE, Lines};
use tokio::time::Instant;

use crate::handover::Handover;
use crate::sessions::LineTable;

/// The most handles in a `gone` or `watch_refused` message: ten digits and a comma each stay far below
/// [`MAX_UPLINK_FRAME`](shared::MAX_UPLINK_FRAME).
pub(super) const HANDLES_PER_MESSAGE: usize = 2_000;

/// Untold lines of one uplink.
#[derive(Debug)]
pub(super) struct UntoldLines {
    scan: Scan,
    /// Whether the relay has every line of the tables' first reading.
    has_first_reading: bool,
    gone: Vec<LineHandle>,
}

/// A walk through the lines changed after revision `since`; a change during the walk waits for the next walk.
#[derive(Debug, Clone, Copy)]
struct Scan {
    since: u64,
    until: u64,
    after: Option<LineHandle>,
    running: bool,
}

impl UntoldLines {
    /// Returns a state before the hello.
    pub(super) const fn new() -> Self {
        let scan = Scan { since: 0, until: 0, after: None, running: false };
        Self { scan, has_first_reading: false, gone: Vec::new() }
    }

    /// Begins with the whole table. Earlier departures need no word.
    pub(super) fn begin(&mut self, table: &mut LineTable) {
        table.drain_gone();
        self.scan = Scan { since: 0, until: table.revision(), after: None, running: true };
    }

    /// Returns the next page of the walk through the lines. A partly filled page ends the walk.
    pub(super) fn page(&mut self, handover: &Handover, now: Instant) -> Lines {
        let table = handover.lines.borrow();
        let mut reports = table.changed_after(self.scan.since, self.scan.after, now);
        let lines: Vec<_> = reports.by_ref().take(LINES_PER_MESSAGE).collect();
        let more = reports.next().is_some();
        self.scan.after = lines.last().map(|report| report.line);
        self.scan.running = more;
        Lines { uptime_ms: handover.uptime_ms(now), more, lines }
    }

    /// Returns changed lines, if any.
    pub(super) fn changed(&mut self, handover: &Handover, now: Instant) -> Option<Lines> {
        if !self.scan.running {
            let revision = handover.lines.borrow().revision();
            if revision == self.scan.until {
                return None;
            }
            self.scan = Scan { since: self.scan.until, until: revision, after: None, running: true };
        }
        let lines = Lines { more: false, ..self.page(handover, now) };
        (!lines.lines.is_empty()).then_some(lines)
    }

    /// Returns forgotten lines, if any.
    pub(super) fn gone(&mut self, handover: &Handover) -> Option<Vec<LineHandle>> {
        if self.gone.is_empty() {
            self.gone = handover.lines.borrow_mut().drain_gone();
        }
        let rest = self.gone.split_off(self.gone.len().min(HANDLES_PER_MESSAGE));
        let lines = std::mem::replace(&mut self.gone, rest);
        (!lines.is_empty()).then_some(lines)
    }

    /// Notes the moment from which the relay has every line of the tables' first reading; the note stays.
    pub(super) fn note_told(&mut self, table: &LineTable) {
        self.has_first_reading |= table.readings() > 0 && !self.scan.running && self.scan.until == table.revision();
    }

    /// True once the relay has every line of the tables' first reading.
    pub(super) const fn are_told(&self) -> bool {
        self.has_first_reading
    }
}
