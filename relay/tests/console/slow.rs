//! "It is slow now": a subscriber's report, the desk's answer, and who may see which part of both.

use std::time::{Duration, SystemTime};

use relay::operators::slow_hook::HookSettings;
use relay::store::database::Topic;
use relay::viewers::links::Mode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{Response, bearer, exchange_with};
use crate::desk::Desk;

const JSON: &str = "content-type: application/json\r\n";

async fn ask(desk: &Desk, method: &str, line: &str, token: Option<&str>, body: &str) -> Response {
    let stream = TcpStream::connect(desk.relay.addresses.viewers).await.unwrap();
    let headers = format!("{JSON}{}", token.map(bearer).unwrap_or_default());
    exchange_with(stream, method, &format!("/api/v1/lines/{line}/slow"), &headers, body).await
}

fn link(desk: &Desk) -> String {
    desk.relay.token("ali", SystemTime::now() + Duration::from_secs(3_600))
}

#[tokio::test]
async fn a_report_is_answered_and_the_subscriber_reads_the_answer() {
    let desk = Desk::start().await;
    let (token, mut support) = (link(&desk), desk.signed_in("support").await);
    assert_eq!(ask(&desk, "GET", "ali", Some(&token), "").await.json(), json!({ "report": null }));
    let words = json!({ "words": "Films stop.\u{1b}[31m\nSince noon" }).to_string();
    let made = ask(&desk, "POST", "ali", Some(&token), &words).await;
    assert_eq!((made.status, made.header("cache-control")), (201, Some("no-store")), "{}", made.text());
    let number = made.json()["number"].as_i64().unwrap();
    ask(&desk, "POST", "ali", Some(&token), "{}").await.is_problem(409, "open");

    let listed = support.get("slow?open=1").await.json();
    assert_eq!((&listed["open"], &listed["reports"][0]["number"]), (&json!(1), &json!(number)));
    assert_eq!(listed["reports"][0]["words"], "Films stop. [31m Since noon");
    let whole = support.get(&format!("slow/{number}")).await.json();
    assert_eq!((&whole["snapshot"]["type"], &whole["snapshot"]["username"]), (&json!("snapshot"), &json!("ali")));

    let answer = json!({ "answer": "A mast has no power." });
    assert_eq!(support.post(&format!("slow/{number}/answer"), &answer).await.status, 200);
    assert_eq!(support.post(&format!("slow/{number}/close"), &json!({})).await.status, 200);
    support.post(&format!("slow/{number}/close"), &json!({})).await.is_problem(404, "unknown");
    let seen = ask(&desk, "GET", "ali", Some(&token), "").await.json();
    assert_eq!(seen["report"]["answer"], "A mast has no power.");
    assert!(seen["report"]["closed"].is_i64() && seen["report"].get("words").is_none(), "{seen}");
    for (what, who) in [("slow-reported", "(subscriber)"), ("slow-answered", "support"), ("slow-closed", "support")] {
        assert_eq!(desk.logged(what, &number.to_string()).await.who, who);
    }
}

#[tokio::test]
async fn staff_pin_a_line_and_take_its_samples_away() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    let made = support.post("lines/ali/slow", &json!({ "words": "She called." })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let number = made.json()["number"].as_i64().unwrap();
    let report = &support.get("slow").await.json()["reports"][0];
    assert_eq!((&report["by"], &report["words"]), (&json!("support"), &json!("She called.")));
    let csv = support.get(&format!("slow/{number}/samples.csv")).await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.text(), "\"time\",\"download_bits_per_second\",\"upload_bits_per_second\"\r\n");
    support.post(&format!("slow/{number}/answer"), &json!({ "answer": " \n" })).await.is_problem(400, "empty");
    for path in ["slow/0", "slow/x", "slow/99999999999999999999", "slow?before=x"] {
        support.get(path).await.is_problem(404, "unknown");
    }
}

#[tokio::test]
async fn whoever_has_no_right_to_the_line_reports_nothing() {
    let desk = Desk::start().await;
    let token = link(&desk);
    for (line, token) in [("bob", Some(token.as_str())), ("ali", Some("x")), ("ali", None)] {
        assert_eq!(ask(&desk, "POST", line, token, "{}").await.status, 401, "{line}");
        assert_eq!(ask(&desk, "GET", line, token, "").await.status, 401, "{line}");
    }
    let mut support = desk.signed_in("support").await;
    assert_eq!(support.get("slow").await.json()["reports"], Value::Array(Vec::new()));
    desk.browser().get("slow").await.is_problem(401, "signed-out");
}

