//! Lines at the desk: the search, the last ones opened, and one with everything about it.

use relay::subscribers::SubscribersFile;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::eventually;
use crate::desk::{Browser, Desk};

const FILE: &str = "username,customer,package,download,upload,phone,Notes\n\
    4446@karoo.example,Protea Motors,Fibre 50/10,50M,10M,082 555 0199,gate 7\n\
    4447@karoo.example,<img onerror=alert(1)>,\u{202e}=cmd|calc,20M,5M,=1+1,\n\
    zo\u{eb},Zo\u{eb} M\u{fc}ller,Wireless 20,,,,\n";

async fn desk() -> (TempDir, Desk) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("subscribers.csv");
    std::fs::write(&path, FILE).unwrap();
    let file = SubscribersFile { path, encoding: None };
    (folder, Desk::start_with(|config| config.subscribers = Some(file)).await)
}

async fn usernames(browser: &mut Browser<'_>, query: &str) -> Vec<String> {
    let answer = browser.get(&format!("lines?q={query}")).await.json();
    let lines = answer["lines"].as_array().unwrap();
    lines.iter().map(|line| line["username"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_line_is_found_by_anything_that_is_known_of_it() {
    let (_folder, desk) = desk().await;
    let mut support = desk.signed_in("support").await;
    for (query, found) in [
        ("pro", "4446@karoo.example"),
        ("motors%20pro", "4446@karoo.example"),
        ("0825550199", "4446@karoo.example"),
        ("gate", "4446@karoo.example"),
        ("mull", "zo\u{eb}"),
        ("img", "4447@karoo.example"),
    ] {
        assert_eq!(usernames(&mut support, query).await, [found], "{query}");
    }
    let answer = support.get("lines?q=0825550199").await.json();
    assert_eq!((answer["total"].as_u64(), answer["hits"].as_u64()), (Some(3), Some(1)));
    let expected = json!({
        "username": "4446@karoo.example", "customer": "Protea Motors", "package": "Fibre 50/10", "state": "out-of-sight",
        "since": null, "down": null, "up": null, "plan": {"down": 50_000_000, "up": 10_000_000}, "spark": [],
        "matched": {"field": "phone", "text": "082 555 0199"},
    });
    assert_eq!(answer["lines"][0], expected, "in the first minute nobody knows of a line that is not reported");
    assert_eq!(support.get("lines?q=karoo&limit=1").await.json()["lines"].as_array().unwrap().len(), 1);
    assert!(usernames(&mut support, "nobody").await.is_empty());
}

#[tokio::test]
async fn names_of_other_people_come_as_text() {
    let (_folder, desk) = desk().await;
    let mut support = desk.signed_in("support").await;
    let answer = support.get("lines/4447%40karoo.example").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let line = answer.json();
    assert_eq!(line["customer"], "<img onerror=alert(1)>");
    assert_eq!(line["package"], "\u{202e}=cmd|calc");
    assert_eq!(line["fields"], json!({"phone": "=1+1"}));
}

#[tokio::test]
async fn an_opened_line_is_noted_once_and_stands_among_the_last() {
    let (_folder, desk) = desk().await;
    let mut support = desk.signed_in("support").await;
    assert!(usernames(&mut support, "").await.is_empty());
    for line in ["4446%40karoo.example", "zo%C3%AB", "4446%40karoo.example"] {
        let answer = support.get(&format!("lines/{line}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    eventually("both are written", async || usernames(&mut support, "").await == ["zo\u{eb}", "4446@karoo.example"])
        .await;
    let line = support.get("lines/4446%40karoo.example").await.json();
    assert_eq!(line["watched"].as_array().unwrap().len(), 1, "{line}");
    assert_eq!((&line["watched"][0]["who"], &line["watched"][0]["what"]), (&json!("support"), &json!("watched")));
    assert_eq!(line["fields"], json!({"phone": "082 555 0199", "Notes": "gate 7"}));
    assert_eq!(line["plan"], json!({"down": 50_000_000, "up": 10_000_000, "from": "subscribers"}));
    let mut admin = desk.signed_in("admin").await;
    assert!(usernames(&mut admin, "").await.is_empty(), "another person's last lines are others");
}

#[tokio::test]
async fn a_line_that_nobody_knows_is_said_to_be_so_with_what_may_be_meant() {
    let (_folder, desk) = desk().await;
    let mut support = desk.signed_in("support").await;
    let line = support.get("lines/4446%40other.example").await.json();
    assert_eq!((&line["customer"], &line["links"], &line["reports"]), (&Value::Null, &json!([]), &json!([])));
    assert_eq!(line["meant"][0]["username"], "4446@karoo.example");
    support.get("lines/a%25zz").await.is_problem(400, "bad-username");
    let averages = support.get("lines/4446%40karoo.example/averages").await.json();
    assert_eq!(averages["points"], json!([]));
}

/// Every address of the desk, for whoever is not signed in and for another page.
#[tokio::test]
async fn nobody_else_gets_anything() {
    let (_folder, desk) = desk().await;
    let reads = ["lines?q=pro", "lines/ali", "lines/ali/averages"];
    let changes = ["lines/ali/links", "lines/ali/links/x/revoke", "lines/ali/void", "lines/ali/code"];
    for path in reads {
        desk.browser().get(path).await.is_problem(401, "signed-out");
    }
    for path in changes {
        desk.browser().post(path, &json!({"kind": "support"})).await.is_problem(401, "signed-out");
        for origin in [None, Some("https://evil.example"), Some("null")] {
            let mut other = desk.signed_in("admin").await;
            other.origin = origin.map(str::to_owned);
            other.post(path, &json!({"kind": "support"})).await.is_problem(403, "other-origin");
        }
    }
    let links = desk.signed_in("admin").await.get("lines/ali").await.json();
    assert_eq!(links["links"], json!([]), "nothing was made");
}
