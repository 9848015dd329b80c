//! The routers: how each agent is, what it lacks in words, and the paste that installs another one.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::control::Status;
use tokio::task::spawn_blocking;

use super::context::DeskContext;
use crate::agents::enrolment::{self, change, change_shared};
use crate::agents::findings::AgentFindings;
use crate::agents::registry::{Entries, Entry, Pattern};
use crate::agents::script::{Arch, Image, Install, Place, Storage};
use crate::clock::{UnixMillis, unix_seconds};
use crate::net::answers::{Segment, json_answer};
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{self, Deed, What};
use crate::operators::console::body::Json;
use crate::operators::console::context::now;
use crate::operators::console::visitor::Operator;
use crate::store::database::Topic;
use crate::store::database::location::Location;

/// The subnet between router and container, unless said otherwise: that of `router-script`.
const SUBNET: &str = "172.31.255.0/30";

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    patterns: Vec<String>,
    added: UnixMillis,
    connected_since: Option<UnixMillis>,
    lost_since: Option<UnixMillis>,
    version: Option<String>,
    /// True if this relay's version is newer than the agent's.
    newer: bool,
    identity: Option<String>,
    board: Option<String>,
    routeros: Option<String>,
    sessions: Option<u32>,
    watched: Option<u32>,
    /// One exchange with the router's API, microseconds.
    response_us: Option<u64>,
    /// The age of the oldest batch that the relay has not acknowledged, milliseconds.
    delay_ms: Option<u64>,
    backlog: Option<Backlog>,
    fault: Option<Fault>,
}

#[derive(Debug, Serialize)]
struct Backlog {
    bytes: u32,
    seconds: u32,
}

/// What is wrong, and what to do.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Fault {
    what: String,
    remedy: String,
}

/// How far a new router is.
#[derive(Debug, Serialize)]
struct Steps {
    /// The paste ran: nothing else makes the agent known.
    paste: bool,
    heard: bool,
    router: bool,
    sessions: bool,
}

impl Row {
    fn of(entry: &Entry, found: Option<&AgentFindings>) -> Self {
        let status = found.and_then(|found| found.status.as_ref());
        let version = found.map(|found| found.version.clone()).filter(|version| !version.is_empty());
        Self {
            name: entry.name.clone(),
            patterns: entry.lines.iter().map(ToString::to_string).collect(),
            added: super::line::at(entry.created),
            connected_since: found.and_then(|found| found.connected_since),
            lost_since: found.and_then(|found| found.lost_since),
            newer: version.as_deref().is_some_and(|version| is_older(version, env!("CARGO_PKG_VERSION"))),
            version,
            identity: status.and_then(|status| status.identity.clone()),
            board: status.and_then(|status| status.board.clone()),
            routeros: status.and_then(|status| status.routeros.clone()),
            sessions: status.map(|status| status.sessions),
            watched: status.map(|status| status.watched),
            response_us: status.and_then(|status| status.round_trip_us),
            delay_ms: status.and_then(|status| status.unacknowledged_ms),
            backlog: status
                .map(|status| Backlog { bytes: status.backlog_bytes, seconds: status.backlog_age_ms / 1_000 }),
            fault: found.and_then(fault),
        }
    }
}

/// True if a version of three numbers is before another. A version of another form is not.
fn is_older(version: &str, than: &str) -> bool {
    let numbers = |version: &str| {
        let parts: Option<Vec<u64>> = version.split('.').map(|part| part.parse().ok()).collect();
        parts.filter(|parts| parts.len() == 3)
    };
    numbers(version).zip(numbers(than)).is_some_and(|(version, than)| version < than)
}

fn fault(found: &AgentFindings) -> Option<Fault> {
    let told = |what: &str, remedy: &str| Some(Fault { what: what.to_owned(), remedy: remedy.to_owned() });
    if found.connected_since.is_none() {
        let remedy = "See whether the router has power and internet; /container/print on it shows the agent, /log/print its reason.";
        return told("The agent is not heard.", remedy);
    }
    match &found.status {
        Some(Status { fault: Some(fault), .. }) => {
            let (what, remedy) =
                fault.split_once("; ").unwrap_or((fault, "docs/faults.md has each fault with what mends it."));
            told(what, remedy)
        }
        Some(Status { router_reachable: false, .. }) => {
            let remedy = "See /ip/service/print on the router for the API, and /user/active/print for the agent.";
            told("The router does not answer its agent.", remedy)
        }
        _ if found.refused_lines > 0 => {
            let what = format!("Sessions beyond its patterns: {}. They are shown to nobody.", found.refused_lines);
            told(&what, "If they are this router's, change its patterns.")
        }
        _ => None,
    }
}

impl DeskContext {
    async fn entries(&self) -> Result<Entries, Problem> {
        let path = self.data.agents();
        in_time(move || Entries::load(&path)).await
    }

