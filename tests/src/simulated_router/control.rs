//! The control port: the router's handle as lines of text over TCP, for tests in other languages and for a hand at a
//! terminal (`nc 127.0.0.1 PORT`). The API never shows any of this.

mod misbehave;
mod text;

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use self::text::{escape, number, on_or_off, unescape};
use super::{Misbehaviour, Person, Policies, Rate, Rates, SimulatedRouter, TagPlacement};
use crate::homes::Weather;

/// The longest accepted line, in bytes; a longer one ends the connection.
const MAX_LINE: u64 = 16 * 1024;
/// Connections at a time; the next one waits.
const MAX_CONNECTIONS: usize = 32;

/// Every command, one a line, as `help` and the program's `--help` print them.
pub const COMMANDS: &str = "\
Control port: one command a line. Words are divided by spaces; a space, a % or a byte that is not text is written %XX.
An answer is lines that begin with '= ' and, at its end, 'ok', or 'error' with the reason.

  up USERNAME                      bring up a server session (a second one is a duplicate); answers: id name
  down USERNAME                    end all server sessions of a username
  interface-down NAME              end the session of one interface
  static NAME USERNAME             add a static server entry
  client NAME USERNAME             add a PPPoE client
  client-up USERNAME               connect the clients of a username
  client-down USERNAME             disconnect them
  rename FROM TO                   rename an interface
  secret USERNAME PROFILE [COMMENT]  add or change a secret
  queue NAME TARGET MAX-LIMIT [PROPERTY=VALUE]...  put a static queue before the others; max-limit is upload/download
  rate USERNAME DOWNLOAD UPLOAD    exact rates, in bits per second as the subscriber sees them
  person USERNAME KIND             video, download, call, backup or idle
  interface-rate NAME DOWNLOAD UPLOAD  exact rates of one interface
  wire MILLISECONDS [LOSS]         the time to subscribers' routers, and how many of a hundred packets are lost, where kernels answer
  cpu PERCENT                      what /system/resource shows
  clock UNIXSECONDS                set the router's clock
  identity NAME                    what /system/identity shows
  version TEXT                     what /system/resource shows
  tags behind|last                 where replies carry their tag
  empty on|off                     whether a print without rows sends !empty
  password TEXT                    change the API user's password
  policies LIST                    of read,test,sensitive,monitor-needs-test, or none
  drop                             drop every API connection
  stall on|off                     stop answering without closing
  refuse on|off                    close the API's ports, or open them
  misbehave KEY VALUE              switch a misbehaviour (below)
  behave                           switch all of them off
  inject KIND [ARGUMENT]           huge-word, reserved-prefix, long-word, many-words, long-sentence, unknown-word,
                                   flood COUNT, fatal REASON, bytes BYTES: to every API connection, once
  ports                            answers: id name username running
  commands                         answers: connection sentence, for every sentence received
  samples [COUNT]                  answers: connection tag section id name username rx tx download upload, the last COUNT or all
  streams                          answers: connection tag command interfaces
  connections                      answers: number peer logged-in tls
  log                              answers: the router's log
  help                             this text

Keys of misbehave:
  vanished rows-stop|zeros|trap|done   a monitored interface that is no more
  bad-name fails|skipped               a monitor-traffic list with a name that is not there
  names-only on|off                    monitor-traffic takes no *ID
  unmonitored NAME,NAME|none           monitor-traffic takes these interfaces neither by *ID nor by name
  doubled on|off                       monitor-traffic rows that come twice
  listed-twice on|off                  printed rows that come twice
  silent on|off                        monitor-traffic streams that send nothing
  missing-properties LIST|none         properties that no row has
  nameless on|off                      monitor-traffic rows without a name
  suffixed on|off                      14.78Mbps instead of 14780000
  narrow-counters on|off               byte counters of 32 bits, which begin anew
  unknown-stats on|off                 =stats= is no parameter of print
  piece BYTES|off                      replies cut into pieces, each flushed
  late COUNT                           rows after the !done of a cancelled stream
  unanswered LIST|none                 commands that begin so are never answered
  deaf on|off                          nor do they answer to /cancel
  refused LIST|none                    not enough permissions (9)
  missing-menus LIST|none              no such command prefix
  no-listen on|off                     listen is no command
  unknown-words on|off                 !surprise before every !done
  partial paused:MILLISECONDS|interrupted|truncated|off  printed tables
  drops-rows on|off                    an unknown property in the proplist drops the rows
";

/// Serves the control port until the task is dropped.
pub async fn serve(router: Arc<SimulatedRouter>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { continue };
        let router = Arc::clone(&router);
        tokio::spawn(async move {
            // A client may leave in the middle.
            let _ = converse(&router, stream).await;
            drop(place);
        });
    }
}

