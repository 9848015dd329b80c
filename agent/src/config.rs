//! The configuration in two steps: as typed (flags and `LINELIGHT_…` variables), then checked.
//!
//! Checking reads the environment and looks for the files; no connection is opened. Secrets are never flags:
//! a flag may name a file, a variable may hold the value.

mod address;
mod error;
mod limits;
mod secret;
mod typed;
mod variables;

use std::net::Ipv4Addr;
use std::path::Path;

pub use address::{HostPort, ProxyAddress, RelayAddress, Scheme, default_gateway};
pub use error::ConfigError;
pub use limits::{
    AgentLimits, AttemptTiming, ConnectionTiming, ConversationTiming, StreamTiming, TableTiming, Timing, UplinkTiming,
};
pub use secret::{Secret, SecretError, SecretSource};
pub use typed::{Cli, Command, LimitFlags, LogLevel, RelayFlags, RouterFlags, Supervise, Typed, command_line};
pub use variables::Environment;

use shared::frame::MAX_SAMPLE_BYTES;

use crate::tls::{Pin, Trust};

/// The plain RouterOS API's port (the service `api`).
pub const API_PORT: u16 = 8728;

/// The port of the RouterOS API over TLS (the service `api-ssl`).
pub const API_SSL_PORT: u16 = 8729;

/// Everything the agent needs, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The router and the login to use there.
    pub router: RouterConfig,
    /// The relays and how to reach them.
    pub relay: RelayConfig,
    /// The agent's own limits; no relay lifts them.
    pub limits: AgentLimits,
    /// Intervals and timeouts of the router's side.
    pub timing: Timing,
    /// Intervals and timeouts of the uplink.
    pub uplink: UplinkTiming,
    /// Settings that are allowed but risky, each as a sentence for the log.
    pub warnings: Vec<String>,
}

/// The router and the login to use there.
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// The API's address.
    pub address: HostPort,
    /// The API user.
    pub user: String,
    /// The API user's password; read anew at each login.
    pub password: SecretSource,
    /// The trust for api-ssl; `None` is the plain API, after a check that plain text is allowed.
    pub trust: Option<Trust>,
}

/// The relays and how to reach them.
#[derive(Debug, Clone)]
pub struct RelayConfig {
    /// At least one, in order of preference.
    pub addresses: Vec<RelayAddress>,
    /// The agent's token; read only after the TLS handshake.
    pub token: SecretSource,
    /// Whom to trust.
    pub trust: Trust,
    /// An HTTP proxy to go through.
    pub proxy: Option<Proxy>,
}

/// An HTTP proxy for CONNECT, and the hosts without a proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// The URL, `http://[user:password@]host[:port]`; a secret, for there may be a password.
    pub url: SecretSource,
    /// Names and addresses to reach directly, as in `NO_PROXY`.
    pub except: Vec<String>,
}

impl Config {
    /// Checks flags and variables against the environment.
    ///
    /// # Errors
    /// [`ConfigError`], the first fault found, with a remedy.
    pub fn check(typed: &Typed, environment: &Environment) -> Result<Self, ConfigError> {
        environment.refuse_unknown()?;
        let mut warnings = Vec::new();
        let config = Self {
            router: check_router(typed, environment, &mut warnings)?,
            relay: check_relay(typed, environment, &mut warnings)?,
            limits: check_limits(typed)?,
            timing: Timing { tables: typed.limits.tables(), ..Timing::default() },
            uplink: UplinkTiming::default(),
            warnings,
        };
        Ok(config)
    }
}