    fn found(&self) -> Vec<AgentFindings> {
        self.fleet.findings(self.hub().now()).agents
    }

    /// Changes the registry with its entry in the audit log, in the store where relays share it. Each relay takes the change within a
    /// second.
    async fn change_registry<T: Send + 'static>(
        &self,
        operator: &Operator,
        deed: Deed,
        work: impl FnOnce(&mut Entries) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        if let Location::File(_) = self.console.store.location() {
            return self.change_file(operator, deed, work).await;
        }
        let mut change = self.console.database().await?.change(Topic::Agents).await?;
        let done = change_shared(&self.data, &mut change, work).await.map_err(|error| refused(&error))?;
        audit::commit(change, &operator.actor(), &deed, now()).await?;
        self.console.changed().await;
        Ok(done)
    }

    /// Changes the registry's file, and notes the deed. The relay takes the file up within a second.
    ///
    /// The file is written first, then the entry: no entry tells of a change that did not happen. Both belong to one piece of work,
    /// which goes on where the client has gone. A relay that dies in between leaves a change without an entry, which the relay's log
    /// tells.
    async fn change_file<T: Send + 'static>(
        &self,
        operator: &Operator,
        deed: Deed,
        work: impl FnOnce(&mut Entries) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let (data, audit, actor) = (self.data.clone(), Arc::clone(&self.console.audit), operator.actor());
        in_time(move || {
            let done = change(&data, work)?;
            audit.note(&actor, deed);
            Ok(done)
        })
        .await
    }
}

/// Works on files where waiting is allowed.
async fn in_time<T: Send + 'static>(work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> Result<T, Problem> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| refused(&error)),
        Err(_) => Err(problem(StatusCode::INTERNAL_SERVER_ERROR, "fault", "The relay has a fault; see its log.")),
    }
}

/// Returns a refusal of the registry in its own words, which name no secret. What the store says is for the log alone.
fn refused(error: &anyhow::Error) -> Problem {
    if error.downcast_ref::<sqlx::Error>().is_some() {
        return Problem::store(error);
    }
    problem(StatusCode::BAD_REQUEST, "bad-router", &format!("Not done: {error:#}."))
}

/// Answers all routers, those with a fault first.
pub(super) async fn list(State(desk): State<Arc<DeskContext>>, _: Operator) -> Result<Response, Problem> {
    let (entries, found) = (desk.entries().await?, desk.found());
    let of = |entry: &Entry| Row::of(entry, found.iter().find(|found| found.name == entry.name));
    let mut routers: Vec<Row> = entries.agents.iter().map(of).collect();
    routers.sort_by(|one, other| (one.fault.is_none(), &one.name).cmp(&(other.fault.is_none(), &other.name)));
    Ok(json_answer(StatusCode::OK, &json!({ "routers": routers })))
}

/// Answers one router, and how far its installation is.
pub(super) async fn one(
    State(desk): State<Arc<DeskContext>>,
    _: Operator,
    Segment(name): Segment,
) -> Result<Response, Problem> {
    let (entries, found) = (desk.entries().await?, desk.found());
    let found = found.iter().find(|found| found.name == name);
    let Some(entry) = entries.agents.iter().find(|entry| entry.name == name) else {
        return Err(problem(StatusCode::NOT_FOUND, "unknown", "There is no router of this name."));
    };
    let status = found
        .and_then(|found| found.status.as_ref())
        .filter(|_| found.is_some_and(|found| found.connected_since.is_some()));
    let steps = Steps {
        paste: found.is_some(),
        heard: found.is_some(),
        router: status.is_some_and(|status| status.router_reachable),
        sessions: found.is_some_and(|found| found.lines > 0),
    };
    Ok(json_answer(StatusCode::OK, &json!({ "router": Row::of(entry, found), "steps": steps })))
}

/// A router to be added.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRouter {
    name: String,
    patterns: Vec<String>,
    #[serde(default)]
    options: Options,
}

/// What `router-script` takes as flags.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Options {
    architecture: Option<String>,
    /// `auto`, `memory` or `disk`.
    storage: Option<String>,
    disk: Option<String>,
    file: Option<String>,
    image: Option<String>,
    subnet: Option<String>,
    relay_urls: Vec<String>,
}

impl Options {
    fn place(&self) -> anyhow::Result<Place> {
        let file = || self.file.as_deref().map(str::parse).transpose();
        let image = match &self.image {
            Some(image) => Image::Remote(image.parse()?),
            None => Image::File(file()?),
        };
        let storage = match (self.storage.as_deref(), &self.disk) {
            (None | Some("auto"), None) => Storage::Auto,
            (Some("memory"), None) => Storage::Memory,
            (None | Some("disk"), Some(disk)) => Storage::Disk(disk.parse()?),
            _ => anyhow::bail!("storage is auto, memory, or disk with the disk's name"),
        };
        let arch = self.architecture.as_deref().map(|arch| arch.parse::<Arch>().map_err(anyhow::Error::msg));
        Ok(Place { arch: arch.transpose()?, image, storage, subnet: self.subnet.as_deref().unwrap_or(SUBNET).parse()? })
    }
}

