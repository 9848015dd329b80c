//! Flags as typed, checked together.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    serve: ServeArguments,
}

fn check(flags: &str) -> Result<Config, String> {
    let typed = Typed::try_parse_from(std::iter::once("serve").chain(flags.split_whitespace()));
    let typed = typed.map_err(|error| error.to_string())?;
    typed.serve.check(DataDirectory::new("/nowhere")).map_err(|error| error.to_string())
}

#[test]
fn without_flags_it_listens_on_loopback_alone_and_wants_links() {
    let config = check("").unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.private_listen.to_string(), "127.0.0.1:9100");
    assert_eq!((config.access, config.agents_listen, config.tls), (Mode::Link, None, None));
}

#[test]
fn with_a_certificate_it_listens_to_the_world() {
    let config = check("--tls-cert a.pem --tls-key b.pem").unwrap();
    assert_eq!(config.listen.to_string(), "[::]:443");
    assert!(check("--tls-cert a.pem --tls-key b.pem --listen 192.0.2.1:8443 --agents-listen [::]:444").is_ok());
}

#[test]
fn plain_http_off_loopback_needs_a_word() {
    for flags in ["--listen 0.0.0.0:80", "--listen [::]:80", "--agents-listen 192.0.2.1:81"] {
        let error = check(flags).unwrap_err();
        assert!(error.contains("--plaintext") && error.contains("--tls-cert"), "{error}");
        assert!(check(&format!("{flags} --plaintext")).is_ok());
    }
    assert!(check("--listen [::1]:80 --agents-listen 127.0.0.2:81").is_ok());
    assert!(check("--listen [::ffff:127.0.0.1]:80").is_ok());
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (flags, part) in [
        ("--tls-cert a.pem", "--tls-key"),
        ("--tls-key a.pem", "--tls-cert"),
        ("--trusted-proxy 10.0.0.0/8", "--forwarded-header"),
        ("--forwarded-header X-Real-IP", "--trusted-proxy"),
        ("--subscribers-encoding cp1251", "--subscribers"),
        ("--subscribers a.csv --subscribers-encoding ebcdic", "windows-1251"),
        ("--trusted-proxy ten --forwarded-header X-Real-IP", "192.0.2.1"),
        ("--forwarded-header X(Real)", "invalid"),
        ("--access everybody", "link"),
        ("--max-viewers 0", "0 is not in"),
        ("--listen 127.0.0.1:9100", "are both 127.0.0.1:9100"),
        ("--agents-listen 127.0.0.1:8080", "are both 127.0.0.1:8080"),
    ] {
        let error = check(flags).unwrap_err();
        assert!(error.contains(part), "{flags}: {error}");
    }
    assert!(check("--listen 127.0.0.1:0 --private-listen 127.0.0.1:0").is_ok());
}

#[test]
fn proxies_are_networks_or_addresses() {
    let config = check("--trusted-proxy 10.0.0.0/8,192.0.2.1 --forwarded-header X-Forwarded-For").unwrap();
    let forwarding = config.forwarding.unwrap();
    assert_eq!(forwarding.proxies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "192.0.2.1/32"]);
    assert_eq!(forwarding.header, "x-forwarded-for");
}

#[test]
fn limits_are_taken() {
    let limits = check("--max-viewers 7 --max-viewers-per-line 2 --max-connections 9").unwrap().limits;
    assert_eq!((limits.viewers, limits.viewers_per_line, limits.connections), (7, 2, 9));
}

#[test]
fn a_brand_is_one_line() {
    for (brand, good) in
        [("Karoo Wireless", true), ("", false), (" ", false), ("a\nb", false), (&"x".repeat(101), false)]
    {
        assert_eq!(is_brand(brand), good, "{brand:?}");
    }
}

#[test]
fn a_variable_that_nothing_reads_is_an_error() {
    let known = ["LINELIGHT_SERVER_LISTEN"];
    let check = |name: &str| check_variables(&known, [OsString::from(name)]);
    assert!(check("LINELIGHT_SERVER_LISTEN").is_ok() && check("PATH").is_ok() && check("LINELIGHT_TOKEN_FILE").is_ok());
    assert!(check("LINELIGHT_RELAY_CA").is_ok(), "the agent's");
    assert!(check("LINELIGHT_SERVER_LISTENS").unwrap_err().to_string().contains("LINELIGHT_SERVER_LISTENS"));
}

