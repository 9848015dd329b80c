//! A relay in a folder of a site: `--public-url https://example.net/speed/` behind a proxy that strips the folder or keeps it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use common::{TestRelay, WEBSOCKET, head};
use tokio::net::TcpStream;

fn in_folder() -> TestRelay {
    TestRelay::start(|config| {
        config.provider.public_url = Some(relay::config::public_url("https://example.net/speed").unwrap());
    })
}

#[tokio::test]
async fn everything_that_the_page_names_is_in_the_folder_and_there() {
    let relay = in_folder();
    let page = relay.get("/speed/").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    let named: Vec<_> =
        text.split(['"', '\'']).filter(|part| part.contains("assets/") || part.contains(".web")).collect();
    assert!(named.len() >= 5, "{named:?}");
    for address in named {
        let path = address.strip_prefix("https://example.net").unwrap_or(address);
        assert!(path.starts_with("/speed/"), "{address} leaves the folder");
        assert_eq!(relay.get(path).await.status, 200, "{address}, as a proxy keeps it");
        assert_eq!(
            relay.get(path.strip_prefix("/speed").unwrap()).await.status,
            200,
            "{address}, as a proxy strips it"
        );
    }
    assert!(text.contains("property=\"og:url\" content=\"https://example.net/speed/\""));
    let manifest: serde_json::Value =
        serde_json::from_slice(&relay.get("/speed/manifest.webmanifest").await.body).unwrap();
    for icon in manifest["icons"].as_array().unwrap() {
        let path = icon["src"].as_str().unwrap();
        assert!(path.starts_with("/speed/") && relay.get(path).await.status == 200, "{icon}");
    }
}

#[tokio::test]
async fn pages_are_the_same_with_the_folder_and_without() {
    let relay = in_folder();
    let page = relay.get("/").await;
    for path in ["/speed/", "/line/ali", "/speed/line/ali", "/speed/line/a%2Fb"] {
        assert_eq!(relay.get(path).await.body, page.body, "{path}");
    }
    let html = "accept: text/html\r\n";
    for path in ["/speed/nothing/here", "/nothing/here", "/speedy/"] {
        let nothing = relay.request(path, html).await;
        assert_eq!((nothing.status, &nothing.body), (404, &page.body), "{path}");
        assert!(nothing.header("content-security-policy").is_some(), "{path}");
    }
}

#[tokio::test]
async fn an_old_bookmark_is_led_to_the_line_within_the_folder() {
    let relay = in_folder();
    // For a browser, a relative address stands beside the address of the request, with or without the proxy's change.
    for path in ["/speed/?username=ali", "/?username=ali"] {
        let response = relay.get(path).await;
        assert_eq!((response.status, response.header("location")), (302, Some("line/ali")), "{path}");
    }
    for (path, location) in [("/speed", "speed/"), ("/speed?username=ali", "speed/?username=ali")] {
        let response = relay.get(path).await;
        assert_eq!((response.status, response.header("location")), (308, Some(location)), "{path}");
        assert!(response.header("content-security-policy").is_some(), "{path}");
    }
}

#[tokio::test]
async fn streams_and_uplinks_are_in_the_folder() {
    let relay = in_folder();
    for folder in ["/speed", ""] {
        let mut stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
        assert_eq!(head(&mut stream, &format!("{folder}/api/v1/live"), WEBSOCKET).await.status, 101, "{folder}");
        assert_eq!(relay.get(&format!("{folder}/api/v1/lines/ali/live")).await.status, 401, "{folder}");
        assert_eq!(relay.request(&format!("{folder}/agent/v1"), WEBSOCKET).await.status, 401, "{folder}");
    }
    let private = common::get(relay.addresses.private, "/speed/healthz", "").await;
    assert_eq!(private.status, 404, "the private listener is behind no public proxy");
}
