//! The built binary on an operator's command line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::SystemTime;

use common::{bearer, get};
use relay::store::data_directory::DataDirectory;
use relay::viewers::links::keys::Keys;
use relay::viewers::links::{Access, Mode, WatchRequest};
use rustix::process::{Pid, Signal, kill_process};

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linelight-relay"));
    command.env_clear().arg("--data").arg(data).args(arguments);
    command
}

fn run(data: &Path, arguments: &[&str]) -> Output {
    command(data, arguments).output().unwrap()
}

fn good(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A command's exit code and messages.
fn bad(data: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(data, arguments);
    assert!(output.stdout.is_empty(), "nothing is on standard output but what was asked for");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A relay as a separate process, ended when dropped.
struct Served {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    text: String,
    viewers: SocketAddr,
    private: SocketAddr,
}

impl Served {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0", "--private-listen", "127.0.0.1:0", "--log", "debug"];
        all.extend(arguments);
        let mut child = command(data, &all).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut text = String::new();
        while !text.contains("the relay is ready") {
            assert_ne!(log.read_line(&mut text).unwrap(), 0, "the relay ended: {text}");
        }
        let address = |name: &str| text.split(name).nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
        let (viewers, private) = (address(" viewers="), address(" private="));
        Self { child, log, text, viewers, private }
    }

    /// Ends the relay by SIGTERM. Returns the exit code and the whole log.
    fn terminate(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.log.read_to_string(&mut self.text).unwrap();
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.text))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn init_makes_secrets_for_its_owner_and_never_overwrites() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("new");
    let said = good(&data, &["init"]);
    let paths = DataDirectory::new(&data);
    for (path, mode) in [(data.clone(), 0o700), (paths.keys(), 0o600), (paths.agents(), 0o600)] {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
    let keys = std::fs::read_to_string(paths.keys()).unwrap();
    let secret = serde_json::from_str::<serde_json::Value>(&keys).unwrap()["keys"][0]["k"].as_str().unwrap().to_owned();
    assert!(!said.contains(&secret));

    let (code, error) = bad(&data, &["init"]);
    assert_eq!(code, 1);
    assert!(error.contains("stays as it is"), "{error}");
    assert_eq!(std::fs::read_to_string(paths.keys()).unwrap(), keys);
}

#[test]
fn serve_without_keys_refuses_to_start_and_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let (code, error) = bad(directory.path(), &["serve", "--listen", "127.0.0.1:0", "--private-listen", "127.0.0.1:0"]);
    assert_eq!(code, 1);
    assert!(error.contains("linelight-relay init") && error.contains("bring its data back"), "{error}");
}

#[test]
fn serve_with_keys_open_to_others_refuses_to_start() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let keys = DataDirectory::new(directory.path()).keys();
    std::fs::set_permissions(&keys, PermissionsExt::from_mode(0o644)).unwrap();
    let (code, error) = bad(directory.path(), &["serve"]);
    assert_eq!(code, 1);
    assert!(error.contains("chmod 600"), "{error}");
}

/// The program and an initialised data directory, for another account than the owner's.
struct Stranger {
    folder: tempfile::TempDir,
    program: std::path::PathBuf,
}

impl Stranger {
    /// The account of `nobody` for tests as root; else the tests' own.
    const ACCOUNT: u32 = 65_534;

    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let program = folder.path().join("linelight-relay");
        std::fs::copy(env!("CARGO_BIN_EXE_linelight-relay"), &program).unwrap();
        good(&folder.path().join("data"), &["init"]);
        Self { folder, program }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// A command's exit code and messages, under an ordinary account.
    fn run(&self, data: &Path, arguments: &[&str]) -> (i32, String) {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(&self.program);
        command.env_clear().arg("--data").arg(data).args(arguments);
        if rustix::process::geteuid().is_root() {
            command.uid(Self::ACCOUNT).gid(Self::ACCOUNT);
        }
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn a_data_directory_that_may_not_be_read_is_no_missing_key() {
    let stranger = Stranger::new();
    let data = stranger.data();
    let mode = if rustix::process::geteuid().is_root() { 0o700 } else { 0o000 };
    std::fs::set_permissions(&data, PermissionsExt::from_mode(mode)).unwrap();
    for arguments in [
        &["serve"][..],
        &["--public-url", "https://monitor.example", "link", "ali"],
        &["watch", "ali"],
        &["agent", "list"],
        &["agent", "add", "tower", "--lines", "*"],
    ] {
        let (code, error) = stranger.run(&data, arguments);
        assert_eq!(code, 1, "{arguments:?}: {error}");
        assert!(error.contains("it belongs to") && !error.contains("has no keys"), "{arguments:?}: {error}");
        assert!(error.contains("sudo -u") || error.contains("chmod u+rw"), "{arguments:?}: {error}");
    }
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o700)).unwrap();
}

