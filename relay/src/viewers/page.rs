//! The page: built by `make web`, named and compressed by `build.rs`, filled with the provider's words at start. Everybody
//! gets the same bytes: an answer tells nothing about lines.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::viewers::provider::Provider;

/// One file of the page.
struct Asset {
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The page needs its own scripts, styles and connections, and a picture in its own HTML. Everything else is forbidden.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An asset's name contains its content's hash: a browser never asks twice.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A browser asks for the page each time, and gets the answer by its tag: a new release shows at once.
const ASK_AGAIN: &str = "no-cache";

/// The files that hold the provider's words.
#[derive(Debug, Clone)]
pub struct Page {
    index: File,
    widget: File,
    manifest: File,
    console: File,
}

impl Page {
    /// Fills the page with the provider's words.
    #[must_use]
    pub fn new(provider: &Provider) -> Self {
        let icon = ASSETS.iter().map(|asset| asset.path).find(|path| path.starts_with("/assets/icon-512"));
        let text = |asset: &Asset| String::from_utf8_lossy(asset.plain).into_owned();
        Self {
            index: File::filled(&INDEX, provider.fill_html(&text(&INDEX), icon)),
            widget: File::filled(&WIDGET, provider.fill_html(&text(&WIDGET), None)),
            manifest: File::filled(&MANIFEST, provider.fill_json(&text(&MANIFEST))),
            console: File::filled(&CONSOLE, provider.fill_html(&text(&CONSOLE), None)),
        }
    }

    /// The page.
    pub(crate) fn index(&self, request: &HeaderMap) -> Response<Body> {
        self.index.answer(ASK_AGAIN, request)
    }

    /// The page for an address without anything: the page itself says so.
    pub(crate) fn missing(&self) -> Response<Body> {
        let mut response = self.index.answer("no-store", &HeaderMap::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }

    /// The page for a portal's frame.
    pub(crate) fn widget(&self, request: &HeaderMap) -> Response<Body> {
        self.widget.answer(ASK_AGAIN, request)
    }

    /// The console's page for staff: the same for everybody, and empty until its script has asked who is there.
    pub(crate) fn console(&self, request: &HeaderMap) -> Response<Body> {
        self.console.answer(ASK_AGAIN, request)
    }

    /// The manifest for a home screen.
    pub(crate) fn manifest(&self, request: &HeaderMap) -> Response<Body> {
        self.manifest.answer(ASK_AGAIN, request)
    }
}

/// The script of the element with which a portal makes the widget's frame.
pub(crate) fn element(request: &HeaderMap) -> Response<Body> {
    File::of(&ELEMENT).answer(ASK_AGAIN, request)
}

/// Returns an asset by its path; `None` for an unknown path.
pub(crate) fn asset(path: &str, request: &HeaderMap) -> Option<Response<Body>> {
    ASSETS.iter().find(|asset| asset.path == path).map(|asset| File::of(asset).answer(FOR_EVER, request))
}

/// A file as it is answered.
#[derive(Debug, Clone)]
struct File {
    content_type: &'static str,
    etag: String,
    plain: Bytes,
    gzip: Option<Bytes>,
}

impl File {
    fn of(asset: &'static Asset) -> Self {
        Self {
            content_type: asset.content_type,
            etag: asset.etag.to_owned(),
            plain: Bytes::from_static(asset.plain),
            gzip: asset.gzip.map(Bytes::from_static),
        }
    }

    fn filled(asset: &Asset, text: String) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let gzip = compressed(text.as_bytes()).ok();
        let etag = format!("\"{:016x}\"", hasher.finish());
        Self { content_type: asset.content_type, etag, plain: Bytes::from(text), gzip }
    }

    fn answer(&self, caching: &'static str, request: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            headers.insert(ETAG, etag);
        }
        if is_known(request, &self.etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        let content = match &self.gzip {
            Some(gzip) if accepts_gzip(request) => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                gzip
            }
            _ => &self.plain,
        };
        *response.body_mut() = Body::from(content.clone());
        response
    }
}

fn compressed(content: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish().map(Bytes::from)
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
    fn every_place_of_the_providers_words_is_filled() {
        let page = Page::new(&Provider::default());
        for file in [&page.index, &page.widget, &page.manifest, &page.console] {
            let text = std::str::from_utf8(&file.plain).unwrap();
            assert!(!text.contains("[["), "{text}");
        }
    }

    #[test]
    fn the_page_refers_to_assets_by_names_that_exist() {
        let index = [INDEX.plain, WIDGET.plain, MANIFEST.plain, CONSOLE.plain].concat();
        let index = std::str::from_utf8(&index).unwrap();
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