fn patterns(texts: &[String]) -> Result<Vec<Pattern>, Problem> {
    let read: anyhow::Result<Vec<Pattern>> =
        texts.iter().map(|text| text.parse().map_err(|error| anyhow::anyhow!("{error}"))).collect();
    read.map_err(|error| refused(&error))
}

impl DeskContext {
    /// Returns the installation of an agent, without a token yet.
    fn install(&self, name: &str, options: &Options) -> Result<Install, Problem> {
        let install = || {
            let relays: anyhow::Result<Vec<_>> = options.relay_urls.iter().map(|url| url.parse()).collect();
            anyhow::Ok(Install {
                agent: name.to_owned(),
                relays: enrolment::relays(relays?, self.console.public_url.as_ref())?,
                pins: Vec::new(),
                ca: None,
                token: String::new(),
                password: enrolment::password()?,
                place: options.place()?,
                response: false,
            })
        };
        // Whatever is wrong with the script shows before the registry changes.
        install().and_then(|install| install.script().map(|_| install)).map_err(|error| refused(&error))
    }
}

/// Adds a router, and answers the script that installs its agent. The token is in the script and nowhere else.
pub(super) async fn add(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    Json(NewRouter { name, patterns: texts, options }): Json<NewRouter>,
) -> Result<Response, Problem> {
    operator.admin()?;
    let (lines, mut install) = (patterns(&texts)?, desk.install(&name, &options)?);
    let added = name.clone();
    let created = unix_seconds(SystemTime::now());
    let deed = Deed::new(What::RouterAdded).detail(name);
    let add = move |entries: &mut Entries| entries.add(&added, lines, false, created);
    install.token = desk.change_registry(&operator, deed, add).await?;
    script(&install)
}

/// Gives a known agent another token, and answers the script. The token before stops working.
pub(super) async fn new_token(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    Segment(name): Segment,
    Json(options): Json<Options>,
) -> Result<Response, Problem> {
    operator.admin()?;
    let mut install = desk.install(&name, &options)?;
    let deed = Deed::new(What::RouterToken).detail(name.as_str());
    install.token = desk.change_registry(&operator, deed, move |entries| entries.renew(&name)).await?;
    script(&install)
}

fn script(install: &Install) -> Result<Response, Problem> {
    let script = install.script().map_err(|error| refused(&error))?;
    Ok(json_answer(StatusCode::OK, &json!({ "script": script, "token_shown_once": true })))
}

/// The usernames that an agent may report.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patterns {
    patterns: Vec<String>,
}

/// Changes the usernames that an agent may report.
pub(super) async fn set_patterns(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    Segment(name): Segment,
    Json(Patterns { patterns: texts }): Json<Patterns>,
) -> Result<Response, Problem> {
    operator.admin()?;
    let lines = patterns(&texts)?;
    let deed = Deed::new(What::RouterChanged).detail(format!("{name} {}", texts.join(" ")));
    desk.change_registry(&operator, deed, move |entries| entries.allow(&name, lines)).await?;
    Ok(json_answer(StatusCode::OK, &json!({})))
}

/// Removes an agent; its uplink ends within a second.
pub(super) async fn revoke(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    Segment(name): Segment,
) -> Result<Response, Problem> {
    operator.admin()?;
    let deed = Deed::new(What::RouterRevoked).detail(name.as_str());
    desk.change_registry(&operator, deed, move |entries| entries.revoke(&name)).await?;
    Ok(json_answer(StatusCode::OK, &json!({})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_before_this_relay_is_older() {
        assert!(is_older("0.1.0", "0.2.0") && is_older("0.9.9", "0.10.0"));
        for (version, than) in
            [("0.2.0", "0.2.0"), ("1.0.0", "0.9.0"), ("", "0.1.0"), ("dev", "0.1.0"), ("0.1", "0.2.0")]
        {
            assert!(!is_older(version, than), "{version} {than}");
        }
    }

    #[test]
    fn each_fault_is_said_with_its_remedy() {
        let connected =
            || AgentFindings { connected_since: Some(UnixMillis::from_millis(1)), ..AgentFindings::default() };
        assert_eq!(fault(&connected()), None);
        assert!(fault(&AgentFindings::default()).unwrap().what.contains("not heard"));
        let refused = fault(&AgentFindings { refused_lines: 3, ..connected() }).unwrap();
        assert!(refused.what.contains('3') && refused.remedy.contains("patterns"));
    }
}
