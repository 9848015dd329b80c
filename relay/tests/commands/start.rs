//! The start of a relay, and every reason for refusing.

use super::*;

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
fn a_password_in_an_address_is_not_repeated() {
    let directory = tempfile::tempdir().unwrap();
    good(directory.path(), &["init"]);
    let link_file = directory.path().join("link");
    std::fs::write(&link_file, "https://user:pass-word@relay.example/#token").unwrap();
    for arguments in [
        &["router-script", "--agent", "tower", "--relay-url", "wss://user:pass-word@relay.example"][..],
        &["router-script", "--agent", "tower", "--relay-url", "wss://user:pass-word,x@relay.example"],
        &["router-script", "--agent", "tower", "--relay-url=wss://relay.example/?pass-word"],
        &["router-script", "--agent", "tower", "--relay-url=wss://relay.example/#pass-word"],
        &["router-script", "wss://user:pass-word@relay.example"],
        &["wss://user:pass-word@relay.example"],
        &["link", "ali", "--public-url", "https://user:pass-word@relay.example"],
        &["watch", "ali", "--url", "https://user:pass-word@relay.example"],
        &["watch", "--link-file", link_file.to_str().unwrap()],
        &["serve", "--allow-origin", "https://user:pass-word@portal.example"],
        &["serve", "--embed-origin", "https://user:pass-word@portal.example"],
        &["serve", "--store", "postgres://user:pass-word@db.example/linelight"],
    ] {
        let (code, error) = bad(directory.path(), arguments);
        assert!(code > 0 && !error.contains("pass-word"), "{arguments:?}: {error}");
    }
    let mut from_variable = command(directory.path(), &["link", "ali"]);
    let output =
        from_variable.env("LINELIGHT_SERVER_PUBLIC_URL", "https://user:pass-word@relay.example").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("pass-word"), "{output:?}");
}
