//! One walk to the router: reached, logged in, sessions listed and, for `linelight-agent check`, one row of rates read.

use tokio::time::{Instant, timeout};

use super::dial::{Dialed, Dialer};
use crate::check::step::Step;
use crate::config::{RouterConfig, Timing};
use crate::reach::Wanted;
use crate::routeros::commands::{Command, Interface, parse_id};
use crate::routeros::connection::{Connection, ConnectionError, Transport};
use crate::routeros::dialogue::{Event, in_words};
use crate::routeros::sentence::Sentence;

type Way = Connection<Box<dyn Transport>, ()>;

/// The result of a command: the number of rows, or the router's refusal.
type Answer = Result<usize, String>;

/// How far a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To the list of sessions, like the agent while nobody watches.
    Sessions,
    /// To one session's rates, read once.
    Rates,
}

/// Walks to the router once, with a step for each stage up to the first failure. Changes nothing on the router.
pub async fn probe(config: &RouterConfig, timing: &Timing, reach: Reach) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Err(error) = walk(config, timing, reach, &mut steps).await {
        let name = match steps.len() {
            0 => "router",
            1 => "login",
            _ => "sessions",
        };
        steps.push(Step::failed(name, error.to_string(), error.remedy()));
    }
    steps
}

async fn walk(
    config: &RouterConfig,
    timing: &Timing,
    reach: Reach,
    steps: &mut Vec<Step>,
) -> Result<(), ConnectionError> {
    let Dialed { stream, failed } =
        Dialer::new(config, timing.connection.connect_timeout)?.dial(Wanted::Survey).await?;
    let over = if config.trust.is_some() { "over TLS" } else { "in plain text" };
    steps.push(Step::reached("router", format!("{} is reached {over}", config.address), &failed));
    let password = config.password.read().map_err(|error| ConnectionError::Configuration(error.to_string()))?;
    let mut way = Connection::new(stream, timing.connection.cancel_timeout);
    way.login(&config.user, password.expose(), (), timing.connection.command_timeout).await?;
    steps.push(Step::passed("login", greet(&mut way, timing).await?));
    let first = look_at_sessions(&mut way, timing, steps).await?;
    match first.filter(|_| reach == Reach::Rates) {
        Some(session) => look_at_rates(&mut way, &session, timing, steps).await,
        None => Ok(()),
    }
}

async fn greet(way: &mut Way, timing: &Timing) -> Result<String, ConnectionError> {
    let mut found = "accepted".to_owned();
    let note = |row: &Sentence<'_>| {
        let text = |name| row.get(name).map_or_else(|| "?".to_owned(), in_words);
        found = format!("accepted by {} with RouterOS {}", text("board-name"), text("version"));
    };
    // A missing policy shows at the sessions.
    let _ = ask(way, &Command::Resource, timing, note).await?;
    Ok(found)
}

/// Returns one live session.
async fn look_at_sessions(
    way: &mut Way,
    timing: &Timing,
    steps: &mut Vec<Step>,
) -> Result<Option<Found>, ConnectionError> {
    let mut first = None;
    let mut live = 0;
    let mut note = |row: &Sentence<'_>| {
        if row.get("user").is_some() && row.flag("running").unwrap_or(true) {
            live += 1;
            first.get_or_insert_with(|| Found::read(row));
        }
    };
    let server = ask(way, &Command::ServerSessions, timing, &mut note).await?;
    let client = ask(way, &Command::ClientSessions, timing, &mut note).await?;
    match (server, client) {
        (Err(why), _) | (_, Err(why)) if why.contains("permission") || why.contains("privilege") => {
            return Err(ConnectionError::NotPermitted(why));
        }
        (Err(why), Err(_)) => {
            steps.push(Step::failed("sessions", why, "is this a router with the ppp package?"));
            return Ok(None);
        }
        _ if live == 0 => {
            steps.push(Step::doubtful("sessions", "none is up", "look at /interface/pppoe-server and pppoe-client"));
        }
        _ => steps.push(Step::passed("sessions", format!("{live} are up"))),
    }
    Ok(first)
}

/// Reads one session's rates: by `.id`, and by the interface's name if the router refuses the `.id`.
async fn look_at_rates(
    way: &mut Way,
    session: &Found,
    timing: &Timing,
    steps: &mut Vec<Step>,
) -> Result<(), ConnectionError> {
    let mut refusal = String::new();
    for (interface, how) in session.ways() {
        match ask(way, &Command::MonitorOnce(interface), timing, |_| {}).await? {
            Ok(0) => {
                steps.push(Step::failed("rates", "monitor-traffic gives no rows", "try it in the router's terminal"))
            }
            Ok(_) => steps.push(Step::passed("rates", format!("monitor-traffic gives rows{how}"))),
            Err(why) => {
                refusal = why;
                continue;
            }
        }
        return Ok(());
    }
    let remedy = "give the user's group the policies read, api and, if that is not enough, test";
    steps.push(Step::failed("rates", refusal, remedy));
    Ok(())
}

/// A live session.
struct Found {
    id: Option<u64>,
    name: Vec<u8>,
}

impl Found {
    fn read(row: &Sentence<'_>) -> Self {
        Self { id: row.get(".id").and_then(parse_id), name: row.get("name").unwrap_or_default().to_vec() }
    }

    /// The ways to name the interface, the usual one first, and the words about each.
    fn ways(&self) -> impl Iterator<Item = (Interface<'_>, &'static str)> {
        let by_id = self.id.map(|id| (Interface::Id(id), ""));
        let plain = !self.name.is_empty() && !self.name.contains(&b',');
        let by_name =
            plain.then_some((Interface::Name(&self.name), ", asked for by name: this router takes no .id there"));
        by_id.into_iter().chain(by_name)
    }
}

/// Sends one command and waits for the end.
async fn ask(
    way: &mut Way,
    command: &Command<'_>,
    timing: &Timing,
    mut note: impl FnMut(&Sentence<'_>),
) -> Result<Answer, ConnectionError> {
    way.send(command, (), None, Instant::now())?;
    let mut answer = Ok(0);
    loop {
        match way.take(Instant::now())? {
            Some(Event::Row(_, (), row)) => {
                note(&row);
                answer = answer.map(|rows| rows + 1);
            }
            Some(Event::LeftOut(..)) => {}
            Some(Event::Trap(_, (), trap)) => answer = Err(in_words(trap.message())),
            Some(Event::Done(..) | Event::TimedOut(..)) => return Ok(answer),
            None => match timeout(timing.connection.command_timeout, way.ready()).await {
                Ok(ready) => ready?,
                Err(_) => return Err(ConnectionError::Stalled(command.path())),
            },
        }
    }
}
