//! Rights that end while a request is under way. The relay's copies in memory still have the right; the store has it no more.

use futures_util::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::desk::{Desk, PASSWORD, frame};

#[tokio::test]
async fn a_second_factor_set_up_meanwhile_is_wanted() {
    let desk = Desk::start().await;
    desk.set_password("support").await;
    desk.execute_quietly("UPDATE people SET totp = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' WHERE name = 'support'").await;
    let mut browser = desk.browser();
    let credentials = json!({ "name": "support", "password": PASSWORD });
    browser.post("sign-in", &credentials).await.is_problem(401, "wrong");
    assert!(browser.cookie.is_empty());
}

#[tokio::test]
async fn an_ended_session_sets_no_password() {
    let desk = Desk::start().await;
    desk.set_password("support").await;
    let mut browser = desk.signed_in("support").await;
    let before = desk.hash("support").await;
    desk.execute_quietly("DELETE FROM sessions").await;
    let change = json!({ "old": PASSWORD, "new": "another battery" });
    browser.post("password", &change).await.is_problem(401, "signed-out");
    assert_eq!(desk.hash("support").await, before);
}

#[tokio::test]
async fn an_ended_session_sets_up_no_second_factor() {
    let desk = Desk::start().await;
    let mut browser = desk.signed_in("support").await;
    assert_eq!(browser.post("totp/begin", &json!({})).await.status, 200);
    desk.execute_quietly("DELETE FROM sessions").await;
    browser.post("totp/confirm", &json!({ "code": "123456" })).await.is_problem(401, "signed-out");
    browser.post("totp/begin", &json!({})).await.is_problem(401, "signed-out");
}

#[tokio::test]
async fn a_stream_whose_session_ends_before_its_first_frame_shows_nothing() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let mut socket = support.silent_socket("live").await.unwrap();
    assert_eq!(support.post("sign-out", &json!({ "everywhere": false })).await.status, 200);
    socket.send(Message::text(r#"{"type":"watch","username":"ali"}"#)).await.unwrap();
    let refused = frame(&mut socket).await.unwrap();
    assert_eq!((&refused["type"], &refused["reason"]), (&json!("error"), &json!("link_refused")));
    assert_eq!(frame(&mut socket).await, None);
    // Entries are written in their order.
    desk.browser().post("sign-in", &json!({ "name": "eve", "password": "x" })).await.is_problem(401, "wrong");
    desk.logged("sign-in-refused", "the name or the password is wrong").await;
    assert_eq!(desk.count_logged("watched").await, 0, "nobody saw the line");
}
