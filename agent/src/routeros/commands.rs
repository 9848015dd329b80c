//! Every sentence that this program can send to a router: a closed list, for reading only.
//!
//! Nothing from a relay becomes part of a sentence: the names of interfaces come from the router's own tables. The menus
//! of PPPoE and of secrets hold passwords. So each sentence to them lists the wanted properties, and a test makes sure
//! that no password is among them.

use std::fmt::Write as _;
use std::time::Duration;

use mikrotik_rs::proto::codec;

use super::sentence::Tag;

/// One sentence to a router.
#[derive(Clone, Copy)]
pub enum Command<'a> {
    /// Logs in as RouterOS 6.43 and later do.
    Login {
        /// The API user's name.
        user: &'a str,
        /// The password; the plain API sends the password unencrypted.
        password: &'a [u8],
    },
    /// The router's own name.
    Identity,
    /// Version, board and CPU load.
    Resource,
    /// CPU load alone.
    CpuLoad,
    /// A concentrator's sessions.
    ServerSessions,
    /// The sessions of a subscriber's own router.
    ClientSessions,
    /// The addresses of the sessions: a queue may target an address.
    ActiveAddresses,
    /// The profiles' rate limits.
    Profiles,
    /// The profile of each username.
    Secrets {
        /// True to ask for the comments too. They often hold a customer's name.
        comments: bool,
    },
    /// The router's time: a queue may be in force at some hours only.
    Clock,
    /// The limits in force.
    Queues,
    /// The byte counters of every PPPoE interface.
    Counters {
        /// True to say `=stats=`. Some versions need the word, and some refuse it.
        stats: bool,
    },
    /// Changes of a menu, as hints.
    Listen(Menu),
    /// Rates, each interval, until cancelled.
    MonitorTraffic {
        /// The interfaces to watch; rows come in this order.
        interfaces: &'a [Interface<'a>],
        /// The time between two sections of rows.
        interval: Interval,
    },
    /// One interface's rates, once.
    MonitorOnce(Interface<'a>),
    /// Ends another command.
    Cancel(Tag),
}

/// The time between two sections of a `monitor-traffic` stream: 1 to 5 whole seconds. RouterOS refuses more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(u8);

impl Interval {
    /// One second.
    pub const SHORTEST: Self = Self(1);

    /// Five seconds.
    pub const LONGEST: Self = Self(5);

    /// The interval in seconds.
    pub const fn seconds(self) -> u8 {
        self.0
    }

    /// The interval as a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }

    /// Adds a second, up to the longest.
    #[must_use]
    pub fn longer(self) -> Self {
        Self(self.0 + 1).min(Self::LONGEST)
    }

    /// Takes a second off, down to the shortest.
    #[must_use]
    pub fn shorter(self) -> Self {
        Self(self.0 - 1).max(Self::SHORTEST)
    }
}

/// A menu whose changes are listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    /// `/interface/pppoe-server`
    PppoeServer,
    /// `/interface/pppoe-client`
    PppoeClient,
    /// `/ppp/active`
    PppActive,
}

/// How a command names an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface<'a> {
    /// By `.id`, for every name.
    Id(u64),
    /// By name. A name with a comma is taken for two.
    Name(&'a [u8]),
}

