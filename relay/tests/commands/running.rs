//! Commands beside a running relay.

use super::*;

#[test]
fn agents_are_added_listed_and_revoked() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let token = good(directory.path(), &["agent", "add", "tower", "--lines", "*@karoo.example", "a,b c"]);
    let registry = std::fs::read_to_string(DataDirectory::new(directory.path()).agents()).unwrap();
    assert!(!registry.contains(token.trim()), "the token itself is kept nowhere");
    assert!(!registry.contains("shares_lines"), "a registry of older relays");
    good(directory.path(), &["agent", "add", "spare", "--lines", "*", "--shares-lines"]);
    assert!(good(directory.path(), &["agent", "list"]).ends_with("  *  (shares lines)\n"));
    good(directory.path(), &["agent", "revoke", "spare"]);
    let (code, error) = bad(directory.path(), &["agent", "add", "tower", "--lines", "*"]);
    assert!(code == 1 && error.contains("already"), "{error}");
    let list = good(directory.path(), &["agent", "list"]);
    let (header, row) = list.split_once('\n').unwrap();
    assert_eq!(header, "AGENT  ADDED                 MAY REPORT");
    let (year, rest) = row.strip_prefix("tower  ").unwrap().split_at(4);
    assert!(year.parse::<u32>().unwrap() >= 2026 && rest.ends_with(" UTC  *@karoo.example  a,b c\n"), "{list}");
    good(directory.path(), &["agent", "revoke", "tower"]);
    let output = run(directory.path(), &["agent", "list"]);
    assert!(output.status.success() && output.stdout.is_empty());
    assert!(String::from_utf8(output.stderr).unwrap().contains("agent add"));
    assert_eq!(bad(directory.path(), &["agent", "revoke", "tower"]).0, 1);
    let nowhere = directory.path().join("nowhere");
    let (code, error) = bad(&nowhere, &["agent", "add", "x", "--lines", "*"]);
    assert!(code == 1 && error.contains("init"), "{error}");
}

#[tokio::test]
async fn no_token_and_no_username_is_ever_logged_above_debug_and_sigterm_ends_it_well() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let url = ["--public-url", "http://127.0.0.1", "link", "ali-the-subscriber"];
    let link = good(directory.path(), &url).trim().split_once('#').unwrap().1.to_owned();
    let agent = good(directory.path(), &["agent", "add", "tower", "--lines", "*"]).trim().to_owned();
    let served = Served::start(directory.path(), &[]);
    for token in [&link, &agent, "linelight_agent_wrong"] {
        get(served.viewers, "/agent/v1", &bearer(token)).await;
        get(served.viewers, "/api/v1/lines/bob-the-other/live", &bearer(token)).await;
        get(served.viewers, &format!("/line/ali-the-subscriber?token={token}"), "").await;
    }
    let (code, log) = served.terminate();
    assert_eq!(code, Some(0));
    assert!(log.contains("an uplink was refused") && log.contains("the relay has stopped"), "{log}");
    for secret in [&*link, &*agent, "linelight_agent_wrong"] {
        assert!(!log.contains(secret), "a token is in the log");
    }
    for line in log.lines().filter(|line| !line.contains("DEBUG")) {
        assert!(!line.contains("the-subscriber") && !line.contains("the-other"), "{line}");
    }
}

#[test]
fn the_list_of_agents_says_when_no_relay_answers() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    good(directory.path(), &["agent", "add", "tower", "--lines", "*"]);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let web = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (silent_address, web_address) = (silent.local_addr().unwrap(), web.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = web.accept().unwrap();
        assert_ne!(stream.read(&mut [0; 1024]).unwrap(), 0);
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (address, words) in
        [(silent_address, "does not answer"), (web_address, "404 Not Found"), (closed, "no relay answers at")]
    {
        let output = run(directory.path(), &["agent", "list", "--private-listen", &address.to_string()]);
        let (list, remark) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success() && list.contains("tower"), "the list is true without a relay: {list}");
        assert!(remark.contains(words) && remark.contains(&address.to_string()), "{remark}");
    }
    server.join().unwrap();
}

#[test]
fn the_list_of_agents_says_how_they_are_where_the_relay_listens_everywhere() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    good(directory.path(), &["agent", "add", "tower", "--lines", "*"]);
    let served = Served::start(directory.path(), &[]);
    let everywhere = format!("0.0.0.0:{}", served.private.port());
    let list = good(directory.path(), &["agent", "list", "--private-listen", &everywhere]);
    assert!(list.contains("never connected since the relay started"), "{list}");
}

