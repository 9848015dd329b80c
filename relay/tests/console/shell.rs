//! The console's page: every address below `/console`, and none without an account.

use relay::operators::people::Role;
use tokio::net::TcpStream;

use crate::common::{Response, TestRelay, exchange_with};
use crate::desk::Desk;

async fn get(relay: &TestRelay, path: &str) -> Response {
    let stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    exchange_with(stream, "GET", path, "accept: text/html\r\n", "").await
}

#[tokio::test]
async fn every_address_of_the_console_is_one_page_under_a_policy_of_its_own() {
    let desk = Desk::start().await;
    let page = get(&desk.relay, "/console").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("id=\"console\""), "{}", page.text());
    let policy = page.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self';",
        "style-src 'self';",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for path in ["/console/", "/console/lines/a%2Fb", "/console/routers/add", "/console/nothing/here"] {
        let other = get(&desk.relay, path).await;
        assert_eq!((other.status, other.text()), (200, page.text()), "{path}");
        assert_eq!(other.header("content-security-policy"), Some(policy), "{path}");
    }
    get(&desk.relay, "/console/api/nothing").await.is_problem(404, "unknown");
    let line = get(&desk.relay, "/").await;
    assert!(
        line.header("content-security-policy").unwrap().contains("form-action 'none'"),
        "the line's page keeps its own"
    );
}

#[tokio::test]
async fn a_relay_without_an_account_says_how_to_get_one() {
    let desk = Desk::start_without_people().await;
    for path in ["/console", "/console/lines"] {
        let answer = get(&desk.relay, path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().contains("linelight-relay operator add NAME --role admin"), "{}", answer.text());
    }
    desk.add("admin", Role::Admin).await;
    assert_eq!(get(&desk.relay, "/console").await.status, 200, "at once");
}
