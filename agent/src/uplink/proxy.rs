//! An HTTP proxy on the way to the relay: CONNECT (RFC 9110, section 9.3.6), Basic credentials, and exceptions.

use data_encoding::BASE64;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::error::{ConnectError, Wait};
use super::head::{Head, HeadError};
use crate::config::{HostPort, Proxy, ProxyAddress};

/// Returns the proxy for `host`, if any.
pub(super) fn for_host(proxy: Option<&Proxy>, host: &HostPort) -> Result<Option<ProxyAddress>, ConnectError> {
    let Some(proxy) = proxy.filter(|proxy| !is_excepted(&proxy.except, host)) else { return Ok(None) };
    let url = proxy.url.read()?;
    let unusable =
        |why: &str| ConnectError::Proxy { proxy: "LINELIGHT_PROXY".to_owned(), why: format!("is unusable: {why}") };
    ProxyAddress::parse(url.expose()).map(Some).map_err(unusable)
}

/// Asks the proxy for a way to `host` and returns the connection when there is one.
pub(super) async fn tunnel<S>(mut stream: S, proxy: &ProxyAddress, host: &HostPort) -> Result<S, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let fault = |why: String| ConnectError::Proxy { proxy: proxy.host.to_string(), why };
    stream
        .write_all(request(proxy, host).as_bytes())
        .await
        .map_err(|error| fault(format!("went away: {error}; {}", Wait::Proxy.remedy())))?;
    let head = Head::read(&mut stream).await.map_err(|error| fault(unread(&error)))?;
    match head.status {
        200..=299 => Ok(stream),
        407 => Err(fault("wants a user and a password, or others: put them into LINELIGHT_PROXY_FILE".to_owned())),
        status => Err(fault(format!("answers {status}: it must allow CONNECT to {host}"))),
    }
}

fn unread(error: &HeadError) -> String {
    match error {
        HeadError::Broken(error) => format!("gave no answer: {error}; {}", Wait::Proxy.remedy()),
        other => format!("does not answer as an HTTP proxy does ({other}): is it the right port?"),
    }
}

fn request(proxy: &ProxyAddress, host: &HostPort) -> String {
    let credentials = proxy
        .credentials
        .as_ref()
        .map(|credentials| format!("Proxy-Authorization: Basic {}\r\n", BASE64.encode(credentials.expose())));
    format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{}\r\n", credentials.unwrap_or_default())
}

/// True if the exceptions include the host: by name, by a domain above the name, or by `*`.
fn is_excepted(except: &[String], host: &HostPort) -> bool {
    host.is_loopback()
        || except.iter().any(|name| {
            let name = name.trim_start_matches('.');
            let domain = host.host.len().checked_sub(name.len()).map(|at| host.host.split_at_checked(at));
            let matches = matches!(domain, Some(Some((before, rest)))
                if rest.eq_ignore_ascii_case(name) && (before.is_empty() || before.ends_with('.')));
            name == "*" || matches || *name == host.to_string()
        })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    fn proxy(url: &str) -> ProxyAddress {
        ProxyAddress::parse(url.as_bytes()).unwrap()
    }

    fn relay() -> HostPort {
        HostPort::new("relay.example".to_owned(), 443)
    }

    async fn ask(url: &str, answer: &str) -> (String, Result<Vec<u8>, ConnectError>) {
        let (near, mut far) = duplex(64 * 1024);
        far.write_all(answer.as_bytes()).await.unwrap();
        far.shutdown().await.unwrap();
        let met = tunnel(near, &proxy(url), &relay()).await;
        let mut rest = Vec::new();
        let met = match met {
            Ok(mut stream) => stream.read_to_end(&mut rest).await.map(|_| rest).map_err(|_| unreachable!()),
            Err(error) => Err(error),
        };
        let mut asked = String::new();
        far.read_to_string(&mut asked).await.unwrap();
        (asked, met)
    }

    #[tokio::test]
    async fn a_tunnel_is_asked_for_and_begins_right_after_the_answer() {
        let answer = "HTTP/1.1 200 Connection established\r\nVia: squid\r\n\r\nTLS begins";
        let (asked, met) = ask("http://alice:p%20w@proxy", answer).await;
        assert!(asked.starts_with("CONNECT relay.example:443 HTTP/1.1\r\nHost: relay.example:443\r\n"), "{asked}");
        assert!(asked.contains("\r\nProxy-Authorization: Basic YWxpY2U6cCB3\r\n"), "{asked}");
        assert_eq!(met.unwrap(), b"TLS begins");
    }

    #[tokio::test]
    async fn each_refusal_has_its_words_and_no_password() {
        for (answer, words) in [
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "LINELIGHT_PROXY_FILE"),
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "must allow CONNECT to relay.example:443"),
            ("SSH-2.0-OpenSSH\r\n\r\n", "does not answer as an HTTP proxy"),
            ("HTTP/1.1 200 OK\r\n", "gave no answer"),
            (&format!("HTTP/1.1 200 OK\r\n{}", "x: y\r\n".repeat(2_000)), "longer than 8192 bytes"),
            ("HTTP/1.0 502 Bad Gateway\r\n\r\n", "answers 502"),
        ] {
            let (_, met) = ask("http://alice:hunter2@proxy:8080", answer).await;
            let said = met.unwrap_err().to_string();
            assert!(said.contains(words) && said.contains("proxy:8080") && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn exceptions_name_hosts_and_domains() {
        let excepted = |list: &[&str], host: &str| {
            let list: Vec<_> = list.iter().map(|name| (*name).to_owned()).collect();
            is_excepted(&list, &HostPort::new(host.to_owned(), 443))
        };
        assert!(excepted(&["example"], "relay.example") && excepted(&[".Example"], "relay.example"));
        assert!(excepted(&["*"], "relay.example") && excepted(&["relay.example:443"], "relay.example"));
        assert!(excepted(&[], "127.0.0.1"));
        assert!(!excepted(&["lay.example", "other.example"], "relay.example"));
        assert!(!excepted(&["very.long.relay.example"], "relay.example"));
    }
}
