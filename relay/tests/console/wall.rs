//! The busiest lines, for staff and for a wallboard with a token that can do nothing else.

use serde_json::json;

use crate::desk::{Browser, Desk, PUBLIC};

/// Returns the token of a fresh wallboard's address.
async fn made(admin: &mut Browser<'_>) -> String {
    let answer = admin.post("wall/token", &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let url = answer.json()["url"].as_str().unwrap().to_owned();
    url.strip_prefix(&format!("{PUBLIC}/console/wall#")).expect("the wall's address").to_owned()
}

fn wall<'a>(desk: &'a Desk, token: &str) -> Browser<'a> {
    let mut browser = desk.browser();
    browser.headers = format!("authorization: Bearer {token}\r\n");
    browser
}

#[tokio::test]
async fn the_busiest_lines_are_for_staff_and_the_wall() {
    let desk = Desk::start().await;
    let (mut support, mut admin) = (desk.signed_in("support").await, desk.signed_in("admin").await);
    let board = support.get("busiest?n=5").await.json();
    let states = json!({"running": 0, "full": 0, "not_connected": 0, "out_of_sight": 0, "no_figures": 0});
    assert_eq!((&board["lines"], &board["agents"], &board["states"]), (&json!([]), &json!([]), &states));
    desk.browser().get("busiest").await.is_problem(401, "signed-out");
    support.post("wall/token", &json!({})).await.is_problem(403, "role");
    support.post("wall/revoke", &json!({})).await.is_problem(403, "role");
    desk.browser().post("wall/token", &json!({})).await.is_problem(401, "signed-out");
    let token = made(&mut admin).await;
    let answer = wall(&desk, &token).get("wall?n=3").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["states"], states);
    desk.logged("wall-changed", "a new address").await;
}

#[tokio::test]
async fn a_walls_token_does_nothing_else_and_ends() {
    let desk = Desk::start().await;
    let mut admin = desk.signed_in("admin").await;
    let token = made(&mut admin).await;
    for path in ["me", "lines?q=a", "lines/ali", "busiest", "people", "audit"] {
        wall(&desk, &token).get(path).await.is_problem(401, "signed-out");
    }
    for path in ["wall/token", "wall/revoke", "lines/ali/links", "lines/ali/code"] {
        wall(&desk, &token).post(path, &json!({})).await.is_problem(401, "signed-out");
    }
    assert_eq!(desk.browser().get("wall").await.status, 401);
    wall(&desk, "x").get("wall").await.is_problem(401, "signed-out");
    let other = made(&mut admin).await;
    wall(&desk, &token).get("wall").await.is_problem(401, "signed-out");
    assert_eq!(wall(&desk, &other).get("wall").await.status, 200);
    assert_eq!(admin.post("wall/revoke", &json!({})).await.status, 200);
    wall(&desk, &other).get("wall").await.is_problem(401, "signed-out");
    // Staff without the token are nobody here.
    admin.get("wall").await.is_problem(401, "signed-out");
}
