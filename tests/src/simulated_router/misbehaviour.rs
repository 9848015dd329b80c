//! Every way in which a router was seen to fail its clients, or may, each switched on and off while the router runs.

use super::framing;
use super::sentence::{Reply, Row, TagPlacement};

/// What a monitor-traffic stream does when an interface that it watches is no more. No capture of this exists, so
/// a client has to live with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vanished {
    /// Its rows stop; the others' go on.
    #[default]
    RowsStop,
    /// Its rows go on with zeros.
    Zeros,
    /// `!trap` with `no such item`, and `!done`, for the whole command.
    Trap,
    /// `!done` for the whole command.
    Done,
}

/// What monitor-traffic does with a list that names an interface which is not there.
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

/// What is switched on. The default is a router that behaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Misbehaviour {
    /// What becomes of a stream whose interface vanishes.
    pub vanished: Vanished,
    /// What becomes of a list with a bad name in it.
    pub bad_name: BadName,
    /// monitor-traffic takes interfaces by name only, never by `*ID`.
    pub names_only: bool,
    /// monitor-traffic takes the interfaces of these names neither by `*ID` nor by name.
    pub unmonitored: Vec<String>,
    /// Every row of monitor-traffic comes twice.
    pub doubled_rows: bool,
    /// Printed tables list every row twice, as one that changes while it is read may.
    pub listed_twice: bool,
    /// monitor-traffic streams stay open and send nothing, and all else works.
    pub silent_streams: bool,
    /// Properties that no row has, in print and monitor-traffic.
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
    /// After the `!done` of a cancelled stream come so many rows more with its tag.
    pub late_replies: u32,
    /// Commands that begin so are never answered.
    pub unanswered: Vec<String>,
    /// A command that is not answered does not answer to `/cancel` either.
    pub deaf_to_cancel: bool,
    /// Commands that begin so are refused with `not enough permissions (9)`.
    pub refused: Vec<String>,
    /// Menus that are not there: commands that begin so are answered with `no such command prefix`.
    pub missing_menus: Vec<String>,
    /// No menu knows `listen`.
    pub no_listen: bool,
    /// Every `!done` comes behind a sentence with a reply word that nobody knows.
    pub unknown_words: bool,
    /// Printed tables come up short.
    pub partial: Option<Partial>,
    /// Rows are dropped from print when the proplist names a property that the menu does not have.
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

    /// Takes from a row what this router does not know.
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

/// Bytes that every open API connection receives once, out of turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Injection {
    /// The prefix of a word of 4 GiB, and nothing of it.
    HugeWord,
    /// A prefix that begins with 0xF8 and has eight bytes more.
    ReservedPrefix,
    /// A row with one word of 70,000 bytes.
    LongWord,
    /// A row with 100 words.
    ManyWords,
    /// A row of 60 words and 120 KB.
    LongSentence,
    /// A sentence with the reply word `!surprise`.
    UnknownWord,
    /// So many rows for a tag that no client chose.
    Flood(u32),
    /// `!fatal` with this reason; the connection stays open, as it does for a moment on a router.
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

/// `14780000` as `14.78Mbps`: the largest of bps, kbps, Mbps and Gbps that leaves at least one, shortest exact decimals.
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
