//! The simulated router as a program: opens its ports, says where they are, and runs until it is told to stop.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use tests::simulated_router::{Login, Role, Setup, SimulatedRouter, TagPlacement, Tls, control};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A MikroTik router that is none: the RouterOS API with PPPoE sessions and their traffic, on loopback.
///
/// Prints its addresses, one a line, and then `ready`: `api ADDRESS`, `api-ssl ADDRESS`, `pin HEX` (SHA-256 of the
/// certificate's key), `control ADDRESS`. Ends on SIGTERM and Ctrl-C.
#[derive(Parser)]
#[command(after_long_help = control::COMMANDS, disable_version_flag = true)]
struct Arguments {
    /// Which end of a PPPoE session it is.
    #[arg(long, value_enum, default_value = "concentrator")]
    role: RoleName,
    /// Subscribers with a session at the start; of a customer's router any number but 0 connects its client as `alice`.
    #[arg(long, default_value_t = 12)]
    subscribers: usize,
    /// The address that every port is on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// The plain API's port; 0 for a free one.
    #[arg(long, default_value_t = 0)]
    api_port: u16,
    /// api-ssl's port; 0 for a free one. Without this flag api-ssl is closed.
    #[arg(long)]
    api_ssl_port: Option<u16>,
    /// api-ssl has no certificate: it offers an anonymous Diffie-Hellman only, and so every handshake fails.
    #[arg(long, requires = "api_ssl_port")]
    no_certificate: bool,
    /// A file to write api-ssl's certificate to, as PEM.
    #[arg(long, requires = "api_ssl_port", conflicts_with = "no_certificate")]
    certificate_file: Option<PathBuf>,
    /// The control port; 0 for a free one. Without this flag there is none.
    #[arg(long)]
    control_port: Option<u16>,
    /// The API user.
    #[arg(long, default_value = "linelight")]
    user: String,
    /// A file with the API user's password; also SIMULATED_ROUTER_PASSWORD, and `simulated` without either.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// The login that it speaks.
    #[arg(long, value_enum, default_value = "new")]
    login: LoginName,
    /// Where replies carry their tag.
    #[arg(long, value_enum, default_value = "behind")]
    tags: TagsName,
    /// A print without rows sends no `!empty`, as before RouterOS 7.18.
    #[arg(long)]
    no_empty: bool,
    /// What /system/identity shows.
    #[arg(long)]
    identity: Option<String>,
    /// What /system/resource shows as its version.
    #[arg(long, default_value = "7.23.1 (stable)")]
    routeros_version: String,
    /// API connections at a time.
    #[arg(long, default_value_t = 20)]
    max_sessions: usize,
    /// What all people and addresses are derived from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long one of the router's seconds lasts, in milliseconds.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    second: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Concentrator,
    Customer,
}

#[derive(Clone, Copy, ValueEnum)]
enum LoginName {
    /// Name and password in one sentence: RouterOS 6.43 and later.
    New,
    /// Challenge and response.
    Old,
}

#[derive(Clone, Copy, ValueEnum)]
enum TagsName {
    /// Right behind the reply word.
    Behind,
    /// As the last word.
    Last,
}

impl Arguments {
    fn setup(&self) -> anyhow::Result<Setup> {
        let setup = match self.role {
            RoleName::Concentrator => Setup { role: Role::Concentrator, ..Setup::default() },
            RoleName::Customer => Setup::customer(),
        };
        Ok(Setup {
            subscribers: self.subscribers,
            identity: self.identity.clone().unwrap_or(setup.identity),
            version: self.routeros_version.clone(),
            user: self.user.clone(),
            password: self.password()?.unwrap_or(setup.password),
            login: match self.login {
                LoginName::New => Login::New,
                LoginName::Old => Login::Old,
            },
            tags: match self.tags {
                TagsName::Behind => TagPlacement::BehindReplyWord,
                TagsName::Last => TagPlacement::Last,
            },
            empty: !self.no_empty,
            api: SocketAddr::new(self.listen, self.api_port),
            tls: match (self.api_ssl_port, self.no_certificate) {
                (None, _) => Tls::Off,
                (Some(_), false) => Tls::Certificate,
                (Some(_), true) => Tls::NoCertificate,
            },
            api_tls: SocketAddr::new(self.listen, self.api_ssl_port.unwrap_or(0)),
            second: Duration::from_millis(self.second),
            seed: self.seed,
            max_sessions: self.max_sessions,
            ..setup
        })
    }

    fn password(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.password_file else { return Ok(std::env::var("SIMULATED_ROUTER_PASSWORD").ok()) };
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading the password in {}", path.display()))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let router = SimulatedRouter::start(arguments.setup()?).await.context("opening the API's ports")?;
    if let (Some(path), Some(pem)) = (&arguments.certificate_file, router.certificate_pem()) {
        std::fs::write(path, pem).with_context(|| format!("writing the certificate to {}", path.display()))?;
    }
    let router = Arc::new(router);
    let control = match arguments.control_port {
        Some(port) => Some(open_control(&router, SocketAddr::new(arguments.listen, port)).await?),
        None => None,
    };
    announce(&router, control)?;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    Ok(())
}

async fn open_control(router: &Arc<SimulatedRouter>, address: SocketAddr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await.context("opening the control port")?;
    let address = listener.local_addr()?;
    tokio::spawn(control::serve(Arc::clone(router), listener));
    Ok(address)
}

fn announce(router: &SimulatedRouter, control: Option<SocketAddr>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for (name, address) in [("api", router.address()), ("api-ssl", router.tls_address()), ("control", control)] {
        if let Some(address) = address {
            writeln!(out, "{name} {address}")?;
        }
    }
    if let Some(pin) = router.spki_pin_hex() {
        writeln!(out, "pin {pin}")?;
    }
    writeln!(out, "ready")?;
    out.flush().context("announcing the ports")
}