#[test]
fn a_port_that_may_not_be_had_is_told_with_the_way_to_it() {
    let stranger = Stranger::new();
    let data = stranger.folder.path().join("own");
    std::fs::create_dir(&data).unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&data, Some(Stranger::ACCOUNT), Some(Stranger::ACCOUNT)).unwrap();
    }
    assert_eq!(stranger.run(&data, &["init"]).0, 0);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let taken = std::net::TcpListener::bind(taken).unwrap();
    let first: u16 =
        std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap().trim().parse().unwrap();
    let mut cases =
        vec![(taken.local_addr().unwrap().to_string(), "ss -ltnp"), ("192.0.2.1:0".to_owned(), "ip address")];
    // Some systems let everybody have every port.
    cases.extend((first > 443).then(|| ("127.0.0.1:443".to_owned(), "CAP_NET_BIND_SERVICE")));
    for (address, words) in cases {
        let arguments = ["serve", "--plaintext", "--listen", &address, "--private-listen", "127.0.0.1:0"];
        let (code, error) = stranger.run(&data, &arguments);
        assert!(code == 1 && error.contains(words) && error.contains(&address), "{error}");
        assert!(!error.contains("open files"), "nothing is said of limits before all is well: {error}");
    }
}

#[test]
fn a_file_that_is_not_there_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let (empty, nowhere) = (empty.to_str().unwrap(), "/nowhere.pem");
    for (cert, key, words) in [
        (nowhere, empty, "cannot read /nowhere.pem"),
        (empty, nowhere, "holds no certificate"),
        (directory.path().to_str().unwrap(), empty, "cannot read"),
    ] {
        let (code, error) = bad(directory.path(), &["serve", "--tls-cert", cert, "--tls-key", key]);
        assert!(code == 1 && error.contains(words), "{error}");
    }
    let (code, error) = bad(directory.path(), &["watch", "ali", "--url", "https://127.0.0.1:1", "--ca", nowhere]);
    assert!(code == 1 && (error.contains("cannot read /nowhere.pem") || error.contains("cannot reach")), "{error}");
}

#[test]
fn two_relays_on_one_data_directory_are_refused_and_commands_work_beside_one() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let served = Served::start(directory.path(), &[]);
    let second = ["serve", "--listen", "127.0.0.1:0", "--private-listen", "127.0.0.1:0"];
    let (code, error) = bad(directory.path(), &second);
    assert!(code == 1 && error.contains(&format!("(process {})", served.child.id())), "{error}");
    assert!(error.contains("--data"), "{error}");
    good(directory.path(), &["agent", "add", "tower", "--lines", "*"]);
    good(directory.path(), &["--public-url", "https://monitor.example", "link", "ali"]);
    assert!(bad(directory.path(), &["init"]).1.contains("stays as it is"));
    drop(served);
    // The lock died with the process.
    assert_eq!(Served::start(directory.path(), &[]).terminate().0, Some(0));
}

#[test]
fn what_others_may_change_is_refused_with_the_command_that_mends_it() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let agents = DataDirectory::new(directory.path()).agents();
    for (path, mode, mended, remedy) in
        [(directory.path(), 0o777, 0o700, "chmod go-w"), (&agents, 0o666, 0o600, "chmod 600")]
    {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        let (code, error) = bad(directory.path(), &["serve"]);
        assert!(code == 1 && error.contains(remedy) && error.contains(path.to_str().unwrap()), "{error}");
        std::fs::set_permissions(path, PermissionsExt::from_mode(mended)).unwrap();
    }
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&cert, certified.cert.pem()).unwrap();
    std::fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let flags = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    for (mode, warned) in [(0o644, true), (0o640, false), (0o600, false)] {
        std::fs::set_permissions(&key, PermissionsExt::from_mode(mode)).unwrap();
        let (_, log) = Served::start(directory.path(), &flags).terminate();
        let warning = log.lines().find(|line| line.contains("WARN") && line.contains("private key"));
        assert_eq!(warning.is_some(), warned, "{mode:o}: {log}");
        assert!(warning.is_none_or(|line| line.contains("chmod o-rwx,g-w")), "{log}");
    }
}

