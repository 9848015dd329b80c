mod plans;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use shared::control::{LineReport, Plan, Role};
use tokio::time::Instant;

use super::table::REMEMBERED;
use super::*;
use crate::routeros::framing::{Framing, Progress};
use crate::routeros::sentence::Sentence;
use mikrotik_rs::proto::codec;

/// A listed session for tests: role, `.id`, interface, username, seconds up, live.
pub(crate) type Listed<'a> = (Role, u64, &'a str, &'a str, Option<u64>, bool);

/// A reading of the session tables.
pub(crate) fn listing(sessions: &[Listed<'_>], capacity: usize) -> Listing {
    let mut listing = Listing::default();
    for (role, id, name, user, uptime, live) in sessions {
        let session = ListedSession {
            role: *role,
            key: InterfaceKey::new(Some(*id), name.as_bytes()),
            name: name.as_bytes(),
            user: user.as_bytes(),
            uptime: uptime.map(Duration::from_secs),
            live: *live,
        };
        listing.add(&session, capacity);
    }
    listing
}

const SERVER: Role = Role::Server;
const CLIENT: Role = Role::Client;

struct Table {
    table: LineTable,
    now: Instant,
}

impl Table {
    fn new(capacity: usize) -> Self {
        Self { table: LineTable::new(capacity), now: Instant::now() }
    }

    fn read(&mut self, sessions: &[Listed<'_>]) {
        // No two readings end at one instant.
        self.now += Duration::from_millis(1);
        let fresh = listing(sessions, self.table.capacity());
        self.table.apply(fresh, self.now);
    }

    fn later(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn report(&self, username: &str) -> LineReport {
        let line = self.table.line_of(username.as_bytes()).unwrap();
        line.report(self.now)
    }

    fn names(&self, username: &str) -> Vec<String> {
        let line = self.table.line_of(username.as_bytes()).unwrap();
        self.table.sessions_of(line.handle()).map(|s| String::from_utf8_lossy(s.name).into_owned()).collect()
    }
}

#[test]
fn a_session_comes_goes_and_comes_back_under_another_id() {
    let mut t = Table::new(10);
    t.read(&[(SERVER, 1, "<pppoe-ali>", "ali", Some(60), true)]);
    let first = t.report("ali");
    assert_eq!((first.sessions, first.age_ms, first.role), (1, Some(60_000), SERVER));
    t.later(10);
    t.read(&[]);
    t.later(5);
    let offline = t.report("ali");
    assert_eq!((offline.sessions, offline.age_ms, offline.line), (0, Some(5_000), first.line));
    assert!(t.names("ali").is_empty());
    t.read(&[(SERVER, 7, "<pppoe-ali>", "ali", Some(1), true)]);
    let back = t.report("ali");
    assert_eq!((back.sessions, back.age_ms, back.line), (1, Some(1_000), first.line));
    assert_eq!(t.names("ali"), ["<pppoe-ali>"]);
}

#[test]
fn usernames_are_bytes_and_ali_is_not_alice() {
    let mut t = Table::new(10);
    let sessions: Vec<Listed<'_>> = ["ali", "alice", "Bob", "bob", "a,b c@d/%🙂"]
        .iter()
        .enumerate()
        .map(|(n, u)| (SERVER, n as u64, *u, *u, None, true))
        .collect();
    t.read(&sessions);
    assert_eq!(t.table.len(), 5);
    for (_, _, name, user, ..) in sessions {
        assert_eq!(t.names(user), [name]);
    }
    assert!(t.table.line_of(b"al").is_none() && t.table.line_of(b"BOB").is_none());
}

#[test]
fn several_sessions_of_a_username_are_one_line_with_their_count() {
    let mut t = Table::new(10);
    let two = [(SERVER, 2, "<pppoe-x-1>", "x", Some(5), true), (SERVER, 1, "<pppoe-x>", "x", Some(500), true)];
    t.read(&two);
    assert_eq!((t.report("x").sessions, t.report("x").age_ms), (2, Some(5_000)), "the newest counts");
    t.read(&two[1..]);
    assert_eq!((t.report("x").sessions, t.names("x")), (1, vec!["<pppoe-x>".to_owned()]));
    assert_eq!(t.report("x").age_ms, Some(500_000));
}

#[test]
fn a_session_that_is_listed_twice_in_a_reading_counts_once() {
    let mut t = Table::new(10);
    let ali = (SERVER, 1, "<pppoe-ali>", "ali", Some(60), true);
    let bob = (SERVER, 2, "<pppoe-bob>", "bob", Some(60), true);
    t.read(&[ali, bob, ali, (SERVER, 3, "<pppoe-ali-1>", "ali", Some(5), true), ali]);
    assert_eq!((t.report("ali").sessions, t.report("bob").sessions, t.table.live_sessions()), (2, 1, 3));
    assert_eq!(t.names("ali"), ["<pppoe-ali>", "<pppoe-ali-1>"]);
    // Renamed between the two, and ended between the two.
    t.read(&[ali, (SERVER, 1, "renamed", "ali", Some(61), true), bob, (SERVER, 2, "<pppoe-bob>", "bob", None, false)]);
    assert_eq!((t.report("ali").sessions, t.report("bob").sessions), (1, 1));
    assert!(t.table.end(InterfaceKey::new(Some(1), b""), t.now), "and ends as one");
    assert_eq!(t.report("ali").sessions, 0);
}

#[test]
fn a_servers_session_counts_and_the_clients_of_the_same_username_stands_by() {
    let mut t = Table::new(10);
    let client = (CLIENT, 3, "pppoe-out1", "x", None, true);
    t.read(&[client, (SERVER, 9, "<pppoe-x>", "x", None, true)]);
    assert_eq!((t.report("x").role, t.report("x").sessions, t.names("x")), (SERVER, 1, vec!["<pppoe-x>".to_owned()]));
    t.read(&[client, (SERVER, 9, "in-x", "x", None, false)]);
    assert_eq!((t.report("x").role, t.names("x")), (CLIENT, vec!["pppoe-out1".to_owned()]));
}

#[test]
fn a_static_entry_without_a_session_is_a_line_that_is_offline() {
    let mut t = Table::new(10);
    t.read(&[(SERVER, 1, "in-x", "x", None, false), (CLIENT, 2, "pppoe-out1", "y", None, false)]);
    assert_eq!((t.report("x").sessions, t.report("x").age_ms), (0, None), "since when is not known");
    assert_eq!(t.report("y").role, CLIENT);
    t.later(3);
    t.read(&[(SERVER, 1, "in-x", "x", None, true)]);
    assert_eq!((t.report("x").sessions, t.report("x").age_ms), (1, Some(0)));
}

#[test]
fn a_rename_keeps_the_line_and_gives_the_new_name() {
    let mut t = Table::new(10);
    t.read(&[(SERVER, 1, "in-x", "x", None, true)]);
    let before = t.table.revision();
    t.read(&[(SERVER, 1, "in-y", "x", None, true)]);
    assert_eq!(t.names("x"), ["in-y"]);
    assert_eq!(t.table.revision(), before, "nothing that is reported has changed");
}

#[test]
fn only_what_changed_is_reported_and_uptimes_that_tick_are_no_change() {
    let mut t = Table::new(10);
    let both = |up: u64| [(SERVER, 1, "a", "a", Some(up), true), (SERVER, 2, "b", "b", Some(up + 1), true)];
    t.read(&both(10));
    let seen = t.table.revision();
    t.later(60);
    t.read(&both(71));
    assert_eq!(t.table.changed_since(seen, t.now).count(), 0);
    t.read(&both(71)[..1]);
    let changed: Vec<_> = t.table.changed_since(seen, t.now).map(|report| report.username.to_text()).collect();
    assert_eq!(changed, ["b"]);
    assert_eq!(t.table.reports(t.now).count(), 2);
}

#[test]
fn what_exceeds_the_capacity_is_refused_and_the_rest_stands() {
    let mut t = Table::new(2);
    let sessions =
        [(SERVER, 1, "a", "a", None, true), (SERVER, 2, "b", "b", None, true), (SERVER, 3, "c", "c", None, true)];
    t.read(&sessions);
    assert_eq!((t.table.len(), t.table.live_sessions(), t.table.listing.refused), (2, 2, 1));
    t.later(10);
    t.read(&sessions[1..]);
    assert_eq!(t.table.len(), 2, "a is remembered, so c has no room yet");
    t.later(61);
    t.read(&sessions[1..]);
    assert_eq!(t.table.drain_gone().len(), 1);
    t.read(&sessions[1..]);
    assert_eq!(t.report("c").sessions, 1);
}

#[test]
fn a_line_that_no_table_lists_any_more_is_forgotten_after_a_day_and_its_handle_never_used_again() {
    let mut t = Table::new(10);
    t.read(&[(SERVER, 1, "a", "a", None, true)]);
    let handle = t.report("a").line;
    t.later(REMEMBERED.as_secs() - 1);
    t.read(&[]);
    assert_eq!(t.table.len(), 1);
    t.later(2);
    t.read(&[]);
    assert_eq!((t.table.len(), t.table.drain_gone()), (0, vec![handle]));
    t.read(&[(SERVER, 1, "a", "a", None, true)]);
    assert_ne!(t.report("a").line, handle);
}

#[test]
fn a_hint_is_news_only_if_the_last_reading_did_not_say_it() {
    let mut t = Table::new(10);
    t.read(&[(SERVER, 1, "a", "a", None, true)]);
    let heard = |id, name: &'static str, live| ListedSession {
        role: SERVER,
        key: InterfaceKey::new(Some(id), name.as_bytes()),
        name: name.as_bytes(),
        user: b"a",
        uptime: None,
        live,
    };
    assert!(!t.table.is_news(&heard(1, "a", true)));
    assert!(t.table.is_news(&heard(1, "a", false)) && t.table.is_news(&heard(2, "a", true)));
    assert!(t.table.is_news(&heard(1, "b", true)));
    assert!(t.table.has(InterfaceKey::new(Some(1), b"")) && !t.table.has(InterfaceKey::new(Some(2), b"")));
}

pub(crate) fn with_row(words: &[&[u8]], look: impl FnOnce(&Sentence<'_>)) {
    let mut bytes = Vec::new();
    codec::encode_word(b"!re", &mut bytes);
    words.iter().for_each(|word| codec::encode_word(word, &mut bytes));
    codec::encode_terminator(&mut bytes);
    let mut framing = Framing::new();
    framing.space()[..bytes.len()].copy_from_slice(&bytes);
    framing.filled(bytes.len());
    assert_eq!(framing.advance(), Ok(Progress::Complete));
    look(&Sentence::new(framing.words()));
}

#[test]
fn rows_are_read_with_whatever_they_lack() {
    with_row(&[b"=name=<pppoe-\xE9>", b"=user=\xE9"], |row| {
        let session = ListedSession::read(SERVER, row).unwrap();
        assert!(session.live && session.key.id().is_none());
        assert_eq!((session.user, session.uptime), (&b"\xE9"[..], None));
    });
    with_row(&[b"=.id=*A", b"=name=n", b"=user=u", b"=disabled=yes", b"=running=true", b"=uptime=1m"], |row| {
        let session = ListedSession::read(SERVER, row).unwrap();
        assert!(!session.live, "disabled is not live");
        assert_eq!((session.key.id(), session.uptime), (Some(10), Some(Duration::from_secs(60))));
    });
    for words in [&[&b"=name=n"[..]][..], &[b"=user=u"], &[b"=name=n", b"=user="]] {
        with_row(words, |row| assert!(ListedSession::read(SERVER, row).is_none()));
    }
}

#[test]
fn a_session_whose_interface_is_gone_ends_at_once() {
    let mut t = Table::new(10);
    let rows: [Listed<'_>; 4] = [
        (SERVER, 1, "<pppoe-ali>", "ali", Some(60), true),
        (SERVER, 2, "<pppoe-bob>", "bob", Some(50), true),
        (SERVER, 3, "<pppoe-bob-1>", "bob", Some(40), true),
        (SERVER, 4, "<pppoe-bob-2>", "bob", Some(30), true),
    ];
    t.read(&rows);
    let end = |t: &mut Table, id| t.table.end(InterfaceKey::new(Some(id), b""), t.now);
    let revision = t.table.revision();
    assert!(!end(&mut t, 9), "nobody's");
    assert_eq!(t.table.revision(), revision);
    t.later(5);
    assert!(end(&mut t, 1));
    assert!(!end(&mut t, 1), "it is gone already");
    t.later(2);
    let ali = t.report("ali");
    assert_eq!((ali.sessions, ali.age_ms), (0, Some(2_000)));
    assert!(t.names("ali").is_empty() && t.table.revision() > revision);
    assert!(end(&mut t, 2));
    assert_eq!(t.report("bob").sessions, 2);
    assert_eq!(t.names("bob"), ["<pppoe-bob-1>", "<pppoe-bob-2>"]);
    for (_, id, name, user, ..) in rows {
        assert_eq!(t.table.line_on(name.as_bytes()).map(|line| line.username().as_bytes()), Some(user.as_bytes()));
        assert_eq!(t.table.row_on(name.as_bytes()).map(|row| row.live), Some(id > 2), "{name}");
    }
    assert!(end(&mut t, 4) && end(&mut t, 3));
    assert_eq!((t.report("bob").sessions, t.report("bob").age_ms), (0, Some(0)));
    // The tables have the last word.
    t.read(&rows);
    assert_eq!((t.report("ali").sessions, t.report("bob").sessions), (1, 3));
}

#[test]
fn a_line_that_another_role_carries_on_waits_for_the_tables() {
    let mut t = Table::new(10);
    t.read(&[(SERVER, 1, "<pppoe-ali>", "ali", None, true), (CLIENT, 2, "pppoe-out1", "ali", None, true)]);
    for id in [1, 2] {
        assert!(!t.table.end(InterfaceKey::new(Some(id), b""), t.now));
    }
    assert_eq!((t.report("ali").sessions, t.report("ali").role), (1, SERVER));
}

proptest! {
    /// The table agrees with the last reading for each username, whatever readings come.
    #[test]
    fn the_table_is_what_the_last_reading_said(
        readings in prop::collection::vec(prop::collection::vec((0_u8..8, 0_u64..4, any::<bool>(), any::<bool>()), 0..12), 1..6),
    ) {
        let mut t = Table::new(100);
        let mut handles = BTreeMap::new();
        for reading in &readings {
            let texts: Vec<_> = reading.iter().enumerate().map(|(n, (user, ..))| (format!("u{user}"), format!("if{n}"))).collect();
            let sessions: Vec<Listed<'_>> = reading.iter().zip(&texts).enumerate().map(|(n, ((_, up, server, live), (user, name)))| {
                (if *server { SERVER } else { CLIENT }, n as u64, name.as_str(), user.as_str(), Some(*up), *live)
            }).collect();
            t.read(&sessions);
            t.later(7);
            let live = |user: &str, role| sessions.iter().filter(|s| s.3 == user && s.0 == role && s.5).count();
            for (user, _) in &texts {
                let report = t.report(user);
                let expected = match live(user, SERVER) { 0 => live(user, CLIENT), n => n };
                prop_assert_eq!(usize::from(report.sessions), expected);
                prop_assert_eq!(t.names(user).len(), expected);
                prop_assert_eq!(*handles.entry(user.clone()).or_insert(report.line), report.line);
            }
            for line in t.table.iter() {
                let listed = texts.iter().any(|(user, _)| user.as_bytes() == line.username().as_bytes());
                prop_assert!(listed || line.sessions() == 0);
            }
        }
    }
}
