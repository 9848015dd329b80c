//! Flags and `LINELIGHT_SERVER_…` variables as typed, read by clap. Each value is checked by itself here, and with the others in
//! [`check`](ServeArguments::check). A secret is never a flag.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use encoding_rs::Encoding;
use http::{HeaderName, Uri};
use ipnet::IpNet;

use super::ConfigError;
use crate::net::origin::Origin;
use crate::net::outward::is_of_this_machine;
use crate::operators::people::Role;
use crate::subscribers::encoding_by_label;
use crate::viewers::links::{Mode, TEN_YEARS};
use crate::viewers::provider::{Colour, Contact};

/// The flags of `serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArguments {
    /// Listeners.
    #[command(flatten)]
    pub listeners: ListenArguments,
    /// The certificate.
    #[command(flatten)]
    pub tls: TlsArguments,
    /// The certificate by ACME.
    #[command(flatten)]
    pub acme: AcmeArguments,
    /// Reverse proxies.
    #[command(flatten)]
    pub proxies: ProxyArguments,
    /// Staff.
    #[command(flatten)]
    pub operators: OperatorArguments,
    /// The page.
    #[command(flatten)]
    pub page: PageArguments,
    /// Other relays.
    #[command(flatten)]
    pub bus: BusArguments,
    /// Limits.
    #[command(flatten)]
    pub limits: LimitArguments,
}

/// The addresses of the relay.
#[derive(Debug, Clone, Args)]
pub struct ListenArguments {
    /// Listens here for viewers, and for agents unless --agents-listen is given
    /// [default: 127.0.0.1:8080; with a certificate [::]:443]
    #[arg(long, env = "LINELIGHT_SERVER_LISTEN", value_name = "ADDRESS:PORT", value_parser = socket_address)]
    pub listen: Option<SocketAddr>,

    /// Listens here for agents alone; viewers then cannot reach /agent/v1
    #[arg(long, env = "LINELIGHT_SERVER_AGENTS_LISTEN", value_name = "ADDRESS:PORT", value_parser = socket_address)]
    pub agents_listen: Option<SocketAddr>,

    /// The private listener.
    #[command(flatten)]
    pub private: PrivateArguments,

    /// A name of the private listener in requests, beside loopback, its address and the machine's name; several with commas
    #[arg(long, env = "LINELIGHT_SERVER_PRIVATE_NAME", value_name = "NAME", value_delimiter = ',')]
    pub private_name: Vec<String>,

    /// Allows plain HTTP on other addresses than loopback; only for use behind a reverse proxy that does TLS
    #[arg(long, env = "LINELIGHT_SERVER_PLAINTEXT")]
    pub plaintext: bool,
}

/// The private listener: where the relay opens it, and where the other commands find it.
#[derive(Debug, Clone, Args)]
pub struct PrivateArguments {
    /// The private listener: /metrics, /healthz, /readyz, /agents and /explain/{username} for operators; keep it on loopback
    #[arg(
        long,
        env = "LINELIGHT_SERVER_PRIVATE_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9100",
        value_parser = socket_address
    )]
    pub private_listen: SocketAddr,

    /// A file with a token of 16 or more letters that requests to the private listener bear; needed off loopback
    #[arg(long, env = "LINELIGHT_SERVER_PRIVATE_TOKEN_FILE", value_name = "FILE")]
    pub private_token_file: Option<PathBuf>,
}

/// The certificate of the public listeners.
#[derive(Debug, Clone, Args)]
pub struct TlsArguments {
    /// A PEM file with the certificate chain, the relay's own certificate first; read again when it changes
    #[arg(long, env = "LINELIGHT_SERVER_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// A PEM file with the certificate's private key
    #[arg(long, env = "LINELIGHT_SERVER_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

/// The relay's own certificate by ACME.
#[derive(Debug, Clone, Args)]
pub struct AcmeArguments {
    /// The relay's names, for which it orders a certificate by ACME and renews it; several with commas. The names must lead to
    /// this relay's port 443, or to --acme-http
    #[arg(long, env = "LINELIGHT_SERVER_ACME", value_name = "NAME", value_delimiter = ',', value_parser = certificate_name)]
    pub acme: Vec<String>,

    /// An e-mail address for the authority's warnings
    #[arg(long, env = "LINELIGHT_SERVER_ACME_CONTACT", value_name = "ADDRESS", value_parser = mail_address)]
    pub acme_contact: Option<String>,

    /// The authority's directory [default: Let's Encrypt]
    #[arg(long, env = "LINELIGHT_SERVER_ACME_DIRECTORY", value_name = "URL", value_parser = directory)]
    pub acme_directory: Option<String>,

