//! The relay's knowledge of one agent: the present run, the reported lines, and the batches.

mod lines;
mod received;
mod run;
mod sequences;

use std::net::IpAddr;
use std::sync::Arc;

use shared::control::Hello;

pub(crate) use self::lines::{Found, ReportedLines};
use self::received::Received;
use self::run::Run;
use super::control::Control;
use super::registry::Grant;
use crate::clock::Now;
use crate::limits::Bucket;

/// The knowledge of one agent, under the agent's lock.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The agent's uplink, while there is one.
    pub(crate) uplink: Option<Arc<Control>>,
    /// The grant of the agent's token, as last applied.
    pub(crate) grant: Option<Arc<Grant>>,
    /// The present or last run of the agent.
    pub(crate) run: Run,
    /// Every reported line, until forgotten.
    pub(crate) lines: ReportedLines,
    /// The batches of the run.
    pub(crate) received: Received,
    /// The budget for samples of unwatched lines.
    pub(crate) adopted: Option<Bucket>,
}

impl Ledger {
    /// Begins an uplink. Returns the number of batches lost since the uplink before.
    pub(crate) fn begin(&mut self, hello: &Hello, control: Arc<Control>, peer: Option<IpAddr>, now: Now) -> u64 {
        self.lines.retire_table();
        let is_resumed = self.run.epoch() == Some(hello.epoch);
        if !is_resumed {
            self.lines.begin_run();
            self.received = Received::default();
        }
        let missing = self.received.resume(hello.oldest);
        // Another relay may have acknowledged batches meanwhile: only the agent knows how many are lost.
        let lost = if is_resumed { missing } else { hello.lost };
        self.received.count_lost(lost);
        self.run.begin_uplink(hello, peer, now);
        self.uplink = Some(control);
        lost
    }
}
