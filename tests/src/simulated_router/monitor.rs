//! `monitor-traffic` of interfaces and `monitor` of PPPoE clients: one frame of rows each interval until cancelled.

use tokio::time::Instant;

use super::call::{Call, Outgoing};
use super::core::State;
use super::menus;
use super::misbehaviour::{BadName, Vanished, suffixed};
use super::print::Properties;
use super::record::SampleSent;
use super::sentence::{Reply, Row, Trap};
use super::state::{Directed, Interface, hex_id};

/// What `monitor-traffic` takes; the console's own parameters do nothing over the API.
const PARAMETERS: [&str; 11] = [
    ".proplist",
    "append",
    "as-value",
    "do",
    "duration",
    "file",
    "freeze-frame-interval",
    "interface",
    "interval",
    "once",
    "without-paging",
];

/// The longest `interval` of `monitor-traffic`, in milliseconds.
const LONGEST_INTERVAL: u64 = 5000;

/// The subject of one row of a stream, settled when the command starts: an interface by its id, never by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Interface {
        id: u32,
        name: Vec<u8>,
    },
    /// The sum over the list's other entries, or over all interfaces for `aggregate` alone.
    Aggregate,
    /// The row without a name, for an empty list.
    Nothing,
}

/// When the frames of a command come and how many there are.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    interval: u64,
    frames: Option<u64>,
    /// How long the command stays open at least, in milliseconds.
    duration: u64,
}

impl Schedule {
    fn of(call: &Call, longest: u64) -> Result<Self, Trap> {
        let interval = call.duration("interval")?.unwrap_or(1000);
        if interval == 0 || interval > longest {
            return Err(Trap::out_of_range("interval"));
        }
        let schedule = |frames, duration| Self { interval, frames, duration };
        if call.sentence.attribute("once").is_some() {
            return Ok(schedule(Some(1), 0));
        }
        let duration = call.duration("duration")?;
        Ok(duration.map_or(schedule(None, 0), |duration| schedule(Some(duration.div_ceil(interval)), duration)))
    }
}

/// Carries out `/interface/monitor-traffic`.
pub(crate) async fn traffic(call: &Call) -> Result<(), Trap> {
    if call.core.read(|state| state.policies.monitor_needs_test && !state.policies.test) {
        return Err(Trap::not_permitted());
    }
    call.check_parameters(&PARAMETERS)?;
    let list = call.sentence.attribute("interface").ok_or_else(|| Trap::missing("interface"))?;
    let schedule = Schedule::of(call, LONGEST_INTERVAL)?;
    let targets = call.core.read(|state| targets(state, list))?;
    let _stream = call.begin_stream(names(&targets));
    run(call, schedule, |section| call.core.read(|state| traffic_frame(call, state, &targets, section))).await
}

/// Carries out `/interface/pppoe-client/monitor`.
pub(crate) async fn client(call: &Call) -> Result<(), Trap> {
    call.check_parameters(&[".id", ".proplist", "duration", "interval", "numbers", "once"])?;
    let given = call.sentence.attribute(".id").or_else(|| call.sentence.attribute("numbers"));
    let given = given.ok_or_else(|| Trap::missing(".id"))?;
    let found =
        call.core.read(|state| state.world.resolve(given).map(|interface| (interface.id, interface.name.clone())));
    let (id, name) = found.ok_or_else(Trap::no_such_item)?;
    let schedule = Schedule::of(call, u64::MAX)?;
    let _stream = call.begin_stream(vec![name]);
    run(call, schedule, |section| call.core.read(|state| client_frame(call, state, id, section))).await
}

/// The result of a tick.
enum Frame {
    Rows(Vec<(Reply, Option<SampleSent>)>),
    Trap(Trap),
    Done,
}

