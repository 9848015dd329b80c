//! Who may call what: no key, a wrong one, a revoked one, one of another scope, and pages of other origins.

use serde_json::{Value, json};

use super::{Api, add_key, call, linelight, send};
use crate::common::{TestRelay, eventually};

/// Every request of the API, with the scopes that may make it.
const REQUESTS: [(&str, &str, &[&str]); 12] = [
    ("GET", "/api/v1/subscribers", &["read", "subscribers"]),
    ("PUT", "/api/v1/subscribers", &["subscribers"]),
    ("GET", "/api/v1/subscribers/ali", &["read", "subscribers"]),
    ("PUT", "/api/v1/subscribers/ali", &["subscribers"]),
    ("PATCH", "/api/v1/subscribers/ali", &["subscribers"]),
    ("DELETE", "/api/v1/subscribers/ali", &["subscribers"]),
    ("GET", "/api/v1/lines/ali", &["read"]),
    ("GET", "/api/v1/lines/ali/explain", &["read"]),
    ("GET", "/api/v1/lines/ali/links", &["read", "links"]),
    ("POST", "/api/v1/lines/ali/links", &["links"]),
    ("DELETE", "/api/v1/lines/ali/links/1", &["links"]),
    ("POST", "/api/v1/lines/ali/void", &["links"]),
];

/// The body that each request takes.
fn body(method: &str, path: &str) -> &'static str {
    match (method, path) {
        ("PUT", "/api/v1/subscribers") => r#"[{"username":"ali"}]"#,
        ("PUT" | "PATCH", _) => r#"{"customer":"Ali"}"#,
        ("POST", path) if path.ends_with("/links") => r#"{"kind":"support"}"#,
        _ => "",
    }
}

#[tokio::test]
async fn every_request_wants_a_key_of_its_scope() {
    let relay = TestRelay::start(|config| config.limits.failed_attempts = 1_000_000);
    let mut keys = Vec::new();
    for scope in ["read", "links", "subscribers"] {
        keys.push((scope, add_key(&relay.data(), scope, &[scope]).await));
    }
    let old = add_key(&relay.data(), "old", &["read", "links", "subscribers"]).await;
    let works = async |key: &str| {
        let headers = format!("authorization: Bearer {key}\r\n");
        call(&relay, "GET", "/api/v1/subscribers/nobody", &headers, b"").await.status != 401
    };
    eventually("the last key is in force", async || works(&old).await).await;
    assert!(linelight(&relay.data(), &["key", "revoke", "old"]).await.status.success());
    eventually("the revoked key is refused", async || !works(&old).await).await;

    for (method, path, scopes) in REQUESTS {
        let json = "content-type: application/json\r\n";
        let body = body(method, path).as_bytes();
        let ask = async |headers: String| call(&relay, method, path, &(headers + json), body).await;
        let unknown = ask("authorization: Bearer linelight_key_guessed\r\n".to_owned()).await;
        assert_eq!(unknown.reason(), (401, "key"), "{method} {path}");
        for headers in [
            String::new(),
            format!("authorization: Bearer {old}\r\n"),
            format!("authorization: Basic {old}\r\n"),
            format!("cookie: __Host-linelight={old}\r\n"),
            format!(
                "authorization: Bearer {}\r\n",
                relay.token("ali", std::time::SystemTime::now() + crate::common::PATIENCE)
            ),
        ] {
            assert_eq!(ask(headers).await, unknown, "{method} {path}: all are refused alike");
        }
        for (scope, key) in &keys {
            let authorization = format!("authorization: Bearer {key}\r\n");
            let foreign = ask(format!("{authorization}origin: https://evil.example\r\n")).await;
            assert_eq!(foreign.reason(), (403, "other-origin"), "{method} {path}");
            let answer = ask(authorization).await;
            match scopes.contains(scope) {
                true => assert!(![401, 403].contains(&answer.status), "{method} {path} {scope}: {answer:?}"),
                false => assert_eq!(answer.reason(), (403, "scope"), "{method} {path} {scope}"),
            }
        }
    }
    assert!(relay.metric("linelight_api_refused_total").await > 80);
    let audit = audit(&relay).await;
    assert!(audit.contains("(key read)") && audit.contains("key-refused"), "{audit}");
    assert!(audit.contains("key-made") && audit.contains("key-revoked"), "{audit}");
    assert!(!audit.contains(&keys[0].1), "no log shows a key");
}

/// The audit log as text, once what was noted is written.
async fn audit(relay: &TestRelay) -> String {
    use relay::store::database::Database;
    use relay::store::database::location::Location;
    let database = Database::open(&Location::in_directory(&relay.data())).await.unwrap();
    let mut text = String::new();
    eventually("the refusal is in the audit log", async || {
        let filter = relay::operators::audit::query::Filter::default();
        let entries = relay::operators::audit::query::find(&database, &filter, 1_000).await.unwrap();
        text = serde_json::to_string(&entries).unwrap();
        text.contains("key-refused")
    })
    .await;
    text
}