async fn converse(router: &SimulatedRouter, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = (&mut stream).take(MAX_LINE).read_until(b'\n', &mut line).await?;
        if length == 0 || !line.ends_with(b"\n") {
            return Ok(());
        }
        let answer = answer(router, &String::from_utf8_lossy(&line)).await;
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// The answer to one line: the lines and the end.
pub async fn answer(router: &SimulatedRouter, line: &str) -> String {
    let words: Vec<Vec<u8>> = line.split_whitespace().map(unescape).collect();
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let Some((verb, arguments)) = words.split_first() else { return "error empty line; try help\n".to_owned() };
    match execute(router, verb, arguments).await {
        Ok(lines) => lines.iter().map(|line| format!("= {line}\n")).chain(["ok\n".to_owned()]).collect(),
        Err(reason) => format!("error {reason}\n"),
    }
}

/// Lines of an answer, or why there is none.
type Answer = Result<Vec<String>, String>;

async fn execute(router: &SimulatedRouter, verb: &[u8], arguments: &[&[u8]]) -> Answer {
    if let (b"refuse", [switch]) = (verb, arguments) {
        router.refuse_connections(on_or_off(switch)?).await;
        return done();
    }
    let groups = [change_sessions, change_traffic, change_router, change_manners, show];
    let answer = groups.into_iter().find_map(|group| group(router, verb, arguments));
    answer.unwrap_or_else(|| Err(format!("{} is not a command with {} words; try help", escape(verb), arguments.len())))
}

fn done() -> Answer {
    Ok(Vec::new())
}

fn done_if(found: bool) -> Answer {
    if found { done() } else { Err("no such interface or session".to_owned()) }
}

fn change_sessions(router: &SimulatedRouter, verb: &[u8], arguments: &[&[u8]]) -> Option<Answer> {
    let named = |port: super::Port| Ok(vec![format!("{} {}", port.id, escape(&port.name))]);
    Some(match (verb, arguments) {
        (b"up", [username]) => named(router.session_up(username)),
        (b"down", [username]) => done_if(router.session_down(username) > 0),
        (b"interface-down", [name]) => done_if(router.interface_down(name)),
        (b"static", [name, username]) => named(router.add_static_entry(name, username)),
        (b"client", [name, username]) => named(router.add_client(name, username)),
        (b"client-up", [username]) => done_if(router.client_up(username) > 0),
        (b"client-down", [username]) => done_if(router.client_down(username) > 0),
        (b"rename", [from, to]) => done_if(router.rename(from, to)),
        (b"queue", [name, target, limit, more @ ..]) => {
            queue(name, target, limit, more).map(|row| router.add_queue(row)).and_then(|()| done())
        }
        (b"secret", [username, profile, comment @ ..]) if comment.len() < 2 => {
            let comment = comment.first().copied().unwrap_or_default();
            router.set_secret(username, &String::from_utf8_lossy(profile), comment);
            done()
        }
        _ => return None,
    })
}

/// The properties of a static queue.
fn queue(name: &[u8], target: &[u8], limit: &[u8], more: &[&[u8]]) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    let mut row = vec![("name", name.to_vec()), ("target", target.to_vec()), ("max-limit", limit.to_vec())];
    for word in more {
        let text = String::from_utf8_lossy(word);
        let (property, value) = text.split_once('=').ok_or("a property is NAME=VALUE")?;
        let known = super::QUEUE_PROPERTIES.iter().find(|known| **known == property);
        let known = known.ok_or_else(|| format!("a static queue has no property {property}"))?;
        row.push((known, value.as_bytes().to_vec()));
    }
    Ok(row)
}

fn change_traffic(router: &SimulatedRouter, verb: &[u8], arguments: &[&[u8]]) -> Option<Answer> {
    Some(match (verb, arguments) {
        (b"rate", [username, download, upload]) => {
            exact(download, upload).map(|rate| router.set_rate(username, rate)).and_then(|()| done())
        }
        (b"interface-rate", [name, download, upload]) => {
            exact(download, upload).and_then(|rate| done_if(router.set_interface_rate(name, rate)))
        }
        (b"person", [username, kind]) => {
            let person = Person::ALL.into_iter().find(|person| person.name().as_bytes() == *kind);
            let person = person.ok_or_else(|| "a person is video, download, call, backup or idle".to_owned());
            person.map(|person| router.set_rate(username, Rate::Person(person))).and_then(|()| done())
        }
        (b"wire", [delay, loss @ ..]) if loss.len() < 2 => wire(router, delay, loss.first().copied()),
        _ => return None,
    })
}

fn wire(router: &SimulatedRouter, delay: &[u8], loss: Option<&[u8]>) -> Answer {
    let delay = Duration::from_millis(number(delay)?);
    let loss = f64::from(loss.map_or(Ok(0), number::<u8>)?) / 100.0;
    *router.wire.lock().unwrap_or_else(PoisonError::into_inner) = Weather { delay, loss, ..Weather::default() };
    done()
}

fn exact(download: &[u8], upload: &[u8]) -> Result<Rate, String> {
    Ok(Rate::Exact(Rates::new(number(download)?, number(upload)?)))
}