fn check_router(
    typed: &Typed,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> Result<RouterConfig, ConfigError> {
    let trust = check_router_trust(typed)?;
    let port = if trust.is_some() { API_SSL_PORT } else { API_PORT };
    let gateway = environment.gateway();
    let address = match given(typed.router.address.as_deref()) {
        Some(text) => HostPort::parse(text, port).map_err(|why| ConfigError::value("LINELIGHT_ROUTER", text, why))?,
        None => HostPort::new(gateway.ok_or(ConfigError::NoGateway)?.to_string(), port),
    };
    if trust.is_none() && !typed.router.plaintext && !is_at_hand(&address, gateway) {
        return Err(ConfigError::RouterPlaintext(address.to_string()));
    }
    let password = secret(environment, "LINELIGHT_ROUTER_PASSWORD", typed.router.password_file.as_deref())?;
    warnings.extend(password.password_doubt());
    Ok(RouterConfig { address, user: typed.router.user.clone(), password, trust })
}

/// True if plain text to this address stays on the router: the container's gateway, or loopback.
fn is_at_hand(address: &HostPort, gateway: Option<Ipv4Addr>) -> bool {
    address.is_loopback() || gateway.is_some_and(|gateway| address.ip() == Some(gateway.into()))
}

fn check_router_trust(typed: &Typed) -> Result<Option<Trust>, ConfigError> {
    let names = ["LINELIGHT_ROUTER_CA", "LINELIGHT_ROUTER_PIN"];
    let named = check_trust(names, typed.router.ca.as_deref(), &typed.router.pins)?;
    Ok(named.or_else(|| typed.router.tls.then_some(Trust::WebRoots)))
}

fn check_relay(
    typed: &Typed,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> Result<RelayConfig, ConfigError> {
    let addresses =
        typed.relay.addresses.iter().filter_map(|text| given(Some(text))).map(|text| check_address(typed, text));
    let addresses: Vec<_> = addresses.collect::<Result<_, _>>()?;
    if addresses.is_empty() {
        return Err(ConfigError::Missing("LINELIGHT_RELAY", "the relay's address, as wss://relay.example"));
    }
    let names = ["LINELIGHT_RELAY_CA", "LINELIGHT_RELAY_PIN"];
    let trust = check_trust(names, typed.relay.ca.as_deref(), &typed.relay.pins)?;
    if let Some(Trust::Pins(pins)) = &trust
        && pins.len() == 1
    {
        warnings.push(
            "one relay pin only: a renewed key cuts this agent off; pin the next key too, in LINELIGHT_RELAY_PIN"
                .to_owned(),
        );
    }
    if addresses.iter().any(RelayAddress::is_exposed) {
        warnings
            .push("the relay is reached in plain text: the token and all samples can be read on the way".to_owned());
    }
    let token = secret(environment, "LINELIGHT_TOKEN", typed.relay.token_file.as_deref())?;
    warnings.extend(token.token_doubt());
    let proxy = check_proxy(typed, environment)?;
    Ok(RelayConfig { addresses, token, trust: trust.unwrap_or(Trust::WebRoots), proxy })
}

fn check_address(typed: &Typed, text: &str) -> Result<RelayAddress, ConfigError> {
    let address = RelayAddress::parse(text).map_err(|why| ConfigError::value("LINELIGHT_RELAY", text, why))?;
    if address.is_exposed() && !typed.relay.plaintext {
        return Err(ConfigError::RelayPlaintext(address.to_string()));
    }
    Ok(address)
}

fn check_proxy(typed: &Typed, environment: &Environment) -> Result<Option<Proxy>, ConfigError> {
    let file = typed.relay.proxy_file.as_deref();
    let url = match optional_secret(environment, "LINELIGHT_PROXY", file)? {
        Some(url) => Some(url),
        None => environment.first(&["HTTPS_PROXY", "https_proxy"]).map(|url| SecretSource::Value(Secret::new(url))),
    };
    let Some(url) = url else { return Ok(None) };
    if let SecretSource::Value(value) = &url {
        ProxyAddress::parse(value.expose()).map_err(ConfigError::Proxy)?;
    }
    let except = environment.first(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    let except = except.split(',').filter_map(|name| given(Some(name))).map(str::to_owned).collect();
    Ok(Some(Proxy { url, except }))
}

fn check_trust(
    [ca_name, pin_name]: [&'static str; 2],
    ca: Option<&Path>,
    pins: &[String],
) -> Result<Option<Trust>, ConfigError> {
    let pins: Vec<_> = pins.iter().filter_map(|text| given(Some(text))).collect();
    let ca = ca.filter(|path| !path.as_os_str().is_empty());
    match (ca, pins.as_slice()) {
        (None, []) => Ok(None),
        (Some(path), []) => Ok(Some(Trust::CaFile(present(ca_name, path)?.to_owned()))),
        (None, pins) => {
            let pins = pins.iter().map(|text| {
                Pin::parse(text).ok_or_else(|| {
                    ConfigError::value(
                        pin_name,
                        text,
                        "a pin is sha256// and 44 characters of base64, or 64 hex digits",
                    )
                })
            });
            Ok(Some(Trust::Pins(pins.collect::<Result<_, _>>()?)))
        }
        (Some(_), _) => Err(ConfigError::CaAndPin(ca_name, pin_name)),
    }
}

fn check_limits(typed: &Typed) -> Result<AgentLimits, ConfigError> {
    let limits = typed.limits.to_agent_limits();
    let needed = limits.max_watched.saturating_mul(MAX_SAMPLE_BYTES) * 2;
    if limits.backlog_bytes < needed {
        return Err(ConfigError::BacklogTooSmall { watched: limits.max_watched, kib: needed.div_ceil(1024) });
    }
    Ok(limits)
}

fn secret(environment: &Environment, name: &'static str, file: Option<&Path>) -> Result<SecretSource, ConfigError> {
    optional_secret(environment, name, file)?.ok_or(ConfigError::NoSecret(name))
}

fn optional_secret(
    environment: &Environment,
    name: &'static str,
    file: Option<&Path>,
) -> Result<Option<SecretSource>, ConfigError> {
    let file = file.filter(|path| !path.as_os_str().is_empty());
    match (file, environment.first(&[name])) {
        (Some(_), Some(_)) => Err(ConfigError::FileAndValue(name)),
        (Some(path), None) => Ok(Some(SecretSource::File(present(name, path)?.to_owned()))),
        (None, Some(value)) => Ok(Some(SecretSource::Value(Secret::new(value)))),
        (None, None) => Ok(None),
    }
}

/// Returns the path of an existing file. A file may be mounted late, so a missing one is no lasting fault.
fn present<'a>(name: &'static str, path: &'a Path) -> Result<&'a Path, ConfigError> {
    match path.metadata() {
        Ok(found) if found.is_file() => Ok(path),
        Ok(_) => Err(ConfigError::NotAFile { name, path: path.to_owned() }),
        Err(source) => Err(ConfigError::File { name, path: path.to_owned(), source }),
    }
}

/// Returns a text unless it is blank: RouterOS and compose files write empty values for "not set".
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
