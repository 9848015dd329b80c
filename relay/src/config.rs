//! What `serve` is told: first as typed, by flags and `LINELIGHT_SERVER_…` variables, then checked as a whole. Nothing here
//! reads a file; a secret is never a flag.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use http::{HeaderName, Uri};
use ipnet::IpNet;

use crate::limits::Limits;
use crate::net::peer::Forwarding;
use crate::net::tls::CertificateFiles;
use crate::store::data_directory::DataDirectory;
use crate::viewers::links::Mode;

/// What every variable of the relay begins with. Not `LINELIGHT_RELAY_`: so begin the agent's own that are about its relay, and
/// both programs may run in one environment.
pub const VARIABLE_PREFIX: &str = "LINELIGHT_SERVER_";

/// How often files are asked whether they changed.
const RELOAD_EVERY: Duration = Duration::from_secs(1);
/// The longest brand, in bytes: it stands in a line of a phone's page.
const MAX_BRAND: usize = 100;

/// What `serve` is told, as typed.
#[derive(Debug, Clone, Args)]
pub struct ServeArguments {
    /// Where viewers (and agents, unless they have a port of their own) connect
    /// [default: 127.0.0.1:8080, or [::]:443 with a certificate]
    #[arg(long, env = "LINELIGHT_SERVER_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,

    /// A port for agents alone; /agent/v1 is then served there and not to viewers
    #[arg(long, env = "LINELIGHT_SERVER_AGENTS_LISTEN", value_name = "ADDRESS:PORT")]
    pub agents_listen: Option<SocketAddr>,

    /// Where /metrics, /healthz, /readyz and /explain/{username} are; nobody logs in there, so keep it private
    #[arg(
        long,
        env = "LINELIGHT_SERVER_PRIVATE_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9100"
    )]
    pub private_listen: SocketAddr,

    /// Who may see a line: the holder of a signed link, or anyone who knows a username
    #[arg(long, env = "LINELIGHT_SERVER_ACCESS", value_enum, default_value = "link")]
    pub access: Mode,

    /// The provider's name, shown on the page
    #[arg(long, env = "LINELIGHT_SERVER_BRAND", value_name = "NAME")]
    pub brand: Option<String>,

    /// A CSV file with the columns username, customer, package, download, upload; reloaded when it changes
    #[arg(long, env = "LINELIGHT_SERVER_SUBSCRIBERS", value_name = "FILE")]
    pub subscribers: Option<PathBuf>,

    /// The certificate chain, PEM; reloaded when it changes
    #[arg(long, env = "LINELIGHT_SERVER_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's key, PEM
    #[arg(long, env = "LINELIGHT_SERVER_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Allows plain HTTP on other addresses than loopback: only behind a reverse proxy that does TLS
    #[arg(long, env = "LINELIGHT_SERVER_PLAINTEXT")]
    pub plaintext: bool,

    /// Networks of reverse proxies whose --forwarded-header is believed
    #[arg(long, env = "LINELIGHT_SERVER_TRUSTED_PROXY", value_name = "NETWORK", value_delimiter = ',', value_parser = network)]
    pub trusted_proxy: Vec<IpNet>,

    /// The one header in which they name the viewer's address, such as X-Forwarded-For
    #[arg(long, env = "LINELIGHT_SERVER_FORWARDED_HEADER", value_name = "NAME")]
    pub forwarded_header: Option<HeaderName>,

    /// Viewers of one line at most [default: 16]
    #[arg(long, env = "LINELIGHT_SERVER_MAX_VIEWERS_PER_LINE", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_viewers_per_line: Option<u32>,

    /// Viewers in all at most [default: 50000]
    #[arg(long, env = "LINELIGHT_SERVER_MAX_VIEWERS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_viewers: Option<u32>,

    /// Connections of one port at most [default: 100000]
    #[arg(long, env = "LINELIGHT_SERVER_MAX_CONNECTIONS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub max_connections: Option<u32>,
}

