//! Joins replies and commands: tags, timeouts and cancels of one connection. No I/O; time is an argument.
//!
//! ```text
//! command ─ tag ─→ rows ─→ !done                     over
//!                       └→ !trap ─→ !done            failed, over
//!         time out or cancel ─→ /cancel ─→ !done     forgotten
//!                                      └→ nothing    the router answers no longer: the connection is dropped
//! ```
//!
//! Late replies to finished tags are passed over, and so are reply words of later versions.

use std::time::Duration;

use tokio::time::Instant;

use super::commands::Command;
use super::framing::{Framing, FramingError, Progress};
use super::sentence::{Kind, Sentence, Tag};

/// The most commands under way at once, unfinished cancelled ones included.
pub const MAX_COMMANDS: usize = 64;

/// The most unsent bytes of commands.
pub const MAX_UNSENT: usize = 64 * 1024;

/// Why a dialogue cannot go on; the connection is dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialogueError {
    /// The bytes are no sentences.
    #[error(transparent)]
    Framing(#[from] FramingError),
    /// `!fatal`, with the router's reason.
    #[error("router closed the API session: {0}")]
    Fatal(String),
    /// A command was cancelled and did not end.
    #[error("router did not end a command that was cancelled: its API hangs")]
    Unresponsive,
    /// [`MAX_COMMANDS`] or [`MAX_UNSENT`].
    #[error("router leaves too many commands unanswered: its API hangs")]
    TooManyCommands,
}

