use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::FromArgMatches;

use super::variables::{SECRET_VARIABLES, known_variables};
use super::*;

const GATEWAY: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 1);
const PIN: &str = "sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Checks flags and variables; the least that a container needs is given unless a variable of the same name is.
fn check_with(flags: &[&str], variables: &[(&str, &str)], gateway: Option<Ipv4Addr>) -> Result<Config, ConfigError> {
    let matches = command_line().try_get_matches_from([&["linelight-agent"], flags].concat()).unwrap();
    let typed = Cli::from_arg_matches(&matches).unwrap().typed;
    let least = [("LINELIGHT_TOKEN", "token"), ("LINELIGHT_ROUTER_PASSWORD", "password")];
    let variables = least.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::check(&typed, &Environment::new(variables, gateway))
}

fn check(flags: &[&str]) -> Result<Config, ConfigError> {
    check_with(&[&["--relay", "wss://relay.example"], flags].concat(), &[], Some(GATEWAY))
}

fn fault(flags: &[&str]) -> String {
    check(flags).unwrap_err().to_string()
}

#[test]
fn in_a_container_relay_token_and_password_are_enough() {
    let config = check(&[]).unwrap();
    assert_eq!(config.router.address.to_string(), "172.17.0.1:8728");
    assert_eq!((config.router.user.as_str(), config.router.trust), ("linelight", None));
    assert_eq!(config.relay.addresses[0].to_string(), "wss://relay.example:443/agent/v1");
    assert_eq!((config.relay.trust, config.warnings), (Trust::WebRoots, vec![]));
    let limits = config.limits;
    assert_eq!((limits.max_watched, limits.streams, limits.interfaces_per_stream), (200, 8, 50));
    assert_eq!((limits.sessions, limits.backlog_bytes, limits.report_comments), (20_000, 256 * 1024, false));
    assert_eq!(config.timing.tables.reread_interval, Duration::from_secs(60));
    assert_eq!(config.timing.tables.averages_interval, Some(Duration::from_secs(30)));
}

#[test]
fn averages_are_taken_at_an_interval_or_not_at_all() {
    let interval = |seconds| check(&["--averages-seconds", seconds]).unwrap().timing.tables.averages_interval;
    assert_eq!([interval("2"), interval("300")], [2, 300].map(|n| Some(Duration::from_secs(n))));
    assert_eq!([interval("0"), interval("off")], [None; 2]);
    for wrong in ["1", "301", "on", ""] {
        let flags = ["linelight-agent", "--averages-seconds", wrong];
        let error = command_line().try_get_matches_from(flags).unwrap_err().to_string();
        assert!(error.contains("write 2 to 300, or off"), "{error}");
    }
}

#[test]
fn what_is_missing_is_named_with_its_remedy() {
    let missing = |flags, variables: &[_], gateway| check_with(flags, variables, gateway).unwrap_err();
    let relay = ["--relay", "wss://relay.example"];
    assert!(missing(&[], &[], Some(GATEWAY)).to_string().contains("LINELIGHT_RELAY"));
    assert!(missing(&relay, &[("LINELIGHT_TOKEN", "")], Some(GATEWAY)).to_string().contains("LINELIGHT_TOKEN_FILE"));
    let password = missing(&relay, &[("LINELIGHT_ROUTER_PASSWORD", "")], Some(GATEWAY));
    assert!(password.to_string().contains("LINELIGHT_ROUTER_PASSWORD_FILE"));
    let gateway = missing(&relay, &[], None);
    assert!(gateway.to_string().contains("LINELIGHT_ROUTER") && gateway.may_pass());
    assert!(!password.may_pass());
}

#[test]
fn empty_values_are_as_good_as_none() {
    let empty = ["--router=", "--router-pin=", "--relay-ca=", "--token-file=", "--proxy-file="];
    let config = check(&empty).unwrap();
    assert_eq!(config.router.address.to_string(), "172.17.0.1:8728");
    assert_eq!(config.router.trust, None);
}

#[test]
fn the_plain_api_stays_on_the_router_unless_a_flag_says_otherwise() {
    for near in ["172.17.0.1", "172.17.0.1:8730", "127.0.0.1", "localhost", "::1"] {
        assert!(check(&["--router", near]).is_ok(), "{near}");
    }
    for far in ["192.0.2.1", "router.example"] {
        assert!(fault(&["--router", far]).contains("LINELIGHT_ROUTER_PLAINTEXT"), "{far}");
        assert!(check(&["--router", far, "--router-plaintext"]).is_ok(), "{far}");
        let tls = check(&["--router", far, "--router-tls"]).unwrap().router;
        assert_eq!((tls.address.port, tls.trust), (8729, Some(Trust::WebRoots)), "{far}");
    }
}

