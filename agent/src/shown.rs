//! Text from outside on its way into a log line or onto a terminal.

use shared::escape::one_line;

/// Returns at most `limit` characters of the text as one harmless line.
pub(crate) fn shown(text: &str, limit: usize) -> String {
    let beginning: String = text.chars().take(limit).collect();
    one_line(&beginning).to_string().chars().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_harmless_and_short() {
        assert_eq!(shown("core-1\nINFO all is well\u{1b}[2J", 100), "core-1\\nINFO all is well\\u{1b}[2J");
        assert_eq!(shown(&"\u{202e}".repeat(1_000_000), 10), "\\u{202e}\\u");
    }
}