impl Command<'_> {
    /// Appends the sentence with the tag.
    pub fn encode(&self, tag: Tag, out: &mut Vec<u8>) {
        codec::encode_word(self.path().as_bytes(), out);
        self.encode_attributes(out);
        encode_decimal(".tag=", tag.0, out);
        codec::encode_terminator(out);
    }

    /// The command word, for logs and errors.
    pub const fn path(&self) -> &'static str {
        match self {
            Self::Login { .. } => "/login",
            Self::Identity => "/system/identity/print",
            Self::Resource | Self::CpuLoad => "/system/resource/print",
            Self::ServerSessions => "/interface/pppoe-server/print",
            Self::ClientSessions => "/interface/pppoe-client/print",
            Self::ActiveAddresses => "/ppp/active/print",
            Self::Profiles => "/ppp/profile/print",
            Self::Secrets { .. } => "/ppp/secret/print",
            Self::Clock => "/system/clock/print",
            Self::Queues => "/queue/simple/print",
            Self::Counters { .. } => "/interface/print",
            Self::Listen(Menu::PppoeServer) => "/interface/pppoe-server/listen",
            Self::Listen(Menu::PppoeClient) => "/interface/pppoe-client/listen",
            Self::Listen(Menu::PppActive) => "/ppp/active/listen",
            Self::MonitorTraffic { .. } | Self::MonitorOnce(_) => "/interface/monitor-traffic",
            Self::Cancel(_) => "/cancel",
        }
    }

    /// The properties that a print or listen asks for. Every version has them: some lose rows over an unknown one.
    const fn properties(&self) -> &'static str {
        match self {
            Self::Identity => "name",
            Self::Resource => "version,board-name,cpu-load",
            Self::CpuLoad => "cpu-load",
            Self::ServerSessions => ".id,name,user,uptime,running,disabled",
            Self::ClientSessions | Self::Listen(Menu::PppoeServer | Menu::PppoeClient) => {
                ".id,name,user,running,disabled"
            }
            Self::ActiveAddresses => "name,address",
            Self::Listen(Menu::PppActive) => ".id,name",
            Self::Profiles => "name,rate-limit",
            Self::Secrets { comments: false } => "name,profile",
            Self::Secrets { comments: true } => "name,profile,comment",
            Self::Clock => "time,date",
            Self::Queues => "name,target,parent,max-limit,time,invalid,disabled",
            Self::Counters { .. } => ".id,name,rx-byte,tx-byte",
            Self::Login { .. } | Self::MonitorTraffic { .. } | Self::MonitorOnce(_) | Self::Cancel(_) => "",
        }
    }

    fn encode_attributes(&self, out: &mut Vec<u8>) {
        match self {
            Self::Login { user, password } => {
                encode_joined(&[b"=name=", user.as_bytes()], out);
                encode_joined(&[b"=password=", password], out);
            }
            Self::MonitorTraffic { interfaces, interval } => {
                codec::encode_word(&interface_word(interfaces), out);
                encode_decimal("=interval=", u32::from(interval.seconds()), out);
            }
            Self::MonitorOnce(interface) => {
                codec::encode_word(&interface_word(&[*interface]), out);
                codec::encode_word(b"=once=", out);
            }
            Self::Cancel(tag) => encode_decimal("=tag=", tag.0, out),
            Self::Counters { stats } => {
                encode_joined(&[b"=.proplist=", self.properties().as_bytes()], out);
                let words: &[&[u8]] = if *stats { &[b"=stats="] } else { &[] };
                let kinds: &[&[u8]] = &[b"?type=pppoe-in", b"?type=pppoe-out", b"?#|"];
                words.iter().chain(kinds).for_each(|word| codec::encode_word(word, out));
            }
            _ => encode_joined(&[b"=.proplist=", self.properties().as_bytes()], out),
        }
    }
}