    /// A PEM file with the certificates to trust when the authority is asked, if its own is not from a public authority
    #[arg(long, env = "LINELIGHT_SERVER_ACME_CA", value_name = "FILE")]
    pub acme_ca: Option<PathBuf>,

    /// Proves the names by plain HTTP here, and leads browsers from here to https; the authority asks at port 80 of each name,
    /// so it is 0.0.0.0:80 or [::]:80 as a rule. Without it the names are proved on the port of TLS
    #[arg(long, env = "LINELIGHT_SERVER_ACME_HTTP", value_name = "ADDRESS:PORT", value_parser = socket_address)]
    pub acme_http: Option<SocketAddr>,
}

/// Reverse proxies before the relay.
#[derive(Debug, Clone, Args)]
pub struct ProxyArguments {
    /// Networks of the reverse proxies whose --forwarded-header is believed; several with commas
    #[arg(long, env = "LINELIGHT_SERVER_TRUSTED_PROXY", value_name = "NETWORK", value_delimiter = ',', value_parser = network)]
    pub trusted_proxy: Vec<IpNet>,

    /// The one header in which the reverse proxies name the viewer's address, such as X-Forwarded-For
    #[arg(long, env = "LINELIGHT_SERVER_FORWARDED_HEADER", value_name = "NAME")]
    pub forwarded_header: Option<HeaderName>,
}

/// The provider's staff and their console.
#[derive(Debug, Clone, Args)]
pub struct OperatorArguments {
    /// How many days the audit log is kept
    #[arg(long, env = "LINELIGHT_SERVER_AUDIT_DAYS", value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub audit_days: u32,

    /// How many days behind each line are kept, in columns of five minutes; 0 keeps none
    #[arg(long, env = "LINELIGHT_SERVER_HISTORY_DAYS", value_name = "DAYS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=31))]
    pub history_days: u32,

    /// Tells the viewers of a line while somebody of the staff has the line open: on or off
    #[arg(long, env = "LINELIGHT_SERVER_ANNOUNCE_SUPPORT", value_name = "ON-OFF", default_value = "on", action = clap::ArgAction::Set, value_parser = on_or_off)]
    pub announce_support: bool,

    /// Everybody who signs in by password needs a second factor
    #[arg(long, env = "LINELIGHT_SERVER_REQUIRE_TOTP")]
    pub require_totp: bool,

    /// The header in which a trusted proxy names the person behind the company's sign-in, such as X-Forwarded-User
    #[arg(long, env = "LINELIGHT_SERVER_OPERATORS_HEADER", value_name = "NAME")]
    pub operators_header: Option<HeaderName>,

    /// The role of whoever comes by the company's sign-in for the first time; without it, only people with an account come in
    #[arg(long, env = "LINELIGHT_SERVER_OPERATORS_DEFAULT_ROLE", value_enum, value_name = "ROLE")]
    pub operators_default_role: Option<Role>,

    /// The ticket system.
    #[command(flatten)]
    pub hook: HookArguments,
}

/// The ticket system that is told of slow reports.
#[derive(Debug, Clone, Args)]
pub struct HookArguments {
    /// The https address of a ticket system, or an http one on loopback, to which each slow report is sent
    #[arg(long, env = "LINELIGHT_SERVER_SLOW_REPORT_WEBHOOK", value_name = "URL", value_parser = webhook)]
    pub slow_report_webhook: Option<Uri>,

    /// The file with the secret of 16 or more letters that signs what is sent to --slow-report-webhook
    #[arg(long, env = "LINELIGHT_SERVER_SLOW_REPORT_SECRET_FILE", value_name = "FILE")]
    pub slow_report_secret_file: Option<PathBuf>,
}

/// The page, and access to lines.
#[derive(Debug, Clone, Args)]
pub struct PageArguments {
    /// Who may see a line
    #[arg(long, env = "LINELIGHT_SERVER_ACCESS", value_enum, default_value = "link")]
    pub access: Mode,

    /// The origin of other web pages that may read lines in access by username, such as https://portal.example; several with
    /// commas. The relay's own pages always may
    #[arg(long, env = "LINELIGHT_SERVER_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<Origin>,

    /// The origin of a portal whose pages may show the widget of /embed in a frame, such as https://portal.example; several with
    /// commas. Without it no page may
    #[arg(long, env = "LINELIGHT_SERVER_EMBED_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', value_parser = Origin::of_portal)]
    pub embed_origin: Vec<Origin>,

    /// The longest time, up to 10y, that a link may last from now on; a link that ends later is refused
    #[arg(long, env = "LINELIGHT_SERVER_MAX_LINK_LIFETIME", value_name = "TIME", default_value = "400d", value_parser = link_lifetime)]
    pub max_link_lifetime: Duration,

