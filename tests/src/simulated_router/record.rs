//! The router's record for tests: sentences received, samples and log lines sent, connections and streams. Each list has
//! a bound; older entries are dropped and counted.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;

use super::sentence::Sentence;

/// Entries kept of sentences, of samples and of log lines, each: hours of a test, some tens of megabytes.
const KEPT: usize = 200_000;

/// A received sentence.
#[derive(Debug, Clone)]
pub struct Command {
    /// The number of its connection, from 1.
    pub connection: u64,
    /// The instant of its last byte.
    pub at: Instant,
    /// The sentence, secrets of `/login` masked.
    pub sentence: Sentence,
}

/// One row of monitor-traffic, written to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleSent {
    /// The number of its connection.
    pub connection: u64,
    /// The tag of its stream.
    pub tag: Option<Vec<u8>>,
    /// The instant of its rates.
    pub at: Instant,
    /// The tick's number in the stream.
    pub section: u64,
    /// The interface's id.
    pub id: String,
    /// The interface's name.
    pub name: Vec<u8>,
    /// The PPPoE username; empty on an Ethernet port.
    pub username: Vec<u8>,
    /// As the interface counts, in bits per second.
    pub rx: u64,
    /// As the interface counts, in bits per second.
    pub tx: u64,
    /// From the subscriber's point of view, in bits per second.
    pub download: u64,
    /// From the subscriber's point of view, in bits per second.
    pub upload: u64,
}

/// A command without an end of its own: monitor-traffic, listen, print with follow or interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The number of its connection.
    pub connection: u64,
    /// Its tag.
    pub tag: Option<Vec<u8>>,
    /// Its command word.
    pub command: String,
    /// The interfaces' names at the start; empty for other commands than monitor-traffic.
    pub interfaces: Vec<Vec<u8>>,
}

/// An open API connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The client's address in the form of the router's log.
    pub peer: String,
    /// True after a login.
    pub logged_in: bool,
    /// True over TLS.
    pub tls: bool,
}

/// The whole record.
#[derive(Debug, Default)]
pub struct Record {
    pub(crate) commands: VecDeque<Command>,
    pub(crate) samples: VecDeque<SampleSent>,
    pub(crate) log: VecDeque<String>,
    pub(crate) streams: BTreeMap<u64, Stream>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) forgotten: u64,
    last_connection: u64,
    last_stream: u64,
}

impl Record {
    /// Every received sentence, oldest first.
    pub fn commands(&self) -> impl DoubleEndedIterator<Item = &Command> + ExactSizeIterator {
        self.commands.iter()
    }

    /// Every written row of monitor-traffic, oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &SampleSent> + ExactSizeIterator {
        self.samples.iter()
    }

    /// The router's log, oldest first.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.log.iter().map(String::as_str)
    }

    /// The running commands without an end of their own, oldest first.
    pub fn streams(&self) -> impl DoubleEndedIterator<Item = &Stream> + ExactSizeIterator {
        self.streams.values()
    }

    /// The monitor-traffic streams among them.
    pub fn monitors(&self) -> impl DoubleEndedIterator<Item = &Stream> {
        self.streams().filter(|stream| stream.command == "/interface/monitor-traffic")
    }

    /// The open API connections by number, oldest first.
    pub fn connections(&self) -> impl DoubleEndedIterator<Item = (u64, &Connection)> + ExactSizeIterator {
        self.connections.iter().map(|(number, connection)| (*number, connection))
    }

    /// How many entries were too old to be kept.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(crate) fn open(&mut self, peer: &str, tls: bool) -> u64 {
        self.last_connection += 1;
        let connection = Connection { peer: peer.to_owned(), logged_in: false, tls };
        self.connections.insert(self.last_connection, connection);
        self.last_connection
    }

    pub(crate) fn begin(&mut self, stream: Stream) -> u64 {
        self.last_stream += 1;
        self.streams.insert(self.last_stream, stream);
        self.last_stream
    }

    pub(crate) fn keep_command(&mut self, command: Command) {
        keep(&mut self.commands, command, &mut self.forgotten);
    }

    pub(crate) fn keep_samples(&mut self, samples: Vec<SampleSent>) {
        for sample in samples {
            keep(&mut self.samples, sample, &mut self.forgotten);
        }
    }

    pub(crate) fn keep_line(&mut self, line: String) {
        keep(&mut self.log, line, &mut self.forgotten);
    }
}

fn keep<T>(list: &mut VecDeque<T>, entry: T, forgotten: &mut u64) {
    if list.len() == KEPT {
        list.pop_front();
        *forgotten += 1;
    }
    list.push_back(entry);
}
