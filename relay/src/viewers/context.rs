//! The state of the viewers' wing.

use std::net::IpAddr;
use std::sync::Arc;

use shared::close::Close;
use tokio::sync::watch;

use super::links::{Access, Admission, Denial, Proof, WatchRequest};
use crate::limits::Limits;
use crate::lines::audience::Watcher;
use crate::lines::hub::Hub;
use crate::lines::hub::seats::{Seat, SeatRequest, Unreported};
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
    /// Takes a seat for an admitted viewer. `address` is the viewer's, where known.
    ///
    /// # Errors
    /// As [`Hub::join`].
    pub(crate) fn seat(&self, admission: &Admission, address: Option<IpAddr>) -> Result<Seat, Close> {
        let (unreported, watcher) = match admission.proof {
            Proof::Link => (Unreported::Allowed, Watcher::Subscriber),
            Proof::Username => (Unreported::Counted, Watcher::Subscriber),
            Proof::Staff { announced } => (Unreported::Allowed, Watcher::Support { announced }),
        };
        self.hub.join(&SeatRequest { username: &admission.username, group: address.into(), unreported, watcher })
    }

    /// Admits a viewer by its first frame.
    ///
    /// # Errors
    /// As [`Self::deny`].
    pub(crate) fn admit(&self, request: &WatchRequest, address: Option<IpAddr>) -> Result<Admission, Close> {
        self.access.admit(request, self.hub.now().unix.into()).map_err(|denial| self.deny(&denial, address))
    }

    /// Remembers the refusal of a link for operators. Returns the close code for the viewer: the reason or, for an address with
    /// many failures before and nothing signed by the relay's key, "too many failures".
    pub(crate) fn deny(&self, denial: &Denial, address: Option<IpAddr>) -> Close {
        // A link that was good once is no guess: it neither counts for its address nor is it kept from the truth.
        if !denial.is_signed() && !self.site.fail(address) {
            return Close::TooManyFailures;
        }
        if let Some(username) = denial.username() {
            self.hub.refuse(username, denial.to_string());
        }
        denial.close()
    }
}

/// Wakes every viewer when keys or revocations of links change, for ever. Streams without a right end then.
pub async fn follow_rights(access: Arc<Access>, hub: Arc<Hub>) {
    let mut changes = access.changes();
    while changes.changed().await.is_ok() {
        hub.wake_viewers();
    }
}
