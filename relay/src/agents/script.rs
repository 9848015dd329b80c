//! The text of the script for a RouterOS router: the templates of `container/routeros/`, filled in for one agent.
//!
//! The module is pure: it makes no token and no password, and knows neither the registry nor a router. It checks every
//! value before it writes the value between a script's quotes.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use anyhow::{Result, bail, ensure};
use http::Uri;

mod summary;

const START: &str = include_str!("../../../container/routeros/start.rsc");
const INSTALL: &str = include_str!("../../../container/routeros/install.rsc");
const REMOVE: &str = include_str!("../../../container/routeros/remove.rsc");
const UPGRADE: &str = include_str!("../../../container/routeros/upgrade.rsc");

/// With less free flash than this, in MiB, the container's root goes to a disk in memory. The number is three times the
/// maximum size of the agent's binary: one part for the image, one for the unpacked files, and one for RouterOS itself.
const RAM_BELOW_MIB: u32 = 6;
/// The maximum size of the disk in memory: several times the image's content, for unpacking.
const RAM_SIZE: &str = "16M";
/// The rule that lets probes out of the container to the subscribers and nowhere else: how it is found, and how it is added. The
/// answers come back by the rule for what the container asked for.
const RESPONSE_WHERE: &str = r#""protocol=\"icmp\" and out-interface=\"all-ppp\"""#;
const RESPONSE_ADD: &str = r#""action=accept protocol=icmp icmp-options=8:0 out-interface=all-ppp""#;
/// The longest image reference or file name.
const MAX_NAME: usize = 200;

/// The agent's place on a router, and the source of its image: the same for install and upgrade.
#[derive(Debug, Clone)]
pub struct Place {
    /// The agent's build; the router's own architecture decides if there is none.
    pub arch: Option<Arch>,
    /// The source of the image.
    pub image: Image,
    /// The storage of the container's files.
    pub storage: Storage,
    /// The two addresses between router and container.
    pub subnet: Subnet,
}

/// The values for the installation of an agent.
#[derive(Clone)]
pub struct Install {
    /// The agent's name in the relay's registry.
    pub agent: String,
    /// The relays, first the first to try.
    pub relays: Vec<RelayUrl>,
    /// The SHA-256 of the relay's permitted keys, in the format of the agent's `LINELIGHT_RELAY_PIN`.
    pub pins: Vec<String>,
    /// Certificates (PEM) of the relay's permitted issuers, instead of the agent's built-in roots.
    pub ca: Option<String>,
    /// The agent's token.
    pub token: String,
    /// The API user's password.
    pub password: String,
    /// The agent's place on the router.
    pub place: Place,
    /// True if the agent may probe the lines: ICMP echo from the container to the PPP interfaces.
    pub response: bool,
}

/// A build of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Arch {
    /// x86 and CHR
    #[value(name = "x86-64")]
    X86_64,
    /// 64-bit ARM
    Arm64,
    /// 32-bit ARM, except the EN7562CT of the hEX refresh
    Armv7,
    /// Every 32-bit ARM
    Armv5,
}

/// The source of the image.
#[derive(Debug, Clone)]
pub enum Image {
    /// An uploaded file; without a name, `linelight-agent-ARCH.tar`.
    File(Option<FileName>),
    /// A registry.
    Remote(ImageRef),
}

/// The storage of the container's files.
#[derive(Debug, Clone)]
pub enum Storage {
    /// The router's own flash, or memory if the flash is small.
    Auto,
    /// Memory.
    Memory,
    /// A disk, by its name on the router.
    Disk(FileName),
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86-64",
            Self::Arm64 => "arm64",
            Self::Armv7 => "armv7",
            Self::Armv5 => "armv5",
        })
    }
}

impl FromStr for Arch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        clap::ValueEnum::from_str(text, false)
    }
}

/// The name of a file or a disk on the router.
#[derive(Debug, Clone)]
pub struct FileName(String);

