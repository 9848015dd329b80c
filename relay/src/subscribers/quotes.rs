//! One line as values: separators, quotes, and three ways to write a quote inside a value.

use std::borrow::Cow;

use super::finding::Fault;

/// One value of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Value<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// False for a value without quotes around: `NULL` is no value there.
    pub(super) quoted: bool,
}

/// How a program writes a quote inside a quoted value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Twice (RFC 4180).
    Doubled,
    /// Behind a backslash (MySQL), or twice.
    Backslash,
    /// As it is: the value ends at a quote in front of a separator or of the line's end.
    Unescaped,
}

/// The end of a line, in one style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Outside of quotes.
    Outside,
    /// Inside a quoted value: the next line continues the value.
    Inside,
    /// Nowhere: text stands behind a closing quote.
    Broken,
}

/// How a quoted value ends.
enum Closing<'a> {
    /// Before a separator or at the line's end: the value, and the text behind the separator.
    At(&'a [u8], Option<&'a [u8]>),
    Missing,
    TextBehind,
}

/// Parts a line into values. The values before a fault are there too, and the faulty one is counted.
///
/// # Errors
/// [`Fault`], if a quote or a backslash leaves more than one reading.
pub(super) fn split<'a>(line: &'a [u8], separator: u8, values: &mut Vec<Value<'a>>) -> Result<(), Fault> {
    values.clear();
    let mut rest = Some(line);
    while let Some(line) = rest {
        let (value, tail) = match opened(line) {
            Some(inner) => quoted(inner, separator),
            None => bare(line, separator),
        }
        .inspect_err(|_| values.push(Value { bytes: Cow::Borrowed(b""), quoted: true }))?;
        values.push(value);
        rest = tail;
    }
    Ok(())
}

/// Finds the end of a line in one style; `inside` is the end of the line before.
pub(super) fn end(line: &[u8], inside: bool, separator: u8, style: Style) -> End {
    let mut inside = inside;
    let mut rest = Some(line);
    while let Some(line) = rest {
        let inner = if inside { Some(line) } else { opened(line) };
        inside = false;
        rest = match inner.map(|inner| close(inner, separator, style)) {
            None => next_value(line, separator).1,
            Some(Closing::At(_, tail)) => tail,
            Some(Closing::Missing) => return End::Inside,
            Some(Closing::TextBehind) => return End::Broken,
        };
    }
    End::Outside
}

/// True if a value without quotes around holds a quote: no orderly export writes one.
pub(super) fn has_stray_quote(values: &[Value<'_>]) -> bool {
    values.iter().any(|value| !value.quoted && value.bytes.contains(&b'"') && formula(&value.bytes).is_none())
}

/// Returns the text of a spreadsheet's text formula: `="4446"`.
pub(super) fn formula(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"=\"")?.strip_suffix(b"\"")
}

/// True if an odd number of backslashes ends the text.
pub(super) fn ends_in_backslash(bytes: &[u8]) -> bool {
    bytes.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Returns the text behind an opening quote; blanks before the quote do not count.
fn opened(line: &[u8]) -> Option<&[u8]> {
    blanks_skipped(line).strip_prefix(b"\"")
}

fn quoted(inner: &[u8], separator: u8) -> Result<(Value<'_>, Option<&[u8]>), Fault> {
    let closing = close(inner, separator, Style::Doubled);
    if let Closing::At(value, tail) = closing
        && !has_backslash_before_quote(value)
        && !ends_in_backslash(value)
    {
        let bytes = if value.contains(&b'"') { Cow::Owned(undoubled(value)) } else { Cow::Borrowed(value) };
        return Ok((Value { bytes, quoted: true }, tail));
    }
    Err(match closing {
        Closing::Missing => Fault::OpenQuote,
        Closing::TextBehind if !has_backslash_before_quote(inner) => Fault::TextBehindQuote,
        _ => Fault::Backslash,
    })
}

fn bare(line: &[u8], separator: u8) -> Result<(Value<'_>, Option<&[u8]>), Fault> {
    let (value, tail) = next_value(line, separator);
    if tail.is_some() && ends_in_backslash(value) {
        return Err(Fault::Backslash);
    }
    if value.starts_with(b"=\"") && formula(value).is_none() {
        return Err(Fault::TextBehindQuote);
    }
    Ok((Value { bytes: Cow::Borrowed(value), quoted: false }, tail))
}

fn next_value(line: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|byte| *byte == separator) {
        Some(at) => (line.get(..at).unwrap_or_default(), line.get(at + 1..)),
        None => (line, None),
    }
}