#[test]
fn wrong_use_is_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    for (arguments, part) in [
        (&["serve", "--listen", "0.0.0.0:80"][..], "--plaintext"),
        (&["serve", "--listen", "8080"], "127.0.0.1:8080"),
        (&["agent", "list", "--private-listen", "localhost:9100"], "127.0.0.1:9100"),
        (&["serve", "--acess", "open"], "'--access'"),
        (&["sevre"], "'serve'"),
        (&["serve", "--private-listen", "0.0.0.0:9100"], "--private-token-file"),
        (&["serve", "--access", "lnik"], "'link'"),
        (&["router-script", "--agent", "tower", "--arch", "armv6"], "armv7"),
        (&["router-script", "--agent", "tower", "--relay-url", "wss://u:p@relay.example"], "no user and no password"),
        (&["router-script", "--remove", "--summary"], "cannot be used with"),
        (&["router-script", "--upgrade", "--lines", "*"], "cannot be used with"),
        (&["router-script", "--summary"], "--agent"),
        (&["agent", "add", "tower"], "--lines"),
        (&["agent", "add", "tower", "--lines", "a*b"], "%2A"),
        (&["link", "ali", "--expires", "soon"], "90d"),
        (&["link", "ali", "--public-url", "monitor.example"], "https://monitor.example"),
        (&["watch"], "<USERNAME>"),
        (&["nonsense"], "nonsense"),
    ] {
        let (code, error) = bad(directory.path(), arguments);
        assert_eq!(code, 2, "{arguments:?}: {error}");
        assert!(error.contains(part), "{arguments:?}: {error}");
    }
    let output = command(directory.path(), &["agent", "list"]).env("LINELIGHT_SERVER_LISTENS", "x").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("LINELIGHT_SERVER_LISTENS"));
    let agents =
        [("LINELIGHT_RELAY", "wss://relay"), ("LINELIGHT_RELAY_CA", "/ca.pem"), ("LINELIGHT_RELAY_PLAINTEXT", "no")];
    let output = command(directory.path(), &["agent", "list"]).envs(agents).output().unwrap();
    assert!(output.status.success(), "an agent's variables are none of its business: {output:?}");
}

#[test]
fn a_link_and_a_script_name_the_folder_of_the_public_url() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    for url in ["https://example.net/speed", "https://example.net/speed/"] {
        let link = good(directory.path(), &["--public-url", url, "link", "ali"]);
        assert!(link.starts_with("https://example.net/speed/#"), "{link}");
        let script = ["--public-url", url, "router-script", "--agent", "tower", "--lines", "*", "--new-token"];
        let script = good(directory.path(), &script);
        assert!(script.contains("\"wss://example.net/speed\""), "{script}");
    }
    let (code, error) = bad(directory.path(), &["--public-url", "https://example.net/line/", "link", "ali"]);
    assert!(code == 2 && error.contains("a path of the relay itself"), "{code}: {error}");
}

#[test]
fn a_link_opens_its_line_for_its_time() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let (code, error) = bad(directory.path(), &["link", "ali"]);
    assert_eq!(code, 1);
    assert!(error.contains("LINELIGHT_SERVER_PUBLIC_URL"), "{error}");

    let access = Access::new(Mode::Link, Keys::load(&DataDirectory::new(directory.path()).keys()).unwrap());
    for (typed, text) in [("ali", "ali"), ("a/b c,d", "a/b c,d"), ("caf%E9", "caf%E9"), ("50%", "50%25"), ("🙂", "🙂")]
    {
        let link =
            good(directory.path(), &["--public-url", "https://monitor.example", "link", typed, "--expires", "2h"]);
        let token = link.trim().strip_prefix("https://monitor.example/#").unwrap();
        let now = SystemTime::now();
        let admission = access.admit(&WatchRequest::Token(token.to_owned()), now).unwrap();
        assert_eq!(admission.username.to_text(), text);
        let left = admission.expires.unwrap().duration_since(now).unwrap().as_secs();
        assert!((7100..=7200).contains(&left), "{left}");
    }
}

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

/// A token of these claims, signed by the first key of a data directory, by any means but the relay's own.
fn signed(data: &Path, header: &str, claims: &str, secret: impl Fn(&str) -> Vec<u8>) -> String {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
    let keys: serde_json::Value =
        serde_json::from_slice(&std::fs::read(DataDirectory::new(data).keys()).unwrap()).unwrap();
    let secret = secret(keys["keys"][0]["k"].as_str().unwrap());
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let signature = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret), signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(signature))
}