/// What `serve` is told, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where keys and the registry of agents are.
    pub data: DataDirectory,
    /// Where viewers connect.
    pub listen: SocketAddr,
    /// Where agents connect; `None` is where viewers do.
    pub agents_listen: Option<SocketAddr>,
    /// Where metrics, health and `explain` are.
    pub private_listen: SocketAddr,
    /// Who may see a line.
    pub access: Mode,
    /// The provider's name.
    pub brand: Option<String>,
    /// The subscribers file.
    pub subscribers: Option<PathBuf>,
    /// The certificate of both public listeners; `None` is plain HTTP.
    pub tls: Option<CertificateFiles>,
    /// The reverse proxies that are believed.
    pub forwarding: Option<Forwarding>,
    /// What is taken at most.
    pub limits: Limits,
    /// How often files are asked whether they changed.
    pub reload_every: Duration,
}

/// Why what was typed does not go together.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// One without the other.
    #[error("--{given} needs --{missing} too")]
    Needs {
        /// The flag that is there.
        given: &'static str,
        /// The flag that is not.
        missing: &'static str,
    },
    /// Plain HTTP where others can listen.
    #[error(
        "--{flag} {address} is plain HTTP off loopback, where links and tokens can be read on the way: give --tls-cert and \
         --tls-key, or --plaintext behind a reverse proxy that does TLS"
    )]
    Plaintext {
        /// The listener's flag.
        flag: &'static str,
        /// Its address.
        address: SocketAddr,
    },
    /// Two listeners at one address.
    #[error("--{one} and --{other} are the same address")]
    SameAddress {
        /// One listener's flag.
        one: &'static str,
        /// The other's.
        other: &'static str,
    },
    /// Not a name for a page.
    #[error("--brand has 1 to {MAX_BRAND} bytes in one line")]
    Brand,
    /// A variable that nothing reads.
    #[error("the variable {name} is not known; `linelight-relay serve --help` names all")]
    Variable {
        /// Its name.
        name: String,
    },
    /// Not an address of a relay.
    #[error("{text:?} is not a relay's address; it looks like https://monitor.example")]
    PublicUrl {
        /// What was given.
        text: String,
    },
}

impl ServeArguments {
    /// Checks what was typed as a whole.
    ///
    /// # Errors
    /// [`ConfigError`], with the remedy.
    pub fn check(self, data: DataDirectory) -> Result<Config, ConfigError> {
        let tls = certificate_files(self.tls_cert, self.tls_key)?;
        let listen = self.listen.unwrap_or_else(|| default_listen(tls.is_some()));
        let open_listeners = [("listen", Some(listen)), ("agents-listen", self.agents_listen)];
        if tls.is_none() && !self.plaintext {
            refuse_plaintext(&open_listeners)?;
        }
        refuse_same(&[open_listeners[0], open_listeners[1], ("private-listen", Some(self.private_listen))])?;
        if self.brand.as_ref().is_some_and(|brand| !is_brand(brand)) {
            return Err(ConfigError::Brand);
        }
        let mut limits = Limits::default();
        set(&mut limits.viewers_per_line, self.max_viewers_per_line);
        set(&mut limits.viewers, self.max_viewers);
        set(&mut limits.connections, self.max_connections);
        Ok(Config {
            data,
            listen,
            agents_listen: self.agents_listen,
            private_listen: self.private_listen,
            access: self.access,
            brand: self.brand,
            subscribers: self.subscribers,
            tls,
            forwarding: forwarding(self.trusted_proxy, self.forwarded_header)?,
            limits,
            reload_every: RELOAD_EVERY,
        })
    }
}

/// Refuses variables that begin like ours and are not: a typing error in one would else be silent.
///
/// # Errors
/// [`ConfigError::Variable`] with the first in order.
pub fn check_variables(known: &[&str], variables: impl IntoIterator<Item = OsString>) -> Result<(), ConfigError> {
    let mut unknown: Vec<String> = variables
        .into_iter()
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with(VARIABLE_PREFIX) && !known.contains(&name.as_str()))
        .collect();
    unknown.sort();
    unknown.into_iter().next().map_or(Ok(()), |name| Err(ConfigError::Variable { name }))
}

