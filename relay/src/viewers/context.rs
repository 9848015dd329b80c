//! What every viewer's connection shares.

use std::net::IpAddr;
use std::sync::Arc;

use shared::close::Close;
use tokio::sync::watch;

use super::links::{Access, Denial};
use crate::limits::Limits;
use crate::lines::hub::Hub;
use crate::metrics::Metrics;
use crate::net::site::Site;

/// What every viewer's task shares.
pub struct ViewerContext {
    /// The registry of lines.
    pub hub: Arc<Hub>,
    /// Who may see what.
    pub access: Arc<Access>,
    /// Whose address a request has, and whose logins failed.
    pub site: Arc<Site>,
    /// What the relay takes at most.
    pub limits: Limits,
    /// The provider's name, for the page.
    pub brand: Option<String>,
    /// What the relay counts.
    pub metrics: Arc<Metrics>,
    /// True once the relay stops.
    pub drain: watch::Receiver<bool>,
}

impl ViewerContext {
    /// Counts a viewer that is not admitted, and remembers for the operator whose link was refused. What the viewer is
    /// told: the reason, or that its address had too many failures before.
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