impl FromStr for FileName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim_matches('/');
        check(text, "-_./", "a name on the router has letters, digits and - _ . /")?;
        Ok(Self(text.to_owned()))
    }
}

/// An image's name in a registry.
#[derive(Debug, Clone)]
pub struct ImageRef(String);

impl FromStr for ImageRef {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        check(text, "-_./:@", "an image is named as registry.example/name:version")?;
        Ok(Self(text.to_owned()))
    }
}

fn check(text: &str, more: &str, words: &str) -> Result<()> {
    ensure!(fits(text, more), "{text:?} does not fit: {words}");
    Ok(())
}

/// True for a short text of ASCII letters, digits and the characters in `more`.
fn fits(text: &str, more: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
    !text.is_empty() && text.len() <= MAX_NAME && text.chars().all(good)
}

/// Four addresses: the second is the router's, the third the container's.
#[derive(Debug, Clone, Copy)]
pub struct Subnet(Ipv4Addr);

impl Subnet {
    /// `172.31.255.0/30`, a network in rare use.
    pub const DEFAULT: Self = Self(Ipv4Addr::new(172, 31, 255, 0));

    fn address(self, at: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.0) + at)
    }
}

impl FromStr for Subnet {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let address: Option<Ipv4Addr> = text.strip_suffix("/30").and_then(|address| address.parse().ok());
        match address {
            Some(address) if u32::from(address) % 4 == 0 => Ok(Self(address)),
            _ => bail!("{text:?} is not a network of four addresses, such as 172.31.255.0/30"),
        }
    }
}

/// A relay's address, in the agents' format.
#[derive(Debug, Clone)]
pub struct RelayUrl {
    text: String,
    host: String,
    port: u16,
}

impl FromStr for RelayUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        const FORM: &str =
            "write the relay's address as wss://relay.example, wss://relay.example:8443 or wss://relay.example/folder";
        // No message repeats the text: a password or a token can be in it.
        let uri: Uri = text.parse().map_err(|_| anyhow::anyhow!("this is not an address: {FORM}"))?;
        let credentials = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        ensure!(!credentials, "a relay's address has no user and no password: {FORM}");
        ensure!(uri.scheme_str() == Some("wss"), "this is not a wss:// address: {FORM}");
        let host = uri.host().unwrap_or_default();
        ensure!(
            !host.starts_with('['),
            "the container on a router has no IPv6; give the relay a name or an IPv4 address"
        );
        ensure!(fits(host, "-_."), "the host does not fit: {FORM}");
        ensure!(uri.query().is_none() && !text.contains('#'), "a relay's address has no query and no fragment: {FORM}");
        ensure!(fits(uri.path(), "/-._~"), "the folder does not fit: {FORM}");
        let port = uri.port_u16().unwrap_or(443);
        ensure!(port > 0, "0 is not a port: {FORM}");
        Ok(Self { text: text.trim_end_matches('/').to_owned(), host: host.to_owned(), port })
    }
}

