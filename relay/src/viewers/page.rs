//! The page inside the binary, built by `make web`, named and compressed by `build.rs`. Everybody gets the same bytes:
//! an answer tells nothing about lines.

use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// One file of the page.
struct Asset {
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// An asset's name contains its content's hash: a browser never asks twice.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A browser asks for the page each time, and gets the answer by its tag: a new release shows at once.
const ASK_AGAIN: &str = "no-cache";

/// The page.
pub(crate) fn index(request: &HeaderMap) -> Response<Body> {
    answer(&INDEX, ASK_AGAIN, request)
}

/// Returns an asset by its path; `None` for an unknown path.
pub(crate) fn asset(path: &str, request: &HeaderMap) -> Option<Response<Body>> {
    ASSETS.iter().find(|asset| asset.path == path).map(|asset| answer(asset, FOR_EVER, request))
}

fn answer(asset: &'static Asset, caching: &'static str, request: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(ETAG, HeaderValue::from_static(asset.etag));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if is_known(request, asset.etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    let content = match asset.gzip {
        Some(gzip) if accepts_gzip(request) => {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            gzip
        }
        _ => asset.plain,
    };
    *response.body_mut() = Body::from(Bytes::from_static(content));
    response
}

/// Whether the browser has this content already (RFC 9110, section 13.1.2).
fn is_known(request: &HeaderMap, etag: &str) -> bool {
    values(request, IF_NONE_MATCH).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

/// Whether gzip may be sent (RFC 9110, section 12.5.3): named, or covered by `*`, and not at quality 0.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let mut any = false;
    for coding in values(request, ACCEPT_ENCODING) {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let quality = quality.trim().strip_prefix("q=").and_then(|quality| quality.parse::<f32>().ok());
        let wanted = quality.is_none_or(|quality| quality > 0.0);
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => return wanted,
            "*" => any = wanted,
            _ => {}
        }
    }
    any
}

/// Returns the members of a list header, over all its lines.
fn values(request: &HeaderMap, name: http::HeaderName) -> impl Iterator<Item = &str> {
    request
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_is_sent_where_it_is_accepted() {
        for (value, accepted) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("gzip; q=0", false),
            ("br", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(&headers(ACCEPT_ENCODING, value)), accepted, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn known_content_is_not_sent_again() {
        for (value, known) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false)]
        {
            assert_eq!(is_known(&headers(IF_NONE_MATCH, value), "\"a\""), known, "{value}");
        }
    }

    #[test]
    fn the_page_refers_to_assets_by_names_that_exist() {
        let index = std::str::from_utf8(INDEX.plain).unwrap();
        let referred: Vec<&str> =
            index.split("/assets/").skip(1).filter_map(|rest| rest.split(['"', '\'']).next()).collect();
        assert!(
            referred.iter().any(|name| name.ends_with(".js")) && referred.iter().any(|name| name.ends_with(".css"))
        );
        for name in referred {
            let path = format!("/assets/{name}");
            assert!(ASSETS.iter().any(|asset| asset.path == path), "{path}");
        }
        for asset in ASSETS {
            assert!(asset.path.contains(asset.etag.trim_matches('"')), "{} carries its content's hash", asset.path);
        }
    }
}
