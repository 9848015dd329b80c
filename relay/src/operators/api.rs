//! The API for billing systems and portals, below `/api/v1`: subscribers, links, and what lines are now.
//!
//! A request has a key, as `Authorization: Bearer KEY` ([`caller`]). No cookie is read and no other origin is let in: a web
//! page gains no right from its visitor. Errors are problems (RFC 9457). The OpenAPI document is made from the handlers.

mod answers;
mod body;
mod caller;
pub(crate) mod context;
mod document;
pub mod keys;
mod lines;
mod links;
mod path;
mod subscribers;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension};
use http::StatusCode;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::context::ApiContext;
use self::document::Document;
use crate::net::problem::{Problem, problem};

/// The API's requests, with their document.
fn described() -> OpenApiRouter<Arc<ApiContext>> {
    OpenApiRouter::with_openapi(document::head())
        .routes(routes!(document::read))
        .routes(routes!(subscribers::list, subscribers::replace_all))
        .routes(routes!(subscribers::read, subscribers::put, subscribers::patch, subscribers::remove))
        .routes(routes!(links::list, links::make))
        .routes(routes!(links::revoke))
        .routes(routes!(links::void))
        .routes(routes!(lines::read))
        .routes(routes!(lines::explain))
}

/// Returns the OpenAPI 3.1 document of the API, as JSON.
pub fn document() -> String {
    text(&described().into_openapi())
}

fn text(document: &OpenApi) -> String {
    document.to_pretty_json().unwrap_or_default() + "\n"
}

/// The API's requests.
pub(crate) fn routes(context: Arc<ApiContext>) -> Router {
    let (router, document) = described().split_for_parts();
    let document = Document(text(&document).into());
    let router = router.method_not_allowed_fallback(wrong_method).layer(DefaultBodyLimit::disable());
    router.layer(Extension(document)).with_state(context)
}

async fn wrong_method() -> Problem {
    problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "This address has no such method; the header Allow names those that it has.",
    )
}