#[test]
fn a_pin_or_a_ca_file_for_the_router_means_tls() {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, "").unwrap();
    let pinned = check(&["--router-pin", PIN]).unwrap();
    assert_eq!((pinned.router.address.port, pinned.warnings), (8729, vec![]), "one pin is enough for one's own router");
    let signed = check(&["--router-ca", ca.to_str().unwrap()]).unwrap().router;
    assert_eq!(signed.trust, Some(Trust::CaFile(ca.clone())));
    assert!(fault(&["--router-pin", PIN, "--router-ca", ca.to_str().unwrap()]).contains("unset one"));
}

#[test]
fn one_relay_pin_is_doubtful_and_two_are_not() {
    let two = format!("{PIN}, {}", "00".repeat(32));
    let warned = |pins: &str| check(&["--relay-pin", pins]).unwrap();
    assert!(warned(PIN).warnings[0].contains("LINELIGHT_RELAY_PIN"));
    let config = warned(&two);
    assert!(config.warnings.is_empty() && matches!(config.relay.trust, Trust::Pins(pins) if pins.len() == 2));
    assert!(fault(&["--relay-pin", "sha256//short"]).contains("LINELIGHT_RELAY_PIN"));
}

#[test]
fn a_relay_without_tls_is_refused_off_this_machine() {
    let relay = |flags: &[&str]| check_with(flags, &[], Some(GATEWAY));
    assert!(relay(&["--relay", "ws://127.0.0.1:8080"]).unwrap().warnings.is_empty());
    let refused = relay(&["--relay", "ws://relay.example"]).unwrap_err().to_string();
    assert!(refused.contains("LINELIGHT_RELAY_PLAINTEXT"), "{refused}");
    assert_eq!(relay(&["--relay", "ws://relay.example", "--relay-plaintext"]).unwrap().warnings.len(), 1);
}

#[test]
fn relays_are_a_list_in_order() {
    let config = check_with(&["--relay", "wss://a.example, wss://b.example:8443,"], &[], Some(GATEWAY)).unwrap();
    let addresses: Vec<_> = config.relay.addresses.iter().map(|address| address.host.to_string()).collect();
    assert_eq!(addresses, ["a.example:443", "b.example:8443"]);
}

#[test]
fn a_secret_is_in_a_file_or_in_a_variable_and_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "from-file\n").unwrap();
    let flags = ["--relay", "wss://relay.example", "--token-file", file.to_str().unwrap()];
    let config = check_with(&flags, &[("LINELIGHT_TOKEN", "")], Some(GATEWAY)).unwrap();
    assert_eq!(config.relay.token.read().unwrap().expose(), b"from-file");
    let both = check_with(&flags, &[], Some(GATEWAY)).unwrap_err();
    assert!(both.to_string().contains("LINELIGHT_TOKEN_FILE"));
    let proxy = [("LINELIGHT_PROXY", "http://user:hunter2@proxy"), ("LINELIGHT_TOKEN", "hunter3")];
    let config = check_with(&flags[..2], &proxy, Some(GATEWAY)).unwrap();
    assert!(!format!("{config:?}").contains("hunter"), "{config:?}");
}