#[tokio::test]
async fn in_open_access_a_name_that_no_router_reports_has_no_report() {
    let desk = Desk::start_with(|config| config.access = Mode::Open).await;
    ask(&desk, "POST", "nobody", None, "{}").await.is_problem(404, "unknown");
}

#[tokio::test]
async fn an_address_reads_of_the_store_so_often_and_then_waits() {
    let desk = Desk::start().await;
    let token = link(&desk);
    for _ in 0..600 {
        assert_eq!(ask(&desk, "GET", "ali", Some(&token), "").await.status, 200);
    }
    let answer = ask(&desk, "GET", "ali", Some(&token), "").await;
    answer.is_problem(429, "wait");
    assert_eq!(answer.header("retry-after"), Some("60"));
    assert_eq!(ask(&desk, "POST", "ali", Some(&token), "{}").await.status, 201, "a report has limits of its own");
}

/// A ticket system on loopback that answers each request so, and tells what was sent.
async fn ticket_system(answers: Vec<u16>) -> (String, tokio::sync::mpsc::Receiver<(String, String)>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sent, told) = tokio::sync::mpsc::channel(answers.len());
    tokio::spawn(async move {
        for status in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let (head, body) = loop {
                stream.read_buf(&mut request).await.unwrap();
                let text = String::from_utf8(request.clone()).unwrap();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let head = head.to_lowercase();
                let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
                if body.len() == length.parse::<usize>().unwrap() {
                    break (head, body.to_owned());
                }
            };
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            sent.send((head, body)).await.unwrap();
        }
    });
    (format!("http://{address}/hook"), told)
}

/// Checks a signature as docs/operators.md says.
fn is_signed(head: &str, body: &str, secret: &[u8]) -> bool {
    let header = head.lines().find_map(|line| line.strip_prefix("linelight-signature: ")).unwrap();
    let (time, signature) = header.split_once(',').unwrap();
    let signed = format!("{}.{body}", time.strip_prefix("t=").unwrap());
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let signature = data_encoding::HEXLOWER.decode(signature.strip_prefix("v1=").unwrap().as_bytes()).unwrap();
    ring::hmac::verify(&key, signed.as_bytes(), &signature).is_ok()
}

#[tokio::test]
async fn a_ticket_system_is_told_until_it_takes_the_report() {
    const SECRET: &[u8] = b"0123456789abcdef-of-the-ticket-system";
    let (url, mut told) = ticket_system(vec![503, 200, 204]).await;
    let secrets = tempfile::tempdir().unwrap();
    let secret = secrets.path().join("secret");
    relay::store::data_directory::write_new(&secret, SECRET).unwrap();
    let settings = HookSettings { url: url.parse().unwrap(), secret };
    let desk = Desk::start_with(|config| config.operators.hook = Some(settings)).await;
    let words = json!({ "words": "Films stop." }).to_string();
    let made = ask(&desk, "POST", "ali", Some(&link(&desk)), &words).await.json();
    let (head, body) = told.recv().await.unwrap();
    assert!(is_signed(&head, &body, SECRET) && !is_signed(&head, &body, b"another secret of 16"), "{head}");
    let first: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&first["type"], &first["number"], &first["made"]),
        (&json!("slow_report"), &made["number"], &made["made"])
    );
    assert_eq!(
        (&first["username"], &first["words"], &first["by"]),
        (&json!("ali"), &json!("Films stop."), &Value::Null)
    );
    assert_eq!(first["url"], format!("https://monitor.example/console/slow/{}", made["number"]));
    // The refused one comes again behind another report, once its minute is over.
    desk.execute(Topic::SlowReports, "UPDATE slow_reports SET tried = 1 WHERE tried IS NOT NULL").await;
    let mut support = desk.signed_in("support").await;
    assert_eq!(support.post("lines/bob/slow", &json!({})).await.status, 201);
    let (_, again) = told.recv().await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), first);
    let (_, other) = told.recv().await.unwrap();
    let other: Value = serde_json::from_str(&other).unwrap();
    assert_eq!((&other["username"], &other["by"]), (&json!("bob"), &json!("support")));
}
