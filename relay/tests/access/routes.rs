//! The routes that the relay serves, read from its own routers: a route that no test knows is tried all the same.

use relay::relay::Relay;

use crate::common::{config, initialised};

/// One method of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub is_private: bool,
    pub method: String,
    pub path: String,
}

/// Returns every route of the public and the private listener.
pub fn all() -> Vec<Route> {
    let (_directory, data) = initialised();
    let (public, private) = Relay::bind(config(&data)).unwrap().described();
    let mut routes: Vec<Route> = public.iter().flat_map(|described| read(described, false)).collect();
    routes.extend(read(&private, true));
    for path in ["/", "/api/v1/live", "/console/api/me", "/api/v1/subscribers/{username}", "/metrics"] {
        assert!(
            routes.iter().any(|route| route.path == path),
            "{path} was not read: axum writes routers otherwise now"
        );
    }
    routes
}

/// Reads axum's description of a router: a map of endpoints and a map of paths, with one id for both.
fn read(described: &str, is_private: bool) -> Vec<Route> {
    let (router, _) = described.split_once("fallback_router:").expect("axum's description of a router");
    let (endpoints, paths) = router.split_once("node: Node").expect("axum's description of its paths");
    let paths: Vec<(&str, &str)> = entries(paths).collect();
    let mut routes = Vec::new();
    for (id, endpoint) in entries(endpoints) {
        let path = paths.iter().find(|(other, _)| *other == id).expect("a path for each endpoint").1;
        let path = path.split('"').nth(1).unwrap();
        assert!(endpoint.starts_with("MethodRouter"), "{path}: a whole service is here, whose routes are unknown");
        let mut methods: Vec<&str> = ["get", "put", "patch", "post", "delete", "options", "trace", "connect"].into();
        methods.retain(|method| !endpoint.contains(&format!(" {method}: None")));
        if methods.is_empty() {
            methods.push("any");
        }
        routes.extend(methods.iter().map(|method| Route {
            is_private,
            method: method.to_uppercase(),
            path: path.to_owned(),
        }));
    }
    assert_eq!(routes.is_empty(), paths.is_empty());
    routes
}

/// Returns the entries of a map whose keys are `RouteId(N)`.
fn entries(map: &str) -> impl Iterator<Item = (&str, &str)> {
    map.split("RouteId(").skip(1).map(|entry| entry.split_once("): ").expect("an id and its value"))
}