    /// The provider's name on the page
    #[arg(long, env = "LINELIGHT_SERVER_BRAND", value_name = "NAME")]
    pub brand: Option<String>,

    /// A way to reach the provider's support, on every page: a telephone number, whatsapp:NUMBER, an e-mail or web address,
    /// or text; several are allowed
    #[arg(long, env = "LINELIGHT_SERVER_SUPPORT", value_name = "CONTACT", value_delimiter = ';', value_parser = Contact::from_typed)]
    pub support: Vec<Contact>,

    /// The colour of upload on the page, such as #1d5fd1 or blue; the page makes it legible in both themes
    /// [default: red]
    #[arg(long, env = "LINELIGHT_SERVER_UPLOAD_COLOUR", value_name = "COLOUR", value_parser = Colour::from_typed)]
    pub upload_colour: Option<Colour>,

    /// A CSV file with the columns username, customer, package, download, upload; further ones, such as reference, phone and
    /// address, are for support alone; read again when it changes
    #[arg(long, env = "LINELIGHT_SERVER_SUBSCRIBERS", value_name = "FILE")]
    pub subscribers: Option<PathBuf>,

    /// The encoding of --subscribers, such as windows-1251, where the file has no byte-order mark and is not UTF-8
    /// [default: windows-1252]
    #[arg(long, env = "LINELIGHT_SERVER_SUBSCRIBERS_ENCODING", value_name = "NAME", value_parser = encoding_by_label)]
    pub subscribers_encoding: Option<&'static Encoding>,
}

/// The bus of several relays.
#[derive(Debug, Clone, Args)]
pub struct BusArguments {
    /// A NATS server over which relays show each other's lines, such as nats://bus.example or tls://bus.example; several with commas
    #[arg(long, env = "LINELIGHT_SERVER_BUS", value_name = "URL", value_delimiter = ',')]
    pub bus: Vec<String>,

    /// A file for the sign-in to the bus: NATS's own credentials, the seed of an nkey, or one line user:password
    #[arg(long, env = "LINELIGHT_SERVER_BUS_CREDENTIALS", value_name = "FILE")]
    pub bus_credentials: Option<PathBuf>,

    /// A PEM file with the certificates to trust at the bus, if its own is not from a public authority
    #[arg(long, env = "LINELIGHT_SERVER_BUS_CA", value_name = "FILE")]
    pub bus_ca: Option<PathBuf>,

    /// The beginning of all subjects on the bus: relays with another one do not hear each other
    #[arg(long, env = "LINELIGHT_SERVER_BUS_PREFIX", value_name = "NAME", default_value = "linelight")]
    pub bus_prefix: String,
}

/// The relay's limits.
#[derive(Debug, Clone, Args)]
pub struct LimitArguments {
    /// The most viewers of one line [default: 16]
    #[arg(long, env = "LINELIGHT_SERVER_MAX_VIEWERS_PER_LINE", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_viewers_per_line: Option<u32>,

    /// The most viewers of all lines together [default: 50000]
    #[arg(long, env = "LINELIGHT_SERVER_MAX_VIEWERS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_viewers: Option<u32>,

    /// The most connections of one port [default: 100000]
    #[arg(long, env = "LINELIGHT_SERVER_MAX_CONNECTIONS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub max_connections: Option<u32>,

    /// The most connections of one address that have not shown a valid link or an agent's token yet, on one port; at least 16. Subscribers
    /// behind one address of carrier NAT share them for a moment each [default: 1024]
    #[arg(long, env = "LINELIGHT_SERVER_MAX_HALF_OPEN_PER_ADDRESS", value_name = "N", value_parser = clap::value_parser!(u32).range(16..))]
    pub max_half_open_per_address: Option<u32>,
}

/// Reads an address and a port.
///
/// # Errors
/// A sentence with the probably intended form, if recognizable.
pub fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    text.parse().map_err(|_| remedy_of_address(text))
}

fn remedy_of_address(text: &str) -> String {
    let address = text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    match (text.strip_prefix(':').unwrap_or(text), text.split_once(':')) {
        (port, _) if port.parse::<u16>().is_ok() => {
            format!(
                "this is a port alone; write 127.0.0.1:{port} for this machine alone, [::]:{port} for every address"
            )
        }
        _ if address.is_some_and(|address| address.is_ipv4()) => format!("the port is missing; write {text}:8080"),
        _ if address.is_some() => format!("the port is missing; write [{}]:8080", text.trim_matches(['[', ']'])),
        (_, Some(("*", port))) => format!("write [::]:{port} for every address of this machine"),
        (_, Some(("localhost", port))) => format!("write 127.0.0.1:{port}"),
        (_, Some((name, port))) if !name.is_empty() && port.parse::<u16>().is_ok() => {
            format!(
                "{name:?} is not an address of this machine; write 127.0.0.1:{port}, or the address in place of the name"
            )
        }
        _ => "an address and a port are needed, such as 127.0.0.1:8080, [::1]:8080 or [::]:8080".to_owned(),
    }
}

