//! Subscribers: one by one, all at once, and beside the subscribers file.

use relay::subscribers::SubscribersFile;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Answer, Api, call};
use crate::common::{TestRelay, eventually};

fn row(username: &str, customer: &str) -> serde_json::Value {
    json!({"username": username, "customer": customer, "package": null, "download": null, "upload": null, "further": {}, "file_wins": false})
}

async fn names(api: &Api) -> Vec<String> {
    let page = api.get("/api/v1/subscribers?limit=1000").await.body;
    page["subscribers"].as_array().unwrap().iter().map(|row| row["username"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn one_is_entered_read_changed_and_removed() {
    let api = Api::start("subscribers").await;
    let path = "/api/v1/subscribers/4446%40karoo.example";
    assert_eq!(api.get(path).await.reason(), (404, "unknown"));
    assert_eq!(api.json("PATCH", path, "{}").await.reason(), (404, "unknown"));
    assert_eq!(api.json("DELETE", path, "").await.reason(), (404, "unknown"));
    let body = r#"{"customer":" Protea\u0007Motors ","package":"Fibre 50/10","download":50000000,"upload":"10M"}"#;
    let entered = api.json("PUT", path, body).await;
    let mut expected = row("4446@karoo.example", "Protea Motors");
    expected["package"] = json!("Fibre 50/10");
    expected["download"] = json!(50_000_000);
    expected["upload"] = json!(10_000_000);
    assert_eq!(entered, Answer { status: 200, body: expected.clone() });
    assert_eq!(api.get(path).await.body, expected, "in force before the answer was");
    let patched = api
        .call(
            "PATCH",
            path,
            "content-type: application/merge-patch+json\r\n",
            r#"{"package":null,"upload":0,"further":{"phone":" 051 555 "}}"#,
        )
        .await;
    expected["package"] = json!(null);
    expected["further"] = json!({"phone": "051 555"});
    expected["upload"] = json!(null);
    assert_eq!(patched.body, expected);
    assert_eq!(api.json("PUT", path, r#"{"customer":"Other"}"#).await.body, row("4446@karoo.example", "Other"));
    assert_eq!(api.relay.metric("linelight_subscribers").await, 1);
    assert_eq!(api.json("DELETE", path, "").await.status, 204);
    assert_eq!(api.get(path).await.status, 404);
    assert_eq!(api.relay.metric("linelight_subscribers").await, 0);
}

#[tokio::test]
async fn what_is_no_subscriber_is_refused_with_the_reason() {
    let api = Api::start("subscribers").await;
    let path = "/api/v1/subscribers/ali";
    for (body, status, told) in [
        ("", 400, "not a JSON object: line 1"),
        ("[]", 400, "not a JSON object"),
        (r#"{"customer":"#, 400, "line 1, column"),
        (r#"{"customer":7}"#, 422, "customer is not a text"),
        (r#"{"dowload":7}"#, 422, "unknown field"),
        (r#"{"download":-1}"#, 422, "whole number"),
        (r#"{"download":"10,240k"}"#, 422, "can be"),
        (r#"{"username":"bob"}"#, 422, "not that of the address"),
    ] {
        let answer = api.json("PUT", path, body).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.body["detail"].as_str().unwrap().contains(told), "{body}: {answer:?}");
    }
    let large = format!(r#"{{"customer":"{}"}}"#, "x".repeat(17_000));
    assert_eq!(api.json("PUT", path, &large).await.reason(), (413, "too-large"));
    assert_eq!(api.call("PUT", path, "content-type: text/plain\r\n", "{}").await.reason(), (415, "media-type"));
    assert_eq!(names(&api).await, Vec::<String>::new());
}

#[tokio::test]
async fn pages_follow_each_other() {
    let api = Api::start("subscribers").await;
    let rows: Vec<_> = (0..25).map(|at| json!({"username": format!("u{at:02}")})).collect();
    assert_eq!(api.json("PUT", "/api/v1/subscribers", &json!(rows).to_string()).await.status, 200);
    let mut seen = Vec::new();
    let mut path = "/api/v1/subscribers?limit=10".to_owned();
    loop {
        let page = api.get(&path).await.body;
        assert_eq!(page["total"], 25);
        seen.extend(
            page["subscribers"].as_array().unwrap().iter().map(|row| row["username"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/subscribers?limit=10&after={next}");
    }
    assert_eq!(seen, (0..25).map(|at| format!("u{at:02}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn all_are_replaced_as_one_change_and_a_dry_run_changes_nothing() {
    let api = Api::start("subscribers").await;
    let path = "/api/v1/subscribers";
    let all = json!([{"username": "ali", "customer": "Ali"}, {"username": "bob"}, {"username": "eve"}]);
    let counts = |answer: &Answer| {
        ["dry_run", "rows", "added", "changed", "unchanged", "removed"].map(|name| answer.body[name].clone())
    };
    let dry = api.json("PUT", "/api/v1/subscribers?dry_run=true", &all.to_string()).await;
    assert_eq!(counts(&dry), [json!(true), json!(3), json!(3), json!(0), json!(0), json!(0)]);
    assert_eq!(names(&api).await, Vec::<String>::new());
    api.json("PUT", path, &all.to_string()).await;
    let other = json!([{"username": "ali", "customer": "Ali Baba"}, {"username": "bob"}, {"username": "zoë"}]);
    let done = api.json("PUT", path, &other.to_string()).await;
    assert_eq!(counts(&done), [json!(false), json!(3), json!(1), json!(1), json!(1), json!(1)]);
    assert_eq!(names(&api).await, ["ali", "bob", "zoë"]);
    assert_eq!(api.get("/api/v1/subscribers/ali").await.body, row("ali", "Ali Baba"));

    let bad = json!([{"username": "new"}, {"username": "new"}, 7, {"username": "x", "upload": "fast"}]);
    for path in ["/api/v1/subscribers", "/api/v1/subscribers?dry_run=true"] {
        let refused = api.json("PUT", path, &bad.to_string()).await;
        assert_eq!((refused.reason(), &refused.body["bad_rows"]), ((422, "bad-rows"), &json!(3)));
        let rows = refused.body["rows"].as_array().unwrap();
        let named: Vec<_> = rows.iter().map(|row| (row["row"].as_u64().unwrap(), row["username"].as_str())).collect();
        assert_eq!(named, [(2, Some("new")), (3, None), (4, Some("x"))]);
        assert!(rows[2]["problem"].as_str().unwrap().contains("upload is not a limit"), "{rows:?}");
    }
    assert_eq!(api.json("PUT", path, "[]").await.reason(), (422, "content"), "an export that failed removes nobody");
    assert_eq!(api.json("PUT", path, "{}").await.reason(), (422, "content"));
    assert_eq!(api.json("PUT", path, "[").await.reason(), (400, "body"));
    assert_eq!(api.json("PUT", "/api/v1/subscribers?dry_rum=true", "[]").await.reason(), (400, "query"));
    assert_eq!(api.json("PUT", "/api/v1/subscribers?dry_run=yes", "[]").await.reason(), (400, "query"));
    assert_eq!(api.call("PUT", path, "content-type: text/html\r\n", "").await.reason(), (415, "media-type"));
    assert_eq!(names(&api).await, ["ali", "bob", "zoë"], "no refusal changed anything");
    assert_eq!(api.json("PUT", "/api/v1/subscribers?allow_empty=true", "[]").await.body["removed"], 3);
}

#[tokio::test]
async fn csv_is_read_as_the_subscribers_file_is() {
    let api = Api::start("subscribers").await;
    let path = "/api/v1/subscribers";
    let csv = async |body: &str| api.call("PUT", path, "content-type: text/csv; charset=utf-8\r\n", body).await;
    let done = csv("sep=;\r\nLogin;Name;Download (Mbps);Upload\r\nali;Ali;50;10M\r\n=\"4446\";Bob;20;\r\n").await;
    assert_eq!((done.status, &done.body["rows"]), (200, &json!(3)), "4446 by both spellings: {done:?}");
    assert!(done.body["notes"][0]["note"].as_str().unwrap().contains("spreadsheet"), "{done:?}");
    let ali = api.get("/api/v1/subscribers/ali").await.body;
    assert_eq!(
        [&ali["customer"], &ali["download"], &ali["upload"]],
        [&json!("Ali"), &json!(50_000_000), &json!(10_000_000)]
    );
    assert_eq!(api.get("/api/v1/subscribers/4446").await.body["customer"], "Bob");

    let bad = csv("username,download\nali,50M\n,1M\nbob,\"10,240k\"\nali,1M\n").await;
    let rows: Vec<_> = bad.body["rows"].as_array().unwrap().iter().map(|row| row["row"].as_u64().unwrap()).collect();
    assert_eq!((bad.reason(), rows), ((422, "bad-rows"), vec![3, 4, 5]), "a limit with two readings is bad here");
    assert_eq!(csv("no such header\n").await.reason(), (422, "content"));
    let odd = api.call("PUT", path, "content-type: text/csv; charset=ebcdic\r\n", "username\n").await;
    assert_eq!(odd.reason(), (415, "media-type"));
    let headers = format!("authorization: Bearer {}\r\ncontent-type: text/csv; charset=windows-1251\r\n", api.key);
    call(&api.relay, "PUT", path, &headers, b"username,customer\nali,\xC0\xEB\xE8\n").await;
    assert_eq!(api.get("/api/v1/subscribers/ali").await.body["customer"], "Али");
}

#[tokio::test]
async fn the_file_wins_and_the_answer_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("subscribers.csv");
    std::fs::write(&path, "username,customer\nali,File\n").unwrap();
    let file = SubscribersFile { path: path.clone(), encoding: None };
    let api = Api::with(TestRelay::start(|config| config.subscribers = Some(file)), "subscribers").await;
    let said = api.get("/api/v1/subscribers/ali").await;
    assert!(said.body["detail"].as_str().unwrap().contains("subscribers file has it"), "{said:?}");
    assert_eq!(api.json("PUT", "/api/v1/subscribers/ali", r#"{"customer":"API"}"#).await.body["file_wins"], true);
    let all = r#"[{"username":"ali","customer":"API"},{"username":"bob","customer":"API"}]"#;
    assert_eq!(api.json("PUT", "/api/v1/subscribers", all).await.body["file_wins"], 1);
    let shown = async |username: &str| {
        let key = super::add_key(&api.relay.data(), &format!("reads-{username}"), &["read"]).await;
        let headers = format!("authorization: Bearer {key}\r\n");
        let line = format!("/api/v1/lines/{username}");
        eventually("the key is in force", async || call(&api.relay, "GET", &line, &headers, b"").await.status == 200)
            .await;
        call(&api.relay, "GET", &line, &headers, b"").await.body["customer"].clone()
    };
    assert_eq!((shown("ali").await, shown("bob").await), (json!("File"), json!("API")));
    assert_eq!(api.relay.metric("linelight_subscribers").await, 2);
    std::fs::write(&path, "username,customer\nzoe,File\n").unwrap();
    eventually("the file gives the username back", async || {
        api.get("/api/v1/subscribers/ali").await.body["file_wins"] == false
    })
    .await;
}

#[tokio::test]
async fn a_second_replacement_waits_outside_and_the_first_reads_on() {
    let api = Api::start("subscribers").await;
    let mut first = TcpStream::connect(api.relay.addresses.viewers).await.unwrap();
    let head = format!(
        "PUT /api/v1/subscribers HTTP/1.1\r\nhost: relay.test\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 20\r\n\r\n[{{\"username\"",
        api.key
    );
    first.write_all(head.as_bytes()).await.unwrap();
    let rows = r#"[{"username":"bob"}]"#;
    eventually("the first is under way", async || {
        api.json("PUT", "/api/v1/subscribers", rows).await.reason() == (409, "busy")
    })
    .await;
    first.write_all(b":\"ali\"}]").await.unwrap();
    let answer = crate::common::read_to_end(&mut first).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(names(&api).await, ["ali"]);
}
