//! The subscribers file: any bytes are a table or are refused; the texts of a row are bounded.

use relay::subscribers::parse::parse;
use shared::control::MAX_TEXT;

/// The bytes are the file.
pub fn holds(data: &[u8]) {
    let Ok(parsed) = parse(data, None) else { return };
    assert!(parsed.bad.is_sorted_by(|a, b| a.line <= b.line), "bad rows are told in order");
    assert!(parsed.table.len() + parsed.bad.len() <= data.len(), "more rows than bytes");
    assert!(parsed.doubts.is_sorted_by_key(|doubt| doubt.line), "doubts are told in order");
    for (username, row) in parsed.table.iter() {
        assert!(!username.as_bytes().is_empty());
        for text in [&row.customer, &row.package].into_iter().flatten() {
            assert!(!text.is_empty() && text.len() <= MAX_TEXT && text.trim() == text, "{text:?}");
        }
    }
}
