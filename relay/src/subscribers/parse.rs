//! Reads a subscribers file: bytes in, a table and findings out.
//!
//! The first row names the columns, in any order; case, blanks and punctuation in a name do not count:
//!
//! | column | names |
//! |---|---|
//! | `username` (required) | `username`, `user`, `login`; before all of these `pppoe`, `pppoe username`, `pppoe user`, `ppp name` … |
//! | `customer` | `customer name`, `client`, `client name`, `subscriber`, `full name`; else `name` |
//! | `package` | `plan`, `profile`, `product`, `tariff`, `service plan`; else `service` |
//! | `download` | `down`, `download limit`, `max download`, `speed_download`; a unit may follow: `download (Mbps)` |
//! | `upload` | likewise |
//! | both | `download/upload`, `speed (up/down)`, `Mikrotik-Rate-Limit` |
//!
//! Other columns are kept for support: `reference`, `phone` and `address` are known by several names, the rest by the file's. A column
//! of passwords is not read. Comma, semicolon, tab and `|` are told apart by the first row; a line `sep=;` may stand before
//! the first row. The encoding is the marked one, the declared one, UTF-8, or windows-1252. A username is taken
//! exactly, byte for byte; the text form (`caf%E9`) is understood too.
//!
//! A row is one line. A row or a limit with two readings is refused, and both readings are told.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use encoding_rs::Encoding;
use shared::Username;

use super::columns::Columns;
use super::encoding::{Content, Decoder};
use super::finding::{BadRow, Doubt, Fault, FileError, Matter, RowError};
use super::json::display;
use super::lines::{self, Line};
use super::quotes::{self, Value};
use super::spelling;
use super::subscriber::{Further, Subscriber};
use super::table::{MAX_ROWS, Table};

/// The content of a file.
#[derive(Debug)]
pub struct Parsed {
    /// The rows in use.
    pub table: Table,
    /// The refused rows, in order.
    pub bad: Vec<BadRow>,
    /// Facts about rows in use, in order.
    pub doubts: Vec<Doubt>,
    /// How the file was read.
    pub layout: Layout,
}

/// How a file was read.
#[derive(Debug)]
pub struct Layout {
    /// The encoding's name.
    pub encoding: &'static str,
    /// The separator of the values.
    pub separator: char,
    /// The names of the columns, and the use of each.
    pub columns: Vec<(String, Option<&'static str>)>,
}

/// Reads a subscribers file; `encoding` counts unless a byte-order mark says another.
///
/// # Errors
/// [`FileError`], if no row can be used.
pub fn parse(content: &[u8], encoding: Option<&'static Encoding>) -> Result<Parsed, FileError> {
    parse_each(content, encoding, |_| {})
}

/// One row.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The line of the file, counted from 1.
    pub line: u64,
    /// The username, exactly as written.
    pub username: &'a Username,
    /// The username without a spreadsheet's additions, if there are any.
    pub plain: Option<&'a Username>,
    /// The rest of the row.
    pub subscriber: &'a Subscriber,
}

