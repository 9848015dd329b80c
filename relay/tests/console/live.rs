//! A line live at the desk: admitted by the session, from the relay's own page, for as long as the session lasts.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::desk::{Desk, frame};
use crate::links::page;

const WATCH: &str = r#"{"type":"watch","username":"ali"}"#;

#[tokio::test]
async fn staff_see_a_line_live_and_its_subscriber_is_told() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let link = support.post("lines/ali/links", &json!({"kind": "support"})).await.json();
    let mut subscriber = page(&desk, link["url"].as_str().unwrap()).await;
    assert_eq!(frame(&mut subscriber).await.unwrap()["support"], json!(null));
    let mut socket = support.socket("live", WATCH).await.unwrap();
    let snapshot = frame(&mut socket).await.unwrap();
    assert_eq!((&snapshot["type"], &snapshot["username"]), (&json!("snapshot"), &json!("ali")));
    assert_eq!(frame(&mut subscriber).await.unwrap()["support"], json!(true));
    let line = support.get("lines/ali").await.json();
    assert_eq!((&line["viewers"], &line["staff"]), (&json!(1), &json!(1)));
    drop(socket);
    assert_eq!(frame(&mut subscriber).await.unwrap()["support"], json!(null));
    desk.logged("watched", "").await;
}

#[tokio::test]
async fn where_support_is_not_announced_nobody_is_told() {
    let desk = Desk::start_with(|config| config.operators.announce_support = false).await;
    let mut support = desk.signed_in("support").await;
    assert_eq!(support.get("me").await.json()["announce_support"], false);
    let mut socket = support.socket("live", WATCH).await.unwrap();
    frame(&mut socket).await.unwrap();
    let link = support.post("lines/ali/links", &json!({"kind": "support"})).await.json();
    let mut subscriber = page(&desk, link["url"].as_str().unwrap()).await;
    assert_eq!(frame(&mut subscriber).await.unwrap()["support"], json!(null));
}

#[tokio::test]
async fn the_stream_ends_with_its_session_within_a_second() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let mut socket = support.socket("live", WATCH).await.unwrap();
    frame(&mut socket).await.unwrap();
    assert_eq!(support.post("sign-out", &json!({"everywhere": false})).await.status, 200);
    let began = Instant::now();
    while frame(&mut socket).await.is_some() {}
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(support.socket("live", WATCH).await.err(), Some(401));
}

#[tokio::test]
async fn nobody_else_and_no_other_page_gets_the_stream() {
    let desk = Desk::start().await;
    assert_eq!(desk.browser().socket("live", WATCH).await.err(), Some(401));
    for origin in [None, Some("https://evil.example")] {
        let mut other = desk.signed_in("support").await;
        other.origin = origin.map(str::to_owned);
        assert_eq!(other.socket("live", WATCH).await.err(), Some(403), "{origin:?}");
    }
    let support = desk.signed_in("support").await;
    for first in [r#"{"type":"watch","token":"eyJ.a.b"}"#, r#"{"type":"hello"}"#, "x"] {
        let mut socket = support.socket("live", first).await.unwrap();
        let frame = frame(&mut socket).await.unwrap();
        assert_eq!((&frame["type"], &frame["reason"]), (&json!("error"), &json!("viewer_protocol")), "{first}");
    }
}
