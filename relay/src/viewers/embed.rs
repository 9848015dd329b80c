//! The widget: a line in a frame of a portal's page, and the script that makes the frame.
//!
//! Only pages of `--embed-origin` may frame the widget; without one, nobody may. In `open` access the widget asks for its line
//! as the relay's own page, so [`foreign`](super::foreign) lets it: the frame's page never sees what is inside.

use std::future::ready;
use std::sync::Arc;

use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_SECURITY_POLICY};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::page::{self, PAGE_POLICY, Page};
use super::provider::sources;
use crate::net::origin::Origin;

/// The last word of the page's policy, in whose place the portals are written.
const NOBODY: &str = "'none'";

/// The requests of portals: the widget for these portals' frames, and the element's script for everybody.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(portals: &[Origin]) -> Router<S> {
    let policy = policy(portals);
    let framed = middleware::map_response(move |response| ready(with_policy(response, policy.clone())));
    Router::new()
        .route("/embed", get(widget))
        .route("/embed/", get(widget))
        .route("/embed/{username}", get(widget))
        .layer(framed)
        .route("/embed.js", get(element))
}

async fn widget(Extension(page): Extension<Arc<Page>>, headers: HeaderMap) -> Response {
    page.widget(&headers)
}

/// The script holds nothing of anybody: pages of every origin may load it.
async fn element(headers: HeaderMap) -> Response {
    let shared = [
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (shared, page::element(&headers)).into_response()
}

fn with_policy(mut response: Response, policy: Option<HeaderValue>) -> Response {
    if let Some(policy) = policy {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Returns the page's policy with the portals as its `frame-ancestors`; `None` without portals, which leaves the page's own.
fn policy(portals: &[Origin]) -> Option<HeaderValue> {
    let page = PAGE_POLICY.strip_suffix(NOBODY).filter(|_| !portals.is_empty())?;
    HeaderValue::try_from(format!("{page}{}", sources(portals))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portals_stand_in_the_place_of_nobody() {
        assert_eq!(policy(&[]), None);
        let portals =
            ["https://portal.example", "https://my.isp.example:8443"].map(|text| Origin::of_portal(text).unwrap());
        let policy = policy(&portals).unwrap();
        let (before, ancestors) = policy.to_str().unwrap().split_once("frame-ancestors ").unwrap();
        assert_eq!(ancestors, "https://portal.example https://my.isp.example:8443");
        assert!(PAGE_POLICY.starts_with(before) && before.contains("script-src 'self'"));
    }
}
