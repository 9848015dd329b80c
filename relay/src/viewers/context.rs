//! The state of the viewers' wing.

use std::net::IpAddr;
use std::sync::Arc;

use shared::close::Close;
use tokio::sync::watch;

use super::links::{Access, Denial};
use crate::limits::Limits;
use crate::lines::hub::Hub;
use crate::metrics::Metrics;
use crate::net::site::Site;

/// The state shared by all viewers' requests and tasks.
pub struct ViewerContext {
    /// The registry of lines.
    pub hub: Arc<Hub>,
    /// The rights to lines.
    pub access: Arc<Access>,
    /// Whose address a request has, and whose logins failed.
    pub site: Arc<Site>,
    /// The relay's limits.
    pub limits: Limits,
    /// The provider's name, for the page.
    pub brand: Option<String>,
    /// The relay's metrics.
    pub metrics: Arc<Metrics>,
    /// True once the relay stops.
    pub drain: watch::Receiver<bool>,
}

impl ViewerContext {
    /// Counts a refused viewer, and remembers the refusal of a link for operators. Returns the close code for the
    /// viewer: the reason, or "too many failures" for an address with many before.
    pub(crate) fn deny(&self, denial: &Denial, address: Option<IpAddr>) -> Close {
        if !self.site.fail(address) {
            return Close::TooManyFailures;
        }
        if let Some(username) = denial.username() {
            self.hub.refuse(username, denial.to_string());
        }
        denial.close()
    }
}
