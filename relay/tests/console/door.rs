//! What comes before every request: the page's origin, and the session.

use serde_json::json;

use crate::desk::{Desk, PUBLIC};

#[tokio::test]
async fn without_a_session_nothing_is_answered() {
    let desk = Desk::start().await;
    for path in ["me", "people", "audit", "audit.csv"] {
        let answer = desk.browser().get(path).await;
        answer.is_problem(401, "signed-out");
        assert_eq!(answer.json()["accounts"], true);
    }
    for path in ["sign-out", "people", "people/admin/role", "people/admin/remove", "people/admin/invite"] {
        desk.browser().post(path, &json!({})).await.is_problem(401, "signed-out");
    }
    desk.browser().get("nothing").await.is_problem(404, "unknown");
    let mut guess = desk.browser();
    guess.headers = format!("cookie: __Host-linelight={}\r\n", "A".repeat(43));
    guess.get("me").await.is_problem(401, "signed-out");
}

#[tokio::test]
async fn a_change_of_another_origin_or_of_none_is_refused_whoever_asks() {
    let desk = Desk::start().await;
    let mut admin = desk.signed_in("admin").await;
    let body = json!({ "name": "eve", "role": "admin" });
    for origin in [
        None,
        Some("null"),
        Some("https://evil.example"),
        Some("http://monitor.example"),
        Some("https://monitor.example.evil.example"),
        Some("https://monitor.example:8443"),
    ] {
        admin.origin = origin.map(str::to_owned);
        admin.post("people", &body).await.is_problem(403, "other-origin");
        desk.browser_of(origin).post("sign-in/once", &json!({ "token": "x" })).await.is_problem(403, "other-origin");
    }
    admin.origin = Some(PUBLIC.to_owned());
    assert_eq!(admin.get("people").await.json()["people"].as_array().unwrap().len(), 2, "nobody was added");
    admin.origin = None;
    assert_eq!(admin.get("me").await.status, 200, "a browser names no origin when it reads");
    admin.headers = "connection: upgrade\r\nupgrade: websocket\r\n".to_owned();
    admin.get("me").await.is_problem(403, "other-origin");
    assert_eq!(desk.relay.metric("linelight_origins_refused_total").await, 13);
}

#[tokio::test]
async fn a_body_is_short_json_and_complete() {
    let desk = Desk::start().await;
    let mut admin = desk.signed_in("admin").await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let header = format!("content-type: {kind}\r\n");
        admin.request("POST", "people", &header, "{}").await.is_problem(415, "not-json");
    }
    let long = json!({ "name": "x".repeat(17 * 1024), "role": "admin" });
    admin.post("people", &long).await.is_problem(413, "too-large");
    for body in [json!({}), json!({ "name": "eve", "role": "root" }), json!([1]), json!({ "name": 1, "role": "admin" })]
    {
        admin.post("people", &body).await.is_problem(400, "bad-request");
    }
    let more = json!({ "name": "eve", "role": "admin", "more": 1 });
    admin.post("people", &more).await.is_problem(400, "bad-request");
    let answer = admin.request("DELETE", "people", "", "").await;
    answer.is_problem(405, "method");
    assert_eq!(answer.header("allow"), Some("GET,HEAD,POST"));
}

#[tokio::test]
async fn a_session_shows_who_it_is_and_ends_by_signing_out() {
    let desk = Desk::start().await;
    let (mut one, mut other) = (desk.signed_in("support").await, desk.signed_in("support").await);
    let me = one.get("me").await;
    assert_eq!((me.status, me.header("cache-control")), (200, Some("no-store")));
    let me = me.json();
    assert_eq!(
        (me["name"].as_str(), me["role"].as_str(), me["by"].as_str()),
        (Some("support"), Some("support"), Some("password"))
    );
    assert_eq!((me["totp"].as_bool(), me["totp_required"].as_bool()), (Some(false), Some(false)));
    assert!(me["idle_until"].as_i64() < me["until"].as_i64());

    assert_eq!(one.post("sign-out", &json!({ "everywhere": false })).await.status, 200);
    one.get("me").await.is_problem(401, "signed-out");
    assert_eq!(other.get("me").await.status, 200);
    let mut third = desk.signed_in("support").await;
    assert_eq!(other.post("sign-out", &json!({ "everywhere": true })).await.status, 200);
    third.get("me").await.is_problem(401, "signed-out");
    assert_eq!(desk.logged("signed-out", "everywhere").await.who, "support");
}

#[tokio::test]
async fn a_cookie_line_with_other_letters_is_nobodys() {
    let desk = Desk::start().await;
    let mut browser = desk.signed_in("support").await;
    assert_eq!(browser.get("me").await.status, 200);
    let session = std::mem::take(&mut browser.cookie);
    browser.cookie = format!("{}; name=Zoë\r\n", session.trim_end());
    browser.get("me").await.is_problem(401, "signed-out");
    browser.cookie = session;
    assert_eq!(browser.get("me").await.status, 200);
}

#[tokio::test]
async fn a_single_use_address_signs_in_once() {
    let desk = Desk::start().await;
    let token = desk.ticket("admin", relay::operators::tickets::Kind::SignIn).await;
    let body = json!({ "token": token });
    let answer = desk.browser().post("sign-in/once", &body).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"), "{cookie}");
    let again = desk.browser().post("sign-in/once", &body).await;
    again.is_problem(410, "used");
    assert!(again.header("set-cookie").is_none());
    assert_eq!(desk.logged("invitation-refused", "used before, or ended").await.who, "admin");
    assert_eq!(desk.logged("signed-in", "single-use address").await.role, "admin");
    for wrong in ["", "x", &"A".repeat(43), &"A".repeat(65)] {
        desk.browser().post("sign-in/once", &json!({ "token": wrong })).await.is_problem(404, "unknown");
    }
    let invitation = desk.ticket("admin", relay::operators::tickets::Kind::Invitation).await;
    desk.browser().post("sign-in/once", &json!({ "token": invitation })).await.is_problem(404, "unknown");
}
