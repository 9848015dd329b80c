//! The running agent's health, for a container's health check: `linelight-agent health` asks the agent.
//!
//! They meet at an abstract unix socket: no file, gone with the process, the container's own. The name comes
//! from the router's and the relays' addresses: several agents on one machine have several names. The answer
//! is one line; nothing is read from the asker.

use std::fmt;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use crate::config::Config;
use crate::handover::{Handover, UplinkState};
use crate::shown::shown;

/// A relay acknowledges each second; after this silence the relay takes nothing in.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);
/// For either side of an exchange on one machine.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer, in bytes: a fault's words are at most 256.
const MAX_ANSWER: u64 = 1_024;
/// The longest printed answer, in characters.
const MAX_SHOWN: usize = 512;
/// The beginning of a healthy agent's answer.
const WELL: &str = "well: ";

/// The agent's health in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health(Result<String, String>);

impl Health {
    /// Returns well if the router answers, a relay has said welcome, and the relay acknowledges samples.
    pub fn of(handover: &Handover, now: Instant) -> Self {
        let waiting = handover.backlog.borrow().unacknowledged_age(now);
        let status = handover.status.borrow();
        let problem = if handover.uplink.get() != UplinkState::Open {
            Some("no relay has said welcome: see the log for why".to_owned())
        } else if waiting >= UNACKNOWLEDGED {
            Some(format!("the relay has acknowledged no sample for {} s", waiting.as_secs()))
        } else if !status.router_reachable {
            let fault = status.fault.as_deref().unwrap_or("see the log for why");
            Some(format!("the router's API does not answer: {fault}"))
        } else {
            None
        };
        let watched = handover.watched.borrow().len();
        Self(problem.map_or_else(|| Ok(format!("lines watched {watched}, all samples acknowledged")), Err))
    }

    /// True if all is well.
    pub const fn is_well(&self) -> bool {
        self.0.is_ok()
    }

    fn parse(answer: &str) -> Self {
        // Another process may hold the socket's name.
        let line = shown(answer.trim(), MAX_SHOWN);
        let line = line.as_str();
        Self(line.strip_prefix(WELL).map(str::to_owned).ok_or_else(|| line.to_owned()))
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(words) => write!(f, "{WELL}{words}"),
            Err(words) => f.write_str(words),
        }
    }
}

/// Answers health checks for as long as the agent runs.
pub async fn answer(config: &Config, handover: &Handover) {
    match listen(config) {
        Ok(listener) => loop {
            match listener.accept().await {
                Ok((stream, _)) => tell(stream, handover).await,
                Err(error) => {
                    debug!(%error, "a question about the agent's health is lost");
                    sleep(PATIENCE).await;
                }
            }
        },
        Err(error) => {
            warn!(%error, "`linelight-agent health` will find nobody; does another agent with the same settings run here?");
            std::future::pending().await
        }
    }
}

/// Asks the running agent with the same settings.
pub async fn ask(config: &Config) -> Health {
    match timeout(PATIENCE, exchange(config)).await {
        Ok(Ok(answer)) => Health::parse(&answer),
        Ok(Err(error)) => Health(Err(format!("no agent with these settings runs here: {error}"))),
        Err(_) => Health(Err("the agent does not answer".to_owned())),
    }
}

fn listen(config: &Config) -> io::Result<UnixListener> {
    let listener = net::UnixListener::bind_addr(&address(config)?)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Answers one check at a time. An answer fits into a socket's buffer, so a check without a reader blocks nobody.
async fn tell(mut stream: UnixStream, handover: &Handover) {
    let words = format!("{}\n", Health::of(handover, Instant::now()));
    if let Err(error) = stream.write_all(words.as_bytes()).await {
        debug!(%error, "whoever asked about the agent's health has gone");
    }
}

async fn exchange(config: &Config) -> io::Result<String> {
    let stream = net::UnixStream::connect_addr(&address(config)?)?;
    stream.set_nonblocking(true)?;
    let mut answer = String::new();
    UnixStream::from_std(stream)?.take(MAX_ANSWER).read_to_string(&mut answer).await?;
    Ok(answer)
}

fn address(config: &Config) -> io::Result<net::SocketAddr> {
    let relays: Vec<_> = config.relay.addresses.iter().map(ToString::to_string).collect();
    let settings = format!("{} {}", config.router.address, relays.join(" "));
    let name = data_encoding::HEXLOWER.encode(digest(&SHA256, settings.as_bytes()).as_ref());
    net::SocketAddr::from_abstract_name(format!("linelight-agent/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backlog::Backlog;
    use crate::handover::WatchSet;
    use crate::sessions::LineTable;

    fn healthy(start: Instant) -> Handover {
        let backlog = Backlog::new(1_024, Duration::from_secs(120));
        let handover = Handover::new(LineTable::new(10), backlog, WatchSet::new(10), start);
        handover.uplink.set(UplinkState::Open);
        handover.status.borrow_mut().router_reachable = true;
        handover
    }

    #[test]
    fn an_agent_that_nobody_asks_for_anything_is_well() {
        let start = Instant::now();
        let health = Health::of(&healthy(start), start);
        assert_eq!(health.to_string(), "well: lines watched 0, all samples acknowledged");
        assert_eq!(Health::parse(&format!("{health}\n")), health);
    }

    #[test]
    fn samples_that_are_not_acknowledged_are_said() {
        let start = Instant::now();
        let handover = healthy(start);
        (0..20).for_each(|second| handover.backlog.borrow_mut().push(start + Duration::from_secs(second), b"batch"));
        let now = start + Duration::from_secs(20);
        handover.backlog.borrow_mut().acknowledge(19);
        assert!(Health::of(&handover, now).is_well());
        let health = Health::of(&handover, now + UNACKNOWLEDGED);
        assert_eq!(health.to_string(), "the relay has acknowledged no sample for 17 s");
        assert!(!Health::parse(&health.to_string()).is_well());
        handover.backlog.borrow_mut().acknowledge(21);
        assert!(Health::of(&handover, now + UNACKNOWLEDGED).is_well());
    }

    #[test]
    fn a_lost_relay_and_a_lost_router_are_said() {
        let start = Instant::now();
        let handover = healthy(start);
        handover.status.borrow_mut().router_reachable = false;
        handover.status.borrow_mut().fault = Some("login refused".to_owned());
        assert_eq!(Health::of(&handover, start).to_string(), "the router's API does not answer: login refused");
        handover.uplink.set(UplinkState::Lost);
        assert!(Health::of(&handover, start).to_string().starts_with("no relay has said welcome"));
    }
}