fn change_router(router: &SimulatedRouter, verb: &[u8], arguments: &[&[u8]]) -> Option<Answer> {
    let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    let changed = match (verb, arguments) {
        (b"cpu", [per_cent]) => number(per_cent).map(|per_cent| router.set_cpu_load(per_cent)),
        (b"clock", [seconds]) => number(seconds).map(|seconds| router.set_clock(seconds)),
        (b"identity", [name]) => Ok(*name).map(|name| router.set_identity(name)),
        (b"version", [version]) => Ok(text(version)).map(|version| router.set_version(&version)),
        (b"tags", [place]) => placement(place).map(|place| router.set_tags(place)),
        (b"empty", [switch]) => on_or_off(switch).map(|empty| router.set_empty(empty)),
        (b"password", [password]) => Ok(text(password)).map(|password| router.set_password(&password)),
        (b"policies", [list]) => policies(&text(list)).map(|policies| router.set_policies(policies)),
        _ => return None,
    };
    Some(changed.and_then(|()| done()))
}

fn placement(word: &[u8]) -> Result<TagPlacement, String> {
    match word {
        b"behind" => Ok(TagPlacement::BehindReplyWord),
        b"last" => Ok(TagPlacement::Last),
        _ => Err("tags are behind or last".to_owned()),
    }
}

fn policies(list: &str) -> Result<Policies, String> {
    let mut policies = Policies { read: false, test: false, sensitive: false, monitor_needs_test: false };
    for policy in list.split(',').filter(|policy| *policy != "none") {
        match policy {
            "read" => policies.read = true,
            "test" => policies.test = true,
            "sensitive" => policies.sensitive = true,
            "monitor-needs-test" => policies.monitor_needs_test = true,
            _ => return Err(format!("no such policy: {policy}")),
        }
    }
    Ok(policies)
}

fn change_manners(router: &SimulatedRouter, verb: &[u8], arguments: &[&[u8]]) -> Option<Answer> {
    let changed = match (verb, arguments) {
        (b"drop", []) => Ok(()).map(|()| router.drop_connections()),
        (b"stall", [switch]) => on_or_off(switch).map(|stalled| router.stall(stalled)),
        (b"misbehave", [key, value]) => misbehave::change(key, value).map(|change| router.misbehave(change)),
        (b"behave", []) => {
            Ok(Misbehaviour::default()).map(|good| router.misbehave(|misbehaviour| *misbehaviour = good))
        }
        (b"inject", [kind, argument @ ..]) if argument.len() < 2 => {
            misbehave::injection(kind, argument.first().copied()).map(|injection| router.inject(&injection))
        }
        _ => return None,
    };
    Some(changed.and_then(|()| done()))
}

fn show(router: &SimulatedRouter, verb: &[u8], arguments: &[&[u8]]) -> Option<Answer> {
    Some(match (verb, arguments) {
        (b"ports", []) => Ok(ports(router)),
        (b"commands", []) => Ok(commands(router)),
        (b"samples", []) => Ok(samples(router, usize::MAX)),
        (b"samples", [count]) => number(count).map(|count| samples(router, count)),
        (b"streams", []) => Ok(streams(router)),
        (b"connections", []) => Ok(connections(router)),
        (b"log", []) => Ok(router.log()),
        (b"help", []) => Ok(COMMANDS.lines().map(str::to_owned).collect()),
        _ => return None,
    })
}

fn ports(router: &SimulatedRouter) -> Vec<String> {
    let line =
        |port: &super::Port| format!("{} {} {} {}", port.id, escape(&port.name), escape(&port.username), port.running);
    router.ports().iter().map(line).collect()
}

fn commands(router: &SimulatedRouter) -> Vec<String> {
    router.record(|record| {
        let words = |words: &[Vec<u8>]| words.iter().map(|word| escape(word)).collect::<Vec<_>>().join(" ");
        record.commands().map(|command| format!("{} {}", command.connection, words(&command.sentence.words))).collect()
    })
}

fn samples(router: &SimulatedRouter, count: usize) -> Vec<String> {
    router.record(|record| {
        let line = |sample: &super::SampleSent| {
            let words = [&sample.name, &sample.username].map(|word| escape(word)).join(" ");
            let figures = format!("{} {} {} {}", sample.rx, sample.tx, sample.download, sample.upload);
            let tag = escape(sample.tag.as_deref().unwrap_or_default());
            format!("{} {tag} {} {} {words} {figures}", sample.connection, sample.section, sample.id)
        };
        let skipped = record.samples().len().saturating_sub(count);
        record.samples().skip(skipped).map(line).collect()
    })
}

fn streams(router: &SimulatedRouter) -> Vec<String> {
    router.record(|record| {
        let line = |stream: &super::Stream| {
            let tag = escape(stream.tag.as_deref().unwrap_or_default());
            let names: Vec<String> = stream.interfaces.iter().map(|name| escape(name)).collect();
            format!("{} {tag} {} {}", stream.connection, stream.command, names.join(" ")).trim_end().to_owned()
        };
        record.streams().map(line).collect()
    })
}

fn connections(router: &SimulatedRouter) -> Vec<String> {
    router.record(|record| {
        let line = |(number, connection): (u64, &super::Connection)| {
            format!("{number} {} {} {}", connection.peer, connection.logged_in, connection.tls)
        };
        record.connections().map(line).collect()
    })
}

#[cfg(test)]
mod tests;