/// An event of a command. `P` is the command's purpose, as the sender gave it.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a, P> {
    /// A row.
    Row(Tag, P, Sentence<'a>),
    /// A row beyond the bounds, with only the beginnings of the words.
    LeftOut(Tag, P, Sentence<'a>),
    /// The router refuses or gives up; [`Event::Done`] follows.
    Trap(Tag, P, Sentence<'a>),
    /// The command is over. The sentence may hold a value.
    Done(Tag, P, Sentence<'a>),
    /// The command was silent for too long and was cancelled. No further event follows.
    TimedOut(Tag, P),
}

#[derive(Debug, Clone, Copy)]
struct Running<P> {
    tag: Tag,
    /// `None` for a cancelled command and for a cancel: nobody waits for them.
    purpose: Option<P>,
    /// When the command is cancelled; without a purpose, when the connection is given up.
    deadline: Option<Instant>,
    /// How far each row puts the deadline off: a small router is slow with a large table.
    patience: Option<Duration>,
}

/// The commands of one connection and the bytes in both directions.
#[derive(Debug)]
pub struct Dialogue<P> {
    framing: Framing,
    running: heapless::Vec<Running<P>, MAX_COMMANDS>,
    next_tag: u32,
    unsent: Vec<u8>,
    sent: usize,
    cancel_timeout: Duration,
}

impl<P: Copy> Dialogue<P> {
    /// Begins with nothing said. The dialogue ends if a cancelled command takes longer than `cancel_timeout` to end.
    pub fn new(cancel_timeout: Duration) -> Self {
        Self {
            framing: Framing::new(),
            running: heapless::Vec::new(),
            next_tag: 1,
            unsent: Vec::new(),
            sent: 0,
            cancel_timeout,
        }
    }

    /// Says a command. A timeout cancels a command after so much silence; without one the command runs on.
    ///
    /// # Errors
    /// [`DialogueError::TooManyCommands`].
    pub fn send(
        &mut self,
        command: &Command<'_>,
        purpose: P,
        timeout: Option<Duration>,
        now: Instant,
    ) -> Result<Tag, DialogueError> {
        self.say(
            command,
            Running { tag: Tag(0), purpose: Some(purpose), deadline: timeout.map(|t| now + t), patience: timeout },
        )
    }

    /// Ends a command. No further event follows, whatever the router still sends.
    ///
    /// # Errors
    /// [`DialogueError::TooManyCommands`].
    pub fn cancel(&mut self, tag: Tag, now: Instant) -> Result<(), DialogueError> {
        let deadline = Some(now + self.cancel_timeout);
        let Some(running) = self.running.iter_mut().find(|running| running.tag == tag && running.purpose.is_some())
        else {
            return Ok(());
        };
        (running.purpose, running.deadline, running.patience) = (None, deadline, None);
        let cancel = Running { tag: Tag(0), purpose: None, deadline, patience: None };
        self.say(&Command::Cancel(tag), cancel).map(|_| ())
    }

    /// Returns the next event. `None` until more bytes come or the [`deadline`](Self::deadline) passes.
    ///
    /// # Errors
    /// [`DialogueError`]: the connection is then of no use.
    pub fn take(&mut self, now: Instant) -> Result<Option<Event<'_, P>>, DialogueError> {
        match self.next_reply(now)? {
            Some((kind, tag, purpose)) => {
                let sentence = Sentence::new(self.framing.words());
                Ok(Some(match kind {
                    Kind::Trap => Event::Trap(tag, purpose, sentence),
                    Kind::Done => Event::Done(tag, purpose, sentence),
                    _ if sentence.is_cut() => Event::LeftOut(tag, purpose, sentence),
                    _ => Event::Row(tag, purpose, sentence),
                }))
            }
            None => self.expire(now),
        }
    }

    /// When [`take`](Self::take) has something to do without new bytes.
    pub fn deadline(&self) -> Option<Instant> {
        self.running.iter().filter_map(|running| running.deadline).min()
    }

    /// The buffer for bytes from the router.
    pub fn space(&mut self) -> &mut [u8] {
        self.framing.space()
    }

    /// Takes the number of bytes put into [`space`](Self::space).
    pub fn received(&mut self, bytes: usize) {
        self.framing.filled(bytes);
    }

    /// The bytes to be sent to the router.
    pub fn unsent(&self) -> &[u8] {
        self.unsent.get(self.sent..).unwrap_or_default()
    }

    /// Takes the number of [`unsent`](Self::unsent) bytes that were sent.
    pub fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
        if self.sent >= self.unsent.len() {
            self.unsent.clear();
            self.sent = 0;
        }
    }

    /// Registers the tag before the command is written: the reply may come at once.
    fn say(&mut self, command: &Command<'_>, mut running: Running<P>) -> Result<Tag, DialogueError> {
        if self.unsent().len() > MAX_UNSENT {
            return Err(DialogueError::TooManyCommands);
        }
        let tag = self.free_tag();
        running.tag = tag;
        self.running.push(running).map_err(|_| DialogueError::TooManyCommands)?;
        command.encode(tag, &mut self.unsent);
        Ok(tag)
    }

    /// Tags count up: a late reply never meets a new command. After a wrap, tags in use are passed over.
    fn free_tag(&mut self) -> Tag {
        loop {
            let tag = Tag(self.next_tag);
            self.next_tag = self.next_tag.wrapping_add(1);
            if !self.running.iter().any(|running| running.tag == tag) {
                return tag;
            }
        }
    }

    /// Reads on to the next reply to a command with a purpose.
    fn next_reply(&mut self, now: Instant) -> Result<Option<(Kind, Tag, P)>, DialogueError> {
        while self.framing.advance()? == Progress::Complete {
            let sentence = Sentence::new(self.framing.words());
            let kind = sentence.kind();
            if kind == Kind::Fatal {
                return Err(DialogueError::Fatal(in_words(sentence.message())));
            }
            let Some(nth) = self.running_of(&sentence) else { continue };
            let Some(running) = self.running.get_mut(nth) else { continue };
            running.deadline = running.patience.map(|patience| now + patience).or(running.deadline);
            let running = *running;
            if kind == Kind::Done {
                self.running.swap_remove(nth);
            }
            let told = matches!(kind, Kind::Row | Kind::Trap | Kind::Done);
            if let Some(purpose) = running.purpose.filter(|_| told) {
                return Ok(Some((kind, running.tag, purpose)));
            }
        }
        Ok(None)
    }

    /// A reply without a tag belongs to the only command there is, if there is only one.
    fn running_of(&self, sentence: &Sentence<'_>) -> Option<usize> {
        if !sentence.is_tagged() {
            return (self.running.len() == 1).then_some(0);
        }
        let tag = sentence.tag()?;
        self.running.iter().position(|running| running.tag == tag)
    }

    fn expire(&mut self, now: Instant) -> Result<Option<Event<'_, P>>, DialogueError> {
        let due = |running: &&Running<P>| running.deadline.is_some_and(|deadline| deadline <= now);
        let Some(running) = self.running.iter().find(due).copied() else { return Ok(None) };
        let purpose = running.purpose.ok_or(DialogueError::Unresponsive)?;
        self.cancel(running.tag, now)?;
        Ok(Some(Event::TimedOut(running.tag, purpose)))
    }
}

