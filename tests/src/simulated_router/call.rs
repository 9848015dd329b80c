//! One running command: its connection, its tag and its kind.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::clock;
use super::core::{Core, StreamGuard};
use super::listen;
use super::menus::Menu;
use super::monitor;
use super::print;
use super::record::{SampleSent, Stream};
use super::sentence::{Reply, Sentence, Trap};

/// An item for a connection's writer: whole sentences, and their samples.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) bytes: Vec<u8>,
    pub(crate) samples: Vec<SampleSent>,
}

/// Verbs that change something. The router's user has no `write` policy.
const WRITING_VERBS: [&[u8]; 9] =
    [b"add", b"set", b"remove", b"enable", b"disable", b"comment", b"move", b"unset", b"reset-counters"];

#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) core: Arc<Core>,
    pub(crate) connection: u64,
    pub(crate) sentence: Sentence,
    pub(crate) out: mpsc::Sender<Outgoing>,
}

impl Call {
    pub(crate) fn tag(&self) -> Option<&[u8]> {
        self.sentence.tag()
    }

    /// Encodes a reply with this command's tag.
    pub(crate) fn encode(&self, reply: &Reply) -> Vec<u8> {
        reply.encode(self.tag(), self.core.read(|state| state.tags))
    }

    pub(crate) async fn send(&self, outgoing: Outgoing) {
        // The connection may have ended; then so will this command.
        let _ = self.out.send(outgoing).await;
    }

    pub(crate) async fn reply(&self, reply: &Reply) {
        self.send(Outgoing { bytes: self.encode(reply), ..Outgoing::default() }).await;
    }

    /// Encodes the last reply of the command.
    pub(crate) fn encode_last(&self, reply: &Reply) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.core.read(|state| state.misbehaviour.unknown_words) {
            bytes = self.encode(&Reply::new("!surprise").with("message", "new in this version"));
        }
        bytes.extend(self.encode(reply));
        bytes
    }

    /// Sends the last reply of the command.
    pub(crate) async fn done(&self, reply: Reply) {
        self.send(Outgoing { bytes: self.encode_last(&reply), ..Outgoing::default() }).await;
    }

    /// A refusal: `!trap`, and its `!done`.
    pub(crate) async fn refuse(&self, trap: &Trap) {
        self.reply(&Reply::trap(trap)).await;
        self.done(Reply::done()).await;
    }

    /// Enters the command into the record, as one without an end of its own.
    pub(crate) fn begin_stream(&self, interfaces: Vec<Vec<u8>>) -> StreamGuard {
        let command = String::from_utf8_lossy(self.sentence.command()).into_owned();
        let tag = self.tag().map(<[u8]>::to_vec);
        self.core.begin_stream(Stream { connection: self.connection, tag, command, interfaces })
    }

    /// Refuses every attribute whose name is not among those known.
    pub(crate) fn check_parameters(&self, known: &[&str]) -> Result<(), Trap> {
        let is_known = |name: &[u8]| known.iter().any(|known| known.as_bytes() == name);
        let unknown = self.sentence.attributes().find(|(name, _)| !is_known(name));
        unknown.map_or(Ok(()), |(name, _)| Err(Trap::unknown_parameter(name)))
    }

    /// The milliseconds of a duration among the attributes, if present.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<u64>, Trap> {
        let Some(text) = self.sentence.attribute(name) else { return Ok(None) };
        clock::parse_duration(text).map(Some).ok_or_else(|| Trap::out_of_range(name))
    }

    /// Runs the command to its end.
    pub(crate) async fn run(self) {
        if self.core.read(|state| state.misbehaviour.is_unanswered(self.sentence.command())) {
            return std::future::pending().await;
        }
        if let Err(trap) = self.carry_out().await {
            self.refuse(&trap).await;
        }
    }

    async fn carry_out(&self) -> Result<(), Trap> {
        let command = self.sentence.command();
        let (path, verb) = split(command).ok_or_else(Trap::no_such_command)?;
        let menu = self.permitted_menu(path)?;
        match (menu, verb) {
            (Menu::Interface, b"monitor-traffic") => monitor::traffic(self).await,
            (Menu::PppoeClient, b"monitor") => monitor::client(self).await,
            (_, b"print") => print::print(self, menu).await,
            (_, b"listen") => listen::listen(self, menu).await,
            (_, verb) if WRITING_VERBS.contains(&verb) => Err(Trap::not_permitted()),
            _ => Err(Trap::no_such_command()),
        }
    }

    fn permitted_menu(&self, path: &[u8]) -> Result<Menu, Trap> {
        let command = self.sentence.command();
        self.core.read(|state| {
            let menu = Menu::at(path).filter(|_| !state.misbehaviour.is_missing(command));
            let menu = menu.ok_or_else(Trap::no_such_prefix)?;
            if state.misbehaviour.is_refused(command) || !state.policies.read {
                return Err(Trap::not_permitted());
            }
            Ok(menu)
        })
    }
}

/// A command word's menu and verb.
fn split(command: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = command.iter().rposition(|byte| *byte == b'/')?;
    Some((&command[..at], &command[at + 1..]))
}
