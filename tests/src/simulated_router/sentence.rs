//! Reads a sentence, and builds a reply. Position of the tag and its bytes are kept as received.

use std::borrow::Cow;

use super::framing;

/// A row's values in RouterOS's print order.
pub(crate) type Row = Vec<(&'static str, Vec<u8>)>;

/// One sentence of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The words in their order. In [`commands`](super::SimulatedRouter::commands), secrets of `/login` are masked.
    pub words: Vec<Vec<u8>>,
}

impl Sentence {
    /// The command word, such as `/interface/print`.
    pub fn command(&self) -> &[u8] {
        self.words.first().map_or(&[], Vec::as_slice)
    }

    /// The value of `=name=value`; empty for `=name` and `=name=`. Of several the first counts.
    pub fn attribute(&self, name: &str) -> Option<&[u8]> {
        self.attributes().find(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value)
    }

    /// All `=name=value` words in order.
    pub fn attributes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.words.iter().skip(1).filter_map(|word| {
            let rest = word.strip_prefix(b"=")?;
            let at = rest.iter().position(|byte| *byte == b'=');
            Some(at.map_or((rest, &[][..]), |at| (&rest[..at], &rest[at + 1..])))
        })
    }

    /// All `?query` words in order, without their question mark.
    pub fn queries(&self) -> impl Iterator<Item = &[u8]> {
        self.words.iter().skip(1).filter_map(|word| word.strip_prefix(b"?"))
    }

    /// The value of `.tag=`.
    pub fn tag(&self) -> Option<&[u8]> {
        self.words.iter().skip(1).find_map(|word| word.strip_prefix(b".tag="))
    }

    /// The whole sentence as one line of text, for messages: words between spaces, bytes outside of text escaped.
    pub fn to_text(&self) -> String {
        let words: Vec<String> = self.words.iter().map(|word| word.escape_ascii().to_string()).collect();
        words.join(" ")
    }

    /// The sentence with masked `/login` secrets, to be kept and shown.
    pub(crate) fn masked(&self) -> Self {
        if self.command() != b"/login" {
            return self.clone();
        }
        let words = self.words.iter().map(|word| mask(word)).collect();
        Self { words }
    }
}

fn mask(word: &[u8]) -> Vec<u8> {
    for secret in [&b"=password="[..], b"=response="] {
        if word.starts_with(secret) {
            return [secret, b"***"].concat();
        }
    }
    word.to_vec()
}

/// The place of the tag in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TagPlacement {
    /// Directly behind the reply word, as devices were captured to do.
    #[default]
    BehindReplyWord,
    /// The sentence's last word, as on MikroTik's page.
    Last,
}

/// One reply before encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    word: Cow<'static, str>,
    attributes: Vec<(&'static str, Vec<u8>)>,
    bare: Option<Vec<u8>>,
}

impl Reply {
    pub(crate) fn new(word: &'static str) -> Self {
        Self { word: word.into(), attributes: Vec::new(), bare: None }
    }

    pub(crate) fn row(row: Row) -> Self {
        Self { attributes: row, ..Self::new("!re") }
    }

    pub(crate) fn done() -> Self {
        Self::new("!done")
    }

    pub(crate) fn trap(trap: &Trap) -> Self {
        let category = trap.category.map(|category| ("category", category.to_string().into_bytes()));
        let message = ("message", trap.message.clone().into_bytes());
        Self { attributes: category.into_iter().chain([message]).collect(), ..Self::new("!trap") }
    }

    /// `!fatal` with a bare word as its reason, the form of real devices.
    pub(crate) fn fatal(reason: &str) -> Self {
        Self { bare: Some(reason.as_bytes().to_vec()), ..Self::new("!fatal") }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    pub(crate) fn encode(&self, tag: Option<&[u8]>, placement: TagPlacement) -> Vec<u8> {
        let tag = tag.map(|tag| [b".tag=", tag].concat());
        let mut words = vec![self.word.as_bytes().to_vec()];
        if placement == TagPlacement::BehindReplyWord {
            words.extend(tag.clone());
        }
        words.extend(self.bare.clone());
        words.extend(self.attributes.iter().map(|(name, value)| attribute_word(name, value)));
        if placement == TagPlacement::Last {
            words.extend(tag);
        }
        framing::encode_sentence(words)
    }
}

fn attribute_word(name: &str, value: &[u8]) -> Vec<u8> {
    [b"=", name.as_bytes(), b"=", value].concat()
}

/// A refusal: `!trap` with its text and, if documented, its category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trap {
    pub(crate) category: Option<u8>,
    pub(crate) message: String,
}