/// Sends a frame at once and then one each interval, until the schedule or a frame ends the command.
async fn run(call: &Call, schedule: Schedule, frame: impl Fn(u64) -> Frame) -> Result<(), Trap> {
    let started = Instant::now();
    let mut tick = started;
    for section in (0_u64..).take_while(|section| schedule.frames.is_none_or(|frames| *section < frames)) {
        call.core.answering().await;
        match frame(section) {
            Frame::Rows(rows) => call.send(outgoing(call, rows)).await,
            Frame::Trap(trap) => return Err(trap),
            Frame::Done => break,
        }
        if schedule.frames == Some(section + 1) {
            tokio::time::sleep_until(started + call.core.duration(schedule.duration)).await;
            break;
        }
        // From tick to tick, so that a frame's own time does not add up; after a stall, from now on.
        tick = (tick + call.core.duration(schedule.interval)).max(Instant::now());
        tokio::time::sleep_until(tick).await;
    }
    call.done(Reply::done()).await;
    Ok(())
}

fn outgoing(call: &Call, rows: Vec<(Reply, Option<SampleSent>)>) -> Outgoing {
    let mut outgoing = Outgoing::default();
    for (reply, sample) in rows {
        outgoing.bytes.extend(call.encode(&reply));
        outgoing.samples.extend(sample);
    }
    outgoing
}

fn names(targets: &[Target]) -> Vec<Vec<u8>> {
    let name = |target: &Target| match target {
        Target::Interface { name, .. } => Some(name.clone()),
        Target::Aggregate => Some(b"aggregate".to_vec()),
        Target::Nothing => None,
    };
    targets.iter().filter_map(name).collect()
}

/// Resolves a comma list of names and ids. A comma inside a name divides the name, as on a router.
fn targets(state: &State, list: &[u8]) -> Result<Vec<Target>, Trap> {
    if list.is_empty() {
        return Ok(vec![Target::Nothing]);
    }
    let mut targets = Vec::new();
    for entry in list.split(|byte| *byte == b',') {
        let found =
            if state.misbehaviour.names_only { state.world.interface_named(entry) } else { state.world.resolve(entry) };
        let found = found.filter(|found| !state.misbehaviour.is_unmonitored(&found.name));
        match (entry, found, state.misbehaviour.bad_name) {
            (b"aggregate", _, _) => targets.push(Target::Aggregate),
            (_, Some(found), _) => targets.push(Target::Interface { id: found.id, name: found.name.clone() }),
            (_, None, BadName::FailsTheList) => return Err(Trap::no_match("interface")),
            (_, None, BadName::Skipped) => {}
        }
    }
    Ok(targets)
}

fn traffic_frame(call: &Call, state: &State, targets: &[Target], section: u64) -> Frame {
    let is_gone =
        |target: &Target| matches!(target, Target::Interface { id, .. } if state.world.interface(*id).is_none());
    match state.misbehaviour.vanished {
        Vanished::Trap if targets.iter().any(is_gone) => return Frame::Trap(Trap::no_such_item()),
        Vanished::Done if targets.iter().any(is_gone) => return Frame::Done,
        _ if state.misbehaviour.silent_streams => return Frame::Rows(Vec::new()),
        _ => {}
    }
    let now = call.core.now();
    let rows = targets.iter().filter_map(|target| {
        let row = target_row(state, targets, target, now)?;
        let sample = sample_of(call, state, target, section, now);
        Some((traffic_reply(call, state, row, section), sample))
    });
    let again = |row: &(Reply, Option<SampleSent>)| state.misbehaviour.doubled_rows.then(|| (row.0.clone(), None));
    Frame::Rows(rows.flat_map(|row| [again(&row), Some(row)]).flatten().collect())
}

/// A target's name and rates, or `None` for a vanished one without rows.
fn target_row(state: &State, all: &[Target], target: &Target, now: u64) -> Option<(Option<Vec<u8>>, Directed)> {
    match target {
        Target::Nothing => Some((None, Directed::default())),
        Target::Aggregate => Some((None, aggregate(state, all, now))),
        Target::Interface { id, name } => match state.world.interface(*id) {
            Some(found) => Some((Some(found.name.clone()), state.world.directed_rates(found, now))),
            None if state.misbehaviour.vanished == Vanished::Zeros => Some((Some(name.clone()), Directed::default())),
            None => None,
        },
    }
}

