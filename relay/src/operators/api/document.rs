//! The head of the OpenAPI 3.1 document, and the request for the whole.

use std::sync::Arc;

use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::Server;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};

const DESCRIPTION: &str = "For billing systems and portals: subscribers, links, and what lines are now.\n\n\
     Every request but that for this document has a key, as `Authorization: Bearer KEY`. \
     `linelight-relay key add NAME --scope links|subscribers|read` makes one.\n\n\
     Times are Unix milliseconds, rates are bits per second. A username is its text form: `%` is written `%25`, and a byte that is \
     not UTF-8 is written `%XX`; in a path all of that is percent-encoded once more. Errors are problems (RFC 9457). Later versions \
     add fields.";

/// Returns the document without its paths.
pub(super) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Linelight")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(
            utoipa::openapi::LicenseBuilder::new()
                .name("MIT OR Apache-2.0")
                .identifier(Some("MIT OR Apache-2.0"))
                .build(),
        ));
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A key of the API")).build();
    OpenApiBuilder::new()
        .info(info.build())
        // Relative to the document: also behind a proxy, and in a folder of a site.
        .servers(Some([Server::new("../..")]))
        .components(Some(ComponentsBuilder::new().security_scheme("key", SecurityScheme::Http(key)).build()))
        .build()
}

/// The text of the document, as an extension of requests.
#[derive(Clone)]
pub(super) struct Document(pub(super) Arc<str>);

/// Returns this document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "document",
    operation_id = "readDocument",
    responses((status = 200, description = "The OpenAPI 3.1 document", body = Object, content_type = "application/json")),
)]
pub(super) async fn read(Extension(Document(text)): Extension<Document>) -> Response {
    ([(CONTENT_TYPE, "application/json")], text.to_string()).into_response()
}
