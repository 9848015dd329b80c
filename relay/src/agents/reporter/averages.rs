//! A batch of averages: into the lines, whether anybody watches them or not.

use shared::frame::{Batch, Reach};

use super::Reporter;
use crate::agents::ledger::Ledger;
use crate::clock::Now;
use crate::lines::averages::Average;

impl Reporter {
    /// Takes the averages of a batch. Lines beyond the agent's patterns get none.
    pub(super) fn average(&self, ledger: &Ledger, batch: &Batch<'_>, reach: Reach, now: Now) {
        let end = now.past(ledger.run.clock.steady(batch.header.uptime_ms, now.steady));
        let [span, interval] = [reach.span_ms, reach.interval_ms].map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
        let circumstances = self.hub().circumstances(now);
        self.hub().metrics.averages.add(batch.len() as u64);
        for sample in batch.samples() {
            let Some(line) = ledger.lines.get(sample.line) else { continue };
            let average = Average { end, span, interval, down: sample.download, up: sample.upload };
            line.average(self.agent(), sample.line, average, batch.header.replayed, circumstances);
        }
    }
}
