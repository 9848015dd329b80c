//! The page, its assets, and missing pages.

use super::*;

#[tokio::test]
async fn the_page_is_the_same_for_every_name_and_guarded() {
    let relay = TestRelay::start(|_| {});
    let page = relay.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    for path in ["/line/ali", "/line/nobody%40here", "/line/a%2Fb%20c%2C%25", "/line/%E9", "/line/%F0%9F%99%82"] {
        let other = relay.get(path).await;
        assert_eq!((other.status, &other.body), (200, &page.body), "{path}");
    }
    let policy = page.header("content-security-policy").unwrap();
    for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "connect-src 'self'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    for path in ["/", "/nothing", "/api/v1/live", "/agent/v1"] {
        let response = relay.get(path).await;
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(response.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(response.header(shared::RELAY_HEADER), Some("relay"), "an agent knows by it who answers: {path}");
        assert!(response.header("content-security-policy").is_some(), "{path}");
    }
}

#[tokio::test]
async fn the_provider_stands_on_every_page_also_where_there_is_nothing() {
    let relay = TestRelay::start(|config| {
        config.provider.brand = Some("Karoo & Wireless".to_owned());
        config.provider.support = vec![Contact::from_typed("+27 51 555 0142").unwrap()];
        config.provider.upload_colour = Some(Colour::from_typed("blue").unwrap());
        config.provider.public_url = Some("https://line.example".parse().unwrap());
    });
    let page = relay.get("/").await;
    for part in [
        "<bdi>Karoo &amp; Wireless</bdi>",
        "href=\"tel:+27515550142\"",
        "data-upload=\"#1d5fd1\"",
        "property=\"og:url\" content=\"https://line.example/\"",
    ] {
        assert!(page.text().contains(part), "{part}");
    }
    let nothing = relay.request("/nothing/here", "accept: text/html\r\n").await;
    assert_eq!((nothing.status, nothing.header("cache-control")), (404, Some("no-store")));
    assert_eq!(nothing.body, page.body);
    assert_eq!(relay.get("/nothing/here").await.status, 404);
    let manifest = relay.get("/manifest.webmanifest").await;
    assert_eq!((manifest.status, manifest.header("content-type")), (200, Some("application/manifest+json")));
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.body).unwrap();
    assert_eq!(manifest["name"], "Karoo & Wireless");
    for icon in manifest["icons"].as_array().unwrap() {
        assert_eq!(relay.get(icon["src"].as_str().unwrap()).await.status, 200, "{icon}");
    }
}

#[tokio::test]
async fn assets_are_named_by_content_compressed_and_kept() {
    let relay = TestRelay::start(|_| {});
    let page = relay.get("/").await.text();
    let script = page.split(['"', '\'']).find(|part| part.starts_with("/assets/") && part.ends_with(".js")).unwrap();
    let plain = relay.get(script).await;
    assert_eq!((plain.status, plain.header("content-encoding")), (200, None));
    assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(plain.header("content-type"), Some("text/javascript; charset=utf-8"));

    let gzip = relay.request(script, "accept-encoding: gzip, br\r\n").await;
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert_eq!(gzip.header("vary"), Some("accept-encoding"));
    assert!(gzip.body.len() < plain.body.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&gzip.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);

    let tag = plain.header("etag").unwrap();
    let again = relay.request(script, &format!("if-none-match: {tag}\r\n")).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(relay.get("/assets/main.js").await.status, 404, "a name without its hash");
    assert_eq!(relay.get("/assets/..%2f..%2fCargo.toml").await.status, 404);
}

#[tokio::test]
async fn an_old_bookmark_is_led_to_the_line() {
    let relay = TestRelay::start(|_| {});
    let response = relay.get("/?username=4446@karoo.example").await;
    assert_eq!((response.status, response.header("location")), (302, Some("line/4446%40karoo.example")));
    let response = relay.get("/?username=%0d%0aSet-Cookie:%20a=b").await;
    assert_eq!(response.header("location"), Some("line/%0D%0ASet-Cookie%3A%20a%3Db"));
    assert!(response.header("set-cookie").is_none());
    assert_eq!(relay.get(&format!("/?username={}", "x".repeat(256))).await.status, 400);
    assert_eq!(relay.get("/?username=").await.status, 200);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_words() {
    let relay = TestRelay::start(|_| {});
    let text = relay.get("/nothing").await;
    assert_eq!((text.status, text.header("content-type")), (404, Some("text/plain; charset=utf-8")));
    let html = relay.request("/nothing", "accept: text/html\r\n").await;
    assert_eq!((html.status, html.header("content-type")), (404, Some("text/html; charset=utf-8")));
    let stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let post = exchange(stream, "POST", "/", "content-length: 0\r\n").await;
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    let stream = TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let head = exchange(stream, "HEAD", "/", "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for path in ["/metrics", "/healthz", "/readyz", "/explain/ali"] {
        assert_eq!(relay.get(path).await.status, 404, "{path} is private");
    }
    let upgrade = relay.get("/api/v1/live").await;
    assert_eq!((upgrade.status, upgrade.header("upgrade")), (426, Some("websocket")));
}