/// As [`parse`], and shows each row. A row may turn out later to collide with another.
///
/// # Errors
/// [`FileError`], if no row can be used.
pub fn parse_each(
    content: &[u8],
    encoding: Option<&'static Encoding>,
    mut show: impl FnMut(&Reading<'_>),
) -> Result<Parsed, FileError> {
    let content = Content::new(content, encoding);
    let lines = lines::lines(&content.bytes);
    let (separator, lines) = separator(&lines);
    let ((_, first), lines) = lines.split_first().ok_or(FileError::Empty)?;
    let names = names(first, separator, content.decoder)?;
    if names.iter().any(|name| name.contains('\0')) {
        return Err(FileError::NoText);
    }
    let columns = Columns::find(&names)?;
    let layout = Layout {
        encoding: content.decoder.name(),
        separator: char::from(separator),
        columns: names.into_iter().zip(columns.uses()).collect(),
    };
    let reader = Reader { columns, separator, decoder: content.decoder };
    let mut draft = Draft::default();
    for line in lines::judge(lines, separator, reader.columns.count) {
        draft.add(&line, &reader, &mut show);
    }
    Ok(draft.finish(layout))
}

/// The reader of single lines.
struct Reader {
    columns: Columns,
    separator: u8,
    decoder: Decoder,
}

/// A table in the making.
#[derive(Default)]
struct Draft {
    rows: HashMap<Username, Arc<Subscriber>>,
    bad: Vec<BadRow>,
    doubts: Vec<Doubt>,
    /// By plain username: the lines and exact usernames of rows with another spelling.
    spelled: BTreeMap<Username, Vec<(u64, Username)>>,
    /// How many lines were read.
    count: usize,
}

impl Draft {
    fn add(&mut self, line: &Line<'_>, reader: &Reader, show: &mut impl FnMut(&Reading<'_>)) {
        self.count += 1;
        let outcome = if self.count > MAX_ROWS { Err(RowError::TooManyRows) } else { self.row(line, reader, show) };
        if let Err(reason) = outcome {
            self.bad.push(BadRow { line: line.number, reason });
        }
    }

    fn row(&mut self, line: &Line<'_>, reader: &Reader, show: &mut impl FnMut(&Reading<'_>)) -> Result<(), RowError> {
        if let Some(fault) = line.fault {
            return Err(fault.into());
        }
        let values = reader.values(line)?;
        let Some(values) = values else { return Ok(()) };
        let written = reader.username(&values);
        let username = Username::from_typed(&written)?;
        let Entry::Vacant(place) = self.rows.entry(username.clone()) else { return Err(RowError::Repeated) };
        let (subscriber, matters) = reader.subscriber(&values);
        let plain = spelling::plain(&written).and_then(|plain| Username::from_typed(&plain).ok());
        show(&Reading { line: line.number, username: &username, plain: plain.as_ref(), subscriber: &subscriber });
        place.insert(Arc::new(subscriber));
        let rounded = spelling::is_rounded(&written).then_some(Matter::Rounded);
        self.doubts.extend(matters.into_iter().chain(rounded).map(|about| Doubt { line: line.number, about }));
        if let Some(plain) = plain {
            self.spelled.entry(plain).or_default().push((line.number, username));
        }
        Ok(())
    }

    fn finish(mut self, layout: Layout) -> Parsed {
        let mut table = Table::from(std::mem::take(&mut self.rows));
        for (plain, spelled) in std::mem::take(&mut self.spelled) {
            self.settle(&mut table, plain, &spelled);
        }
        self.bad.sort_by_key(|bad| bad.line);
        self.doubts.sort_by_key(|doubt| doubt.line);
        Parsed { table, bad: self.bad, doubts: self.doubts, layout }
    }

    /// Decides the row of a plain username.
    fn settle(&mut self, table: &mut Table, plain: Username, spelled: &[(u64, Username)]) {
        let about = match spelled {
            _ if table.contains(&plain) => Matter::PlainTaken,
            [(_, exact)] => {
                table.also(plain, exact);
                Matter::AlsoPlain
            }
            [first, second, ..] => {
                for (line, exact) in spelled {
                    let other = if line == &first.0 { second.0 } else { first.0 };
                    table.remove(exact);
                    self.bad.push(BadRow { line: *line, reason: RowError::Collides { line: other } });
                    self.doubts.retain(|doubt| doubt.line != *line);
                }
                return;
            }
            [] => return,
        };
        self.doubts.extend(spelled.iter().map(|(line, _)| Doubt { line: *line, about }));
    }
}