#[test]
fn a_token_is_explained_with_the_reason_for_its_refusal() {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    good(data, &["init"]);
    let file = data.join("token");
    let explained = |content: &str| {
        std::fs::write(&file, content).unwrap();
        let output = run(data, &["link", "--explain", file.to_str().unwrap()]);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let link = good(data, &["--public-url", "https://monitor.example", "link", "ali"]);
    for content in [link.clone(), format!("Dear Ali: <{}>.", link.trim()), link.replace('#', "%23")] {
        let (code, out, _) = explained(&content);
        assert!(code == 0 && out.contains("opens      the line ali until 20") && out.contains("by the key"), "{out}");
        assert!(!out.contains("eyJ"), "a token is not printed");
    }
    // The server's own words.
    let decoded = |k: &str| BASE64.decode(k).unwrap();
    let header = r#"{"alg":"HS256"}"#;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let with =
        |rest: &str| format!(r#"{{"aud":"linelight:line",{rest}}}"#).replace("LATER", &(now + 9_999).to_string());
    let claims = with(r#""sub":"ali","exp":LATER"#);
    let milliseconds = with(&format!(r#""sub":"ali","exp":{}"#, (now + 9_999) * 1_000));
    let by_us = |claims: &str| signed(data, header, claims, decoded);
    for (token, reason) in [
        (signed(data, header, &claims, |k| k.as_bytes().to_vec()), "none of the relay's keys signed it"),
        (signed(data, header, &claims, |_| vec![1; 32]), "none of the relay's keys signed it"),
        (signed(data, r#"{"alg":"HS512"}"#, &claims, decoded), "must have alg \"HS256\""),
        (signed(data, r#"{"alg":"HS256","kid":"other"}"#, &claims, decoded), "kid is not that of the key"),
        (signed(data, r#"{"alg":"HS256","cty":"JWT"}"#, &claims, decoded), "has cty"),
        (by_us(r#"{"sub":"ali","exp":4000000000}"#), "has no aud"),
        (by_us(&with(r#""sub":"ali","exp":"soon""#)), "exp is not a number"),
        (by_us(&with(r#""sub":"ali""#)), "has no end (exp)"),
        (by_us(&with(r#""sub":"ali","exp":1000"#)), "has expired"),
        (by_us(&milliseconds), "exp is in milliseconds"),
        (by_us(&with(r#""sub":"ali","exp":40000000000"#)), "more than ten years ahead"),
        (by_us(&with(&format!(r#""sub":"ali","exp":{}"#, now + 401 * 86_400))), "--max-link-lifetime"),
        (by_us(&with(r#""sub":"50%","exp":LATER"#)), "% written %25"),
        (by_us(&with(r#""sub":["ali"],"exp":LATER"#)), "neither text nor a whole number"),
        (by_us(&with(r#""sub":"ali","nbf":LATER,"exp":LATER"#)), "not valid yet"),
        (link.trim().rsplit_once('.').unwrap().0.to_owned(), "the link was cut off"),
        ("nothing".to_owned(), "it holds no token"),
    ] {
        let (code, out, error) = explained(&token);
        assert!(code == 1 && error.contains(reason), "{reason}: {out}{error}");
        assert!(!error.contains("eyJ") && !out.contains("eyJ"), "a token is not printed");
    }
    let (_, out, _) = explained(&signed(data, header, &claims, |k| k.as_bytes().to_vec()));
    assert!(out.contains("with the text of the key") && out.contains("decode k by base64url"), "{out}");
    for taken in [r#""sub":4446,"exp":LATER"#, r#""sub":"ali","nbf":NOW,"exp":LATER.5"#] {
        let (code, out, error) = explained(&by_us(&with(&taken.replace("NOW", &(now + 30).to_string()))));
        assert!(code == 0 && out.contains("opens      the line"), "{out}{error}");
    }
    let id = good(data, &["links", "list", "ali"]).lines().last().unwrap().split(' ').next().unwrap().to_owned();
    good(data, &["links", "revoke", "--id", &id, "--username", "ali"]);
    let (code, _, error) = explained(&link);
    assert!(code == 1 && error.contains("the link was revoked"), "{error}");
    good(data, &["links", "void", "bob"]);
    let older = signed(data, header, &with(&format!(r#""sub":"bob","iat":{},"exp":LATER"#, now - 9)), decoded);
    let (code, _, error) = explained(&older);
    assert!(code == 1 && error.contains("older than the line's links"), "{error}");
    std::fs::write(DataDirectory::new(data).database(), "no database").unwrap();
    let (code, out, _) = explained(&by_us(&claims));
    assert!(code == 0 && out.contains("revoked    not known: the store"), "{out}");
    let utf16 =
        by_us(&claims).encode_utf16().fold(vec![0xFF, 0xFE], |bytes, unit| [&bytes[..], &unit.to_le_bytes()].concat());
    std::fs::write(&file, utf16).unwrap();
    assert!(run(data, &["link", "--explain", file.to_str().unwrap()]).status.success(), "as PowerShell writes files");
    let (code, out, error) = explained(&signed(data, header, "{\"sub\":\"\\u001b[2J\"}", decoded));
    assert!(code == 1 && !out.contains('\u{1b}') && !error.contains('\u{1b}'), "{out}{error}");
    assert_eq!(bad(data, &["link", "ali", "--explain", "x"]).0, 2);
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