impl Install {
    /// Returns the script, as one block for one paste.
    ///
    /// # Errors
    /// There is no relay, or a secret or a certificate contains characters outside a script's range.
    pub fn script(&self) -> Result<String> {
        ensure!(!self.relays.is_empty(), "an agent needs the address of a relay, as --relay-url wss://relay.example");
        for pin in &self.pins {
            check(pin, "/+=:", "a pin is sha256//BASE64 or hexadecimal")?;
        }
        for secret in [&self.token, &self.password] {
            ensure!(
                secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
                "a secret for a router has letters, digits and - _ only"
            );
        }
        let ca = self.ca.as_deref().map(certificates).transpose()?;
        let mut files = vec![("password.txt", self.password.as_str()), ("token.txt", self.token.as_str())];
        files.extend(ca.as_deref().map(|pem| ("relay-ca.txt", pem)));
        let variables = self.variables();
        let mut ports: Vec<_> = self.relays.iter().map(|url| url.port).collect();
        ports.sort_unstable();
        ports.dedup();
        let hosts = || self.relays.iter().map(|url| url.host.as_str());
        let not_relays: String = hosts().map(|host| format!(" and address!=\"{host}\"")).collect();
        Ok(self.place.fill(
            INSTALL,
            &[
                ("AGENT", self.agent.clone()),
                ("PASSWORD", self.password.clone()),
                ("RELAYS", join(hosts(), ",")),
                ("NOT_RELAYS", not_relays),
                ("PORTS", join(&ports, ",")),
                ("RESPONSE_WHERE", self.response_rule(RESPONSE_WHERE)),
                ("RESPONSE_ADD", self.response_rule(RESPONSE_ADD)),
                ("SECRET_NAMES", join(files.iter().map(|(name, _)| quoted(name)), "; ")),
                ("SECRET_TEXTS", join(files.iter().map(|(_, text)| quoted(text)), "; ")),
                ("ENV_KEYS", join(variables.iter().map(|(key, _)| quoted(key)), "; ")),
                ("ENV_VALUES", join(variables.iter().map(|(_, value)| value), "; ")),
            ],
        ))
    }

    /// Returns a rule of the forward chain as an element of a list in the script; nothing without probes.
    fn response_rule(&self, rule: &str) -> String {
        if self.response { format!("{rule}; ") } else { String::new() }
    }

    /// Returns the agent's variables, each value in the script's form. Secrets are no variables, because exports show
    /// variables.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("LINELIGHT_RELAY", quoted(&join(self.relays.iter().map(|url| &url.text), ","))),
            ("LINELIGHT_ROUTER", format!("\"{}:$llPort\"", self.place.subnet.address(1))),
            ("LINELIGHT_ROUTER_PASSWORD_FILE", quoted("/secrets/password.txt")),
            ("LINELIGHT_TOKEN_FILE", quoted("/secrets/token.txt")),
        ];
        if !self.response {
            variables.push(("LINELIGHT_PROBES_PER_SECOND", quoted("0")));
        }
        if !self.pins.is_empty() {
            variables.push(("LINELIGHT_RELAY_PIN", quoted(&self.pins.join(","))));
        }
        if self.ca.is_some() {
            variables.push(("LINELIGHT_RELAY_CA", quoted("/secrets/relay-ca.txt")));
        }
        variables
    }
}

impl Place {
    /// Returns the script that removes an agent from its router.
    pub fn remove_script(&self) -> String {
        self.fill(REMOVE, &[])
    }

    /// Returns the script that installs another version on a router.
    pub fn upgrade_script(&self) -> String {
        self.fill(UPGRADE, &[])
    }

    fn fill(&self, template: &str, more: &[(&str, String)]) -> String {
        let (file, image) = match &self.image {
            Image::File(name) => (name.as_ref().map_or("", |name| &name.0), ""),
            Image::Remote(name) => ("", name.0.as_str()),
        };
        let (disk, ram) = match &self.storage {
            Storage::Auto => ("", "auto"),
            Storage::Memory => ("", "yes"),
            Storage::Disk(name) => (name.0.as_str(), "no"),
        };
        let arch = self.arch.map_or_else(|| "auto".to_owned(), |arch| arch.to_string());
        let common = [
            ("CONTAINER", self.subnet.address(2).to_string()),
            ("GATEWAY", self.subnet.address(1).to_string()),
            ("NETWORK", self.subnet.0.to_string()),
            ("SUBNET", format!("{}/30", self.subnet.0)),
            ("DISK", disk.to_owned()),
            ("RAM", ram.to_owned()),
            ("RAM_BELOW", (RAM_BELOW_MIB * 1024 * 1024).to_string()),
            ("RAM_SIZE", RAM_SIZE.to_owned()),
            ("ARCH", arch),
            ("FILE", file.to_owned()),
            ("IMAGE", image.to_owned()),
            ("START", quoted_lines(START)),
        ];
        more.iter()
            .chain(&common)
            .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
    }
}