impl Reader {
    /// The values of a line; `None` if all are empty, as in the last rows of a spreadsheet.
    fn values<'a>(&self, line: &Line<'a>) -> Result<Option<Vec<Value<'a>>>, RowError> {
        let mut values = Vec::with_capacity(self.columns.count);
        quotes::split(line.bytes, self.separator, &mut values)?;
        let is_blank = |value: &Value<'_>| value.bytes.iter().all(u8::is_ascii_whitespace);
        if values.iter().all(is_blank) {
            return Ok(None);
        }
        if values.iter().skip(self.columns.count).all(is_blank) {
            return Ok(Some(values));
        }
        Err(RowError::TooManyValues { found: values.len(), expected: self.columns.count })
    }

    fn username(&self, values: &[Value<'_>]) -> Vec<u8> {
        let value = values.get(self.columns.username).filter(|value| !is_null(value));
        value.map_or_else(Vec::new, |value| self.decoder.username(&value.bytes).into_owned())
    }

    fn subscriber(&self, values: &[Value<'_>]) -> (Subscriber, Vec<Matter>) {
        let text = |at: Option<usize>| self.text(values.get(at?)?);
        let limit = |at: usize| values.get(at).map_or(Cow::Borrowed(""), |value| self.decoder.text(&value.bytes));
        let (plan, unread) = self.columns.plan(limit);
        let matters = unread.into_iter().map(|(column, reason)| Matter::Limit { column, reason }).collect();
        let further = self.columns.further.iter().filter_map(|column| {
            let text = text(Some(column.at))?.into_boxed_str();
            Some(Further { column: Arc::clone(&column.name), text })
        });
        let further = further.collect();
        let (customer, package) = (text(self.columns.customer), text(self.columns.package));
        (Subscriber { customer, package, plan, further }, matters)
    }

    /// A value for display: decoded, trimmed and cut; empty is none.
    fn text(&self, value: &Value<'_>) -> Option<String> {
        if is_null(value) {
            return None;
        }
        let bytes = quotes::formula(&value.bytes).unwrap_or(&value.bytes);
        display(&self.decoder.text(bytes))
    }
}

/// True for a database's "no value": `NULL` in quotes is a name.
fn is_null(value: &Value<'_>) -> bool {
    !value.quoted && matches!(&*value.bytes, b"NULL" | b"\\N")
}

fn names(first: &[u8], separator: u8, decoder: Decoder) -> Result<Vec<String>, FileError> {
    let mut values = Vec::new();
    let outcome = quotes::split(first, separator, &mut values);
    let outcome = if first.contains(&b'\r') { Err(Fault::CarriageReturn) } else { outcome };
    outcome.map_err(FileError::FirstRow)?;
    Ok(values.iter().map(|value| decoder.text(&value.bytes).into_owned()).collect())
}

/// The separator, and the lines from the first row on.
fn separator<'l, 'a>(lines: &'l [(u64, &'a [u8])]) -> (u8, &'l [(u64, &'a [u8])]) {
    match lines.split_first() {
        None => (b',', lines),
        Some(((_, first), rest)) => match declared_separator(first) {
            Some(separator) => (separator, rest),
            None => (likely_separator(first), lines),
        },
    }
}

/// Reads the line `sep=;`, a spreadsheet's word for the separator.
fn declared_separator(line: &[u8]) -> Option<u8> {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (word, separator) = line.split_at_checked(4)?;
    match separator {
        [] if word.eq_ignore_ascii_case(b"sep=") => Some(b'\t'),
        [byte] if word.eq_ignore_ascii_case(b"sep=") => {
            (byte.is_ascii_punctuation() && !matches!(byte, b'"' | b'\\')).then_some(*byte)
        }
        _ => None,
    }
}

/// The most frequent separator of the first row, outside of quotes.
fn likely_separator(first: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    for &byte in first {
        quoted ^= byte == b'"';
        if !quoted && let Some((_, count)) = counts.iter_mut().find(|(separator, _)| *separator == byte) {
            *count += 1;
        }
    }
    // Of equals the last wins: the comma is last.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(separator, _)| *separator)
}

#[cfg(test)]
mod tests;
