//! Every known or possible misbehaviour of a router. Each one is switched on and off while the router runs.

use super::framing;
use super::sentence::{Reply, Row, TagPlacement};

/// The fate of a monitor-traffic stream after one of its interfaces has gone. No capture of this exists, so a client has to
/// live with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vanished {
    /// Its rows stop; the others' go on.
    #[default]
    RowsStop,
    /// The rows go on with zeros.
    Zeros,
    /// `!trap` with `no such item`, and `!done`, for the whole command.
    Trap,
    /// `!done` for the whole command.
    Done,
}

/// The answer of monitor-traffic to a list with an unknown interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BadName {
    /// Refuses the whole command.
    #[default]
    FailsTheList,
    /// Leaves it out.
    Skipped,
}

/// How a printed table comes up short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partial {
    /// The second half comes only after so many of the router's milliseconds.
    Paused(u64),
    /// The second half is a `!trap`.
    Interrupted,
    /// There is no second half, and nothing says so.
    Truncated,
}

/// The present misbehaviour. The default is a well-behaved router.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Misbehaviour {
    /// For a stream with a vanished interface.
    pub vanished: Vanished,
    /// For a list with a bad name.
    pub bad_name: BadName,
    /// monitor-traffic takes interfaces by name only, never by `*ID`.
    pub names_only: bool,
    /// monitor-traffic takes the interfaces of these names neither by `*ID` nor by name.
    pub unmonitored: Vec<String>,
    /// Every row of monitor-traffic comes twice.
    pub doubled_rows: bool,
    /// Printed tables list every row twice, as a table can that changes while a client reads.
    pub listed_twice: bool,
    /// monitor-traffic streams stay open and send nothing, and all else works.
    pub silent_streams: bool,
    /// Properties to leave out of print and monitor-traffic.
    pub missing_properties: Vec<String>,
    /// monitor-traffic rows have no name.
    pub nameless_rows: bool,
    /// Bits are written with a suffix, such as `14.78Mbps`.
    pub suffixed_rates: bool,
    /// Byte counters have 32 bits, and begin anew when they are full.
    pub narrow_counters: bool,
    /// `=stats=` is no parameter of print.
    pub unknown_stats: bool,
    /// Every reply is written in pieces of so many bytes, each flushed.
    pub piece: Option<usize>,
    /// The number of further rows, with the stream's tag, after the `!done` of a cancelled stream.
    pub late_replies: u32,
    /// The first words of commands without an answer.
    pub unanswered: Vec<String>,
    /// True if an unanswered command ignores `/cancel` too.
    pub deaf_to_cancel: bool,
    /// The first words of commands to refuse with `not enough permissions (9)`.
    pub refused: Vec<String>,
    /// The first words of commands to answer with `no such command prefix`, for menus the router lacks.
    pub missing_menus: Vec<String>,
    /// No menu knows `listen`.
    pub no_listen: bool,
    /// Every `!done` comes behind a sentence with an unknown reply word.
    pub unknown_words: bool,
    /// Printed tables come up short.
    pub partial: Option<Partial>,
    /// Rows are dropped from print if the proplist names a property outside the menu.
    pub unknown_property_drops_rows: bool,
}

impl Misbehaviour {
    pub(crate) fn is_unanswered(&self, command: &[u8]) -> bool {
        begins_with_any(command, &self.unanswered)
    }

    pub(crate) fn is_refused(&self, command: &[u8]) -> bool {
        begins_with_any(command, &self.refused)
    }

    pub(crate) fn is_missing(&self, command: &[u8]) -> bool {
        begins_with_any(command, &self.missing_menus)
    }

    pub(crate) fn is_unmonitored(&self, interface: &[u8]) -> bool {
        self.unmonitored.iter().any(|name| name.as_bytes() == interface)
    }

