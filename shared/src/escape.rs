//! Escapes outside text for a terminal, a log, a label or a page of plain text.
//!
//! Names and words of routers, agents, relays and files can contain terminal control characters (ESC, BEL), newlines
//! and bidirectional controls, which reverse the order of letters. Only [`one_line`] makes such text harmless.

use std::fmt::{self, Write};

/// Returns `text` as one harmless line, for `{}`. Control characters and invisible characters become `\n`, `\t` or
/// `\u{1b}`.
pub const fn one_line(text: &str) -> OneLine<'_> {
    OneLine(text)
}

/// Displays a text as one harmless line; made by [`one_line`].
#[derive(Clone, Copy)]
pub struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_harmless(c) {
                f.write_char(c)?;
            } else {
                write!(f, "{}", c.escape_default())?;
            }
        }
        Ok(())
    }
}

/// Equals `Display`, so that a log field is harmless in both formats.
impl fmt::Debug for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns the JSON document with every harmful character as `\u202e`, for a terminal that shows the document as received. The
/// values stay the same. In JSON such characters stand in strings alone, and serde escapes the controls below U+0020.
pub fn json(document: String) -> String {
    let is_harmful = |c: char| c >= ' ' && !is_harmless(c);
    if !document.contains(is_harmful) {
        return document;
    }
    let mut escaped = String::with_capacity(document.len() + 32);
    for c in document.chars() {
        if is_harmful(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // A `String` takes every text.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// False for control characters, for invisible characters, and for characters that move their neighbours (Unicode TR
/// 36, section 3.4). The joiners U+200C and U+200D are harmless: several scripts need them between letters.
const fn is_harmless(c: char) -> bool {
    !matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        for (text, shown) in [
            ("core-1", "core-1"),
            ("Größe 50 % \\ \"x\" 🙂 नमस्ते", "Größe 50 % \\ \"x\" 🙂 नमस्ते"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\x1b[2J\x07", "\\u{1b}[2J\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("ali\u{202e}x", "ali\\u{202e}x"),
            ("a\u{2028}b", "a\\u{2028}b"),
        ] {
            assert_eq!(one_line(text).to_string(), shown);
            assert_eq!(format!("{:?}", one_line(text)), shown);
        }
    }

    #[test]
    fn a_json_document_keeps_its_values_and_commands_no_terminal() {
        for text in ["core-1", "Größe 🙂 \"x\" \\", "a\u{1b}[2J\n\u{7f}\u{9b}31m\u{202e}\u{2028}\u{e0041}"] {
            let document = json(serde_json::to_string(text).unwrap());
            assert!(document.chars().all(is_harmless), "{document:?}");
            assert_eq!(serde_json::from_str::<String>(&document).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_line_or_commands_a_terminal(text in "\\PC*|(?s:.)*") {
            let shown = one_line(&text).to_string();
            prop_assert!(shown.chars().all(|c| !c.is_control()), "{}", shown);
            prop_assert_eq!(shown.lines().count().max(1), 1);
            let plain: String = text.chars().filter(|c| is_harmless(*c)).collect();
            prop_assert!(shown.len() >= plain.len());
        }
    }
}
