//! The main job without hardware: a simulated router, an agent and a relay on loopback, and a page with a link for each line.

mod list;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use list::Link;
use serde_json::json;
use shared::username::Username;
use tests::harness::{Agent, AgentSetup, Relay, RelaySetup};
use tests::homes::{Homes, Weather};
use tests::simulated_router::{Port, Setup, SimulatedRouter, control};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The usual port of the relay.
const RELAY_PORT: u16 = 8080;
/// The person who may sign in to the console.
const ADMIN: &str = "demo";
/// The usual port of the list of lines.
const LIST_PORT: u16 = 8000;

/// Runs a simulated router with subscribers, an agent and a relay on 127.0.0.1. Prints two addresses: the list of lines, and the console.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
struct Arguments {
    /// Which end of the PPPoE sessions the router is.
    #[arg(long, value_enum, default_value = "concentrator")]
    role: Role,
    /// Subscribers of the concentrator.
    #[arg(long, default_value_t = 12)]
    subscribers: usize,
    /// The relay's port, 0 for any; by default 8080 or, if that is taken, any.
    #[arg(long)]
    port: Option<u16>,
    /// The port of the list of lines, 0 for any; by default 8000 or, if that is taken, any.
    #[arg(long)]
    list_port: Option<u16>,
    /// A further flag of the relay's `serve`; several are allowed.
    #[arg(long, allow_hyphen_values = true)]
    relay_flag: Vec<String>,
    /// Prints one line of JSON instead: for the browser tests.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    Concentrator,
    Customer,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let setup = match arguments.role {
        Role::Concentrator => Setup::concentrator(arguments.subscribers),
        Role::Customer => Setup::customer(),
    };
    let password = setup.password.clone();
    let router = Arc::new(SimulatedRouter::start(setup).await?);
    let homes = homes(&router);
    let usernames = subscribers(&router.ports());
    let relay = Relay::start(RelaySetup {
        port: relay_port(arguments.port).await,
        flags: ["--brand=Karoo Wireless".to_owned()].into_iter().chain(arguments.relay_flag).collect(),
        subscribers: Some(subscribers_file(&usernames)),
        ..RelaySetup::default()
    })
    .await?;
    let agent = Agent::start(&AgentSetup {
        router: router.address().context("the router has no port")?,
        relay: format!("ws://{}", relay.address),
        token: relay.add_agent("core-1", &["*"]).await?,
        password,
        // A past to look at within a minute of the start. Probes go only to subscribers that this machine has made itself.
        flags: vec![
            "--averages-seconds=5".to_owned(),
            format!("--probes-per-second={}", if homes.is_some() { 200 } else { 0 }),
        ],
    })?;
    let control = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let control_address = control.local_addr()?;
    let serving = tokio::spawn(control::serve(Arc::clone(&router), control));
    let links = links(&relay, &usernames).await?;
    let invitation = relay.add_operator(ADMIN, "admin").await?;
    let list = bind_list(arguments.list_port).await?;
    let list_address = list.local_addr()?;
    let listing = tokio::spawn(list::serve(list, list::page(&links, control_address)));
    if arguments.json {
        let processes = json!({"relay": relay.program.id(), "agent": agent.program.id()});
        print_json(&relay, [list_address, control_address], (&links, &invitation), &processes)?;
    } else {
        print_addresses([list_address, control_address], &relay.sign_in_once(ADMIN).await?, links.len())?;
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    serving.abort();
    listing.abort();
    drop(homes);
    Ok(())
}

/// The time to a subscriber's router at first.
const USUAL_DELAY: Duration = Duration::from_millis(12);

/// Makes subscribers' routers that answer probes, where this program may. Without them the page shows no response of a line.
fn homes(router: &SimulatedRouter) -> Option<Homes> {
    let homes = Homes::beside(Arc::clone(&router.wire)).ok().flatten()?;
    homes.set_weather(Weather { delay: USUAL_DELAY, jitter: Duration::from_millis(2), ..Weather::default() });
    Some(homes)
}

/// Everybody with a session, once.
fn subscribers(ports: &[Port]) -> Vec<Username> {
    let mut usernames: Vec<Username> = Vec::new();
    for username in ports.iter().filter_map(|port| Username::from_bytes(&port.username).ok()) {
        if !usernames.contains(&username) {
            usernames.push(username);
        }
    }
    usernames
}

async fn relay_port(wanted: Option<u16>) -> u16 {
    match wanted {
        Some(port) => port,
        None => TcpListener::bind((Ipv4Addr::LOCALHOST, RELAY_PORT)).await.map_or(0, |_| RELAY_PORT),
    }
}

async fn bind_list(wanted: Option<u16>) -> Result<TcpListener> {
    let bind = async |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener = match (wanted, bind(wanted.unwrap_or(LIST_PORT)).await) {
        (None, Err(_)) => bind(0).await,
        (_, listener) => listener,
    };
    listener.context("binding the port of the list of lines")
}

/// Customers of the first lines. Further lines have none, as in many a billing system.
const CUSTOMERS: [(&str, &str); 12] = [
    ("Protea Motors", "Fibre Direct 20/5"),
    ("Ali Demir", "Home 50/10"),
    ("Bob Naidoo, 2nd floor", "Rural 2"),
    ("Bob van der Merwe-Featherstonehaugh", "Office 100/100"),
    ("Café Zürich", "Fibre 300/150"),
    ("José Núñez", "Home 20/5"),
    ("Home office", "Home 50/10"),
    ("Smith, John", "Rural 2"),
    ("Crab Shack", "Office 100/100"),
    ("Support desk", "Fibre 300/150"),
    ("Alice Baker", "Home 20/5"),
    ("Zoë", "Home 50/10"),
];

fn subscribers_file(usernames: &[Username]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let rows = usernames.iter().zip(CUSTOMERS).map(|(username, (customer, package))| {
        format!("{},{},{}\n", quoted(&username.to_text()), quoted(customer), quoted(package))
    });
    ["username,customer,package\n".to_owned()].into_iter().chain(rows).collect()
}

async fn links(relay: &Relay, usernames: &[Username]) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for (nth, username) in usernames.iter().enumerate() {
        let url = relay.link(&username.to_text(), "1d").await?;
        let customer = CUSTOMERS.get(nth).map_or_else(|| username.to_text(), |(customer, _)| (*customer).to_owned());
        links.push(Link { username: username.clone(), customer, url });
    }
    Ok(links)
}

fn print_addresses([list, control]: [SocketAddr; 2], console: &str, lines: usize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "A simulated router with {lines} lines, an agent and a relay run on this machine. Its lines, as customers see them:\n\n  http://{list}\n\n\
         The console, as the provider's staff see it; this address signs in once:\n\n  {console}\n"
    )?;
    let (host, port) = (control.ip(), control.port());
    writeln!(out, "To change what the router does: nc {host} {port}, then help. Ctrl-C ends everything.")?;
    Ok(out.flush()?)
}

fn print_json(
    relay: &Relay,
    [list, control]: [SocketAddr; 2],
    (links, invitation): (&[Link], &str),
    processes: &serde_json::Value,
) -> Result<()> {
    let links: Vec<_> = links
        .iter()
        .map(|link| json!({"username": link.username, "customer": link.customer, "url": link.url}))
        .collect();
    let all = json!({
        "page": format!("http://{}", relay.address),
        "private": format!("http://{}", relay.private),
        "invitation": invitation,
        "list": format!("http://{list}"),
        "control": control,
        "processes": processes,
        "links": links,
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{all}")?;
    Ok(out.flush()?)
}
