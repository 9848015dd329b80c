//! Reads a subscribers file: bytes in, a table and its bad rows out.
//!
//! The first row names the columns, in any order; case, spaces and punctuation in a name do not count:
//!
//! | column | also |
//! |---|---|
//! | `username` (required) | `user`, `pppoe`, `pppoe username`, `pppoe user`, `login` |
//! | `customer` | `customer name`, `client`, `client name`, `subscriber`, `full name` |
//! | `package` | `plan`, `profile`, `product`, `service` |
//! | `download` | `down`, `download limit`, `max download`, `download speed`; a unit may follow: `download (Mbps)` |
//! | `upload` | likewise |
//!
//! Other columns are ignored. Comma, semicolon and tab are told apart by the first row. A byte-order mark (UTF-8, UTF-16) is
//! understood; without one the file is UTF-8 or, where it is not valid UTF-8, windows-1252. A username is taken exactly,
//! byte for byte; its text form (`caf%E9`) is understood too.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use shared::Username;
use shared::control::{MAX_TEXT, Plan};
use shared::username::UsernameError;

use super::limit::{self, LimitError, Unit};
use super::{Subscriber, Table};

/// The most rows that are taken: ten times the largest provider that one relay serves.
const MAX_ROWS: usize = 1_000_000;
/// The most bad rows that are kept for the report.
const MAX_BAD: usize = 10_000;

/// What a file holds.
#[derive(Debug)]
pub struct Parsed {
    /// The good rows.
    pub table: HashMap<Username, Arc<Subscriber>>,
    /// The others, in order.
    pub bad: Vec<BadRow>,
}

/// A row that is not used.
#[derive(Debug)]
pub struct BadRow {
    /// The line of the file in which it begins, counted from 1.
    pub line: u64,
    /// What is wrong with it; it quotes nothing of the row.
    pub reason: RowError,
}

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The username is missing or too long.
    #[error("{0}")]
    Username(#[from] UsernameError),
    /// An earlier row names the same line.
    #[error("its username stands in an earlier row, which counts")]
    Repeated,
    /// More values than the first row has names, so that they may have shifted.
    #[error("it has {found} values for {expected} columns; a value that holds the separator goes in double quotes")]
    TooManyValues {
        /// How many there are.
        found: usize,
        /// How many there may be.
        expected: usize,
    },
    /// A limit that is none.
    #[error("its {column} {reason}")]
    Limit {
        /// Which one.
        column: &'static str,
        /// Why.
        reason: LimitError,
    },
    /// Past the most rows that are taken.
    #[error("the file has more than {MAX_ROWS} rows; this one and all that follow are not used")]
    TooManyRows,
}

/// Why a file is not used at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The first row does not say which column is the username.
    #[error("its first row names no column \"username\"; the first row must hold the columns' names")]
    NoUsername,
    /// Two columns mean the same.
    #[error("two of its columns are the {0}")]
    Twice(&'static str),
    /// Not a table of text.
    #[error("it cannot be read as CSV: {0}")]
    Csv(#[from] csv::Error),
}

/// Where in a row each value stands.
#[derive(Default)]
struct Columns {
    count: usize,
    username: usize,
    customer: Option<usize>,
    package: Option<usize>,
    download: Option<(usize, Option<Unit>)>,
    upload: Option<(usize, Option<Unit>)>,
}

/// Reads a subscribers file.
///
/// # Errors
/// [`FileError`], where no row can be used.
pub fn parse(content: &[u8]) -> Result<Parsed, FileError> {
    let (content, encoding) = decoded(content);
    let mut reader = ReaderBuilder::new().delimiter(delimiter(&content)).flexible(true).from_reader(&*content);
    let columns = Columns::find(reader.byte_headers()?, encoding)?;
    let mut parsed = Parsed { table: Table::new(), bad: Vec::new() };
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let full = parsed.table.len() >= MAX_ROWS;
        let added = if full { Err(RowError::TooManyRows) } else { parsed.add(&columns, &record, encoding) };
        if let Err(reason) = added
            && parsed.bad.len() < MAX_BAD
        {
            parsed.bad.push(BadRow { line, reason });
        }
        if full {
            break;
        }
    }
    Ok(parsed)
}