#[test]
fn a_router_script_is_summed_up_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let registry = || std::fs::read_to_string(DataDirectory::new(directory.path()).agents()).unwrap();
    let before = registry();
    let script = ["router-script", "--agent", "tower", "--relay-url", "wss://relay.example:8443"];
    let summary = good(directory.path(), &[&script[..], &["--summary"]].concat());
    for part in ["tower", "relay.example:8443", "/interface/veth", "/user/group", "--remove"] {
        assert!(summary.contains(part), "{part} is not in\n{summary}");
    }
    assert_eq!(registry(), before, "a summary registers nobody");
    let text = good(directory.path(), &[&script[..], &["--lines", "*"]].concat());
    assert!(text.contains("relay.example") && registry().contains("tower"));
}

#[test]
fn open_access_is_said_at_start() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let (_, log) = Served::start(directory.path(), &["--access", "open"]).terminate();
    let warning = log.lines().find(|line| line.contains("WARN")).unwrap();
    assert!(warning.contains("anyone who knows a username"), "{warning}");
}

#[test]
fn a_bad_row_is_reported_by_its_line_at_start() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let file = directory.path().join("subscribers.csv");
    std::fs::write(&file, "username;customer;download\nali;Ali;50M\nbob;Bob;50\n").unwrap();
    let (_, log) = Served::start(directory.path(), &["--subscribers", file.to_str().unwrap()]).terminate();
    assert!(log.contains("line=3") && log.contains("has no unit"), "{log}");
    assert!(!log.contains("Bob"));
}

#[test]
fn a_line_is_explained_in_words_and_other_names_are_hinted_at() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let file = directory.path().join("subscribers.csv");
    let rows =
        "username,customer\nAlice,Alice \u{202e}\x1b[2J Baker\n4446@karoo.example,Protea Motors\nbob,Protea House\n";
    std::fs::write(&file, rows).unwrap();
    let served = Served::start(directory.path(), &["--subscribers", file.to_str().unwrap()]);
    let private = served.private.to_string();
    let explained = |name: &str| good(directory.path(), &["explain", name, "--private-listen", &private]);
    for (name, words) in [
        ("alice", "(another case)"),
        ("Alcie", "meant?    Alice"),
        ("4446", "meant?    4446@karoo.example, Protea Motors (another realm)"),
        ("Motors", "(by the customer's name)"),
        ("alice", "not in the subscribers file"),
        ("bob", "state     starting"),
        ("a/b c%25", "line      a/b c%25"),
    ] {
        let text = explained(name);
        assert!(text.contains(words), "{words} is not in:\n{text}");
        assert!(!text.contains(['\x1b', '\u{202e}']), "{text}");
    }
    assert!(!explained("bob").contains("not in the subscribers file"));
    let url = format!("http://{}", served.viewers);
    let watch = ["watch", "protea", "--url", &url, "--private-listen", &private];
    let (code, error) = bad(directory.path(), &watch);
    assert!(code == 1 && error.contains("bob (Protea House)") && error.contains("4446@karoo.example"), "{error}");
    for (typed, username, remark) in [
        ("motors", "4446@karoo.example", "watching 4446@karoo.example (Protea Motors)"),
        ("alice", "alice", "Alice"),
        ("bob", "bob", ""),
    ] {
        let arguments = ["watch", typed, "--url", &url, "--private-listen", &private];
        let mut watch =
            command(directory.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(watch.stdout.take().unwrap()).read_line(&mut line).unwrap();
        watch.kill().unwrap();
        let output = watch.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(line.starts_with(&format!("{username}  ")) || line.starts_with(&format!("{username} (")), "{line}");
        assert!(said.contains(remark) && said.is_empty() == remark.is_empty() && !said.contains('\x1b'), "{said}");
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, error) = bad(directory.path(), &["explain", "ali", "--private-listen", &closed]);
    assert!(code == 1 && error.contains("no relay answers"), "{error}");
}

