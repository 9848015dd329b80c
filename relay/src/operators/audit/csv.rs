//! Rows of CSV (RFC 4180) for spreadsheets. Text that a spreadsheet would take for a formula gets an apostrophe before it: at a cell's
//! beginning and, for spreadsheets whose separator is the semicolon, behind each semicolon.

use shared::escape::one_line;

/// What a formula begins with, the wide forms of East Asian keyboards included (OWASP, "CSV Injection").
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Appends a row. Controls and characters that move their neighbours are written out.
pub fn row<'a>(out: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push('"');
        for (at, part) in cell.split(';').enumerate() {
            if at > 0 {
                out.push(';');
            }
            if is_formula(part) {
                out.push('\'');
            }
            out.push_str(&one_line(part).to_string().replace('"', "\"\""));
        }
        out.push('"');
    }
    out.push_str("\r\n");
}

/// True for text that begins like a formula, behind blanks and quotes.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches([' ', '"']).starts_with(FORMULA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_leaves_its_place() {
        for (cell, written) in [
            ("ali", "\"ali\""),
            ("", "\"\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("+27 51 555 0142", "\"'+27 51 555 0142\""),
            ("-1+1", "\"'-1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\\t=1\""),
            ("\r=1", "\"'\\r=1\""),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\r\n=1", "\"a\\r\\n=1\""),
            ("a\u{202e}b", "\"a\\u{202e}b\""),
            ("1=1", "\"1=1\""),
            ("a;=cmd|' /C calc'!A0", "\"a;'=cmd|' /C calc'!A0\""),
            ("a; \"@x;b", "\"a;' \"\"@x;b\""),
            (";;-1", "\";;'-1\""),
            (" =1", "\"' =1\""),
        ] {
            let mut out = String::new();
            row(&mut out, [cell]);
            assert_eq!(out, format!("{written}\r\n"), "{cell:?}");
        }
        let mut out = String::new();
        row(&mut out, ["a", "b"]);
        assert_eq!(out, "\"a\",\"b\"\r\n");
    }
}
