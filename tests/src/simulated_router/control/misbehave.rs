//! The words of `misbehave` and `inject`.

use super::text::{escape, number, on_or_off};
use crate::simulated_router::{BadName, Injection, Misbehaviour, Partial, Vanished};

/// A change of the misbehaviour.
type Change = Box<dyn FnOnce(&mut Misbehaviour)>;

fn setting<T: 'static>(value: Result<T, String>, set: fn(&mut Misbehaviour, T)) -> Result<Change, String> {
    let value = value?;
    Ok(Box::new(move |misbehaviour| set(misbehaviour, value)))
}

/// What `misbehave KEY VALUE` changes.
pub(super) fn change(key: &[u8], value: &[u8]) -> Result<Change, String> {
    match key {
        b"vanished" => setting(vanished(value), |m, value| m.vanished = value),
        b"bad-name" => setting(bad_name(value), |m, value| m.bad_name = value),
        b"names-only" => setting(on_or_off(value), |m, value| m.names_only = value),
        b"unmonitored" => setting(list(value), |m, value| m.unmonitored = value),
        b"doubled" => setting(on_or_off(value), |m, value| m.doubled_rows = value),
        b"listed-twice" => setting(on_or_off(value), |m, value| m.listed_twice = value),
        b"silent" => setting(on_or_off(value), |m, value| m.silent_streams = value),
        b"missing-properties" => setting(list(value), |m, value| m.missing_properties = value),
        b"nameless" => setting(on_or_off(value), |m, value| m.nameless_rows = value),
        b"suffixed" => setting(on_or_off(value), |m, value| m.suffixed_rates = value),
        b"narrow-counters" => setting(on_or_off(value), |m, value| m.narrow_counters = value),
        b"unknown-stats" => setting(on_or_off(value), |m, value| m.unknown_stats = value),
        b"piece" => setting(piece(value), |m, value| m.piece = value),
        b"late" => setting(number(value), |m, value| m.late_replies = value),
        b"unanswered" => setting(list(value), |m, value| m.unanswered = value),
        b"deaf" => setting(on_or_off(value), |m, value| m.deaf_to_cancel = value),
        b"refused" => setting(list(value), |m, value| m.refused = value),
        b"missing-menus" => setting(list(value), |m, value| m.missing_menus = value),
        b"no-listen" => setting(on_or_off(value), |m, value| m.no_listen = value),
        b"unknown-words" => setting(on_or_off(value), |m, value| m.unknown_words = value),
        b"partial" => setting(partial(value), |m, value| m.partial = value),
        b"drops-rows" => setting(on_or_off(value), |m, value| m.unknown_property_drops_rows = value),
        _ => Err(format!("no such misbehaviour: {}; try help", escape(key))),
    }
}

fn vanished(value: &[u8]) -> Result<Vanished, String> {
    match value {
        b"rows-stop" => Ok(Vanished::RowsStop),
        b"zeros" => Ok(Vanished::Zeros),
        b"trap" => Ok(Vanished::Trap),
        b"done" => Ok(Vanished::Done),
        _ => Err("vanished is rows-stop, zeros, trap or done".to_owned()),
    }
}

fn bad_name(value: &[u8]) -> Result<BadName, String> {
    match value {
        b"fails" => Ok(BadName::FailsTheList),
        b"skipped" => Ok(BadName::Skipped),
        _ => Err("bad-name is fails or skipped".to_owned()),
    }
}

fn list(value: &[u8]) -> Result<Vec<String>, String> {
    let entries = String::from_utf8_lossy(value);
    Ok(entries.split(',').filter(|entry| *entry != "none" && !entry.is_empty()).map(str::to_owned).collect())
}

fn piece(value: &[u8]) -> Result<Option<usize>, String> {
    if value == b"off" { Ok(None) } else { number(value).map(Some) }
}

fn partial(value: &[u8]) -> Result<Option<Partial>, String> {
    match value {
        b"off" => Ok(None),
        b"interrupted" => Ok(Some(Partial::Interrupted)),
        b"truncated" => Ok(Some(Partial::Truncated)),
        _ => {
            let milliseconds = value
                .strip_prefix(b"paused:")
                .ok_or("partial is paused:MILLISECONDS, interrupted, truncated or off")?;
            Ok(Some(Partial::Paused(number(milliseconds)?)))
        }
    }
}

/// What `inject KIND [ARGUMENT]` sends.
pub(super) fn injection(kind: &[u8], argument: Option<&[u8]>) -> Result<Injection, String> {
    Ok(match (kind, argument) {
        (b"huge-word", None) => Injection::HugeWord,
        (b"reserved-prefix", None) => Injection::ReservedPrefix,
        (b"long-word", None) => Injection::LongWord,
        (b"many-words", None) => Injection::ManyWords,
        (b"long-sentence", None) => Injection::LongSentence,
        (b"unknown-word", None) => Injection::UnknownWord,
        (b"flood", Some(count)) => Injection::Flood(number(count)?),
        (b"fatal", Some(reason)) => Injection::Fatal(String::from_utf8_lossy(reason).into_owned()),
        (b"bytes", Some(bytes)) => Injection::Bytes(bytes.to_vec()),
        _ => return Err(format!("no such injection: {}; try help", escape(kind))),
    })
}
