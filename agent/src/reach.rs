//! From a name and a port to a TCP connection: all addresses of the name are tried side by side (RFC 8305, "happy
//! eyeballs"). A dead IPv6 address costs a quarter of a second and not a timeout.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::config::HostPort;

/// The next address is tried this long after the one before (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// The most addresses to try; a name with more has enough without the rest.
const MAX_ADDRESSES: usize = 8;

/// In a survey, the time for the other addresses after the first answer.
const HEAR_OUT: Duration = Duration::from_secs(4);

/// The extent of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The first connection; attempts to the other addresses are dropped.
    First,
    /// The first connection, and the outcome of every other address.
    Survey,
}

/// A TCP connection, and the failed addresses.
#[derive(Debug)]
pub struct Reached<S = TcpStream> {
    /// The connection.
    pub stream: S,
    /// The address of the connection.
    pub address: SocketAddr,
    /// The failures before this answer or, in a [survey](Wanted::Survey), all failures.
    pub failed: Vec<Failed>,
}

/// A failed address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub why: io::ErrorKind,
    /// The system's words, for all other kinds.
    words: String,
}

/// The reason for no connection.
#[derive(Debug)]
pub enum Unreached {
    /// The name has no address; the system's error.
    Unresolved(io::Error),
    /// Every address failed.
    Failed(Vec<Failed>),
}

impl Failed {
    fn new(address: SocketAddr, error: &io::Error) -> Self {
        Self { address, why: error.kind(), words: error.to_string() }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, why, words } = self;
        match why {
            io::ErrorKind::TimedOut => write!(f, "{address} did not answer"),
            io::ErrorKind::ConnectionRefused => write!(f, "{address} refused the connection"),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => write!(f, "no route to {address}"),
            io::ErrorKind::AddrNotAvailable => write!(f, "no address here to reach {address} from"),
            _ => write!(f, "{address} failed ({words})"),
        }
    }
}