/// Returns the certificates of a PEM file without the text around them.
fn certificates(pem: &str) -> Result<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut inside = false;
    let mut out = String::new();
    for line in pem.lines().map(str::trim) {
        inside |= line == BEGIN;
        if inside {
            ensure!(line.is_ascii() && !line.contains(['"', '\\', '$']), "this is not a PEM certificate");
            out.push_str(line);
            out.push('\n');
        }
        inside &= line != END;
    }
    ensure!(!out.is_empty() && !inside, "there is no PEM certificate in the file");
    Ok(out)
}

fn join<T: ToString>(items: impl IntoIterator<Item = T>, between: &str) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(between)
}

/// A text as RouterOS writes a string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// Returns code as a string over several lines, in the format of RouterOS's own exports: a line ends with a backslash,
/// and the spaces before the next line do not count. Drops comments and indents.
fn quoted_lines(code: &str) -> String {
    let lines = code.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    format!("\"{}\"", join(lines.map(escaped), "\\\n    \\n"))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' | '$' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    /// An agent for the relay at relay.example, with defaults.
    pub(super) fn install() -> Install {
        Install {
            agent: "core-1".into(),
            relays: vec!["wss://relay.example".parse().unwrap()],
            pins: vec![],
            ca: None,
            token: "linelight_agent_secret".into(),
            password: "a-password".into(),
            place: Place { arch: None, image: Image::File(None), storage: Storage::Auto, subnet: Subnet::DEFAULT },
            response: false,
        }
    }

    #[test]
    fn addresses_that_a_container_cannot_use_are_refused() {
        for good in [
            "wss://relay.example",
            "wss://relay.example:8443",
            "wss://203.0.113.7/agent/v1",
            "wss://relay.example/",
            "wss://example.net/speed/",
            "wss://example.net/speed/agent/v1",
        ] {
            assert!(good.parse::<RelayUrl>().is_ok(), "{good}");
        }
        for wrong in [
            "relay.example",
            "ws://relay.example",
            "https://relay.example",
            "wss://[::1]",
            "wss://a/b?c",
            "wss://a/?",
            "wss://a/#b",
            "wss://a#b",
            "wss://a/b'",
            "wss://a\"b",
            "wss://$a",
            "wss://u:p@relay.example",
            "wss://u@relay.example",
        ] {
            let error = wrong.parse::<RelayUrl>().unwrap_err().to_string();
            assert!(!error.contains("u:p") && !error.contains("u@"), "{error}");
        }
        assert!("172.31.255.4/30".parse::<Subnet>().is_ok());
        for wrong in ["172.31.255.1/30", "172.31.255.0/24", "172.31.255.0", "::/30"] {
            assert!(wrong.parse::<Subnet>().is_err(), "{wrong}");
        }
        for wrong in ["", "a b", "a\"b", "$x", "a;b"] {
            assert!(wrong.parse::<FileName>().is_err() && wrong.parse::<ImageRef>().is_err(), "{wrong}");
        }
        for arch in Arch::value_variants() {
            assert_eq!(arch.to_string().parse(), Ok(*arch));
        }
    }

    #[test]
    fn a_string_survives_its_quotes() {
        assert_eq!(quoted("a\"b\\c$d\ne"), r#""a\"b\\c\$d\ne""#);
        assert_eq!(quoted_lines("# why\n:put \"a\"\n  :put $b\n"), "\":put \\\"a\\\"\\\n    \\n:put \\$b\"");
    }

    #[test]
    fn certificates_are_taken_out_of_what_surrounds_them() {
        let pem = "Issuer: \"x\"\n-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\nrest\n";
        let only = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n";
        assert_eq!(certificates(pem).unwrap(), only);
        assert!(certificates("nothing").is_err());
        assert!(certificates("-----BEGIN CERTIFICATE-----\nQUJD\n").is_err());
        assert!(certificates("-----BEGIN CERTIFICATE-----\nQ$D\n-----END CERTIFICATE-----\n").is_err());
    }
}
