//! The configuration of `serve`: as typed by flags and variables ([`typed`]), then checked as a whole here. No file is read.

use std::ffi::OsString;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use self::brand::is_brand;
pub use self::error::ConfigError;
use self::typed::{
    HookArguments, LimitArguments, ListenArguments, OperatorArguments, PageArguments, PrivateArguments, ProxyArguments,
    TlsArguments,
};
pub use self::typed::{ServeArguments, public_url};
use crate::cluster::bus::BusSettings;
use crate::limits::Limits;
use crate::net::acme::AcmeSettings;
use crate::net::origin::Origin;
use crate::net::peer::Forwarding;
use crate::net::tls::CertificateFiles;
use crate::operators::company::Company;
use crate::operators::console::context::OperatorSettings;
use crate::operators::guard::Door;
use crate::operators::slow_hook::HookSettings;
use crate::store::data_directory::DataDirectory;
use crate::store::database::location::Location;
use crate::subscribers::SubscribersFile;
use crate::viewers::links::Mode;
use crate::viewers::provider::Provider;

mod acme;
mod brand;
mod bus;
mod error;
pub mod typed;

/// The prefix of all variables of the relay. `LINELIGHT_RELAY_` is the prefix of the agent's variables about its relay,
/// and both programs may run in one environment.
pub const VARIABLE_PREFIX: &str = "LINELIGHT_SERVER_";

/// The interval between checks of a file for changes.
const RELOAD_EVERY: Duration = Duration::from_secs(1);
/// How alike two names of variables are, from 0 to 1, before one is suggested for the other.
const ALIKE: f64 = 0.8;

/// The checked configuration of `serve`.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory of keys and the registry of agents.
    pub data: DataDirectory,
    /// The database of what is no file.
    pub store: Location,
    /// The listener of viewers.
    pub listen: SocketAddr,
    /// The listener of agents; `None` shares the viewers' one.
    pub agents_listen: Option<SocketAddr>,
    /// The listener of metrics, health and `explain`.
    pub private_listen: SocketAddr,
    /// How that listener is protected.
    pub private_door: Door,
    /// Who may see a line.
    pub access: Mode,
    /// Origins, beside the relay's own, whose pages may read lines without a token.
    pub allowed_origins: Vec<Origin>,
    /// How far ahead the end of a link may be.
    pub max_link_lifetime: Duration,
    /// The provider as the page shows it.
    pub provider: Provider,
    /// The subscribers file.
    pub subscribers: Option<SubscribersFile>,
    /// The certificate of the public listeners by files.
    pub tls: Option<CertificateFiles>,
    /// Their certificate by ACME. With neither they are plain HTTP.
    pub acme: Option<AcmeSettings>,
    /// The trusted reverse proxies.
    pub forwarding: Option<Forwarding>,
    /// Staff: their sign-in and their log.
    pub operators: OperatorSettings,
    /// The bus of several relays.
    pub bus: Option<BusSettings>,
    /// The relay's limits.
    pub limits: Limits,
    /// The interval between checks of a file for changes.
    pub reload_every: Duration,
}

impl ServeArguments {
    /// Checks the flags and variables together.
    ///
    /// # Errors
    /// [`ConfigError`], with the remedy.
    pub fn check(self, data: DataDirectory) -> Result<Config, ConfigError> {
        let Self { listeners, tls, acme, proxies, operators, page, bus, limits } = self;
        let acme = acme.check(&tls)?;
        let tls = tls.check()?;
        let listen = listeners.check(tls.is_some() || acme.is_some(), acme.as_ref().and_then(|acme| acme.http))?;
        let subscribers = page.subscribers_file()?;
        let PageArguments {
            access, allow_origin, embed_origin, max_link_lifetime, brand, support, upload_colour, ..
        } = page;
        if brand.as_ref().is_some_and(|brand| !is_brand(brand)) {
            return Err(ConfigError::Brand);
        }
        let operators = operators.check(!proxies.trusted_proxy.is_empty())?;
        Ok(Config {
            store: Location::in_directory(&data),
            data,
            listen,
            agents_listen: listeners.agents_listen,
            private_listen: listeners.private.private_listen,
            private_door: Door { token_file: listeners.private.private_token_file, names: listeners.private_name },
            access,
            allowed_origins: allow_origin,
            max_link_lifetime,
            provider: Provider {
                brand,
                support,
                upload_colour,
                public_url: None,
                portals: embed_origin,
                lines_are_open: access == Mode::Open,
            },
            subscribers,
            tls,
            acme,
            forwarding: proxies.check()?,
            operators,
            bus: bus.check()?,
            limits: limits.check(),
            reload_every: RELOAD_EVERY,
        })
    }
}

impl ListenArguments {
    /// Returns the viewers' listener, once no two listeners collide and none is plain HTTP off loopback.
    fn check(&self, has_tls: bool, acme_http: Option<SocketAddr>) -> Result<SocketAddr, ConfigError> {
        let listen = self.listen.unwrap_or_else(|| default_listen(has_tls));
        let public = [("listen", Some(listen)), ("agents-listen", self.agents_listen)];
        if !has_tls && !self.plaintext {
            refuse_plaintext(&public)?;
        }
        let PrivateArguments { private_listen, private_token_file } = &self.private;
        if private_token_file.is_none() && !private_listen.ip().to_canonical().is_loopback() {
            return Err(ConfigError::PrivateToken { address: *private_listen });
        }
        let private = ("private-listen", Some(self.private.private_listen));
        refuse_same(&[public[0], public[1], private, ("acme-http", acme_http)])?;
        Ok(listen)
    }
}