#[tokio::test]
async fn no_page_of_another_origin_is_let_in() {
    let api = Api::start("read").await;
    let asked = "origin: https://evil.example\r\naccess-control-request-method: GET\r\naccess-control-request-headers: authorization\r\n";
    let preflight = send(&api.relay, "OPTIONS", "/api/v1/subscribers", asked, b"").await;
    assert_eq!(preflight.status, 405);
    let answer =
        send(&api.relay, "GET", "/api/v1/subscribers", &format!("authorization: Bearer {}\r\n", api.key), b"").await;
    for answer in [&preflight, &answer] {
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(answer.header("set-cookie"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn wrong_keys_are_limited_by_address_and_a_right_one_never_is() {
    let relay = TestRelay::start(|config| config.limits.failed_attempts = 5);
    let key = add_key(&relay.data(), "billing", &["read"]).await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(call(&relay, "GET", "/api/v1/subscribers", "authorization: Bearer wrong\r\n", b"").await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
    let waits = send(&relay, "GET", "/api/v1/subscribers", "", b"").await;
    assert_eq!((waits.status, waits.header("retry-after")), (429, Some("60")));
    let right = format!("authorization: Bearer {key}\r\n");
    eventually("the key is in force", async || {
        call(&relay, "GET", "/api/v1/subscribers", &right, b"").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_key_is_shown_once_and_its_last_use_is_listed() {
    let api = Api::start("read").await;
    let list = async || String::from_utf8(linelight(&api.relay.data(), &["key", "list"]).await.stdout).unwrap();
    eventually("the use is known", async || !list().await.contains("never")).await;
    let text = list().await;
    assert!(text.contains("test") && text.contains("read") && text.contains("in force"), "{text}");
    assert!(!text.contains(&api.key), "{text}");
    let again = linelight(&api.relay.data(), &["key", "add", "test", "--scope", "read"]).await;
    assert!(String::from_utf8_lossy(&again.stderr).contains("already"), "a name belongs to one key");
    assert!(linelight(&api.relay.data(), &["key", "revoke", "test"]).await.status.success());
    let unknown = linelight(&api.relay.data(), &["key", "revoke", "test"]).await;
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("key list"));
    assert!(list().await.contains("revoked "));
    assert_ne!(add_key(&api.relay.data(), "test", &["links", "subscribers"]).await, api.key);
    assert!(list().await.contains("links subscribers"));
}

#[tokio::test]
async fn the_document_is_read_without_a_key_and_names_every_request() {
    let relay = TestRelay::start(|_| {});
    let document = call(&relay, "GET", "/api/v1/openapi.json", "", b"").await;
    assert_eq!((document.status, &document.body["openapi"]), (200, &json!("3.1.0")));
    let mut named = 0;
    for (method, path, _) in REQUESTS {
        let path = path.replace("/ali", "/{username}").replace("/links/1", "/links/{id}");
        let operation = &document.body["paths"][&path][method.to_lowercase()];
        assert!(operation["security"][0]["key"].is_array(), "{method} {path}");
        named += 1;
    }
    let paths = document.body["paths"].as_object().unwrap();
    let all: usize =
        paths.values().map(|path| path.as_object().unwrap().keys().filter(|key| *key != "parameters").count()).sum();
    assert_eq!(all, named + 1, "and the document itself");
    assert_ne!(document.body["components"]["schemas"], Value::Null);
}

#[tokio::test]
async fn another_method_and_another_query_are_refused_in_words() {
    let api = Api::start("read").await;
    let answer = send(&api.relay, "POST", "/api/v1/subscribers", "", b"").await;
    assert_eq!(answer.status, 405);
    let allowed = answer.header("allow").unwrap().to_owned();
    assert!(allowed.contains("GET") && allowed.contains("PUT") && !allowed.contains("POST"), "{allowed}");
    for path in [
        "/api/v1/lines/ali?x=1",
        "/api/v1/subscribers?limit=0",
        "/api/v1/subscribers?limit=1&limit=2",
        "/api/v1/subscribers?after=50%25",
    ] {
        assert_eq!(api.get(path).await.reason(), (400, "query"), "{path}");
    }
    for path in [
        "/api/v1/lines/50%25",
        "/api/v1/lines/%FF",
        "/api/v1/lines/a%00b",
        &format!("/api/v1/lines/{}", "x".repeat(256)),
    ] {
        assert_eq!(api.get(path).await.reason(), (400, "username"), "{path}");
    }
}
