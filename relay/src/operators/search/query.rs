//! What a searcher typed, as conditions on the words of a line.

use super::fold::{asked_phones, words};

/// The longest text that is looked at, in bytes.
const MAX_TEXT: usize = 200;
/// The most words that are looked for.
const MAX_WORDS: usize = 12;

/// A condition on the words of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A word begins with this.
    Begins(String),
    /// All of these hold.
    All(Vec<Wanted>),
    /// One of these holds.
    Any(Vec<Wanted>),
}

/// A query: each of its words begins a word of the line, in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    parts: Vec<Wanted>,
}

impl Query {
    /// Reads a text. Digits with blanks or punctuation between may be one telephone number.
    pub fn read(text: &str) -> Self {
        let text = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
        let mut parts = Vec::new();
        let mut number: Vec<&str> = Vec::new();
        for chunk in text.split_whitespace() {
            if is_of_number(chunk) {
                number.push(chunk);
                continue;
            }
            parts.extend(numbers(&std::mem::take(&mut number)));
            parts.extend(words(chunk).into_iter().map(Wanted::Begins));
        }
        parts.extend(numbers(&number));
        parts.truncate(MAX_WORDS);
        Self { parts }
    }

    /// True for a text without a letter or digit: nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The conditions, all of which hold for a line that is meant.
    pub(super) fn parts(&self) -> &[Wanted] {
        &self.parts
    }

    /// How many of the query's conditions these words meet.
    pub fn count(&self, words: &[String]) -> usize {
        self.parts.iter().filter(|part| part.holds(words)).count()
    }

    /// True if these words are all that the query asks for.
    pub fn matches(&self, words: &[String]) -> bool {
        self.parts.iter().all(|part| part.holds(words))
    }
}

impl Wanted {
    pub(super) fn holds(&self, words: &[String]) -> bool {
        match self {
            Self::Begins(beginning) => words.iter().any(|word| word.starts_with(beginning.as_str())),
            Self::All(all) => all.iter().all(|one| one.holds(words)),
            Self::Any(any) => any.iter().any(|one| one.holds(words)),
        }
    }
}

fn is_of_number(chunk: &str) -> bool {
    let digits = words(chunk);
    !digits.is_empty()
        && digits.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
        && chunk.chars().all(|c| c.is_numeric() || "+-.()/\u{a0}\u{2011}".contains(c))
}

/// Returns the condition for chunks of digits: together they are one number, or each is one.
fn numbers(chunks: &[&str]) -> Option<Wanted> {
    match chunks {
        [] => None,
        [one] => Some(number(one)),
        [_, _, ..] => {
            let each = Wanted::All(chunks.iter().map(|chunk| number(chunk)).collect());
            Some(any(each, asked_phones(&folded(&chunks.concat()))))
        }
    }
}

fn number(chunk: &str) -> Wanted {
    let all: Vec<Wanted> = words(chunk).into_iter().map(Wanted::Begins).collect();
    let all = if let [one] = &all[..] { one.clone() } else { Wanted::All(all) };
    any(all, asked_phones(&folded(chunk)))
}

/// Digits of every script as 0 to 9; a plus sign and what stands between digits stay.
fn folded(chunk: &str) -> String {
    let digits = words(chunk).concat();
    if chunk.trim_start_matches('(').starts_with('+') { format!("+{digits}") } else { digits }
}

fn any(first: Wanted, numbers: Vec<String>) -> Wanted {
    let mut any = vec![first];
    for number in numbers.into_iter().map(Wanted::Begins) {
        if !any.contains(&number) {
            any.push(number);
        }
    }
    if any.len() == 1 { any.remove(0) } else { Wanted::Any(any) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(query: &str, text: &str) -> bool {
        let mut words = words(text);
        words.extend(super::super::fold::phones(text));
        Query::read(query).matches(&words)
    }

    #[test]
    fn words_are_found_by_their_beginnings_in_any_order() {
        for query in ["pro", "mot pro", "PRÔTEA", "protea motors", "motors, protea", "protea-motors", ""] {
            assert!(matches(query, "Protea Motors"), "{query}");
        }
        for query in ["rotea", "protea x", "proteam"] {
            assert!(!matches(query, "Protea Motors"), "{query}");
        }
        assert!(matches("ab12", "AB12-9") && !matches("12", "AB12-9"));
    }

    #[test]
    fn digits_are_words_or_one_number() {
        assert!(matches("082 555 0199", "0825550199") && matches("0825550199", "082 555 0199"));
        assert!(matches("12 long", "12 Long Street") && matches("10/50", "Fibre 50/10"));
        assert!(matches("4446 0825550199", "4446 0825550199") && matches("٠٨٢ ٥٥٥", "0825550199"));
        assert!(!matches("082 556", "0825550199"));
    }

    #[test]
    fn a_text_without_words_asks_for_nothing() {
        for text in ["", " ", "--", "@", "\u{202e}"] {
            assert!(Query::read(text).is_empty(), "{text:?}");
        }
        assert!(Query::read(&"é".repeat(500)).matches(&["e".repeat(500)]));
        assert_eq!(Query::read(&"a ".repeat(90)).parts().len(), MAX_WORDS);
    }
}
