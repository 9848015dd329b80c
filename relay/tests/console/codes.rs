//! Eight-digit codes: once, ten minutes, five tries a line, and one answer for whatever is wrong.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::common::{Response, exchange_with};
use crate::desk::{Browser, Desk, frame};
use crate::links::page;

async fn code(support: &mut Browser<'_>, line: &str) -> String {
    let answer = support.post(&format!("lines/{line}/code"), &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let code = answer.json()["code"].as_str().unwrap().to_owned();
    assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    code
}

pub async fn typed(desk: &Desk, code: &str) -> Response {
    let stream = TcpStream::connect(desk.relay.addresses.viewers).await.unwrap();
    let body = json!({ "code": code }).to_string();
    exchange_with(stream, "POST", "/api/v1/code", "content-type: application/json\r\n", &body).await
}

/// A code that begins like another one, and is wrong.
fn beside(code: &str, nth: u32) -> String {
    let number = (code[3..].parse::<u32>().unwrap() + nth) % 100_000;
    format!("{}{number:05}", &code[..3])
}

#[tokio::test]
async fn a_code_opens_its_line_once() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let code = code(&mut support, "ali").await;
    let typed_with_blanks = format!("{} {}", &code[..4], &code[4..]);
    let answer = typed(&desk, &typed_with_blanks).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{}", answer.text());
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let mut socket = page(&desk, &token).await;
    assert_eq!(frame(&mut socket).await.unwrap()["username"], "ali");
    typed(&desk, &code).await.is_problem(404, "unknown");
    let line = support.get("lines/ali").await.json();
    let link = &line["links"][0];
    assert_eq!((&link["kind"], &link["by"]), (&json!("code"), &json!("support")));
    let made = desk.logged("link-made", &format!("code {}", link["id"].as_str().unwrap())).await;
    assert_eq!(made.who, "(code)");
    assert!(!format!("{made:?}").contains(&code), "no code in the log");
    desk.logged("code-made", "").await;
}

#[tokio::test]
async fn after_five_wrong_tries_the_right_code_opens_nothing() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let (ali, bob) = (code(&mut support, "ali").await, code(&mut support, "bob").await);
    for nth in 1..=4 {
        typed(&desk, &beside(&ali, nth)).await.is_problem(404, "unknown");
    }
    let survives = code(&mut support, "carol").await;
    typed(&desk, &beside(&ali, 5)).await.is_problem(404, "unknown");
    typed(&desk, &ali).await.is_problem(404, "unknown");
    assert_eq!(typed(&desk, &bob).await.status, 200, "another line's code had no try");
    assert_eq!(typed(&desk, &survives).await.status, 200);
}

#[tokio::test]
async fn a_wrong_used_ended_and_shapeless_code_is_answered_alike() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let used = code(&mut support, "ali").await;
    assert_eq!(typed(&desk, &used).await.status, 200);
    let ended = code(&mut support, "bob").await;
    // As ten minutes do.
    desk.execute_quietly("UPDATE codes SET expires = 1").await;
    let replaced = code(&mut support, "carol").await;
    code(&mut support, "carol").await;
    let mut bodies: Vec<Value> = Vec::new();
    for wrong in [used.as_str(), &ended, &replaced, &beside(&used, 1), "1234", "", "<img onerror=x>"] {
        let answer = typed(&desk, wrong).await;
        answer.is_problem(404, "unknown");
        bodies.push(answer.json());
    }
    assert!(bodies.windows(2).all(|two| two[0] == two[1]), "{bodies:?}");
}

#[tokio::test]
async fn whoever_guesses_has_no_more_tries() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let right = code(&mut support, "ali").await;
    for _ in 0..10 {
        // Shapeless ones take no try from any line.
        typed(&desk, "x").await.is_problem(404, "unknown");
    }
    let answer = typed(&desk, &right).await;
    answer.is_problem(429, "wait");
    assert!(answer.header("retry-after").is_some() && answer.json()["retry_after"].is_u64());
}

#[tokio::test]
async fn of_many_codes_at_once_ten_are_looked_at() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let right = code(&mut support, "ali").await;
    let guesses: Vec<String> = (1..=14).map(|nth| beside(&right, nth)).collect();
    let answers = join_all(guesses.iter().map(|guess| typed(&desk, guess))).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 404).count();
    assert_eq!((looked_at, answers.iter().filter(|answer| answer.status == 429).count()), (10, 4));
}

#[tokio::test]
async fn links_made_void_leave_no_code() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let (ali, bob) = (code(&mut support, "ali").await, code(&mut support, "bob").await);
    assert_eq!(support.post("lines/ali/void", &json!({})).await.status, 200);
    typed(&desk, &ali).await.is_problem(404, "unknown");
    assert_eq!(typed(&desk, &bob).await.status, 200, "another line's code opens it");
}
