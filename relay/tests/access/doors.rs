//! The doors: routes with what they are asked, in the groups of the document.

use std::fmt;

use crate::desk::PASSWORD;
use crate::routes::Route;

/// Nobody's line and nobody's name.
pub const UNKNOWN: &str = "nobody-knows";

/// What a changed password is.
const NEW_PASSWORD: &str = "another horse battery";

/// The groups of the document, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Pages,
    Lines,
    Uplink,
    Api,
    Console,
    Private,
}

impl Kind {
    pub fn title(self) -> &'static str {
        match self {
            Self::Pages => "Pages",
            Self::Lines => "A line, live",
            Self::Uplink => "The uplink of agents",
            Self::Api => "The API for billing systems and portals",
            Self::Console => "The console",
            Self::Private => "The private listener",
        }
    }

    pub fn remark(self) -> &'static str {
        match self {
            Self::Pages => "The same bytes for everybody: what they show comes from the doors below.",
            Self::Lines => {
                "`ali` is asked for, by link where the caller has one, and by name otherwise. Access is by link."
            }
            Self::Uplink => "A WebSocket.",
            Self::Api => "A key and nothing else opens. The OpenAPI document holds nothing of anybody.",
            Self::Console => {
                "The session and nothing else opens; a change also wants the page's own origin. What is typed or opens once is asked for\n\
                 with an empty body here: 400 is behind the door. A browser sends the cookie for no page of another origin\n\
                 (`SameSite=Strict`), and lets none read an answer; the test sends it all the same."
            }
            Self::Private => "On loopback, or off loopback with the token of `--private-token-file`, as here.",
        }
    }

    fn of(route: &Route) -> Self {
        let path = route.path.as_str();
        match path {
            _ if route.is_private => Self::Private,
            "/api/v1/live"
            | "/api/v1/lines/{username}/live"
            | "/api/v1/lines/{username}/slow"
            | "/api/v1/lines/{username}/past" => Self::Lines,
            _ if path == shared::UPLINK_PATH => Self::Uplink,
            _ if path.starts_with("/console/api/") => Self::Console,
            _ if path.starts_with("/api/") => Self::Api,
            _ => Self::Pages,
        }
    }
}

/// A door.
pub struct Door {
    pub kind: Kind,
    route: Route,
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.route.method, self.route.path)
    }
}

/// Returns the doors of all routes by group, reading before changing before removing.
pub fn grouped(routes: &[Route]) -> Vec<(Kind, Vec<Door>)> {
    let other = |is_private| Route { is_private, method: "GET".to_owned(), path: "/another".to_owned() };
    let routes = routes.iter().cloned().chain([other(false), other(true)]);
    let mut doors: Vec<Door> = routes.map(|route| Door { kind: Kind::of(&route), route }).collect();
    doors.sort_by_key(|door| (door.kind, door.removes(), door.route.path.clone(), door.order()));
    let mut groups: Vec<(Kind, Vec<Door>)> = Vec::new();
    for door in doors {
        match groups.last_mut() {
            Some((kind, doors)) if *kind == door.kind => doors.push(door),
            _ => groups.push((door.kind, vec![door])),
        }
    }
    groups
}

impl Door {
    pub fn path(&self) -> &str {
        &self.route.path
    }

    /// The method that is sent.
    pub fn method(&self) -> &str {
        if self.route.method == "ANY" { "GET" } else { &self.route.method }
    }

    pub fn is_private(&self) -> bool {
        self.route.is_private
    }

    pub fn is_websocket(&self) -> bool {
        ["/api/v1/live", "/console/api/live", shared::UPLINK_PATH].contains(&self.path())
    }

    fn order(&self) -> usize {
        ["GET", "PUT", "PATCH", "POST", "DELETE"].iter().position(|method| *method == self.method()).unwrap_or(9)
    }

    /// True if what others need is gone behind the door.
    fn removes(&self) -> bool {
        self.method() == "DELETE" || self.path() == "/console/api/routers/{name}/revoke"
    }

    /// The path with these in the places of its variables.
    pub fn path_of(&self, username: &str, name: &str, id: &str) -> String {
        let path = self.path().replace("{username}", username).replace("{name}", name).replace("{id}", id);
        let path = path.replace("{number}", id);
        let path = path.replace("{text}", username).replace("{*rest}", "lines").replace("{*unknown}", "another");
        assert!(!path.contains('{'), "{self}: say what stands in the place of the variable");
        path
    }

    /// The path of a line or of somebody that nobody knows; `None` where the path has neither.
    pub fn unknown(&self) -> Option<String> {
        let path = self.path_of(UNKNOWN, UNKNOWN, "1");
        (path.contains(UNKNOWN) && self.path() != "/assets/{name}").then_some(path)
    }

    /// A body that the door takes; nothing for a door without.
    pub fn body(&self, fresh: &str) -> String {
        if matches!(self.method(), "GET" | "DELETE") {
            return String::new();
        }
        match (self.method(), self.path().trim_start_matches("/console/api/")) {
            ("PUT", "/api/v1/subscribers") => r#"[{"username":"ali"}]"#.to_owned(),
            ("PUT" | "PATCH", "/api/v1/subscribers/{username}") => r#"{"customer":"Ali"}"#.to_owned(),
            (_, "/api/v1/lines/{username}/links" | "lines/{username}/links") => r#"{"kind":"support"}"#.to_owned(),
            (_, "/api/v1/lines/{username}/void") => String::new(),
            (_, "slow/{number}/answer") => r#"{"answer":"We are on it."}"#.to_owned(),
            (_, "sign-out") => r#"{"everywhere":false}"#.to_owned(),
            (_, "people") => format!(r#"{{"name":"{fresh}","role":"support"}}"#),
            (_, "people/{name}/role") => r#"{"role":"support"}"#.to_owned(),
            (_, "routers") => format!(r#"{{"name":"{fresh}","patterns":["*@{fresh}.example"]}}"#),
            (_, "routers/{name}/patterns") => r#"{"patterns":["*@karoo.example"]}"#.to_owned(),
            (_, "password") => format!(r#"{{"old":"{PASSWORD}","new":"{NEW_PASSWORD}"}}"#),
            (_, "totp/confirm") => r#"{"code":"123456"}"#.to_owned(),
            // Behind the password's door, which comes before.
            (_, "totp/remove") => format!(r#"{{"password":"{NEW_PASSWORD}"}}"#),
            // What is shown once stands in a table of its own.
            _ => "{}".to_owned(),
        }
    }
}
