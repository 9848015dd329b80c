//! What opens once or by what is typed: codes, single-use addresses.

use relay::operators::tickets::Kind;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::common::{Response, exchange_with};
use crate::desk::{Desk, PASSWORD, PUBLIC};

/// One door and what is shown there, in turn.
type Row = (&'static str, &'static str, String);

/// Tries each, and returns the table.
pub async fn tried() -> String {
    let desk = Desk::start().await;
    let mut rows: Vec<Row> = Vec::new();
    code(&desk, &mut rows).await;
    single_use(&desk, &mut rows).await;
    invitation(&desk, &mut rows).await;
    password(&desk, &mut rows).await;
    let mut out = "\n## What is typed, or opens once\n\n| door | shown | answer |\n|---|---|---|\n".to_owned();
    for (door, shown, answer) in rows {
        out += &format!("| `{door}` | {shown} | {answer} |\n");
    }
    out
}

async fn post(desk: &Desk, path: &str, origin: Option<&str>, body: &Value) -> Response {
    let origin = origin.map(|origin| format!("origin: {origin}\r\n")).unwrap_or_default();
    let headers = format!("{origin}content-type: application/json\r\n");
    let stream = TcpStream::connect(desk.relay.addresses.viewers).await.unwrap();
    exchange_with(stream, "POST", path, &headers, &body.to_string()).await
}

fn cell(answer: &Response) -> String {
    let reason = answer.json()["reason"].as_str().unwrap_or_default().to_owned();
    format!("{} {reason}", answer.status).trim_end().to_owned()
}

async fn code(desk: &Desk, rows: &mut Vec<Row>) {
    let mut support = desk.signed_in("support").await;
    let door = "POST /api/v1/code";
    let ask = async |code: &str| post(desk, "/api/v1/code", Some(PUBLIC), &json!({ "code": code })).await;
    let made = support.post("lines/ali/code", &json!({})).await.json();
    let code = made["code"].as_str().unwrap();
    rows.push((door, "an eight-digit code in force", cell(&ask(code).await)));
    let used = ask(code).await;
    rows.push((door, "the same code again", cell(&used)));
    let earlier = support.post("lines/ali/code", &json!({})).await.json();
    let newer = support.post("lines/ali/code", &json!({})).await.json();
    assert_ne!(earlier["code"], newer["code"]);
    let replaced = ask(earlier["code"].as_str().unwrap()).await;
    rows.push((door, "the line's code before its newest one", cell(&replaced)));
    let wrong = ask("a code").await;
    rows.push((door, "what is no code", cell(&wrong)));
    for other in [replaced, wrong] {
        assert_eq!((other.status, other.body), (used.status, used.body.clone()), "all are refused alike");
    }
}

async fn single_use(desk: &Desk, rows: &mut Vec<Row>) {
    let path = "/console/api/sign-in/once";
    let door = "POST /console/api/sign-in/once";
    let token = desk.ticket("admin", Kind::SignIn).await;
    let body = json!({ "token": token });
    for (shown, origin) in [
        ("a single-use address, from another origin", Some("https://evil.example")),
        ("the same, without `Origin`", None),
    ] {
        rows.push((door, shown, cell(&post(desk, path, origin, &body).await)));
    }
    rows.push((door, "the same, from the relay's page", cell(&post(desk, path, Some(PUBLIC), &body).await)));
    rows.push((door, "the same again", cell(&post(desk, path, Some(PUBLIC), &body).await)));
    let invitation = json!({ "token": desk.ticket("admin", Kind::Invitation).await });
    rows.push((door, "an invitation", cell(&post(desk, path, Some(PUBLIC), &invitation).await)));
    let guessed = json!({ "token": "A".repeat(43) });
    rows.push((door, "a guess", cell(&post(desk, path, Some(PUBLIC), &guessed).await)));
}

async fn invitation(desk: &Desk, rows: &mut Vec<Row>) {
    let (look, accept) = ("POST /console/api/invitation/look", "POST /console/api/invitation");
    let token = desk.ticket("support", Kind::Invitation).await;
    let (shown, chosen) = (json!({ "token": token }), json!({ "token": token, "password": PASSWORD }));
    let ask = async |path: &str, body: &Value| post(desk, &path["POST ".len()..], Some(PUBLIC), body).await;
    rows.push((look, "an invitation", cell(&ask(look, &shown).await)));
    rows.push((accept, "an invitation, and a password", cell(&ask(accept, &chosen).await)));
    rows.push((accept, "the same again", cell(&ask(accept, &chosen).await)));
    rows.push((look, "the used invitation", cell(&ask(look, &shown).await)));
    let sign_in = json!({ "token": desk.ticket("support", Kind::SignIn).await, "password": PASSWORD });
    rows.push((accept, "a single-use address, and a password", cell(&ask(accept, &sign_in).await)));
}

/// A wrong name and a wrong password have one answer, in one time. The shortest time of some says how much is done: a busy machine
/// only lengthens times.
async fn password(desk: &Desk, rows: &mut Vec<Row>) {
    let (path, door) = ("/console/api/sign-in", "POST /console/api/sign-in");
    desk.set_password("admin").await;
    let ask = async |name: &str, password: &str, origin: Option<&str>| {
        post(desk, path, origin, &json!({ "name": name, "password": password })).await
    };
    for (shown, origin) in
        [("name and password, from another origin", Some("https://evil.example")), ("the same, without `Origin`", None)]
    {
        rows.push((door, shown, cell(&ask("admin", PASSWORD, origin).await)));
    }
    rows.push((door, "the same, from the relay's page", cell(&ask("admin", PASSWORD, Some(PUBLIC)).await)));
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let mut answers = Vec::new();
    for _ in 0..4 {
        for (times, name) in [(&mut known, "admin"), (&mut unknown, "nobody-knows")] {
            let start = Instant::now();
            answers.push(ask(name, "a wrong password", Some(PUBLIC)).await);
            times.push(start.elapsed());
        }
    }
    rows.push((door, "a wrong password", cell(&answers[0])));
    rows.push((door, "a name that nobody has: the same bytes, in the same time", cell(&answers[1])));
    assert!(
        answers.iter().all(|answer| (answer.status, &answer.body) == (401, &answers[0].body)),
        "one answer for all"
    );
    let [known, unknown] = [known, unknown].map(|times| times.into_iter().min().unwrap());
    assert!(unknown * 2 > known && known * 2 > unknown, "known: {known:?}, unknown: {unknown:?}");
}