#[test]
fn public_urls() {
    for (text, url) in [
        ("https://monitor.example", "https://monitor.example/"),
        ("https://monitor.example/", "https://monitor.example/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("https://[::1]:8443", "https://[::1]:8443/"),
        ("https://m.example/speed", "https://m.example/speed/"),
        ("https://m.example/speed/", "https://m.example/speed/"),
        ("https://m.example/a/My-line_1.0~", "https://m.example/a/My-line_1.0~/"),
        ("https://m.example/speed#x", "https://m.example/speed/"),
    ] {
        assert_eq!(public_url(text).unwrap().to_string(), url, "{text}");
    }
    for folder in ["line", "api", "assets/x", "agent/v1"] {
        let error = public_url(&format!("https://m.example/{folder}/")).unwrap_err().to_string();
        assert!(error.contains("a path of the relay itself"), "{error}");
    }
    for text in [
        "",
        "monitor.example",
        "ftp://monitor.example",
        "https://u:p@monitor.example",
        "https://m.example//",
        "https://m.example/a//b",
        "https://m.example/../b",
        "https://m.example/a%20b/",
        "https://m.example/a'b/",
        "https://m.example/?a",
        "https://m.example/speed/?a",
    ] {
        let error = public_url(text).unwrap_err().to_string();
        assert!(!error.contains("u:p") && !error.contains("?a"), "{error}");
    }
}

#[test]
fn an_address_that_is_none_is_answered_with_the_form() {
    for (text, form) in [
        ("8080", "127.0.0.1:8080"),
        (":8080", "127.0.0.1:8080"),
        ("127.0.0.1", "127.0.0.1:8080"),
        ("::1", "[::1]:8080"),
        ("[::]", "[::]:8080"),
        ("localhost:81", "127.0.0.1:81"),
        ("*:443", "[::]:443"),
        ("relay.example:443", "is not an address of this machine"),
        ("https://relay.example", "127.0.0.1:8080"),
        ("127.0.0.1:99999", "127.0.0.1:8080"),
        ("", "127.0.0.1:8080"),
    ] {
        for flag in ["--listen", "--agents-listen", "--private-listen"] {
            let error = check(&format!("{flag}={text}")).unwrap_err();
            assert!(error.contains(form) && error.contains(flag), "{text}: {error}");
        }
    }
    assert_eq!(typed::socket_address(" [::1]:8080 "), Ok("[::1]:8080".parse().unwrap()));
}

#[test]
fn a_misspelt_variable_is_answered_with_the_nearest_known_one() {
    let known = ["LINELIGHT_SERVER_LISTEN", "LINELIGHT_SERVER_TLS_CERT", "LINELIGHT_SERVER_TLS_KEY"];
    let said = |name: &str| check_variables(&known, [OsString::from(name)]).unwrap_err().to_string();
    assert!(said("LINELIGHT_SERVER_TLS_CERTT").contains("did you mean LINELIGHT_SERVER_TLS_CERT?"));
    assert!(said("LINELIGHT_SERVER_LISTN").contains("did you mean LINELIGHT_SERVER_LISTEN?"));
    assert!(!said("LINELIGHT_SERVER_X").contains("did you mean"));
}

#[test]
fn acme_is_a_certificate_too_and_its_names_are_plain() {
    let config = check("--acme Speed.example.,a.example,a.example --acme-contact mailto:noc@isp.example").unwrap();
    assert_eq!((config.listen.to_string().as_str(), config.tls), ("[::]:443", None));
    let acme = config.acme.unwrap();
    assert_eq!(
        (acme.names, acme.contact.as_deref()),
        (vec!["a.example".to_owned(), "speed.example".to_owned()], Some("noc@isp.example"))
    );
    assert_eq!((acme.directory.as_str(), acme.http), (crate::net::acme::LETS_ENCRYPT, None));
    for (flags, part) in [
        ("--acme *.isp.example", "without *"),
        ("--acme https://isp.example", "without https://"),
        ("--acme localhost", "monitor.example"),
        ("--acme 192.0.2.1", "monitor.example"),
        ("--acme a.example --tls-cert a.pem --tls-key b.pem", "give one of them"),
        ("--acme-http 0.0.0.0:80", "--acme"),
        ("--acme-contact noc@isp.example", "--acme"),
        ("--acme a.example --acme-contact noc", "e-mail"),
        ("--acme a.example --acme-directory http://a.example/dir", "https"),
        ("--acme a.example --acme-http [::]:443", "are both"),
    ] {
        let error = check(flags).unwrap_err();
        assert!(error.contains(part), "{flags}: {error}");
    }
    assert!(check("--acme a.example --listen 0.0.0.0:8443 --acme-http 0.0.0.0:80").is_ok());
}
