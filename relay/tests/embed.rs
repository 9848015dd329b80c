//! The widget for portals: who may frame it, and what its answers hold.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Response, TestRelay, WEBSOCKET, head};
use relay::net::origin::Origin;
use relay::viewers::links::Mode;
use tokio::net::TcpStream;

const WIDGETS: [&str; 5] =
    ["/embed", "/embed/", "/embed/ali", "/embed/a%2Fb%20c?theme=dark", "/embed/%3Cimg%20src%3Dx%3E"];

fn ancestors(response: &Response) -> String {
    let policy = response.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    policy.split_once("frame-ancestors ").unwrap().1.to_owned()
}

#[tokio::test]
async fn only_portals_of_embed_origin_may_frame_the_widget_and_nobody_the_page() {
    let relay = TestRelay::start(|config| {
        config.provider.portals =
            ["https://Portal.example", "http://127.0.0.1:8000"].map(|text| Origin::of_portal(text).unwrap()).into();
    });
    let widget = relay.get("/embed").await;
    assert_eq!((widget.status, widget.header("content-type")), (200, Some("text/html; charset=utf-8")));
    for path in WIDGETS {
        let response = relay.get(path).await;
        assert_eq!((response.status, &response.body), (200, &widget.body), "everybody gets the same: {path}");
        assert_eq!(ancestors(&response), "https://portal.example http://127.0.0.1:8000", "{path}");
        assert_eq!((response.header("set-cookie"), response.header("x-frame-options")), (None, None), "{path}");
    }
    assert!(widget.text().contains("data-origins=\"https://portal.example http://127.0.0.1:8000\""));
    for path in ["/", "/line/ali", "/embed.js", "/embed/a/b", "/assets/none.js", "/api/v1/live"] {
        assert_eq!(ancestors(&relay.get(path).await), "'none'", "{path}");
    }
}

#[tokio::test]
async fn without_embed_origin_nobody_may_frame_anything() {
    let relay = TestRelay::start(|_| {});
    for path in WIDGETS {
        assert_eq!(ancestors(&relay.get(path).await), "'none'", "{path}");
    }
    assert!(relay.get("/embed").await.text().contains("data-origins=\"\""));
}

#[tokio::test]
async fn every_page_may_load_the_element_and_nothing_else() {
    let relay = TestRelay::start(|_| {});
    let element = relay.get("/embed.js").await;
    assert_eq!((element.status, element.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
    assert_eq!(element.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(element.header("access-control-allow-origin"), Some("*"));
    assert_eq!(element.header("cache-control"), Some("no-cache"), "a new release shows at once");
    let packed = relay.request("/embed.js", "accept-encoding: gzip\r\n").await;
    assert!(packed.body.len() <= 3 * 1024, "{} bytes", packed.body.len());
    let widget = relay.get("/embed").await.text();
    let assets: Vec<&str> = widget.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert_eq!(assets.len(), 2, "{widget}");
    for path in ["/embed", "/"].into_iter().chain(assets) {
        let response = relay.get(path).await;
        assert_eq!(response.status, 200, "{path}");
        let headers = ["cross-origin-resource-policy", "access-control-allow-origin"].map(|name| response.header(name));
        assert_eq!(headers, [Some("same-origin"), None], "{path}");
    }
}

#[tokio::test]
async fn a_portal_that_may_frame_still_may_not_read() {
    let relay = TestRelay::start(|config| {
        config.access = Mode::Open;
        config.provider.portals = vec![Origin::of_portal("https://portal.example").unwrap()];
    });
    let status = async |origin: &str| {
        let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
        head(&mut stream, "/api/v1/live", &format!("{WEBSOCKET}origin: {origin}\r\n")).await.status
    };
    assert_eq!(status("http://relay.test").await, 101, "the widget asks as the relay's own page");
    assert_eq!(status("https://portal.example").await, 403);
}