impl TlsArguments {
    fn check(self) -> Result<Option<CertificateFiles>, ConfigError> {
        match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => Ok(Some(CertificateFiles { certificate, key })),
            (Some(_), None) => Err(ConfigError::Needs { given: "tls-cert", missing: "tls-key" }),
            (None, Some(_)) => Err(ConfigError::Needs { given: "tls-key", missing: "tls-cert" }),
            (None, None) => Ok(None),
        }
    }
}

impl PageArguments {
    fn subscribers_file(&self) -> Result<Option<SubscribersFile>, ConfigError> {
        match (self.subscribers.clone(), self.subscribers_encoding) {
            (Some(path), encoding) => Ok(Some(SubscribersFile { path, encoding })),
            (None, Some(_)) => Err(ConfigError::Needs { given: "subscribers-encoding", missing: "subscribers" }),
            (None, None) => Ok(None),
        }
    }
}

impl ProxyArguments {
    fn check(self) -> Result<Option<Forwarding>, ConfigError> {
        let Self { trusted_proxy: proxies, forwarded_header } = self;
        match forwarded_header {
            Some(header) if !proxies.is_empty() => Ok(Some(Forwarding { proxies, header })),
            Some(_) => Err(ConfigError::Needs { given: "forwarded-header", missing: "trusted-proxy" }),
            None if proxies.is_empty() => Ok(None),
            None => Err(ConfigError::Needs { given: "trusted-proxy", missing: "forwarded-header" }),
        }
    }
}

impl OperatorArguments {
    fn check(self, has_proxy: bool) -> Result<OperatorSettings, ConfigError> {
        let Self {
            audit_days,
            history_days,
            announce_support,
            require_totp,
            operators_header,
            operators_default_role,
            hook,
        } = self;
        let hook = hook.check()?;
        let [audit_kept, history_kept] =
            [audit_days, history_days].map(|days| Duration::from_secs(u64::from(days) * 86_400));
        let company = match (operators_header, operators_default_role) {
            (Some(_), _) if !has_proxy => {
                return Err(ConfigError::Needs { given: "operators-header", missing: "trusted-proxy" });
            }
            (Some(header), default_role) => Some(Company { header, default_role }),
            (None, Some(_)) => {
                return Err(ConfigError::Needs { given: "operators-default-role", missing: "operators-header" });
            }
            (None, None) => None,
        };
        Ok(OperatorSettings { audit_kept, history_kept, require_totp, announce_support, company, hook })
    }
}

impl HookArguments {
    fn check(self) -> Result<Option<HookSettings>, ConfigError> {
        const URL: &str = "slow-report-webhook";
        const SECRET: &str = "slow-report-secret-file";
        match (self.slow_report_webhook, self.slow_report_secret_file) {
            (Some(url), Some(secret)) => Ok(Some(HookSettings { url, secret })),
            (Some(_), None) => Err(ConfigError::Needs { given: URL, missing: SECRET }),
            (None, Some(_)) => Err(ConfigError::Needs { given: SECRET, missing: URL }),
            (None, None) => Ok(None),
        }
    }
}

impl LimitArguments {
    fn check(&self) -> Limits {
        let mut limits = Limits::default();
        set(&mut limits.viewers_per_line, self.max_viewers_per_line);
        set(&mut limits.viewers, self.max_viewers);
        set(&mut limits.connections, self.max_connections);
        set(&mut limits.half_open_per_address, self.max_half_open_per_address);
        limits.half_open = limits.half_open.max(limits.half_open_per_address);
        limits
    }
}

/// Refuses unknown variables with the relay's prefix, because they are probably typing errors.
///
/// # Errors
/// [`ConfigError::Variable`] for the first unknown variable by name.
pub fn check_variables(
    known: &[&'static str],
    variables: impl IntoIterator<Item = OsString>,
) -> Result<(), ConfigError> {
    let mut unknown: Vec<String> = variables
        .into_iter()
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with(VARIABLE_PREFIX) && !known.contains(&name.as_str()))
        .collect();
    unknown.sort();
    let Some(name) = unknown.into_iter().next() else { return Ok(()) };
    let nearest = nearest(&name, known);
    Err(ConfigError::Variable { name, nearest })
}

/// Returns the known variable most similar to `name` after the common prefix, if any is similar.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let behind_prefix = |name: &str| name.trim_start_matches(VARIABLE_PREFIX).to_owned();
    let likeness = |known: &str| strsim::jaro(&behind_prefix(known), &behind_prefix(name));
    let likest = known.iter().map(|known| (likeness(known), *known)).max_by(|a, b| a.0.total_cmp(&b.0));
    likest.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, known)| known)
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
        // With port 0, the system chooses a port for each listener.
        if let (Some((other, _)), Some(address)) = (twin, address)
            && address.port() != 0
        {
            return Err(ConfigError::SameAddress { one, other, address: *address });
        }
    }
    Ok(())
}

fn set(limit: &mut usize, value: Option<u32>) {
    if let Some(value) = value.and_then(|value| usize::try_from(value).ok()) {
        *limit = value;
    }
}

#[cfg(test)]
mod tests;