fn interface_word(interfaces: &[Interface<'_>]) -> Vec<u8> {
    let mut word = b"=interface=".to_vec();
    for (nth, interface) in interfaces.iter().enumerate() {
        if nth > 0 {
            word.push(b',');
        }
        match interface {
            Interface::Id(id) => word.extend_from_slice(format!("*{id:X}").as_bytes()),
            Interface::Name(name) => word.extend_from_slice(name),
        }
    }
    word
}

fn encode_joined(parts: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    codec::encode_length(u32::try_from(length).unwrap_or(u32::MAX), out);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

fn encode_decimal(name: &str, number: u32, out: &mut Vec<u8>) {
    let mut word = heapless::String::<24>::new();
    // The longest name is 10 bytes, the longest number as well.
    let _ = write!(word, "{name}{number}");
    codec::encode_word(word.as_bytes(), out);
}

/// Reads a router's `.id`, an asterisk and up to 16 hexadecimal digits.
pub fn parse_id(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text.strip_prefix(b"*")?).ok()?;
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mikrotik_rs::proto::codec::Decode;

    const INTERFACES: [Interface<'static>; 2] = [Interface::Id(0xF0_0012), Interface::Name(b"<pppoe-ali>")];

    fn all() -> Vec<Command<'static>> {
        vec![
            Command::Login { user: "linelight", password: b"p=w" },
            Command::Identity,
            Command::Resource,
            Command::CpuLoad,
            Command::ServerSessions,
            Command::ClientSessions,
            Command::ActiveAddresses,
            Command::Profiles,
            Command::Secrets { comments: false },
            Command::Secrets { comments: true },
            Command::Clock,
            Command::Queues,
            Command::Counters { stats: true },
            Command::Counters { stats: false },
            Command::Listen(Menu::PppoeServer),
            Command::Listen(Menu::PppoeClient),
            Command::Listen(Menu::PppActive),
            Command::MonitorTraffic { interfaces: &INTERFACES, interval: Interval::SHORTEST },
            Command::MonitorOnce(Interface::Id(0xF0_0012)),
            Command::Cancel(Tag(7)),
        ]
    }

    fn words(command: &Command<'_>) -> Vec<String> {
        let mut bytes = Vec::new();
        command.encode(Tag(41), &mut bytes);
        let Ok(Decode::Complete { value, bytes_consumed }) = codec::decode_sentence(&bytes) else {
            panic!("{} is not a sentence", command.path())
        };
        assert_eq!(bytes_consumed, bytes.len());
        value.words().map(|word| String::from_utf8(word.to_vec()).unwrap()).collect()
    }

    #[test]
    fn only_reading_commands_exist_and_each_print_names_its_properties() {
        for command in all() {
            let words = words(&command);
            assert_eq!(words.last().map(String::as_str), Some(".tag=41"));
            let verb = words[0].rsplit('/').next().unwrap();
            assert!(["login", "print", "listen", "monitor-traffic", "cancel"].contains(&verb), "{words:?}");
            if ["print", "listen"].contains(&verb) {
                let properties = words[1].strip_prefix("=.proplist=").unwrap();
                assert!(!properties.is_empty(), "{words:?}");
                assert!(properties.split(',').all(|property| property != "password"), "{words:?}");
            }
        }
    }

    #[test]
    fn the_words_are_the_documented_ones() {
        assert_eq!(words(&all()[0]), ["/login", "=name=linelight", "=password=p=w", ".tag=41"]);
        assert_eq!(
            words(&Command::MonitorTraffic { interfaces: &INTERFACES, interval: Interval::SHORTEST.longer() }),
            ["/interface/monitor-traffic", "=interface=*F00012,<pppoe-ali>", "=interval=2", ".tag=41"]
        );
        assert_eq!(
            words(&Command::MonitorOnce(INTERFACES[0])),
            ["/interface/monitor-traffic", "=interface=*F00012", "=once=", ".tag=41"]
        );
        let counters = ["?type=pppoe-in", "?type=pppoe-out", "?#|", ".tag=41"];
        let print = ["/interface/print", "=.proplist=.id,name,rx-byte,tx-byte"];
        assert_eq!(words(&Command::Counters { stats: false }), [&print[..], &counters].concat());
        assert_eq!(words(&Command::Counters { stats: true }), [&print[..], &["=stats="], &counters].concat());
        assert_eq!(words(&Command::Cancel(Tag(7))), ["/cancel", "=tag=7", ".tag=41"]);
        assert_eq!(words(&Command::Secrets { comments: false })[1], "=.proplist=name,profile");
    }

    #[test]
    fn the_largest_numbers_fit() {
        assert_eq!(words(&Command::Cancel(Tag(u32::MAX)))[1], "=tag=4294967295");
    }

    #[test]
    fn ids() {
        for (text, id) in [
            (&b"*F00012"[..], Some(0xF0_0012)),
            (b"*d3080A0A", Some(0xD308_0A0A)),
            (b"*0", Some(0)),
            (b"*", None),
            (b"F00012", None),
            (b"*+1", None),
            (b"*FFFFFFFFFFFFFFFFF", None),
        ] {
            assert_eq!(parse_id(text), id);
        }
    }
}