impl Parsed {
    fn add(&mut self, columns: &Columns, record: &ByteRecord, encoding: &'static Encoding) -> Result<(), RowError> {
        if record.len() > columns.count {
            return Err(RowError::TooManyValues { found: record.len(), expected: columns.count });
        }
        let username = Username::from_typed(record.get(columns.username).unwrap_or_default())?;
        if self.table.contains_key(&username) {
            return Err(RowError::Repeated);
        }
        let text = |at: Option<usize>| at.and_then(|at| record.get(at)).and_then(|value| text(value, encoding));
        let limit = |column, at: Option<(usize, Option<Unit>)>| {
            let Some((at, unit)) = at else { return Ok(None) };
            let value = String::from_utf8_lossy(record.get(at).unwrap_or_default());
            limit::parse(&value, unit).map_err(|reason| RowError::Limit { column, reason })
        };
        let plan = Plan { download: limit("download", columns.download)?, upload: limit("upload", columns.upload)? };
        let subscriber = Subscriber { customer: text(columns.customer), package: text(columns.package), plan };
        self.table.insert(username, Arc::new(subscriber));
        Ok(())
    }
}

impl Columns {
    fn find(headers: &ByteRecord, encoding: &'static Encoding) -> Result<Self, FileError> {
        let mut username = None;
        let mut columns = Self { count: headers.len(), ..Self::default() };
        for (at, header) in headers.iter().enumerate() {
            let name = plain(&encoding.decode_without_bom_handling(header).0);
            let (stem, unit) = limit::unit_of_header(&name);
            match stem {
                "username" | "user" | "pppoe" | "pppoeusername" | "pppoeuser" | "login" => {
                    once("username", &mut username, at)?;
                }
                "customer" | "customername" | "client" | "clientname" | "subscriber" | "fullname" => {
                    once("customer", &mut columns.customer, at)?;
                }
                "package" | "packagename" | "plan" | "profile" | "product" | "service" => {
                    once("package", &mut columns.package, at)?;
                }
                "download" | "down" | "downloadlimit" | "maxdownload" | "downloadspeed" | "downspeed" => {
                    once("download", &mut columns.download, (at, unit))?;
                }
                "upload" | "up" | "uploadlimit" | "maxupload" | "uploadspeed" | "upspeed" => {
                    once("upload", &mut columns.upload, (at, unit))?;
                }
                _ => {}
            }
        }
        columns.username = username.ok_or(FileError::NoUsername)?;
        Ok(columns)
    }
}

fn once<T>(what: &'static str, slot: &mut Option<T>, value: T) -> Result<(), FileError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(FileError::Twice(what)),
    }
}

/// A column's name without case, spaces and punctuation.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The content without its byte-order mark, and the encoding that its values are in; UTF-16 becomes UTF-8.
fn decoded(content: &[u8]) -> (Cow<'_, [u8]>, &'static Encoding) {
    match Encoding::for_bom(content) {
        Some((encoding, mark)) if encoding == UTF_8 => {
            // Declared UTF-8, but with usernames that are not: their bytes must stay as they are.
            let rest = content.get(mark..).unwrap_or_default();
            (Cow::Borrowed(rest), UTF_8)
        }
        Some((encoding, mark)) => {
            let (text, _) = encoding.decode_without_bom_handling(content.get(mark..).unwrap_or_default());
            (Cow::Owned(text.into_owned().into_bytes()), UTF_8)
        }
        None if std::str::from_utf8(content).is_ok() => (Cow::Borrowed(content), UTF_8),
        None => (Cow::Borrowed(content), WINDOWS_1252),
    }
}

/// The separator that the first row uses most, outside of quotes.
fn delimiter(content: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    for &byte in content.iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')) {
        quoted ^= byte == b'"';
        if !quoted && let Some((_, count)) = counts.iter_mut().find(|(separator, _)| *separator == byte) {
            *count += 1;
        }
    }
    // Of equals the last wins: the comma is last.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(separator, _)| *separator)
}