/// Reads the address under which browsers reach the relay: a scheme and a host, nothing behind it.
///
/// # Errors
/// [`ConfigError::PublicUrl`].
pub fn public_url(text: &str) -> Result<Uri, ConfigError> {
    let wrong = || ConfigError::PublicUrl { text: text.to_owned() };
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    let host =
        uri.authority().is_some_and(|authority| !authority.as_str().contains('@') && !authority.host().is_empty());
    if scheme && host && uri.path() == "/" && uri.query().is_none() { Ok(uri) } else { Err(wrong()) }
}

fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "not a network; it looks like 10.0.0.0/8 or 192.0.2.1".to_owned())
}

fn certificate_files(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Option<CertificateFiles>, ConfigError> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(CertificateFiles { certificate, key })),
        (Some(_), None) => Err(ConfigError::Needs { given: "tls-cert", missing: "tls-key" }),
        (None, Some(_)) => Err(ConfigError::Needs { given: "tls-key", missing: "tls-cert" }),
        (None, None) => Ok(None),
    }
}

fn forwarding(proxies: Vec<IpNet>, header: Option<HeaderName>) -> Result<Option<Forwarding>, ConfigError> {
    match header {
        Some(header) if !proxies.is_empty() => Ok(Some(Forwarding { proxies, header })),
        Some(_) => Err(ConfigError::Needs { given: "forwarded-header", missing: "trusted-proxy" }),
        None if proxies.is_empty() => Ok(None),
        None => Err(ConfigError::Needs { given: "trusted-proxy", missing: "forwarded-header" }),
    }
}

fn default_listen(tls: bool) -> SocketAddr {
    if tls { (Ipv6Addr::UNSPECIFIED, 443).into() } else { ([127, 0, 0, 1], 8080).into() }
}

fn refuse_plaintext(listeners: &[(&'static str, Option<SocketAddr>)]) -> Result<(), ConfigError> {
    for (flag, address) in listeners {
        if let Some(address) = address
            && !address.ip().to_canonical().is_loopback()
        {
            return Err(ConfigError::Plaintext { flag, address: *address });
        }
    }
    Ok(())
}

fn refuse_same(listeners: &[(&'static str, Option<SocketAddr>)]) -> Result<(), ConfigError> {
    for (at, (one, address)) in listeners.iter().enumerate() {
        let twin = listeners.iter().skip(at + 1).find(|(_, other)| other == address && address.is_some());
        // Port 0 is another one each time.
        if let (Some((other, _)), Some(address)) = (twin, address)
            && address.port() != 0
        {
            return Err(ConfigError::SameAddress { one, other });
        }
    }
    Ok(())
}

fn is_brand(brand: &str) -> bool {
    !brand.trim().is_empty() && brand.len() <= MAX_BRAND && !brand.chars().any(char::is_control)
}

fn set(limit: &mut usize, value: Option<u32>) {
    if let Some(value) = value.and_then(|value| usize::try_from(value).ok()) {
        *limit = value;
    }
}

#[cfg(test)]
mod tests {
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
            ("--trusted-proxy ten --forwarded-header X-Real-IP", "not a network"),
            ("--forwarded-header X(Real)", "invalid"),
            ("--access everybody", "link"),
            ("--max-viewers 0", "0 is not in"),
            ("--listen 127.0.0.1:9100", "same address"),
            ("--agents-listen 127.0.0.1:8080", "same address"),
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
        assert_eq!(
            forwarding.proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.0.0.0/8", "192.0.2.1/32"]
        );
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
        assert!(
            check("LINELIGHT_SERVER_LISTEN").is_ok() && check("PATH").is_ok() && check("LINELIGHT_TOKEN_FILE").is_ok()
        );
        assert!(check("LINELIGHT_RELAY_CA").is_ok(), "the agent's");
        assert!(check("LINELIGHT_SERVER_LISTENS").unwrap_err().to_string().contains("LINELIGHT_SERVER_LISTENS"));
    }

    #[test]
    fn public_urls() {
        for text in
            ["https://monitor.example", "https://monitor.example/", "http://127.0.0.1:8080", "https://[::1]:8443"]
        {
            assert!(public_url(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "monitor.example",
            "ftp://monitor.example",
            "https://u:p@monitor.example",
            "https://m.example/x",
            "https://m.example/?a",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }
}