impl Trap {
    fn new(category: impl Into<Option<u8>>, message: impl Into<String>) -> Self {
        Self { category: category.into(), message: message.into() }
    }

    /// The menu is there and has no such command.
    pub(crate) fn no_such_command() -> Self {
        Self::new(0, "no such command")
    }

    /// The menu is not there.
    pub(crate) fn no_such_prefix() -> Self {
        Self::new(0, "no such command prefix")
    }

    pub(crate) fn no_such_item() -> Self {
        Self::new(0, "no such item")
    }

    /// The argument's value names nothing that exists, category 1.
    pub(crate) fn no_match(argument: &str) -> Self {
        Self::new(1, format!("input does not match any value of {argument}"))
    }

    pub(crate) fn out_of_range(argument: &str) -> Self {
        Self::new(1, format!("value of {argument} is out of range"))
    }

    pub(crate) fn unknown_parameter(name: &[u8]) -> Self {
        Self::new(None, format!("unknown parameter {}", String::from_utf8_lossy(name)))
    }

    pub(crate) fn missing(argument: &str) -> Self {
        Self::new(None, format!("missing ={argument}="))
    }

    pub(crate) fn not_permitted() -> Self {
        Self::new(None, "not enough permissions (9)")
    }

    /// Category 2: execution interrupted, after `/cancel`.
    pub(crate) fn interrupted() -> Self {
        Self::new(2, "interrupted")
    }

    pub(crate) fn login(message: &'static str) -> Self {
        Self::new(None, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_apart_wherever_they_stand() {
        let words = ["/x/print", ".tag=a=b", "?type=ether", "=.proplist=name,.id", "=comment=", "=note=a=b", "=stats"];
        let sentence = Sentence { words: words.map(|word| word.as_bytes().to_vec()).to_vec() };
        assert_eq!(sentence.command(), b"/x/print");
        assert_eq!(sentence.tag(), Some(&b"a=b"[..]));
        assert_eq!(sentence.attribute(".proplist"), Some(&b"name,.id"[..]));
        assert_eq!(sentence.attribute("comment"), Some(&b""[..]));
        assert_eq!(sentence.attribute("note"), Some(&b"a=b"[..]));
        assert_eq!(sentence.attribute("stats"), Some(&b""[..]));
        assert_eq!(sentence.attribute("absent"), None);
        assert_eq!(sentence.queries().collect::<Vec<_>>(), [b"type=ether"]);
    }

    #[test]
    fn the_tag_stands_where_it_is_asked_to() {
        let reply = Reply::done().with("ret", "*3");
        let behind = reply.encode(Some(b"7"), TagPlacement::BehindReplyWord);
        assert_eq!(behind, framing::encode_sentence(["!done", ".tag=7", "=ret=*3"]));
        let last = reply.encode(Some(b"7"), TagPlacement::Last);
        assert_eq!(last, framing::encode_sentence(["!done", "=ret=*3", ".tag=7"]));
    }

    #[test]
    fn fatal_has_the_bytes_of_the_capture() {
        let bytes = Reply::fatal("session terminated on request").encode(None, TagPlacement::default());
        assert_eq!(bytes, b"\x06!fatal\x1dsession terminated on request\0");
    }

    #[test]
    fn a_login_is_kept_without_its_secrets() {
        let words = ["/login", "=name=admin", "=password=hunter2", "=response=00ff"];
        let sentence = Sentence { words: words.map(|word| word.as_bytes().to_vec()).to_vec() };
        assert_eq!(sentence.masked().to_text(), "/login =name=admin =password=*** =response=***");
    }
}
