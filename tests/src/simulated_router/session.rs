//! One API connection: reads sentences, starts and cancels commands, and writes their replies.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::call::{Call, Outgoing};
use super::core::Core;
use super::framing::{MAX_SENTENCE, MAX_SENTENCE_BEFORE_LOGIN, SentenceReader};
use super::listen;
use super::login::{self, Outcome};
use super::monitor;
use super::record::Command;
use super::sentence::{Reply, Sentence, Trap};
use super::traffic::Dice;

/// Replies that may wait for the writer; at the bound the commands wait.
const OUTGOING: usize = 256;
/// Sentences allowed before a login; RouterOS has such a limit and does not publish the number.
const SENTENCES_BEFORE_LOGIN: u32 = 16;

/// Serves one client until the client leaves, is thrown out or breaks the protocol. The connection has a number already.
pub(crate) async fn serve<S>(core: Arc<Core>, stream: S, connection: u64)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (input, output) = tokio::io::split(stream);
    let (out, outgoing) = mpsc::channel(OUTGOING);
    let writer = Aborting(tokio::spawn(write(Arc::clone(&core), output, outgoing)));
    let mut session = Session {
        core: Arc::clone(&core),
        connection,
        out,
        running: Vec::new(),
        user: None,
        challenge: None,
        before_login: 0,
    };
    let injections = core.injections.subscribe();
    tokio::select! {
        () = thrown_out(&core) => {}
        ending = session.run(input, injections) => if ending == Ending::Finish {
            session.finish(writer).await;
        }
    }
}

/// Completes when the router drops its connections.
async fn thrown_out(core: &Core) {
    let mut gate = core.gate.subscribe();
    let generation = gate.borrow().generation;
    let _ = gate.wait_for(|gate| gate.stopped || gate.generation != generation).await;
}

/// How a connection ends.
#[derive(PartialEq, Eq)]
enum Ending {
    /// The client is gone; nothing more can be sent.
    Gone,
    /// The router closes, after its last words.
    Finish,
}

/// A task; ends with the drop of this value.
struct Aborting(JoinHandle<()>);

impl Drop for Aborting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Writes replies, cut into pieces if the router is to do so, and keeps their samples once they are out.
async fn write<W>(core: Arc<Core>, mut output: W, mut outgoing: mpsc::Receiver<Outgoing>)
where
    W: AsyncWrite + Unpin,
{
    while let Some(Outgoing { bytes, samples }) = outgoing.recv().await {
        core.answering().await;
        let piece = core.read(|state| state.misbehaviour.piece).unwrap_or(bytes.len()).max(1);
        for piece in bytes.chunks(piece) {
            if output.write_all(piece).await.is_err() || output.flush().await.is_err() {
                return;
            }
            // Lets a reader in the same process see the piece alone.
            tokio::task::yield_now().await;
        }
        if !samples.is_empty() {
            core.update(|state, _| state.record.keep_samples(samples));
        }
    }
    let _ = output.shutdown().await;
}

/// A command under way.
struct Running {
    call: Call,
    task: Aborting,
}

/// Whether the connection goes on after a sentence.
#[derive(PartialEq, Eq)]
enum Next {
    Read,
    Close,
}

struct Session {
    core: Arc<Core>,
    connection: u64,
    out: mpsc::Sender<Outgoing>,
    running: Vec<Running>,
    user: Option<String>,
    challenge: Option<[u8; 16]>,
    before_login: u32,
}

impl Session {
    /// Reads and obeys until the connection is to be closed.
    async fn run(
        &mut self,
        mut input: impl AsyncRead + Unpin,
        mut injections: broadcast::Receiver<Arc<[u8]>>,
    ) -> Ending {
        let mut reader = SentenceReader::default();
        let mut buffer = vec![0; 8192];
        let out = self.out.clone();
        loop {
            tokio::select! {
                read = input.read(&mut buffer) => match read {
                    Ok(length @ 1..) => if self.received(&mut reader, &buffer[..length]).await == Next::Close {
                        return Ending::Finish;
                    },
                    Ok(0) | Err(_) => return Ending::Gone,
                },
                Ok(bytes) = injections.recv() => inject(&out, &bytes).await,
                () = out.closed() => return Ending::Gone,
            }
        }
    }

