//! People and the audit log.

use relay::operators::people::Role;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::eventually;
use crate::desk::{Desk, frame};

#[tokio::test]
async fn support_changes_nobody() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    support.get("people").await.is_problem(403, "role");
    for (path, body) in [
        ("people", json!({ "name": "eve", "role": "admin" })),
        ("people/support/role", json!({ "role": "admin" })),
        ("people/admin/remove", json!({})),
        ("people/admin/invite", json!({})),
        ("people/admin/sign-out", json!({})),
    ] {
        support.post(path, &body).await.is_problem(403, "role");
    }
    assert_eq!(desk.signed_in("admin").await.get("people").await.json()["people"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_admin_adds_changes_and_removes_people() {
    let desk = Desk::start().await;
    let mut admin = desk.signed_in("admin").await;
    let added = admin.post("people", &json!({ "name": "Thandi@Karoo.example", "role": "support" })).await.json();
    assert!(added["url"].as_str().unwrap().starts_with("https://monitor.example/console/invitation#"), "{added}");
    let people = admin.get("people").await.json();
    let thandi = people["people"].as_array().unwrap().iter().find(|person| person["name"] == "thandi@karoo.example");
    let thandi = thandi.unwrap();
    assert_eq!((&thandi["role"], &thandi["totp"], &thandi["by"]), (&json!("support"), &json!(false), &json!(null)));
    assert_eq!(thandi["invited_until"], added["expires"]);

    let again = json!({ "name": "thandi@karoo.example", "role": "admin" });
    admin.post("people", &again).await.is_problem(409, "taken");
    admin.post("people", &json!({ "name": "<b>", "role": "admin" })).await.is_problem(422, "name");
    admin.post("people/nobody/role", &json!({ "role": "admin" })).await.is_problem(404, "unknown");
    assert_eq!(admin.post("people/thandi%40karoo.example/remove", &json!({})).await.status, 200);
    admin.post("people/thandi%40karoo.example/invite", &json!({})).await.is_problem(404, "unknown");
    assert_eq!(desk.logged("person-removed", "thandi@karoo.example").await.who, "admin");
}

#[tokio::test]
async fn one_admin_stays() {
    let desk = Desk::start().await;
    let mut admin = desk.signed_in("admin").await;
    admin.post("people/admin/remove", &json!({})).await.is_problem(409, "last-admin");
    admin.post("people/admin/role", &json!({ "role": "support" })).await.is_problem(409, "last-admin");
    assert_eq!(admin.post("people/support/role", &json!({ "role": "admin" })).await.status, 200);
    assert_eq!(admin.post("people/admin/role", &json!({ "role": "support" })).await.status, 200);
    admin.get("me").await.is_problem(401, "signed-out");
}

#[tokio::test]
async fn who_loses_a_role_or_the_account_is_signed_out_at_once() {
    let desk = Desk::start().await;
    desk.add("boss", Role::Admin).await;
    let (mut admin, mut boss, mut support) =
        (desk.signed_in("admin").await, desk.signed_in("boss").await, desk.signed_in("support").await);
    assert_eq!(admin.post("people/boss/role", &json!({ "role": "support" })).await.status, 200);
    boss.get("me").await.is_problem(401, "signed-out");
    assert_eq!(admin.post("people/support/sign-out", &json!({})).await.status, 200);
    support.get("me").await.is_problem(401, "signed-out");
    let mut support = desk.signed_in("support").await;
    assert_eq!(admin.post("people/support/remove", &json!({})).await.status, 200);
    support.get("me").await.is_problem(401, "signed-out");
}

#[tokio::test]
async fn support_reads_its_own_deeds_and_those_of_a_line() {
    let desk = Desk::start().await;
    let (mut admin, mut support) = (desk.signed_in("admin").await, desk.signed_in("support").await);
    let all = admin.get("audit").await.json();
    let whats: Vec<_> =
        all["entries"].as_array().unwrap().iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    assert!(whats.contains(&"person-added") && whats.contains(&"signed-in"), "{whats:?}");
    let own = support.get("audit?who=admin").await.json();
    assert!(own["entries"].as_array().unwrap().iter().all(|entry| entry["who"] == "support"), "{own}");
    let of_line = support.get("audit?line=ali&who=").await.json();
    assert_eq!(of_line, json!({ "entries": [], "more": false }));

    let first = admin.get("audit?limit=1").await.json();
    assert_eq!((first["entries"].as_array().unwrap().len(), first["more"].as_bool()), (1, Some(true)));
    let before = first["entries"][0]["id"].as_i64().unwrap();
    let next = admin.get(&format!("audit?limit=1&before={before}")).await.json();
    assert!(next["entries"][0]["id"].as_i64().unwrap() < before);
    admin.get("audit?limit=many").await.is_problem(400, "bad-request");
    let hostile = "audit?who=%27%20OR%20%271%27=%271&what=x&line=%22;DROP%20TABLE%20audit";
    assert_eq!(admin.get(hostile).await.json()["entries"], json!([]));
}

#[tokio::test]
async fn the_log_is_exported_without_formulas() {
    let desk = Desk::start().await;
    let mut admin = desk.signed_in("admin").await;
    let change = desk.database.begin().await.unwrap();
    let deed = relay::operators::audit::Deed::new(relay::operators::audit::What::Watched)
        .line("=cmd|' /C calc'!A0")
        .detail("a \"b\"\u{202e}\r\n@c");
    let actor = relay::operators::audit::Actor::command();
    relay::operators::audit::commit(change, &actor, &deed, crate::desk::now()).await.unwrap();
    let answer = admin.get("audit.csv").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"linelight-audit.csv\""));
    let text = dechunked(&answer.text());
    let row = text.lines().nth(1).unwrap();
    assert!(text.starts_with("\"id\",\"time\",\"who\""), "{text}");
    let cells = "\"(command)\",\"admin\",\"\",\"watched\",\"'=cmd|' /C calc'!A0\",\"a \"\"b\"\"\\u{202e}\\r\\n@c\"";
    assert!(row.ends_with(cells), "{row}");
}