    /// Removes this router's missing properties from a row.
    pub(crate) fn strip(&self, mut row: Row) -> Row {
        row.retain(|(name, _)| !self.missing_properties.iter().any(|missing| missing == name));
        let counters = row.iter_mut().filter(|(name, _)| self.narrow_counters && name.ends_with("-byte"));
        counters.for_each(|(_, count)| *count = narrowed(count));
        row
    }
}

/// A count's lowest 32 bits.
fn narrowed(count: &[u8]) -> Vec<u8> {
    let count: u64 = std::str::from_utf8(count).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
    (count % (1 << 32)).to_string().into_bytes()
}

fn begins_with_any(command: &[u8], prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| command.starts_with(prefix.as_bytes()))
}

/// Bytes for every open API connection, once, out of turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Injection {
    /// The prefix of a word of 4 GiB, without the word.
    HugeWord,
    /// A prefix with the first byte 0xF8 and eight bytes more.
    ReservedPrefix,
    /// A row with one word of 70,000 bytes.
    LongWord,
    /// A row with 100 words.
    ManyWords,
    /// A row of 60 words and 120 KB.
    LongSentence,
    /// A sentence with the reply word `!surprise`.
    UnknownWord,
    /// This many rows, for a tag of no client.
    Flood(u32),
    /// `!fatal` with this reason. The connection stays open, as on a router for a moment.
    Fatal(String),
    /// These bytes.
    Bytes(Vec<u8>),
}

impl Injection {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let word = |length: usize| [&b"=comment="[..], &vec![b'x'; length - 9]].concat();
        let row = |words: Vec<Vec<u8>>| framing::encode_sentence([vec![b"!re".to_vec()], words].concat());
        match self {
            Self::HugeWord => vec![0xF0, 0xFF, 0xFF, 0xFF, 0xFF],
            Self::ReservedPrefix => vec![0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            Self::LongWord => row(vec![word(70_000)]),
            Self::ManyWords => row((0..99).map(|number| format!("=p{number}=1").into_bytes()).collect()),
            Self::LongSentence => row(vec![word(2_048); 59]),
            Self::UnknownWord => framing::encode_sentence(["!surprise", ".tag=nobody", "=ret=1"]),
            Self::Flood(rows) => {
                let row = framing::encode_sentence(["!re", ".tag=nobody", "=.id=*1", "=name=flood"]);
                row.repeat(usize::try_from(*rows).unwrap_or(0))
            }
            Self::Fatal(reason) => Reply::fatal(reason).encode(None, TagPlacement::default()),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}

/// `14780000` as `14.78Mbps`: the largest of bps, kbps, Mbps and Gbps with a value of at least one, shortest exact decimals.
pub(crate) fn suffixed(bits_per_second: u64) -> String {
    let units = [(1_000_000_000, 9, "Gbps"), (1_000_000, 6, "Mbps"), (1000, 3, "kbps")];
    let Some((size, digits, unit)) = units.into_iter().find(|(size, _, _)| bits_per_second >= *size) else {
        return format!("{bits_per_second}bps");
    };
    let fraction = format!("{:0digits$}", bits_per_second % size);
    match fraction.trim_end_matches('0') {
        "" => format!("{}{unit}", bits_per_second / size),
        fraction => format!("{}.{fraction}{unit}", bits_per_second / size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_with_suffixes_lose_nothing() {
        for (rate, text) in [
            (0, "0bps"),
            (999, "999bps"),
            (27_800, "27.8kbps"),
            (14_780_000, "14.78Mbps"),
            (1_000_000_000, "1Gbps"),
            (1_000_000_001, "1.000000001Gbps"),
        ] {
            assert_eq!(suffixed(rate), text);
        }
    }

    #[test]
    fn injections_are_as_large_as_they_say() {
        assert!(Injection::LongWord.bytes().len() > 70_000);
        assert!(Injection::LongSentence.bytes().len() > 64 * 1024);
        assert_eq!(Injection::ReservedPrefix.bytes().len(), 9);
        let flood = Injection::Flood(3).bytes();
        assert_eq!(flood.len() % 3, 0);
        assert_eq!(Injection::Flood(0).bytes(), b"");
    }
}