    async fn received(&mut self, reader: &mut SentenceReader, bytes: &[u8]) -> Next {
        reader.push(bytes);
        loop {
            let limit = if self.user.is_some() { MAX_SENTENCE } else { MAX_SENTENCE_BEFORE_LOGIN };
            match reader.next_sentence(limit) {
                Ok(Some(words)) => match self.obey(Sentence { words }).await {
                    Next::Read => {}
                    Next::Close => return Next::Close,
                },
                Ok(None) => return Next::Read,
                Err(_) => return Next::Close,
            }
        }
    }

    async fn obey(&mut self, sentence: Sentence) -> Next {
        self.keep(&sentence);
        let call = Call { core: Arc::clone(&self.core), connection: self.connection, sentence, out: self.out.clone() };
        match call.sentence.command() {
            b"/login" => self.login(&call).await,
            b"/quit" => self.fatal(&call, "session terminated on request").await,
            _ if self.user.is_none() => self.fatal(&call, "not logged in").await,
            b"/cancel" => self.cancel(&call).await,
            _ => self.start(call),
        }
    }

    fn keep(&self, sentence: &Sentence) {
        let command = Command { connection: self.connection, at: Instant::now(), sentence: sentence.masked() };
        self.core.update(|state, _| state.record.keep_command(command));
    }

    /// `!fatal` carries no tag, and nothing follows.
    async fn fatal(&mut self, call: &Call, reason: &str) -> Next {
        self.stop_all().await;
        let bytes = Reply::fatal(reason).encode(None, self.core.read(|state| state.tags));
        call.send(Outgoing { bytes, ..Outgoing::default() }).await;
        Next::Close
    }

    async fn login(&mut self, call: &Call) -> Next {
        self.before_login += 1;
        if self.user.is_none() && self.before_login > SENTENCES_BEFORE_LOGIN {
            return Next::Close;
        }
        let pending = self.challenge.take();
        let fresh = self.fresh_challenge();
        let outcome = self.core.read(|state| {
            login::judge(self.core.login, &call.sentence, (&state.user, &state.password), pending, fresh)
        });
        match outcome {
            Outcome::Welcome => {
                self.welcome(&call.sentence);
                call.done(Reply::done()).await;
            }
            Outcome::Challenge(challenge) => {
                self.challenge = Some(challenge);
                call.done(Reply::done().with("ret", login::hex(&challenge))).await;
            }
            Outcome::Refused(trap) => {
                self.log_login("login failure for user", &call.sentence);
                call.refuse(&trap).await;
            }
        }
        Next::Read
    }

    /// A challenge new to this connection.
    fn fresh_challenge(&self) -> [u8; 16] {
        let dice = Dice::new(self.core.seed, b"challenge");
        let byte = |place: usize| dice.throw(self.connection << 8 | u64::from(self.before_login), place as u64, 256);
        std::array::from_fn(|place| u8::try_from(byte(place)).unwrap_or_default())
    }

    fn welcome(&mut self, sentence: &Sentence) {
        let user = String::from_utf8_lossy(sentence.attribute("name").unwrap_or_default()).into_owned();
        self.user = Some(user);
        self.core.update(|state, _| {
            if let Some(connection) = state.record.connections.get_mut(&self.connection) {
                connection.logged_in = true;
            }
        });
        self.log("logged in");
    }

    fn log(&self, event: &str) {
        let Some(user) = &self.user else { return };
        let origin = self.origin();
        self.core.log(format!("user {user} {event} {origin}"));
    }

