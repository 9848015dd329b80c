//! The state of the desk's requests.

use std::sync::Arc;

use http::header::ORIGIN;
use http::{HeaderMap, StatusCode};
use shared::Username;
use tokio::sync::Notify;

use super::standings::Busiest;
use super::tries::Tries;
use super::watched::WatchedLately;
use crate::agents::fleet::Fleet;
use crate::lines::hub::Hub;
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{Deed, What};
use crate::operators::console::context::ConsoleContext;
use crate::operators::console::visitor::Operator;
use crate::operators::search::Search;
use crate::store::data_directory::DataDirectory;
use crate::subscribers::json::keepable;
use crate::viewers::context::ViewerContext;

/// The state of the desk's requests.
pub(crate) struct DeskContext {
    pub(crate) console: Arc<ConsoleContext>,
    pub(crate) viewers: Arc<ViewerContext>,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) search: Arc<Search>,
    pub(super) data: DataDirectory,
    pub(super) busiest: Busiest,
    watched: WatchedLately,
    pub(super) tries: Tries,
    /// Reads of the store by viewers.
    pub(super) reads: Tries,
    /// Wakes whoever tells a ticket system of a new slow report.
    pub(crate) reported: Arc<Notify>,
}

impl DeskContext {
    /// Returns the desk of a relay.
    pub(crate) fn new(
        console: Arc<ConsoleContext>,
        viewers: Arc<ViewerContext>,
        fleet: Arc<Fleet>,
        data: DataDirectory,
    ) -> Self {
        let search = Search::new(Arc::clone(&fleet.hub));
        let busiest = Busiest::default();
        Self {
            console,
            viewers,
            fleet,
            search,
            data,
            busiest,
            watched: WatchedLately::default(),
            tries: Tries::of_codes(),
            reads: Tries::of_reads(),
            reported: Arc::default(),
        }
    }

    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.fleet.hub
    }

    /// Notes that somebody opened a line: once for a session and line in ten minutes.
    pub(super) fn note_watching(&self, operator: &Operator, username: &Username) {
        if self.watched.is_news(&operator.session.hash(), username, self.hub().now().steady) {
            self.console.audit.note(&operator.actor(), Deed::new(What::Watched).line(username.to_text()));
        }
    }

    /// Returns the relay's address with its folder and a slash at the end. A request of a change names its own page's origin, which is
    /// the relay's.
    pub(super) fn base(&self, headers: &HeaderMap) -> String {
        match &self.console.public_url {
            Some(url) => url.to_string(),
            None => format!("{}/", headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default()),
        }
    }
}

/// Reads a username from a path. One with a zero byte is refused: PostgreSQL stores none.
pub(super) fn username(text: &str) -> Result<Username, Problem> {
    let detail = "This is no username in text form.";
    let refused = || problem(StatusCode::BAD_REQUEST, "bad-username", detail);
    Username::from_text(text).map_err(|_| refused()).and_then(|username| keepable(username).map_err(|_| refused()))
}
