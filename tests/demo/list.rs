//! The demo's own page: its lines, each with its customer and a link. The relay has no such page, since a visitor must not
//! learn the names of lines.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shared::username::{Username, escape};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// The longest header of a request, in bytes.
const MAX_HEADER: usize = 8 * 1024;
/// A request is answered within this time, or not at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// A line and the line's link.
pub(crate) struct Link {
    pub(crate) username: Username,
    pub(crate) customer: String,
    pub(crate) url: String,
}

/// Serves the page until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, page: String) {
    let page: Arc<str> = page.into();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let page = Arc::clone(&page);
        // A browser may leave in the middle, and then needs no answer.
        tokio::spawn(async move { timeout(PATIENCE, converse(stream, &page)).await });
    }
}

async fn converse(mut stream: TcpStream, page: &str) -> io::Result<()> {
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") && header.len() < MAX_HEADER {
        if stream.read_buf(&mut header).await? == 0 {
            break;
        }
    }
    let answer = answer(&String::from_utf8_lossy(&header), stream.local_addr()?, page);
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// The answer to a request's header. Links open lines, so a page of another name that leads here by its DNS gets none.
fn answer(header: &str, here: SocketAddr, page: &str) -> String {
    let (mut names, port) = (["127.0.0.1", "localhost"].into_iter(), here.port());
    let host =
        header.lines().find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("host")));
    let host = host.map_or("", |(_, value)| value.trim());
    let is_ours = names.any(|name| host == format!("{name}:{port}"));
    match header.split(' ').take(2).collect::<Vec<_>>()[..] {
        _ if !is_ours => {
            response("421 Misdirected Request", "This page is called by the address that the demo has printed.\n")
        }
        ["GET", "/"] => response("200 OK", page),
        ["GET", _] => response("404 Not Found", "The list of lines is at /.\n"),
        _ => response("405 Method Not Allowed", "Only GET is answered.\n"),
    }
}

fn response(status: &str, body: &str) -> String {
    let kind = if body.starts_with('<') { "text/html" } else { "text/plain" };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n\
         Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

const HEAD: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Linelight: the demo's lines</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
  body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
  ul { list-style: none; padding: 0 }
  li a { display: flex; justify-content: space-between; gap: 1rem; padding: .6rem 0; text-decoration: none }
  li + li a { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent) }
  li a:hover b, li a:focus b { text-decoration: underline }
  span { opacity: .7; min-width: 8ch; overflow-wrap: anywhere; text-align: right }
</style>
<h1>The demo's lines</h1>
<p>A simulated router, an agent and a relay run on this machine. Each link opens the page of one line, as its customer has it.</p>
<ul>
";

/// The page.
pub(crate) fn page(links: &[Link], control: SocketAddr) -> String {
    let line = |Link { username, customer, url }: &Link| {
        let name = escape(username.as_bytes()).to_string();
        format!("<li><a href=\"{}\"><b>{}</b> <span>{}</span></a>\n", html(url), html(customer), html(&name))
    };
    let lines: String = links.iter().map(line).collect();
    let (host, port) = (control.ip(), control.port());
    format!(
        "{HEAD}{lines}</ul>\n<p>To change what the router does, type <code>nc {host} {port}</code> in a terminal, then \
         <code>help</code>.</p>\n</html>\n"
    )
}

/// Escapes a text for HTML.
fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> SocketAddr {
        ([127, 0, 0, 1], 8079).into()
    }

    #[test]
    fn every_line_is_a_link_and_a_name_is_no_markup() {
        let username = Username::from_bytes(b"<b>\"&").unwrap();
        let links = [Link { username, customer: "Smith & <Son>".into(), url: "http://127.0.0.1:8080/#a.b".into() }];
        let page = page(&links, ([127, 0, 0, 1], 4000).into());
        assert!(page.contains("<a href=\"http://127.0.0.1:8080/#a.b\"><b>Smith &amp; &lt;Son&gt;</b>"), "{page}");
        assert!(page.contains("&lt;b&gt;&quot;&amp;") && page.contains("nc 127.0.0.1 4000"), "{page}");
    }

    #[test]
    fn only_the_address_that_was_printed_is_answered() {
        for (request, status) in [
            ("GET / HTTP/1.1\r\nHost: 127.0.0.1:8079\r\n\r\n", "200"),
            ("GET / HTTP/1.1\r\nhost: localhost:8079\r\n\r\n", "200"),
            ("GET /favicon.ico HTTP/1.1\r\nHost: localhost:8079\r\n\r\n", "404"),
            ("POST / HTTP/1.1\r\nHost: localhost:8079\r\n\r\n", "405"),
            ("GET / HTTP/1.1\r\nHost: rebound.example:8079\r\n\r\n", "421"),
            ("GET / HTTP/1.1\r\n\r\n", "421"),
            ("", "421"),
        ] {
            let answer = answer(request, here(), "<page>");
            assert_eq!(answer.get(9..12), Some(status), "{request:?}");
            assert_eq!(answer.ends_with("<page>"), status == "200", "{request:?}");
        }
    }
}
