//! Web pages of other origins. In access by username, a browser would read a line for every page that its user opens, if
//! the browser's network reaches the relay. So only the relay's own pages may, and those of `--allow-origin`.
//!
//! In access by link the token decides, and the origin is not asked.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HOST, ORIGIN, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use shared::escape::one_line;

use crate::clock::Steady;
use crate::lines::hub::Hub;
use crate::net::answers::words;
use crate::net::origin::{Judgement, Origins};

/// A refusal is logged this often at most, milliseconds.
const LOGGED_EVERY_MS: i64 = 60_000;
/// Characters of a header in the log: hosts are shorter.
const SHOWN: usize = 100;
/// The answer to a foreign page.
const REFUSAL: &str = "A page of another origin may not read lines here. The relay's operator names those that may by \
                       --allow-origin, and the relay's own address by --public-url.";

/// Lets the requests of programs and of known pages through.
pub(crate) struct ForeignPages {
    origins: Origins,
    hub: Arc<Hub>,
    /// The time of the last log line.
    logged: AtomicI64,
}

impl ForeignPages {
    /// Refuses pages of other origins than these.
    pub(crate) fn new(origins: Origins, hub: Arc<Hub>) -> Arc<Self> {
        Arc::new(Self { origins, hub, logged: AtomicI64::new(i64::MIN) })
    }

    fn refuse(&self, headers: &HeaderMap) -> Response {
        self.hub.metrics.origins_refused.increment();
        self.log(headers, self.hub.now().steady);
        words(StatusCode::FORBIDDEN, headers, REFUSAL)
    }

    fn log(&self, headers: &HeaderMap, now: Steady) {
        let last = Steady::from_millis(self.logged.load(Relaxed));
        if last.saturating_add(LOGGED_EVERY_MS) > now {
            return;
        }
        self.logged.store(now.as_millis(), Relaxed);
        let (origin, host) = (shown(headers.get(ORIGIN)), shown(headers.get(HOST)));
        tracing::warn!(
            origin,
            host,
            "a page of another origin may not read lines; if it is the relay's own, give --public-url, if it is welcome, --allow-origin"
        );
    }
}

fn shown(value: Option<&HeaderValue>) -> String {
    let text = value.map_or_else(String::new, |value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    one_line(&text).to_string().chars().take(SHOWN).collect()
}

/// Answers a request for a line, or refuses the page behind it.
pub(crate) async fn of_known_page(State(pages): State<Arc<ForeignPages>>, request: Request, next: Next) -> Response {
    let judgement = pages.origins.judge(request.headers());
    let mut response = match judgement {
        Judgement::Foreign => pages.refuse(request.headers()),
        Judgement::Own | Judgement::Allowed(_) => next.run(request).await,
    };
    let headers = response.headers_mut();
    // A cache may keep no answer for another page.
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Judgement::Allowed(origin) = judgement {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}
