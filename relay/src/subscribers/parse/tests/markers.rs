//! No row's text in another row's entry, whatever a text holds and however an export writes quotes and line breaks.
//!
//! Every cell of row `u3` holds `<3>`. After reading, `u3` may hold `<3>` and no other mark; the texts are made of what leads a
//! reader astray: quotes, separators, line breaks, backslashes, and the usernames of other rows behind a line break.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// How an export writes one cell.
#[derive(Debug, Clone, Copy)]
enum Writer {
    /// Quotes where needed, twice inside (RFC 4180).
    Needed,
    /// Quotes around everything, twice inside.
    Always,
    /// Quotes around everything, behind a backslash inside.
    Backslash,
    /// No quotes; separators, line breaks and backslashes behind a backslash (MySQL).
    Database,
    /// Quotes around everything, and nothing inside is escaped.
    Careless,
    /// No quotes, and nothing is escaped.
    Bare,
}

impl Writer {
    fn cell(self, text: &str) -> String {
        let doubled = format!("\"{}\"", text.replace('"', "\"\""));
        match self {
            Self::Needed if text.contains([',', '"', '\n', '\r']) => doubled,
            Self::Needed | Self::Bare => text.to_owned(),
            Self::Always => doubled,
            Self::Backslash => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            Self::Database => text.replace('\\', "\\\\").replace(',', "\\,").replace('\n', "\\\n"),
            Self::Careless => format!("\"{text}\""),
        }
    }

    fn file(self, rows: &[[String; 3]], line_end: &str) -> String {
        let head = ["username", "customer", "package", "download"].map(|name| self.cell(name)).join(",");
        let rows = rows.iter().enumerate().map(|(at, texts)| {
            let cells = std::iter::once(format!("u{at}")).chain(texts.iter().map(|text| format!("<{at}>{text}<{at}>")));
            cells.map(|cell| self.cell(&cell)).collect::<Vec<_>>().join(",")
        });
        std::iter::once(head).chain(rows).map(|line| line + line_end).collect()
    }
}

/// Returns the entry that holds another row's mark, if there is one.
fn stray_mark(file: &str, rows: usize) -> Option<String> {
    let parsed = parse(file.as_bytes(), None).ok()?;
    (0..rows).find_map(|at| {
        let row = parsed.table.get(&Username::from_text(&format!("u{at}")).unwrap())?;
        let texts = [&row.customer, &row.package].into_iter().flatten();
        let marked = |text: &&String| (0..rows).any(|other| other != at && text.contains(&format!("<{other}>")));
        texts.into_iter().find(marked).map(|text| format!("u{at} shows {text:?}"))
    })
}

fn texts(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<[String; 3]>> {
    let text = || vec(select(pieces), 0..8).prop_map(|pieces| pieces.concat());
    vec([text(), text(), text()], 1..5)
}

const ASTRAY: &[&str] =
    &["\"", "\"\"", ",", "\n", "\\", " ", "x", "\",\"", "\"\n", "\n\"", "\nu0,", "\nu1,", "\n\"u2\",", "\"u3", "\r"];
/// Without the username of another row behind a line break: nothing tells such a text from a row where nothing is escaped.
const CARELESS: &[&str] = &["\"", "\"\"", ",", "\n", "\\", " ", "x", "\",\"", "\"\n", "\n\"", "12\"", ",,"];

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1_500), ..ProptestConfig::default() })]

    #[test]
    fn an_export_that_escapes_shows_nobody_anothers_text(
        rows in texts(ASTRAY),
        writer in select(vec![Writer::Needed, Writer::Always, Writer::Backslash, Writer::Database]),
        line_end in select(vec!["\n", "\r\n", "\r"]),
    ) {
        prop_assert_eq!(stray_mark(&writer.file(&rows, line_end), rows.len()), None);
    }

    #[test]
    fn an_export_that_escapes_nothing_shows_nobody_anothers_text(
        rows in texts(CARELESS),
        writer in select(vec![Writer::Careless, Writer::Bare]),
        line_end in select(vec!["\n", "\r\n"]),
    ) {
        prop_assert_eq!(stray_mark(&writer.file(&rows, line_end), rows.len()), None);
    }

    /// Any file at all: a piece of an orderly one is lost, doubled or replaced.
    #[test]
    fn a_spoilt_file_shows_nobody_anothers_text(
        names in vec("[a-z]{1,8}", 3..8),
        at in any::<prop::sample::Index>(),
        with in select(vec!["", "\"", "\"\"", ",", "\\", "\"x"]),
    ) {
        let rows: Vec<[String; 3]> = names.iter().map(|name| [name.clone(), format!("{name}, {name}"), String::new()]).collect();
        let file = Writer::Needed.file(&rows, "\n");
        let at = at.index(file.len());
        let spoilt = format!("{}{with}{}", &file[..at], &file[at + 1..]);
        // A line break that is lost joins two rows, in any reading.
        prop_assume!(file.as_bytes()[at] != b'\n' || !with.is_empty());
        prop_assert_eq!(stray_mark(&spoilt, rows.len()), None);
    }
}

#[test]
fn the_first_row_swallowed_all_others() {
    let parsed = read(b"username,customer,package,download\nu0,\"<0>,Fibre,50M\nu1,<1>,Fibre,50M\nu2,<2>,Fibre,50M\n");
    assert_eq!(bad_lines(&parsed), [2]);
    assert_eq!((customer(&parsed, b"u1"), customer(&parsed, b"u2")), (Some("<1>"), Some("<2>")));
}
