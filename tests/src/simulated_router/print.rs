//! `print` in a menu: selection, properties, one table or many.

use super::call::{Call, Outgoing};
use super::core::State;
use super::listen;
use super::menus::Menu;
use super::misbehaviour::Partial;
use super::query;
use super::sentence::{Reply, Row, Sentence, Trap};

/// Arguments of `print`. Arguments that only change a console's table do nothing here.
const PARAMETERS: [&str; 14] = [
    ".proplist",
    "append",
    "as-value",
    "brief",
    "count-only",
    "detail",
    "file",
    "follow",
    "follow-only",
    "interval",
    "stats",
    "terse",
    "value-list",
    "without-paging",
];

/// The wanted properties: all, or those of `=.proplist=`.
pub(crate) struct Properties(Option<Vec<Vec<u8>>>);

impl Properties {
    pub(crate) fn of(sentence: &Sentence) -> Self {
        let list = sentence.attribute(".proplist");
        Self(list.map(|list| list.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect()))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|list| list.iter().any(|wanted| wanted == name.as_bytes()))
    }

    /// The user's view of a row, before queries and the list are applied.
    fn visible(state: &State, row: Row) -> Row {
        let mut row = state.misbehaviour.strip(row);
        row.retain(|(name, _)| *name != "password" || state.policies.sensitive);
        row
    }

    /// Takes the listed properties; `None` if this router drops such rows.
    fn take(&self, state: &State, mut row: Row) -> Option<Row> {
        let Some(list) = &self.0 else { return Some(row) };
        let is_absent = |name: &Vec<u8>| !row.iter().any(|(known, _)| known.as_bytes() == name);
        if state.misbehaviour.unknown_property_drops_rows && list.iter().any(is_absent) {
            return None;
        }
        row.retain(|(name, _)| self.has(name));
        Some(row)
    }

    /// A row in this user's view.
    pub(crate) fn show(&self, state: &State, row: Row) -> Option<Row> {
        self.take(state, Self::visible(state, row))
    }
}

/// Carries out a `print`.
pub(crate) async fn print(call: &Call, menu: Menu) -> Result<(), Trap> {
    call.check_parameters(&PARAMETERS)?;
    let given = |name| call.sentence.attribute(name).is_some();
    if given("stats") && call.core.read(|state| state.misbehaviour.unknown_stats) {
        return Err(Trap::unknown_parameter(b"stats"));
    }
    if let Some(interval) = call.duration("interval")? {
        return print_again_and_again(call, menu, interval.max(1)).await;
    }
    if given("follow") || given("follow-only") {
        return print_and_follow(call, menu, given("follow")).await;
    }
    let rows = call.core.read_settled(|state, now| table(call, state, menu, now));
    if given("count-only") {
        call.done(Reply::done().with("ret", rows.len().to_string())).await;
        return Ok(());
    }
    print_once(call, rows).await
}

/// The selected rows, with the wanted properties.
fn table(call: &Call, state: &State, menu: Menu, now: u64) -> Vec<Row> {
    let properties = Properties::of(&call.sentence);
    let rows = menu.rows(&state.world, now).into_iter().map(|row| Properties::visible(state, row));
    let selected = rows.filter(|row| query::selects(call.sentence.queries(), row));
    let rows = selected.filter_map(|row| properties.take(state, row));
    let again = |row: &Row| state.misbehaviour.listed_twice.then(|| row.clone());
    rows.flat_map(|row| [again(&row), Some(row)]).flatten().collect()
}

async fn print_once(call: &Call, rows: Vec<Row>) -> Result<(), Trap> {
    let (partial, empty) = call.core.read(|state| (state.misbehaviour.partial, state.empty));
    if rows.is_empty() && empty {
        call.reply(&Reply::new("!empty")).await;
    }
    let half = rows.len() / 2;
    for (at, row) in rows.into_iter().enumerate() {
        match partial {
            Some(Partial::Paused(milliseconds)) if at == half => call.core.pause(milliseconds).await,
            Some(Partial::Interrupted) if at == half => return Err(Trap::interrupted()),
            Some(Partial::Truncated) if at == half => break,
            _ => {}
        }
        call.reply(&Reply::row(row)).await;
    }
    call.done(Reply::done()).await;
    Ok(())
}

/// The whole table each interval, each with a `!done` of its own; an empty one sends nothing at all.
async fn print_again_and_again(call: &Call, menu: Menu, interval: u64) -> Result<(), Trap> {
    let _stream = call.begin_stream(Vec::new());
    for section in 0_u64.. {
        call.core.answering().await;
        let rows = call.core.read_settled(|state, now| table(call, state, menu, now));
        if !rows.is_empty() {
            call.send(repetition(call, rows, section)).await;
        }
        call.core.pause(interval).await;
    }
    Ok(())
}

fn repetition(call: &Call, rows: Vec<Row>, section: u64) -> Outgoing {
    let stamped = |row| Reply::row(row).with(".section", section.to_string());
    let rows = rows.into_iter().map(|row| call.encode(&stamped(row)));
    let done = call.encode(&Reply::done().with(".section", section.to_string()));
    Outgoing { bytes: rows.chain([done]).flatten().collect(), ..Outgoing::default() }
}

/// The table, if wanted, and every later change.
async fn print_and_follow(call: &Call, menu: Menu, snapshot: bool) -> Result<(), Trap> {
    let (rows, changes) = call.core.read_and_follow(|state, now| table(call, state, menu, now));
    let _stream = call.begin_stream(Vec::new());
    for row in rows.into_iter().filter(|_| snapshot) {
        call.reply(&Reply::row(row)).await;
    }
    listen::follow(call, menu, changes).await;
    Ok(())
}