/// Writes several failures as one list.
pub fn listed(failed: &[Failed]) -> String {
    failed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Resolves the name and connects; each of the two is given `within`.
///
/// # Errors
/// [`Unreached`].
pub async fn connect(host: &HostPort, within: Duration, wanted: Wanted) -> Result<Reached, Unreached> {
    let found = timeout(within, lookup_host((host.host.as_str(), host.port))).await;
    let found = found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(Unreached::Unresolved)?;
    let addresses = interleaved(found.collect());
    if addresses.is_empty() {
        return Err(Unreached::Unresolved(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
    }
    let reached = race(addresses, within, wanted, TcpStream::connect).await?;
    // Samples are small and urgent. A socket without this option works all the same.
    let _ = reached.stream.set_nodelay(true);
    Ok(reached)
}

/// Orders addresses with the families in turns, the system's choice first (RFC 8305, section 4).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut ordered = Vec::new();
    loop {
        let pair: Vec<_> = preferred.next().into_iter().chain(other.next()).collect();
        if pair.is_empty() || ordered.len() >= MAX_ADDRESSES {
            return ordered;
        }
        ordered.extend(pair);
    }
}

/// Tries the addresses: each [`STAGGER`] after the one before, or at once after the failure of all before.
async fn race<S, F>(
    addresses: Vec<SocketAddr>,
    within: Duration,
    wanted: Wanted,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<Reached<S>, Unreached>
where
    S: Send + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
{
    let mut race = Race {
        waiting: addresses.into(),
        pending: Vec::new(),
        running: JoinSet::new(),
        failed: Vec::new(),
        within,
        connect,
    };
    let (stream, address) = race.first().await?;
    if wanted == Wanted::Survey {
        race.hear_out(Instant::now() + HEAR_OUT).await;
    }
    Ok(Reached { stream, address, failed: race.failed })
}

struct Race<S, C> {
    /// Not tried yet.
    waiting: VecDeque<SocketAddr>,
    /// Tried, without an outcome yet.
    pending: Vec<SocketAddr>,
    running: JoinSet<(SocketAddr, io::Result<S>)>,
    failed: Vec<Failed>,
    within: Duration,
    connect: C,
}

impl<S, F, C> Race<S, C>
where
    S: Send + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
    C: Fn(SocketAddr) -> F,
{
    /// Waits for the first connection.
    async fn first(&mut self) -> Result<(S, SocketAddr), Unreached> {
        let mut next_start = Instant::now();
        loop {
            if self.pending.is_empty() || Instant::now() >= next_start {
                self.start_next();
                next_start = Instant::now() + STAGGER;
            }
            if self.pending.is_empty() {
                return Err(Unreached::Failed(std::mem::take(&mut self.failed)));
            }
            tokio::select! {
                Some(Ok((address, outcome))) = self.running.join_next() => match outcome {
                    Ok(stream) => return Ok((self.ended(address, stream), address)),
                    Err(error) => self.fail(address, &error),
                },
                () = sleep_until(next_start), if !self.waiting.is_empty() => {}
            }
        }
    }

    /// Tries all remaining addresses, and waits for the outcomes up to a deadline.
    async fn hear_out(&mut self, deadline: Instant) {
        while !self.waiting.is_empty() {
            self.start_next();
        }
        while let Ok(Some(Ok((address, outcome)))) = timeout_at(deadline, self.running.join_next()).await {
            match outcome {
                Ok(stream) => drop(self.ended(address, stream)),
                Err(error) => self.fail(address, &error),
            }
        }
        for address in std::mem::take(&mut self.pending) {
            self.fail(address, &io::ErrorKind::TimedOut.into());
        }
    }

    fn start_next(&mut self) {
        let Some(address) = self.waiting.pop_front() else { return };
        let connecting = timeout(self.within, (self.connect)(address));
        self.pending.push(address);
        self.running
            .spawn(async move { (address, connecting.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))) });
    }

    fn ended<T>(&mut self, address: SocketAddr, outcome: T) -> T {
        self.pending.retain(|pending| *pending != address);
        outcome
    }

    fn fail(&mut self, address: SocketAddr, error: &io::Error) {
        let failed = Failed::new(address, error);
        let failed = self.ended(address, failed);
        self.failed.push(failed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const WITHIN: Duration = Duration::from_secs(20);
    const V6: &str = "[2001:db8::1]:443";
    const V6_OTHER: &str = "[2001:db8::2]:443";
    const V4: &str = "192.0.2.1:443";
    const V4_OTHER: &str = "192.0.2.2:443";

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// A network in which an address answers after a while, refuses at once, or is dead.
    async fn network(address: SocketAddr) -> io::Result<SocketAddr> {
        match address.to_string().as_str() {
            V4 => sleep(Duration::from_millis(30)).await,
            V4_OTHER => return Err(io::ErrorKind::ConnectionRefused.into()),
            _ => std::future::pending().await,
        }
        Ok(address)
    }

    async fn meet(texts: &[&str], wanted: Wanted) -> (Duration, Result<Reached<SocketAddr>, Unreached>) {
        let began = Instant::now();
        let met = race(interleaved(addresses(texts)), WITHIN, wanted, network).await;
        (began.elapsed(), met)
    }

    #[test]
    fn families_take_turns_beginning_with_the_systems_choice() {
        let ordered = interleaved(addresses(&[V6, V6_OTHER, V4, V4_OTHER]));
        assert_eq!(ordered, addresses(&[V6, V4, V6_OTHER, V4_OTHER]));
        assert_eq!(interleaved(addresses(&[V4, V6, V6_OTHER])), addresses(&[V4, V6, V6_OTHER]));
        assert_eq!(interleaved(addresses(&[V4; 50])).len(), MAX_ADDRESSES);
        assert_eq!(interleaved(Vec::new()), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_ipv6_address_costs_a_quarter_of_a_second() {
        let (took, met) = meet(&[V6, V6_OTHER, V4], Wanted::First).await;
        assert_eq!(met.unwrap().stream, V4.parse().unwrap());
        assert!(took < STAGGER + Duration::from_millis(50), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_refusal_the_next_address_is_tried_at_once() {
        let (took, met) = meet(&[V4_OTHER, V4], Wanted::First).await;
        let reached = met.unwrap();
        assert!(took < STAGGER, "{took:?}");
        assert_eq!(listed(&reached.failed), "192.0.2.2:443 refused the connection");
    }

    #[tokio::test(start_paused = true)]
    async fn a_survey_names_every_address_that_failed() {
        let (took, met) = meet(&[V4, V6, V4_OTHER], Wanted::Survey).await;
        let reached = met.unwrap();
        assert_eq!(reached.address, V4.parse().unwrap());
        let failed = listed(&reached.failed);
        assert_eq!(failed, "192.0.2.2:443 refused the connection, [2001:db8::1]:443 did not answer");
        assert!(took < HEAR_OUT + STAGGER, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn where_none_answers_each_is_named() {
        let (took, met) = meet(&[V6, V4_OTHER], Wanted::First).await;
        let Err(Unreached::Failed(failed)) = met else { panic!("{met:?}") };
        assert_eq!(listed(&failed), "192.0.2.2:443 refused the connection, [2001:db8::1]:443 did not answer");
        assert!(took <= WITHIN + STAGGER, "{took:?}");
        assert!(matches!(meet(&[], Wanted::First).await.1, Err(Unreached::Failed(none)) if none.is_empty()));
    }
}