/// Returns the content of a chunked body (RFC 9112, section 7.1).
fn dechunked(mut body: &str) -> String {
    let mut content = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        content.push_str(&rest[..length]);
        body = &rest[length + 2..];
    }
    content
}

#[tokio::test]
async fn without_the_store_changes_are_refused_in_words_and_sessions_go_on() {
    let desk = Desk::start().await;
    let mut admin = desk.signed_in("admin").await;
    // Another program holds the store.
    let held = desk.database.begin().await.unwrap();
    let answer = admin.post("people", &json!({ "name": "eve", "role": "support" })).await;
    answer.is_problem(503, "store");
    assert!(answer.json()["detail"].as_str().unwrap().contains("Nothing was changed"));
    assert_eq!(admin.get("me").await.status, 200);
    assert_eq!(admin.get("people").await.json()["people"].as_array().unwrap().len(), 2);
    drop(held);
    eventually("the change is taken", async || {
        admin.post("people", &json!({ "name": "eve", "role": "support" })).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn whoever_is_signed_out_while_the_body_is_on_its_way_changes_nothing() {
    let desk = Desk::start().await;
    let (mut here, mut there) = (desk.signed_in("admin").await, desk.signed_in("admin").await);
    let body = json!({ "name": "eve", "role": "admin" }).to_string();
    let mut held = here.post_without_body("people", body.len()).await;
    assert_eq!(there.post("sign-out", &json!({ "everywhere": true })).await.status, 200);
    here.get("me").await.is_problem(401, "signed-out");
    held.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    held.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("signed-out"), "{answer}");
    let people = desk.signed_in("admin").await.get("people").await.json();
    assert!(!people.to_string().contains("eve"), "{people}");
}

#[tokio::test]
async fn a_zero_byte_in_a_username_reaches_no_table() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    support.get("lines/a%00b").await.is_problem(400, "bad-username");
    support.post("lines/a%00b/code", &json!({})).await.is_problem(400, "bad-username");
    let mut socket = support.socket("live", &json!({ "type": "watch", "username": "a\0b" }).to_string()).await.unwrap();
    assert_eq!(frame(&mut socket).await.unwrap()["username"], "a\0b");
    assert_eq!(desk.logged("watched", "").await.line.as_deref(), Some("a%00b"));
}