/// A value for display: decoded, trimmed and cut; empty is none.
fn text(value: &[u8], encoding: &'static Encoding) -> Option<String> {
    let (text, _) = encoding.decode_without_bom_handling(value);
    let text = text.trim();
    let cut = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text);
    (!cut.is_empty()).then(|| cut.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(parsed: &'a Parsed, username: &[u8]) -> &'a Subscriber {
        &parsed.table[&Username::from_bytes(username).unwrap()]
    }

    fn ali() -> Subscriber {
        Subscriber {
            customer: Some("Baba, Ali".into()),
            package: Some("Fibre 50/10".into()),
            plan: Plan { download: Some(50_000_000), upload: Some(10_000_000) },
        }
    }

    #[test]
    fn the_plain_case() {
        let file = "username,customer,package,download,upload\nali,\"Baba, Ali\",Fibre 50/10,50M,10 Mbps\nbob,,,,\n";
        let parsed = parse(file.as_bytes()).unwrap();
        assert!(parsed.bad.is_empty());
        assert_eq!(*row(&parsed, b"ali"), ali());
        assert_eq!(*row(&parsed, b"bob"), Subscriber { customer: None, package: None, plan: Plan::default() });
    }

    #[test]
    fn a_spreadsheets_export_in_any_order_with_mark_semicolons_and_crlf() {
        let file = "Upload (Mbps);Notes;PPPoE-Username;Customer Name;Plan;Download limit\r\n\
                    10;\"a;b\";ali; Baba, Ali ;Fibre 50/10;50000000\r\n";
        for bom in ["", "\u{FEFF}"] {
            let parsed = parse(format!("{bom}{file}").as_bytes()).unwrap();
            assert!(parsed.bad.is_empty());
            assert_eq!(*row(&parsed, b"ali"), ali());
        }
        let utf16: Vec<u8> = format!("\u{FEFF}{}", file.replace(';', "\t").replace("a\tb", "a;b"))
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(*row(&parse(&utf16).unwrap(), b"ali"), ali());
    }

    #[test]
    fn windows_1252_names_are_decoded_and_usernames_stay_bytes() {
        let parsed = parse(b"username,customer\ncaf\xE9,Caf\xE9 \x80\n").unwrap();
        assert_eq!(row(&parsed, b"caf\xE9").customer.as_deref(), Some("Café €"));
        let parsed = parse("username,customer\ncaf%E9,Café €\n50%,Percent\ncafé,UTF-8\n".as_bytes()).unwrap();
        assert_eq!(row(&parsed, b"caf\xE9").customer.as_deref(), Some("Café €"));
        assert_eq!(row(&parsed, b"50%").customer.as_deref(), Some("Percent"));
        assert_eq!(row(&parsed, "café".as_bytes()).customer.as_deref(), Some("UTF-8"));
    }

    #[test]
    fn usernames_are_exact() {
        let parsed = parse(b"username,customer\nBob,1\nbob,2\n bob,3\nali,4\nalice,5\n").unwrap();
        for (username, customer) in [(&b"Bob"[..], "1"), (b"bob", "2"), (b" bob", "3"), (b"ali", "4"), (b"alice", "5")]
        {
            assert_eq!(row(&parsed, username).customer.as_deref(), Some(customer));
        }
    }

    #[test]
    fn bad_rows_are_told_by_line_and_the_rest_stands() {
        let long = "x".repeat(256);
        let file = format!(
            "username,customer,download\nali,Ali,50M\n,nobody,1M\n{long},L,\nbob,Smith, John,50M\n\
             ali,Again,1M\ncarl,\"two\nlines\",50\ndora,D,fast\n\neve,Eve,1G\nfay\n"
        );
        let parsed = parse(file.as_bytes()).unwrap();
        let told: Vec<(u64, String)> = parsed.bad.iter().map(|bad| (bad.line, bad.reason.to_string())).collect();
        for ((line, reason), (expected, part)) in told.iter().zip([
            (3, "empty"),
            (4, "256 bytes"),
            (5, "4 values for 3 columns"),
            (6, "earlier row"),
            (7, "has no unit"),
            (9, "its download is not a limit"),
        ]) {
            assert_eq!(*line, expected, "{reason}");
            assert!(reason.contains(part), "{reason}");
            assert!(!reason.contains("Smith") && !reason.contains("carl"), "a reason quotes no row: {reason}");
        }
        assert_eq!(told.len(), 6);
        assert_eq!(parsed.table.len(), 3);
        assert_eq!(row(&parsed, b"ali").customer.as_deref(), Some("Ali"), "the first of two counts");
        assert_eq!(row(&parsed, b"eve").plan.download, Some(1_000_000_000));
        assert_eq!(row(&parsed, b"fay").customer, None, "a short row is one whose last cells are empty");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let file = format!("username,customer\nali,x{}\n", "é".repeat(200));
        let parsed = parse(file.as_bytes()).unwrap();
        let customer = row(&parsed, b"ali").customer.clone().unwrap();
        assert!(customer.len() <= MAX_TEXT && customer.ends_with('é'));
    }

    #[test]
    fn a_file_without_a_usable_first_row_is_refused() {
        for (content, part) in [
            (&b""[..], "no column \"username\""),
            (b"ali,Ali\nbob,Bob\n", "no column \"username\""),
            (b"username,login\nali,ali\n", "two of its columns are the username"),
        ] {
            assert!(parse(content).unwrap_err().to_string().contains(part));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(content in proptest::collection::vec(proptest::num::u8::ANY, 0..2000)) {
            let _ = parse(&[b"username;download\n", &content[..]].concat());
        }
    }
}