fn close(inner: &[u8], separator: u8, style: Style) -> Closing<'_> {
    let mut at = 0;
    while let Some(byte) = inner.get(at) {
        match byte {
            b'\\' if style == Style::Backslash => at += 2,
            b'"' => {
                let behind = inner.get(at + 1..).unwrap_or_default();
                match (tail_behind(behind, separator), style) {
                    (_, Style::Doubled | Style::Backslash) if behind.starts_with(b"\"") => at += 2,
                    (Some(tail), _) => return Closing::At(inner.get(..at).unwrap_or_default(), tail),
                    (None, Style::Unescaped) => at += 1,
                    (None, _) => return Closing::TextBehind,
                }
            }
            _ => at += 1,
        }
    }
    Closing::Missing
}

/// Returns the text behind a closing quote and a separator, or `Some(None)` at the line's end.
fn tail_behind(behind: &[u8], separator: u8) -> Option<Option<&[u8]>> {
    match blanks_skipped(behind).split_first() {
        None => Some(None),
        Some((byte, tail)) => (*byte == separator).then_some(Some(tail)),
    }
}

fn blanks_skipped(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|byte| **byte == b' ').count();
    bytes.get(blanks..).unwrap_or_default()
}

fn has_backslash_before_quote(value: &[u8]) -> bool {
    let quotes = value.iter().enumerate().filter(|(_, byte)| **byte == b'"');
    quotes.into_iter().any(|(at, _)| ends_in_backslash(value.get(..at).unwrap_or_default()))
}

fn undoubled(value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.iter();
    while let Some(byte) = rest.next() {
        bytes.push(*byte);
        if *byte == b'"' {
            rest.next();
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> Result<Vec<String>, Fault> {
        let mut values = Vec::new();
        split(line.as_bytes(), b',', &mut values)?;
        Ok(values.iter().map(|value| String::from_utf8(value.bytes.to_vec()).unwrap()).collect())
    }

    #[test]
    fn lines_with_one_reading() {
        for (line, expected) in [
            ("a,b", &["a", "b"][..]),
            ("", &[""]),
            (",", &["", ""]),
            ("\"a,b\",c", &["a,b", "c"]),
            ("\"a \"\"b\"\"\",c", &["a \"b\"", "c"]),
            (" \"a,b\" , c", &["a,b", " c"]),
            ("\"\",\"\"", &["", ""]),
            ("Shop 12\" pizza,b", &["Shop 12\" pizza", "b"]),
            ("=\"4446\",b", &["=\"4446\"", "b"]),
            ("C:\\x,\\N", &["C:\\x", "\\N"]),
            ("\"C:\\\\\",b", &["C:\\\\", "b"]),
        ] {
            assert_eq!(values(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn lines_with_several_readings_or_none() {
        for (line, fault) in [
            ("a,\"b", Fault::OpenQuote),
            ("a,\"b,c,d", Fault::OpenQuote),
            ("a,\"b\"c,d", Fault::TextBehindQuote),
            ("\"a\",\"Shop 12\"\",\"Street 1\"", Fault::TextBehindQuote),
            ("\"a\",\"b\",\"Shop 12\"\"", Fault::OpenQuote),
            ("\"Shop \\\"12\\\"\",b", Fault::Backslash),
            ("\"Shop \\\", Street\",b", Fault::Backslash),
            ("Shop\\,b", Fault::Backslash),
            ("=\"a,b\",c", Fault::TextBehindQuote),
        ] {
            assert_eq!(values(line), Err(fault), "{line}");
        }
    }

    #[test]
    fn each_style_finds_an_end_of_its_own() {
        for (line, inside, doubled, backslash, unescaped) in [
            ("a,\"b", false, End::Inside, End::Inside, End::Inside),
            ("b\",c", true, End::Outside, End::Outside, End::Outside),
            ("b,\"c\",d", true, End::Broken, End::Broken, End::Outside),
            ("b\\\"", true, End::Outside, End::Inside, End::Outside),
            ("\"a\"b", false, End::Broken, End::Broken, End::Inside),
            ("\"a\"\",b", false, End::Inside, End::Inside, End::Outside),
        ] {
            let found = [Style::Doubled, Style::Backslash, Style::Unescaped]
                .map(|style| end(line.as_bytes(), inside, b',', style));
            assert_eq!(found, [doubled, backslash, unescaped], "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_a_writer_of_rfc_4180_quotes_is_read_back(
            cells in proptest::collection::vec("[^\r\n\\\\]{0,12}", 1..6)
        ) {
            let line: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            proptest::prop_assert_eq!(values(&line.join(",")).unwrap(), cells);
        }

        #[test]
        fn a_line_that_is_read_ends_outside_of_quotes(line in "[ab,;\"\\\\ =]{0,20}") {
            if values(&line).is_ok() {
                for style in [Style::Doubled, Style::Backslash] {
                    proptest::prop_assert_eq!(end(line.as_bytes(), false, b',', style), End::Outside);
                }
            }
        }
    }
}