fn aggregate(state: &State, all: &[Target], now: u64) -> Directed {
    let listed = all.iter().filter_map(|target| match target {
        Target::Interface { id, .. } => state.world.interface(*id),
        _ => None,
    });
    match all {
        [Target::Aggregate] => state.world.aggregate(state.world.interfaces.iter(), now),
        _ => state.world.aggregate(listed, now),
    }
}

fn sample_of(call: &Call, state: &State, target: &Target, section: u64, now: u64) -> Option<SampleSent> {
    let Target::Interface { id, .. } = target else { return None };
    let interface: &Interface = state.world.interface(*id)?;
    let rates = state.world.rates(interface, now);
    let Directed { rx, tx } = interface.kind.direct(rates);
    Some(SampleSent {
        connection: call.connection,
        tag: call.tag().map(<[u8]>::to_vec),
        at: Instant::now(),
        section,
        id: hex_id(*id),
        name: interface.name.clone(),
        username: interface.username.clone(),
        rx,
        tx,
        download: rates.download,
        upload: rates.upload,
    })
}

/// The row in the order of a modern router. The fast path's figures are part of the others and not to be added to them.
fn traffic_reply(call: &Call, state: &State, (name, rates): (Option<Vec<u8>>, Directed), section: u64) -> Reply {
    let misbehaviour = &state.misbehaviour;
    let count = |value: u64| value.to_string().into_bytes();
    let bits = |value: u64| if misbehaviour.suffixed_rates { suffixed(value).into_bytes() } else { count(value) };
    let packets = |bits: u64| count(bits.div_ceil(8 * 1200));
    let fast = |bits: u64| bits / 100 * 85;
    let name = name.filter(|_| !misbehaviour.nameless_rows).map(|name| ("name", name));
    let mut row: Row = name.into_iter().collect();
    row.extend([
        ("rx-packets-per-second", packets(rates.rx)),
        ("rx-bits-per-second", bits(rates.rx)),
        ("fp-rx-packets-per-second", packets(fast(rates.rx))),
        ("fp-rx-bits-per-second", bits(fast(rates.rx))),
        ("rx-drops-per-second", count(0)),
        ("rx-errors-per-second", count(0)),
        ("tx-packets-per-second", packets(rates.tx)),
        ("tx-bits-per-second", bits(rates.tx)),
        ("fp-tx-packets-per-second", packets(fast(rates.tx))),
        ("fp-tx-bits-per-second", bits(fast(rates.tx))),
        ("tx-drops-per-second", count(0)),
        ("tx-queue-drops-per-second", count(0)),
        ("tx-errors-per-second", count(0)),
    ]);
    let mut row = misbehaviour.strip(row);
    let properties = Properties::of(&call.sentence);
    row.retain(|(name, _)| properties.has(name));
    Reply::row(row).with(".section", section.to_string())
}

fn client_frame(call: &Call, state: &State, id: u32, section: u64) -> Frame {
    let Some(interface) = state.world.interface(id) else { return Frame::Trap(Trap::no_such_item()) };
    let mut row = state.misbehaviour.strip(menus::client_status_row(interface, call.core.now()));
    let properties = Properties::of(&call.sentence);
    row.retain(|(name, _)| properties.has(name));
    Frame::Rows(vec![(Reply::row(row).with(".section", section.to_string()), None)])
}

/// One row more for an ended stream, as from a router with a cancel under way.
pub(crate) fn late_row(call: &Call, state: &State, name: &[u8]) -> Option<Reply> {
    let now = call.core.now();
    let interface = state.world.interface_named(name)?;
    let row = (Some(name.to_vec()), state.world.directed_rates(interface, now));
    Some(traffic_reply(call, state, row, 0))
}