/// Makes text for a log of a router's bytes: at most 160 bytes, without control characters.
pub fn in_words(message: &[u8]) -> String {
    let mut text: String =
        shared::username::escape(message).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let end = (0..=text.len().min(160)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.truncate(end);
    if text.is_empty() { "no reason given".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::commands::Interval;
    use super::*;
    use mikrotik_rs::proto::codec;

    const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
    const TIMEOUT: Option<Duration> = Some(Duration::from_secs(10));

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum For {
        Table,
        Stream,
    }

    fn hear(dialogue: &mut Dialogue<For>, sentences: &[&[&str]]) {
        for sentence in sentences {
            let mut bytes = Vec::new();
            sentence.iter().for_each(|word| codec::encode_word(word.as_bytes(), &mut bytes));
            codec::encode_terminator(&mut bytes);
            dialogue.space()[..bytes.len()].copy_from_slice(&bytes);
            dialogue.received(bytes.len());
        }
    }

    /// Every event, each as one line.
    fn events(dialogue: &mut Dialogue<For>, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(event) = dialogue.take(now).unwrap() {
            lines.push(match event {
                Event::Row(_, purpose, row) => format!("{purpose:?} row {}", row.text("name").unwrap_or("-")),
                Event::Trap(_, purpose, trap) => format!("{purpose:?} trap {}", in_words(trap.message())),
                Event::Done(_, purpose, _) => format!("{purpose:?} done"),
                Event::TimedOut(_, purpose) => format!("{purpose:?} timed out"),
                Event::LeftOut(_, purpose, row) => format!("{purpose:?} left out {}", row.get("name").unwrap().len()),
            });
        }
        lines
    }

    fn said(dialogue: &mut Dialogue<For>) -> Vec<String> {
        let mut bytes = dialogue.unsent();
        let mut sentences = Vec::new();
        while let Ok(codec::Decode::Complete { value, bytes_consumed }) = codec::decode_sentence(bytes) {
            let words: Vec<_> = value.words().map(String::from_utf8_lossy).collect();
            sentences.push(words.join(" "));
            bytes = &bytes[bytes_consumed..];
        }
        dialogue.sent(dialogue.unsent().len());
        sentences
    }

    #[test]
    fn replies_find_their_commands_in_any_order() {
        let now = Instant::now();
        let mut dialogue = Dialogue::new(CANCEL_TIMEOUT);
        dialogue.send(&Command::ServerSessions, For::Table, TIMEOUT, now).unwrap();
        dialogue
            .send(&Command::MonitorTraffic { interfaces: &[], interval: Interval::SHORTEST }, For::Stream, None, now)
            .unwrap();
        hear(
            &mut dialogue,
            &[
                &["!re", ".tag=2", "=name=b"],
                &["!re", "=name=a", ".tag=1"],
                &["!later", ".tag=1"],
                &["!empty", ".tag=1"],
                &["!done", ".tag=1"],
                &["!re", ".tag=1", "=name=late"],
                &["!re", ".tag=99", "=name=stray"],
                &["!re", ".tag=2", "=name=c"],
            ],
        );
        assert_eq!(events(&mut dialogue, now), ["Stream row b", "Table row a", "Table done", "Stream row c"]);
    }

    #[test]
    fn a_row_that_is_too_large_is_left_out_and_the_rest_stands() {
        let now = Instant::now();
        let mut dialogue = Dialogue::new(CANCEL_TIMEOUT);
        dialogue.send(&Command::ServerSessions, For::Table, TIMEOUT, now).unwrap();
        hear(&mut dialogue, &[&["!re", ".tag=1", "=name=a"]]);
        let mut events_so_far = events(&mut dialogue, now);
        let mut bytes = Vec::new();
        let name = format!("=name={}", "x".repeat(70_000));
        [&b"!re"[..], b".tag=1", name.as_bytes()].iter().for_each(|word| codec::encode_word(word, &mut bytes));
        codec::encode_terminator(&mut bytes);
        for piece in bytes.chunks(1_000) {
            dialogue.space()[..piece.len()].copy_from_slice(piece);
            dialogue.received(piece.len());
            events_so_far.extend(events(&mut dialogue, now));
        }
        hear(&mut dialogue, &[&["!re", ".tag=1", "=name=b"], &["!done", ".tag=1"]]);
        events_so_far.extend(events(&mut dialogue, now));
        assert_eq!(events_so_far, ["Table row a", "Table left out 58", "Table row b", "Table done"]);
    }

    #[test]
    fn a_cancelled_stream_is_silent_until_it_is_over() {
        let now = Instant::now();
        let mut dialogue = Dialogue::new(CANCEL_TIMEOUT);
        let tag =
            dialogue.send(&Command::Listen(super::super::commands::Menu::PppActive), For::Stream, None, now).unwrap();
        said(&mut dialogue);
        dialogue.cancel(tag, now).unwrap();
        dialogue.cancel(tag, now).unwrap();
        assert_eq!(said(&mut dialogue), ["/cancel =tag=1 .tag=2"]);
        hear(
            &mut dialogue,
            &[
                &["!re", ".tag=1", "=name=late"],
                &["!trap", ".tag=1", "=category=2", "=message=interrupted"],
                &["!done", ".tag=2"],
                &["!done", ".tag=1"],
            ],
        );
        assert!(events(&mut dialogue, now).is_empty());
        assert_eq!(dialogue.deadline(), None);
        assert!(events(&mut dialogue, now + 2 * CANCEL_TIMEOUT).is_empty());
    }

    #[test]
    fn a_command_without_an_answer_is_cancelled_and_then_the_connection_given_up() {
        let now = Instant::now();
        let mut dialogue = Dialogue::new(CANCEL_TIMEOUT);
        dialogue.send(&Command::Queues, For::Table, TIMEOUT, now).unwrap();
        let due = dialogue.deadline().unwrap();
        assert!(events(&mut dialogue, due - Duration::from_millis(1)).is_empty());
        assert_eq!(events(&mut dialogue, due), ["Table timed out"]);
        assert_eq!(said(&mut dialogue).last().unwrap(), "/cancel =tag=1 .tag=2");
        assert_eq!(dialogue.deadline(), Some(due + CANCEL_TIMEOUT));
        assert_eq!(dialogue.take(due + CANCEL_TIMEOUT).unwrap_err(), DialogueError::Unresponsive);
    }

    #[test]
    fn a_row_puts_the_timeout_off() {
        let now = Instant::now();
        let mut dialogue = Dialogue::new(CANCEL_TIMEOUT);
        dialogue.send(&Command::Queues, For::Table, TIMEOUT, now).unwrap();
        let due = dialogue.deadline().unwrap();
        hear(&mut dialogue, &[&["!re", ".tag=1", "=name=a"]]);
        assert_eq!(events(&mut dialogue, due), ["Table row a"]);
        assert_eq!(dialogue.deadline(), TIMEOUT.map(|timeout| due + timeout));
    }

    #[test]
    fn a_trap_is_told_and_the_command_still_ends() {
        let now = Instant::now();
        let mut dialogue = Dialogue::new(CANCEL_TIMEOUT);
        dialogue.send(&Command::Secrets { comments: false }, For::Table, TIMEOUT, now).unwrap();
        hear(&mut dialogue, &[&["!trap", ".tag=1", "=message=not enough permissions (9)"], &["!done", ".tag=1"]]);
        assert_eq!(events(&mut dialogue, now), ["Table trap not enough permissions (9)", "Table done"]);
    }

    #[test]
    fn fatal_ends_it_with_the_routers_reason() {
        let mut dialogue = Dialogue::<For>::new(CANCEL_TIMEOUT);
        hear(&mut dialogue, &[&["!fatal", "not logged in"]]);
        assert_eq!(dialogue.take(Instant::now()).unwrap_err(), DialogueError::Fatal("not logged in".to_owned()));
    }

    #[test]
    fn an_untagged_reply_is_the_only_commands_or_nobodys() {
        let now = Instant::now();
        let mut dialogue = Dialogue::new(CANCEL_TIMEOUT);
        dialogue.send(&Command::Identity, For::Table, TIMEOUT, now).unwrap();
        hear(&mut dialogue, &[&["!done"]]);
        assert_eq!(events(&mut dialogue, now), ["Table done"]);
        dialogue.send(&Command::Identity, For::Table, TIMEOUT, now).unwrap();
        dialogue.send(&Command::Resource, For::Table, TIMEOUT, now).unwrap();
        hear(&mut dialogue, &[&["!done"]]);
        assert!(events(&mut dialogue, now).is_empty());
    }

    #[test]
    fn commands_under_way_and_unsent_bytes_are_bounded() {
        let now = Instant::now();
        let mut dialogue = Dialogue::new(CANCEL_TIMEOUT);
        let sent =
            (0..1_000).take_while(|_| dialogue.send(&Command::Identity, For::Table, TIMEOUT, now).is_ok()).count();
        assert_eq!(sent, MAX_COMMANDS);
        let mut dialogue = Dialogue::new(CANCEL_TIMEOUT);
        let names = [super::super::commands::Interface::Name(&[b'x'; 60_000]); 1];
        let stream = Command::MonitorTraffic { interfaces: &names, interval: Interval::SHORTEST };
        let sent = (0..1_000).take_while(|_| dialogue.send(&stream, For::Stream, None, now).is_ok()).count();
        assert_eq!(sent, 2);
        dialogue.sent(dialogue.unsent().len());
        assert!(dialogue.send(&stream, For::Stream, None, now).is_ok());
    }

    #[test]
    fn a_routers_words_are_cut_and_cannot_garble_a_log() {
        assert_eq!(in_words(b"a\x1b[31m\nb\xE9"), "a [31m b%E9");
        assert_eq!(in_words(b""), "no reason given");
        assert_eq!(in_words("é".repeat(200).as_bytes()).len(), 160);
    }
}
