//! A line as it is now, for somebody who does not watch: what a slow report keeps.

use shared::Username;

use super::hub::Hub;
use super::line::findings::Findings;
use crate::clock::Now;
use crate::wire::viewer_frame::{self, Snapshot, StateFrame};

impl Hub {
    /// Returns the snapshot that a viewer of the line would get now. Samples are there as far as somebody watched.
    pub(crate) fn pinned(&self, username: &Username, now: Now) -> Snapshot {
        let Findings { state, history, averages, customer, package, plan, .. } = self.findings(username, now);
        let StateFrame { state, since, sessions, interval, now, notice, response, quiet, .. } = state;
        Snapshot {
            username: username.to_text(),
            display: viewer_frame::display(username.as_bytes()),
            customer: customer.map(String::from),
            package: package.map(String::from),
            brand: None,
            plan,
            state,
            since,
            sessions,
            interval,
            expires: None,
            now,
            history,
            averages,
            notice,
            support: false,
            response,
            quiet,
        }
    }
}