#[test]
fn a_password_in_an_address_is_not_repeated() {
    let relay = check_with(&["--relay", "wss://user:hunter2@relay.example"], &[], Some(GATEWAY)).unwrap_err();
    let proxy = [("LINELIGHT_PROXY", "socks5://user:hunter2@proxy")];
    let proxy = check_with(&["--relay", "wss://relay.example"], &proxy, Some(GATEWAY)).unwrap_err();
    for error in [relay, proxy] {
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn a_missing_file_may_come_and_a_directory_is_no_file() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().join("missing"), directory.path().to_owned()] {
        let error = check(&["--relay-ca", path.to_str().unwrap()]).unwrap_err();
        assert!(error.may_pass() && error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_proxy_is_named_by_this_agents_variable_before_everybodys() {
    let url = |variables: &[_]| {
        let config = check_with(&["--relay", "wss://relay.example"], variables, Some(GATEWAY)).unwrap();
        config.relay.proxy.map(|proxy| (proxy.url.read().unwrap().expose().to_vec(), proxy.except))
    };
    let everybodys = ("HTTPS_PROXY", "http://everybody");
    assert_eq!(url(&[]), None);
    let except = vec!["a.example".to_owned(), "b".to_owned()];
    assert_eq!(url(&[everybodys, ("NO_PROXY", "a.example, b")]), Some((b"http://everybody".to_vec(), except)));
    assert_eq!(url(&[everybodys, ("LINELIGHT_PROXY", "http://own")]), Some((b"http://own".to_vec(), vec![])));
}

#[test]
fn a_misspelled_variable_is_named_with_the_nearest() {
    for (wrong, right) in [
        ("LINELIGHT_RELAYS", "LINELIGHT_RELAY"),
        ("LINELIGHT_TOKENFILE", "LINELIGHT_TOKEN_FILE"),
        ("LINELIGHT_ROUTER_PASWORD", "LINELIGHT_ROUTER_PASSWORD"),
    ] {
        let error = check_with(&["--relay", "wss://relay.example"], &[(wrong, "x")], Some(GATEWAY)).unwrap_err();
        assert!(error.to_string().ends_with(&format!("did you mean {right}?")), "{error}");
        assert!(!error.may_pass());
    }
}

#[test]
fn variables_of_the_relays_program_and_of_the_tests_are_no_mistake() {
    let with = |name| check_with(&["--relay", "wss://relay.example"], &[(name, "x")], Some(GATEWAY));
    for theirs in ["LINELIGHT_SERVER_DATA", "LINELIGHT_SERVER_PUBLIC_URL", "LINELIGHT_TEST_ROUTER"] {
        assert!(with(theirs).is_ok(), "{theirs}");
    }
    for nobodys in ["LINELIGHT_SERVERS", "LINELIGHT_RELAY_DATA", "LINELIGHT_TESTS"] {
        assert!(matches!(with(nobodys), Err(ConfigError::Unknown { .. })), "{nobodys}");
    }
    assert!(known_variables().iter().all(|name| !name.starts_with("LINELIGHT_SERVER_")));
}

#[test]
fn a_backlog_holds_two_of_the_largest_batches() {
    assert!(fault(&["--max-watched", "20000"]).contains("LINELIGHT_BACKLOG_KIB"));
    assert!(check(&["--max-watched", "20000", "--backlog-kib", "1024"]).is_ok());
}

#[test]
fn every_variable_is_in_the_help_and_no_flag_takes_a_secret() {
    let help = command_line().render_long_help().to_string();
    for variable in known_variables() {
        assert!(help.contains(&variable), "{variable} is missing");
    }
    let command = command_line();
    for argument in
        command.get_arguments().filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
    {
        let variable = argument.get_env().expect("each flag has a variable").to_str().unwrap();
        let flag = argument.get_long().expect("a long flag");
        assert_eq!(variable, format!("LINELIGHT_{}", flag.to_uppercase().replace('-', "_")));
        let names_secret = ["password", "token", "secret", "proxy"].iter().any(|word| flag.contains(word));
        assert!(!names_secret || flag.ends_with("-file"), "--{flag} would show a secret in the process list");
    }
    let files: BTreeSet<_> = known_variables().into_iter().filter(|name| name.ends_with("_FILE")).collect();
    assert_eq!(files, SECRET_VARIABLES.map(|name| format!("{name}_FILE")).into());
}

#[test]
fn a_path_is_taken_as_it_is() {
    let matches = command_line().try_get_matches_from(["linelight-agent", "check", "--token-file", "/a b"]).unwrap();
    let cli = Cli::from_arg_matches(&matches).unwrap();
    assert_eq!((cli.command, cli.typed.relay.token_file), (Some(Command::Check), Some(PathBuf::from("/a b"))));
}

#[test]
fn a_password_with_blanks_or_quotes_around_it_is_kept_and_warned_of() {
    for (password, word) in [("\"hunter2\"", "quotes"), ("hunter2 ", "blank")] {
        let variables = [("LINELIGHT_ROUTER_PASSWORD", password)];
        let config = check_with(&["--relay", "wss://relay.example"], &variables, Some(GATEWAY)).unwrap();
        assert_eq!(config.router.password.read().unwrap().expose(), password.as_bytes());
        assert!(config.warnings[0].contains(word) && !config.warnings[0].contains("hunter"), "{:?}", config.warnings);
    }
}