    fn log_login(&self, event: &str, sentence: &Sentence) {
        let user = String::from_utf8_lossy(sentence.attribute("name").unwrap_or_default()).into_owned();
        let origin = self.origin();
        self.core.log(format!("{event} {user} {origin}"));
    }

    /// `from ADDRESS via SERVICE`, as every such line ends.
    fn origin(&self) -> String {
        self.core.read(|state| {
            let connection = state.record.connections.get(&self.connection);
            let (peer, tls) = connection.map_or(("", false), |connection| (&connection.peer, connection.tls));
            format!("from {peer} via {}", if tls { "api-ssl" } else { "api" })
        })
    }

    fn start(&mut self, call: Call) -> Next {
        self.running.retain(|running| !running.task.0.is_finished());
        let task = Aborting(tokio::spawn(call.clone().run()));
        self.running.push(Running { call, task });
        Next::Read
    }

    /// Ends the commands of `=tag=`, or all. The order is the captures': the stream's trap, the `!done` of the cancel, the `!done`
    /// of the stream.
    async fn cancel(&mut self, cancel: &Call) -> Next {
        let mut ended = Vec::new();
        for running in self.take_cancelled(cancel.sentence.attribute("tag")) {
            if stop(running.task).await {
                ended.push(running.call);
            }
        }
        // In one piece: mikronode-ng forgets a cancelled channel, and fails at a late trap for the channel.
        let traps = ended.iter().map(|call| call.encode(&Reply::trap(&Trap::interrupted())));
        let dones = [cancel].into_iter().chain(&ended).map(|call| call.encode_last(&Reply::done()));
        let late = ended.iter().map(|call| self.late_replies(call));
        let bytes = traps.chain(dones).chain(late).flatten().collect();
        cancel.send(Outgoing { bytes, ..Outgoing::default() }).await;
        Next::Read
    }

    fn take_cancelled(&mut self, tag: Option<&[u8]>) -> Vec<Running> {
        let deaf = |running: &Running| {
            let command = running.call.sentence.command();
            self.core.read(|state| state.misbehaviour.deaf_to_cancel && state.misbehaviour.is_unanswered(command))
        };
        let is_meant = |running: &Running| tag.is_none() || running.call.tag() == tag;
        let all = std::mem::take(&mut self.running);
        let (cancelled, kept) = all.into_iter().partition(|running| is_meant(running) && !deaf(running));
        self.running = kept;
        cancelled
    }

    /// The last words of an ended stream.
    fn late_replies(&self, call: &Call) -> Vec<u8> {
        let reply = self.core.read(|state| {
            let name = call.sentence.attribute("interface").and_then(|list| list.split(|byte| *byte == b',').next());
            let found = name.and_then(|name| state.world.resolve(name)).map(|interface| interface.name.clone());
            let row = found.and_then(|name| monitor::late_row(call, state, &name));
            (row.unwrap_or_else(|| listen::dead("*FFFFFF")), state.misbehaviour.late_replies)
        });
        let (reply, count) = reply;
        if count == 0 { Vec::new() } else { call.encode(&reply).repeat(usize::try_from(count).unwrap_or(0)) }
    }

    async fn stop_all(&mut self) {
        for running in std::mem::take(&mut self.running) {
            stop(running.task).await;
        }
    }

    /// Lets the writer send the replies.
    async fn finish(&mut self, mut writer: Aborting) {
        self.stop_all().await;
        let (nowhere, _) = mpsc::channel(1);
        self.out = nowhere;
        let _ = (&mut writer.0).await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.log("logged out");
    }
}

async fn inject(out: &mpsc::Sender<Outgoing>, bytes: &[u8]) {
    let _ = out.send(Outgoing { bytes: bytes.to_vec(), ..Outgoing::default() }).await;
}

/// Stops a command; false for an ended one.
async fn stop(mut task: Aborting) -> bool {
    task.0.abort();
    (&mut task.0).await.is_err_and(|error| error.is_cancelled())
}