#[tokio::test]
async fn the_private_listener_knows_its_names_and_wants_its_token() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    good(directory.path(), &["agent", "add", "tower", "--lines", "*"]);
    let (token, file) = ("0123456789abcdef-secret", directory.path().join("private-token"));
    std::fs::write(&file, format!("{token}\n")).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let file = file.to_str().unwrap();
    let served =
        Served::start(directory.path(), &["--private-token-file", file, "--private-name", "relay,Metrics.example"]);
    let status = async |path: &str, host: &str, headers: &str| {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(served.private).await.unwrap();
        let host = if host.is_empty() { String::new() } else { format!("host: {host}\r\n") };
        let request = format!("GET {path} HTTP/1.1\r\n{host}{headers}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.to_lowercase().contains("cache-control: no-store"), "{answer}");
        answer.split_whitespace().nth(1).unwrap().parse::<u16>().unwrap()
    };
    let good_token = bearer(token);
    for host in ["localhost:9100", "127.0.0.1", "[::1]:9100", "relay", "RELAY:9100", "metrics.example.", "127.0.0.2"] {
        assert_eq!(status("/metrics", host, &good_token).await, 200, "{host}");
    }
    for host in ["evil.example", "192.0.2.1", "localhost.evil.example", "relay.evil.example:9100"] {
        assert_eq!(status("/metrics", host, &good_token).await, 421, "{host}");
        assert_eq!(status("/healthz", host, "").await, 421, "{host}");
    }
    for host in ["a@localhost:x", ""] {
        assert_eq!(status("/metrics", host, &good_token).await, 400, "no request of HTTP/1.1: {host:?}");
    }
    for path in ["/metrics", "/agents", "/explain/ali", "/search/ali"] {
        for headers in [String::new(), bearer("0123456789abcdef-secreT"), bearer("")] {
            assert_eq!(status(path, "localhost", &headers).await, 401, "{path}");
        }
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(status(path, "localhost", "").await, 200, "a health check sends no token");
    }
    let private = served.private.to_string();
    let list = ["agent", "list", "--private-listen", &private];
    let output = run(directory.path(), &list);
    assert!(String::from_utf8(output.stderr).unwrap().contains("wants its token"));
    let list = good(directory.path(), &[&list[..], &["--private-token-file", file]].concat());
    assert!(list.contains("never connected"), "{list}");
    drop(served);
    std::fs::write(directory.path().join("short"), "tiny-secret").unwrap();
    let short = directory.path().join("short");
    let ports = ["serve", "--listen", "127.0.0.1:0", "--private-listen", "127.0.0.1:0"];
    let (code, error) =
        bad(directory.path(), &[&ports[..], &["--private-token-file", short.to_str().unwrap()]].concat());
    assert!(code == 1 && error.contains("/dev/urandom") && !error.contains("tiny-secret"), "{error}");
}

/// Returns the first line of `watch` for ali's line at the relay.
fn first_of_watch(data: &Path, url: &str) -> String {
    let mut watch = command(data, &["watch", "ali", "--url", url]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(watch.stdout.take().unwrap()).read_line(&mut line).unwrap();
    watch.kill().unwrap();
    watch.wait().unwrap();
    line
}

#[test]
fn watch_finds_a_relay_in_a_folder() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let served = Served::start(directory.path(), &["--public-url", "https://example.net/speed/"]);
    assert_eq!(first_of_watch(directory.path(), &format!("http://{}/speed", served.viewers)), "ali  starting\n");
}

#[test]
fn watch_shows_a_line_or_says_why_not() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let served = Served::start(directory.path(), &[]);
    let url = format!("http://{}", served.viewers);
    assert_eq!(first_of_watch(directory.path(), &url), "ali  starting\n");
    let (code, error) = bad(directory.path(), &["watch", "ali", "--url", &format!("{url}/speed/")]);
    assert!(code == 1 && error.contains("does not speak the viewer API"), "{error}");

    let other = tempfile::tempdir().unwrap();
    good(other.path(), &["init"]);
    let foreign = good(other.path(), &["--public-url", &url, "link", "ali"]);
    let file = other.path().join("link");
    std::fs::write(&file, foreign).unwrap();
    let (code, error) = bad(directory.path(), &["watch", "--link-file", file.to_str().unwrap()]);
    assert!(code == 1 && error.contains("the link is refused"), "{error}");
    drop(served);
    let (code, error) = bad(directory.path(), &["watch", "ali", "--url", &url]);
    assert!(code == 1 && error.contains("cannot reach the relay"), "{error}");
}
