//! The folder of the public URL: behind `https://example.net/speed/` everything of the relay is below `/speed`.
//!
//! A reverse proxy may strip the folder from a request's path or keep it. The relay understands both, so nothing tells
//! it which one the proxy does.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::uri::PathAndQuery;
use http::{StatusCode, Uri};

/// A path without its last slash: `/speed`, or nothing for a relay with a name of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folder(String);

/// Where a request's path stands.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// The folder itself, without the slash that relative addresses need. Holds the last name with that slash.
    Slashless(String),
    /// In the folder: the path and query behind it.
    Inside(PathAndQuery),
    /// Elsewhere, as behind a proxy that strips the folder.
    Outside,
}

impl Folder {
    /// Returns the folder of a public URL.
    pub fn of(url: &Uri) -> Self {
        Self(url.path().trim_end_matches('/').to_owned())
    }

    /// Returns the path, to be put before a path that begins with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a router that takes requests with the folder and without it.
    pub(super) fn around(self, router: Router) -> Router {
        if self.0.is_empty() {
            return router;
        }
        let unfolded = move |request: Request, next: Next| {
            let folder = self.clone();
            async move { folder.forward(request, next).await }
        };
        // A layer of the router itself would come after the choice of a route.
        Router::new().fallback_service(router).layer(middleware::from_fn(unfolded))
    }

    async fn forward(self, mut request: Request, next: Next) -> Response {
        match self.place(request.uri()) {
            Place::Slashless(name) => {
                let location = request.uri().query().map_or_else(|| name.clone(), |query| format!("{name}?{query}"));
                return (StatusCode::PERMANENT_REDIRECT, [(LOCATION, location)]).into_response();
            }
            Place::Inside(path) => *request.uri_mut() = Uri::from(path),
            Place::Outside => {}
        }
        next.run(request).await
    }

    fn place(&self, uri: &Uri) -> Place {
        let whole = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        match whole.strip_prefix(&self.0) {
            Some(rest) if rest.starts_with('/') => rest.parse().map_or(Place::Outside, Place::Inside),
            Some(rest) if rest.is_empty() || rest.starts_with('?') => {
                let name = self.0.rsplit('/').next().unwrap_or_default();
                Place::Slashless(format!("{name}/"))
            }
            _ => Place::Outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &'static str, requested: &'static str) -> Place {
        Folder::of(&Uri::from_static(url)).place(&Uri::from_static(requested))
    }

    #[test]
    fn the_folder_is_taken_from_a_path_once() {
        let inside = |path| Place::Inside(PathAndQuery::from_static(path));
        for (requested, is) in [
            ("/speed/", inside("/")),
            ("/speed/?username=ali", inside("/?username=ali")),
            ("/speed/line/a%2Fb", inside("/line/a%2Fb")),
            ("/speed/speed/", inside("/speed/")),
            ("/speed", Place::Slashless("speed/".into())),
            ("/speed?username=ali", Place::Slashless("speed/".into())),
            ("/speedy/", Place::Outside),
            ("/", Place::Outside),
            ("/line/speed", Place::Outside),
        ] {
            assert_eq!(place("https://example.net/speed/", requested), is, "{requested}");
        }
        assert_eq!(place("https://example.net/a/b", "/a/b/api/v1/live"), inside("/api/v1/live"));
        assert_eq!(place("https://example.net/a/b", "/a/b"), Place::Slashless("b/".into()));
    }

    #[test]
    fn a_relay_with_a_name_of_its_own_has_no_folder() {
        for url in ["https://example.net", "https://example.net/"] {
            assert_eq!(Folder::of(&Uri::from_static(url)), Folder::default());
        }
    }
}
