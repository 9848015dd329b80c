//! Links: made, listed, revoked and made void, with the streams that they opened. And what a line is.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::Api;
use crate::common::{TestRelay, bearer, get};

async fn made(api: &Api, body: &str) -> Value {
    let answer = api.json("POST", "/api/v1/lines/ali/links", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body
}

fn token(link: &Value) -> String {
    link["url"].as_str().unwrap().split_once('#').unwrap().1.to_owned()
}

#[tokio::test]
async fn a_made_link_opens_its_line_until_it_is_revoked() {
    let api = Api::start("links").await;
    let link = made(&api, r#"{"kind":"support"}"#).await;
    assert!(link["url"].as_str().unwrap().starts_with("http://relay.test/#"), "{link}");
    let hours = |link: &Value| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
        (link["expires"].as_u64().unwrap() - now + 1_800_000) / 3_600_000
    };
    assert_eq!(hours(&link), 24);
    assert_eq!(hours(&made(&api, r#"{"kind":"personal"}"#).await), 365 * 24);
    assert_eq!(hours(&made(&api, r#"{"kind":"personal","hours":2.0}"#).await), 2);
    let (address, header) = (api.relay.addresses.viewers, bearer(&token(&link)));
    let stream = tokio::spawn(async move { get(address, "/api/v1/lines/ali/live", &header).await });
    api.relay.metric_reaches("linelight_viewers", 1).await;

    let id = link["id"].as_str().unwrap();
    let listed = api.get("/api/v1/lines/ali/links").await.body;
    assert_eq!(listed["links"].as_array().unwrap().len(), 3);
    let path = format!("/api/v1/lines/ali/links/{id}");
    assert_eq!(api.json("DELETE", &path, "").await.body, json!({"id": id, "made_here": true}));
    assert_eq!(api.json("DELETE", &path, "").await.status, 200, "as often as one likes");
    assert!(stream.await.unwrap().text().contains("link_refused"));
    assert_eq!(api.relay.request("/api/v1/lines/ali/live", &bearer(&token(&link))).await.status, 401, "at once");
    let listed = api.get("/api/v1/lines/ali/links").await.body;
    let revoked = listed["links"].as_array().unwrap().iter().find(|each| each["id"] == id).unwrap();
    assert!(revoked["revoked"].is_i64(), "{revoked}");
}

#[tokio::test]
async fn a_portals_own_link_is_revoked_by_its_id_and_all_are_void_at_once() {
    let api = Api::start("links").await;
    let own = api.relay.token("ali", SystemTime::now() + Duration::from_secs(3600));
    let revoked = api.json("DELETE", "/api/v1/lines/ali/links/1", "").await;
    assert_eq!(revoked.body, json!({"id": "1", "made_here": false}));
    assert_eq!(api.relay.request("/api/v1/lines/ali/live", &bearer(&own)).await.status, 401);
    let link = made(&api, r#"{"kind":"support"}"#).await;
    let void = api.json("POST", "/api/v1/lines/ali/void", "").await;
    assert!(void.status == 200 && void.body["void_before"].as_i64().unwrap() % 1_000 == 0, "{void:?}");
    assert_eq!(api.relay.request("/api/v1/lines/ali/live", &bearer(&token(&link))).await.status, 401);
    let newer = made(&api, r#"{"kind":"support"}"#).await;
    let mut stream = tokio::net::TcpStream::connect(api.relay.addresses.viewers).await.unwrap();
    let answer = crate::common::head(&mut stream, "/api/v1/lines/ali/live", &bearer(&token(&newer))).await;
    assert_eq!(answer.status, 200, "a newer link is good");
}

#[tokio::test]
async fn a_link_that_cannot_be_is_refused_with_the_reason() {
    let public = "https://example.net/speed/".parse().unwrap();
    let api = Api::with(TestRelay::start(|config| config.provider.public_url = Some(public)), "links").await;
    for (body, status, told) in [
        ("", 400, "not a JSON object"),
        ("{}", 422, "kind"),
        (r#"{"kind":"other"}"#, 422, "support"),
        (r#"{"kind":"support","hours":"2"}"#, 422, "whole number"),
        (r#"{"kind":"support","hours":2.5}"#, 422, "whole number"),
        (r#"{"kind":"support","days":2}"#, 422, "hours"),
        (r#"{"kind":"support","hours":0}"#, 422, "between 1 and 9600"),
        (r#"{"kind":"support","hours":9601}"#, 422, "--max-link-lifetime"),
        (r#"{"kind":"support","hours":18446744073709551615}"#, 422, "--max-link-lifetime"),
    ] {
        let answer = api.json("POST", "/api/v1/lines/ali/links", body).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.body["detail"].as_str().unwrap().contains(told), "{body}: {answer:?}");
    }
    assert_eq!(
        api.json("DELETE", &format!("/api/v1/lines/ali/links/{}", "x".repeat(65)), "").await.reason(),
        (400, "id")
    );
    assert!(
        made(&api, r#"{"kind":"support"}"#).await["url"]
            .as_str()
            .unwrap()
            .starts_with("https://example.net/speed/#eyJ")
    );
    assert_eq!(api.json("POST", "/speed/api/v1/lines/ali/links", r#"{"kind":"support"}"#).await.status, 201);
}

#[tokio::test]
async fn a_line_is_told_with_its_state_and_why() {
    let api = Api::start("read").await;
    let line = api.get("/api/v1/lines/ali%20b").await.body;
    assert_eq!(
        (&line["username"], &line["state"], &line["sessions"]),
        (&json!("ali b"), &json!("starting"), &json!(0))
    );
    let why = api.get("/api/v1/lines/ali%20b/explain").await.body;
    let words = why["words"].as_array().unwrap();
    assert!(words.iter().any(|words| words.as_str().unwrap().starts_with("reports none")), "{words:?}");
}
