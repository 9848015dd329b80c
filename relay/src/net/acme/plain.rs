//! The plain listener of HTTP-01 (RFC 8555, section 8.3): proofs, and a way to https for people who type a name.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderMap, StatusCode, Uri};

use super::super::answers::missing;
use super::super::proofs::Proofs;

/// What the plain listener knows.
struct PlainDoor {
    proofs: Arc<Proofs>,
    names: Vec<String>,
}

/// The requests of the plain listener of these names.
pub(super) fn routes(proofs: Arc<Proofs>, names: Vec<String>) -> Router {
    Router::new()
        .route("/.well-known/acme-challenge/{token}", get(proof))
        .fallback(to_https)
        .with_state(Arc::new(PlainDoor { proofs, names }))
}

async fn proof(
    State(door): State<Arc<PlainDoor>>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let text = token.ok().and_then(|Path(token)| door.proofs.text(&token));
    text.map_or_else(|| missing(&headers), |text| ([(CONTENT_TYPE, "application/octet-stream")], text).into_response())
}

/// Leads to the same address by https, for the relay's own names alone.
async fn to_https(State(door): State<Arc<PlainDoor>>, uri: Uri, headers: HeaderMap) -> Response {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    if !door.names.contains(&name) {
        return missing(&headers);
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, format!("https://{name}{path}"))]).into_response()
}