/// Reads the public URL for browsers: a scheme, a host, and the folder in which a reverse proxy shows the relay. The path
/// of the result ends in a slash.
///
/// # Errors
/// [`ConfigError::PublicUrl`], or [`ConfigError::PublicFolder`] for a folder that the relay's own paths begin with.
pub fn public_url(text: &str) -> Result<Uri, ConfigError> {
    let uri: Uri = text.parse().map_err(|_| ConfigError::PublicUrl)?;
    let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    let host =
        uri.authority().is_some_and(|authority| !authority.as_str().contains('@') && !authority.host().is_empty());
    if !scheme || !host || uri.query().is_some() || !is_folder(uri.path()) {
        return Err(ConfigError::PublicUrl);
    }
    let first = uri.path().split('/').nth(1).unwrap_or_default();
    if OWN_PATHS.contains(&first) {
        return Err(ConfigError::PublicFolder { folder: first.to_owned() });
    }
    if uri.path().ends_with('/') {
        return Ok(uri);
    }
    let mut parts = uri.into_parts();
    parts.path_and_query = parts.path_and_query.and_then(|path| format!("{path}/").parse().ok());
    Uri::from_parts(parts).map_err(|_| ConfigError::PublicUrl)
}

/// What the relay's own paths begin with. Below a folder of such a name nobody could tell which one is meant.
const OWN_PATHS: [&str; 7] = ["agent", "api", "assets", "console", "embed", "embed.js", "line"];

/// True for a path of ordinary names: the same in a URL, in HTML and in a proxy's configuration.
fn is_folder(path: &str) -> bool {
    let is_ordinary = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !name.is_empty() && !name.bytes().all(|byte| byte == b'.') && name.bytes().all(plain)
    };
    let names = path.strip_prefix('/').unwrap_or(path);
    path == "/" || names.strip_suffix('/').unwrap_or(names).split('/').all(is_ordinary)
}

/// Reads `on` or `off`.
fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("write on or off".to_owned()),
    }
}

/// Reads the longest lifetime of links: up to ten years.
pub fn link_lifetime(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(lifetime) if lifetime.as_secs() > 0 && lifetime <= TEN_YEARS => Ok(lifetime),
        _ => Err("this is not a length of time up to 10y; write it as 90d, 2w or 1y".to_owned()),
    }
}

/// Reads a name for a certificate, in lower case.
fn certificate_name(text: &str) -> Result<String, String> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() <= 253 && name.contains('.') && name.split('.').all(is_label) && name.parse::<IpAddr>().is_err() {
        return Ok(name);
    }
    Err("this is not a name that ACME can prove; write it as monitor.example, without https:// and without *"
        .to_owned())
}

fn mail_address(text: &str) -> Result<String, String> {
    let text = text.trim().trim_start_matches("mailto:");
    let is_plain = text.is_ascii() && !text.contains(|c: char| c.is_ascii_control() || " ,;?&<>".contains(c));
    match text.split_once('@') {
        Some((name, host)) if is_plain && !name.is_empty() && host.contains('.') => Ok(text.to_owned()),
        _ => Err("this is not an e-mail address; write it as noc@isp.example".to_owned()),
    }
}

fn directory(text: &str) -> Result<String, String> {
    let is_https = text.parse::<Uri>().is_ok_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some());
    if is_https { Ok(text.to_owned()) } else { Err("this is not the https address of an ACME directory".to_owned()) }
}

fn webhook(text: &str) -> Result<Uri, String> {
    let uri = text.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
    let uri = uri.filter(|uri| uri.scheme_str() == Some("https") || is_of_this_machine(uri));
    let has_secret = |uri: &Uri| uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    match uri {
        Some(uri) if has_secret(&uri) => {
            Err("it holds a user or a password, and everybody on this machine can read arguments; the signature proves who sends".to_owned())
        }
        Some(uri) => Ok(uri),
        None => Err("this is neither an https address nor an http one on loopback, such as http://127.0.0.1:8000/hook".to_owned()),
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "this is not a network; write it as 10.0.0.0/8 or 192.0.2.1".to_owned())
}
