//! Who may ask the private listener. A request names the listener by one of its own names, as no foreign web page can make a browser do.
//! Off loopback, the request bears the token too.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, ensure};
use axum::extract::{Extension, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, HOST, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode};
use ring::digest::{SHA256, digest};

use crate::net::answers::{bearer, words};
use crate::net::listener::Connection;
use crate::store::{data_directory, permissions};

/// The shortest token, in bytes: 96 random bits in base64.
const LEAST_TOKEN: usize = 16;
/// The longest token file, in bytes.
const MAX_FILE: u64 = 4 * 1024;
/// Answered without the token: they tell nothing of anybody, and health checks of proxies cannot send one.
const WITHOUT_TOKEN: [&str; 2] = ["/healthz", "/readyz"];

/// How the private listener is protected, as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Door {
    /// A file with the token that requests must bear.
    pub token_file: Option<PathBuf>,
    /// Names of the listener beside loopback, its own address and the machine's name.
    pub names: Vec<String>,
}

/// Lets requests through the door.
pub(crate) struct Guard {
    token: Option<Vec<u8>>,
    names: Vec<String>,
}

impl Guard {
    /// Reads the token.
    ///
    /// # Errors
    /// Where the file cannot be read or holds no token.
    pub(crate) fn new(door: &Door) -> Result<Self> {
        let token = door.token_file.as_ref().map(|path| read_token(path)).transpose()?;
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let own = [machine, "localhost".to_owned()];
        let names = door.names.iter().chain(&own).map(|name| name.to_lowercase()).collect();
        Ok(Self { token: token.map(String::into_bytes), names })
    }

    /// True unless the request names another host than this listener. A request without a name comes from no browser.
    fn is_own_name(&self, connection: &Connection, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST) else { return true };
        let Some(authority) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
        if authority.as_str().contains('@') {
            return false;
        }
        let name = authority.host().trim_matches(['[', ']']).trim_end_matches('.').to_lowercase();
        match name.parse::<std::net::IpAddr>() {
            Ok(ip) => ip.to_canonical().is_loopback() || Some(ip.to_canonical()) == connection.local,
            Err(_) => self.names.contains(&name),
        }
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        // Digests are compared, so that the time says nothing of the token.
        let is = |token: &Vec<u8>| {
            bearer(headers)
                .is_some_and(|shown| digest(&SHA256, shown.as_bytes()).as_ref() == digest(&SHA256, token).as_ref())
        };
        self.token.as_ref().is_none_or(is)
    }
}

/// Reads the token of a private listener.
///
/// # Errors
/// Where the file cannot be read or holds no token.
pub(crate) fn read_token(path: &std::path::Path) -> Result<String> {
    let content = data_directory::read(path, MAX_FILE)?;
    permissions::warn_if_open("the private listener's token", path);
    let text = String::from_utf8(content).unwrap_or_default();
    let token = text.trim_start_matches('\u{feff}').trim();
    ensure!(
        token.len() >= LEAST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic()),
        "{} holds no token of {LEAST_TOKEN} or more letters in one line; `head -c 24 /dev/urandom | base64` makes one",
        path.display()
    );
    Ok(token.to_owned())
}

/// Answers a request, or says why not. No answer is kept by a cache.
pub(crate) async fn guarded(
    State(guard): State<Arc<Guard>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let (headers, path) = (request.headers(), request.uri().path());
    let mut answer = if !guard.is_own_name(&connection, headers) {
        let sentence = "This listener does not know itself by that name; --private-name gives it one more.";
        words(StatusCode::MISDIRECTED_REQUEST, headers, sentence)
    } else if !WITHOUT_TOKEN.contains(&path) && !guard.has_token(headers) {
        let mut refusal = words(
            StatusCode::UNAUTHORIZED,
            headers,
            "The token of --private-token-file is needed, as Authorization: Bearer.",
        );
        refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        refusal
    } else {
        next.run(request).await.into_response()
    };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
