use std::rc::Rc;
use std::time::Duration;

use shared::control::Status;
use shared::frame::Batch;

use super::super::fixture::*;
use super::*;

/// A conversation with its handover, and the time.
struct Talk {
    handover: Rc<Handover>,
    lapse: Lapse,
    timing: ConversationTiming,
}

impl Talk {
    fn new() -> Self {
        Self { handover: handover(), lapse: Lapse::default(), timing: timing().conversation }
    }

    fn conversation(&self, now: Instant) -> Conversation<'_> {
        Conversation::new(&self.handover, &self.lapse, &self.timing, EPOCH, now)
    }

    /// Returns a welcomed conversation that has sent everything up to its status.
    fn live(&self, now: Instant, next: Option<u64>) -> Conversation<'_> {
        let mut conversation = self.conversation(now);
        all_said(&mut conversation, now);
        conversation.received(&welcome(next, 3, &[])).unwrap();
        assert!(matches!(said(&mut conversation, now), Said::Control(FromAgent::Status(_))));
        conversation
    }
}

#[derive(Debug, PartialEq)]
enum Said {
    Control(FromAgent),
    /// The sequence number, and the replayed mark.
    Batch(u64, bool),
    Ping,
    Pulse(Payload),
}

fn say(conversation: &mut Conversation<'_>, now: Instant) -> Option<Said> {
    Some(match conversation.next(now)? {
        Outgoing::Text(text) => Said::Control(agent_said(&text)),
        Outgoing::Binary(bytes) => {
            let header = Batch::parse(&bytes).unwrap().header;
            assert_eq!(header.epoch, EPOCH);
            Said::Batch(header.sequence, header.replayed)
        }
        Outgoing::Ping => Said::Ping,
        Outgoing::Pulse(payload) => Said::Pulse(payload),
    })
}

fn said(conversation: &mut Conversation<'_>, now: Instant) -> Said {
    say(conversation, now).expect("something to say")
}

fn all_said(conversation: &mut Conversation<'_>, now: Instant) -> Vec<Said> {
    std::iter::from_fn(|| say(conversation, now)).collect()
}

fn reported(said: &Said) -> (usize, bool) {
    match said {
        Said::Control(FromAgent::Lines(lines)) => (lines.lines.len(), lines.more),
        other => panic!("not lines: {other:?}"),
    }
}

#[test]
fn hello_is_followed_by_the_whole_table_in_pages_and_then_it_waits() {
    let talk = Talk::new();
    set_lines(&talk.handover, &usernames(450));
    let now = talk.handover.started + SECOND;
    tick(&talk.handover, now);
    let mut conversation = talk.conversation(now);
    let hello = Hello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: EPOCH,
        oldest: 1,
        next: 2,
        uptime_ms: 1_000,
        lost: 0,
    };
    assert_eq!(said(&mut conversation, now), Said::Control(FromAgent::Hello(hello)));
    assert!(matches!(said(&mut conversation, now), Said::Control(FromAgent::Status(_))));
    let pages: Vec<_> = all_said(&mut conversation, now).iter().map(reported).collect();
    assert_eq!(pages, [(200, true), (200, true), (50, false)]);
    tick(&talk.handover, now);
    assert_eq!(say(&mut conversation, now), None, "nothing but hello, status and lines before welcome");
}

#[test]
fn a_router_without_lines_is_said_to_have_none() {
    let talk = Talk::new();
    let now = Instant::now();
    let all = all_said(&mut talk.conversation(now), now);
    assert_eq!(reported(&all[2]), (0, false));
    assert_eq!(all.len(), 3);
}

#[test]
fn a_router_that_does_not_answer_is_told_of_before_its_lines() {
    let talk = Talk::new();
    let now = talk.handover.started;
    set_lines(&talk.handover, &usernames(1));
    let told = |reachable| {
        talk.handover.status.borrow_mut().router_reachable = reachable;
        let mut conversation = talk.conversation(now);
        let all = all_said(&mut conversation, now);
        assert_eq!(reported(&all[2]), (1, false));
        conversation.received(&welcome(None, 0, &[])).unwrap();
        let first = all_said(&mut conversation, now);
        [&all[1], &first[0]].map(|said| match said {
            Said::Control(FromAgent::Status(status)) => status.router_reachable,
            other => panic!("not a status: {other:?}"),
        })
    };
    assert_eq!([told(false), told(true)], [[false; 2], [true; 2]]);
}

#[test]
fn live_batches_go_first_and_then_each_missing_one_once() {
    let talk = Talk::new();
    let now = Instant::now();
    (0..5).for_each(|_| tick(&talk.handover, now));
    let mut conversation = talk.conversation(now);
    all_said(&mut conversation, now);
    tick(&talk.handover, now);
    conversation.received(&welcome(Some(3), 0, &[])).unwrap();
    assert!(matches!(said(&mut conversation, now), Said::Control(FromAgent::Status(_))));
    assert_eq!(said(&mut conversation, now), Said::Batch(6, false), "what came since hello is live");
    assert_eq!(said(&mut conversation, now), Said::Batch(3, true));
    tick(&talk.handover, now);
    assert_eq!(said(&mut conversation, now), Said::Batch(7, false), "a live one is not held up by missing ones");
    assert_eq!(all_said(&mut conversation, now), [Said::Batch(4, true), Said::Batch(5, true)]);
}

#[test]
fn a_relay_that_knows_nothing_gets_all_that_is_left() {
    let talk = Talk::new();
    let now = Instant::now();
    (0..3).for_each(|_| tick(&talk.handover, now));
    let mut conversation = talk.live(now, None);
    assert_eq!(all_said(&mut conversation, now), [1, 2, 3].map(|sequence| Said::Batch(sequence, true)));
    let mut again = talk.live(now, Some(4));
    assert_eq!(all_said(&mut again, now), []);
    let mut absurd = talk.live(now, Some(u64::MAX));
    tick(&talk.handover, now);
    assert_eq!(all_said(&mut absurd, now), [Said::Batch(4, false)]);
}

#[test]
fn what_left_the_backlog_meanwhile_is_skipped() {
    let talk = Talk::new();
    let now = talk.handover.started;
    (0..3).for_each(|_| tick(&talk.handover, now));
    let mut conversation = talk.live(now, None);
    assert_eq!(said(&mut conversation, now), Said::Batch(1, true));
    tick(&talk.handover, now + 121 * SECOND);
    assert_eq!(all_said(&mut conversation, now), [Said::Batch(4, false)]);
}

#[test]
fn a_watch_reaches_the_router_only_for_a_handle_that_was_reported() {
    let talk = Talk::new();
    set_lines(&talk.handover, &usernames(3));
    let now = Instant::now();
    let mut conversation = talk.conversation(now);
    all_said(&mut conversation, now);
    conversation.received(&welcome(None, 7, &[1, 3, 99])).unwrap();
    assert_eq!(wanted(&talk.handover), [1, 3]);
    let refused = FromAgent::WatchRefused { lines: vec![LineHandle(99)], reason: WatchRefusal::UnknownLine };
    assert_eq!(said(&mut conversation, now), Said::Control(refused));
    conversation.received(&watches(8, &[2], &[1])).unwrap();
    assert_eq!(wanted(&talk.handover), [2, 3]);
    talk.handover.watched.borrow_mut().refuse(LineHandle(3), WatchRefusal::TooManyWatched);
    let refused = FromAgent::WatchRefused { lines: vec![LineHandle(3)], reason: WatchRefusal::TooManyWatched };
    assert!(all_said(&mut conversation, now).contains(&Said::Control(refused)));
}

#[test]
fn welcome_replaces_the_whole_watch_set() {
    let talk = Talk::new();
    set_lines(&talk.handover, &usernames(3));
    let now = Instant::now();
    talk.handover.watched.borrow_mut().add(LineHandle(1));
    let mut conversation = talk.conversation(now);
    all_said(&mut conversation, now);
    assert_eq!(wanted(&talk.handover), [1], "watches outlive a lost uplink");
    conversation.received(&welcome(None, 0, &[2])).unwrap();
    assert_eq!(wanted(&talk.handover), [2]);
}

#[test]
fn a_lost_change_of_watches_ends_the_uplink() {
    let talk = Talk::new();
    let now = Instant::now();
    for wrong in [2, 3, 5] {
        let mut conversation = talk.live(now, None);
        assert_eq!(conversation.received(&watches(wrong, &[], &[])), Err(Close::ProtocolError), "{wrong}");
    }
    let mut conversation = talk.live(now, None);
    assert_eq!(conversation.received(&watches(4, &[], &[])), Ok(()));
    assert_eq!(conversation.received(&watches(5, &[], &[])), Ok(()));
}

#[test]
fn words_at_the_wrong_time_end_the_uplink() {
    let talk = Talk::new();
    let now = Instant::now();
    assert_eq!(talk.conversation(now).received(&welcome(None, 0, &[])), Err(Close::ProtocolError));
    assert_eq!(talk.conversation(now).received(&watches(1, &[], &[])), Err(Close::ProtocolError));
    assert_eq!(talk.live(now, None).received(&welcome(None, 0, &[])), Err(Close::ProtocolError));
}

#[test]
fn types_of_a_later_version_are_ignored_and_nonsense_is_not() {
    let talk = Talk::new();
    let now = Instant::now();
    let mut conversation = talk.live(now, None);
    for later in [r#"{"type":"hint","wait":5}"#, r#"{"type":"ack","next":43,"colour":"blue"}"#] {
        assert_eq!(conversation.received(later), Ok(()), "{later}");
    }
    assert_eq!(conversation.acknowledged(), 43);
    for wrong in ["", "{}", "[]", r#"{"type":"ack"}"#, r#"{"type":"ack","next":-1}"#] {
        assert_eq!(conversation.received(wrong), Err(Close::ProtocolError), "{wrong}");
    }
}

#[test]
fn changed_and_forgotten_lines_are_told_once() {
    let talk = Talk::new();
    set_lines(&talk.handover, &usernames(3));
    let now = Instant::now();
    let mut conversation = talk.live(now, None);
    assert_eq!(all_said(&mut conversation, now), []);
    set_lines(&talk.handover, &usernames(2));
    let all = all_said(&mut conversation, now);
    assert_eq!(all.len(), 1);
    match &all[0] {
        Said::Control(FromAgent::Lines(lines)) => {
            let told: Vec<_> = lines.lines.iter().map(|report| (report.line.0, report.sessions)).collect();
            assert_eq!((told, lines.more), (vec![(3, 0)], false));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(all_said(&mut conversation, now), []);
}

#[test]
fn a_change_during_the_table_is_told_after_it() {
    let talk = Talk::new();
    set_lines(&talk.handover, &usernames(300));
    let now = Instant::now();
    let mut conversation = talk.conversation(now);
    said(&mut conversation, now);
    said(&mut conversation, now);
    assert_eq!(reported(&said(&mut conversation, now)), (200, true));
    set_lines(&talk.handover, &usernames(300)[1..]);
    assert_eq!(reported(&said(&mut conversation, now)), (100, false));
    conversation.received(&welcome(None, 0, &[])).unwrap();
    let all = all_said(&mut conversation, now);
    assert_eq!(reported(&all[1]), (1, false), "the first line, told as up, went down meanwhile");
}

#[test]
fn a_status_goes_each_ten_seconds_and_at_once_when_the_router_comes_or_goes() {
    let talk = Talk::new();
    let start = talk.handover.started;
    let mut conversation = talk.live(start, None);
    let mut statuses = |at: Instant| {
        conversation.heard(at);
        all_said(&mut conversation, at).len()
    };
    assert_eq!([statuses(start + 9 * SECOND), statuses(start + 10 * SECOND)], [0, 1]);
    let lost = Status { fault: Some("172.17.0.1:8728 timed out".to_owned()), interval_ms: 1_000, ..Status::default() };
    *talk.handover.status.borrow_mut() = lost;
    assert_eq!([statuses(start + 11 * SECOND), statuses(start + 12 * SECOND)], [1, 0]);
    talk.handover.status.borrow_mut().router_reachable = true;
    assert_eq!(statuses(start + 11 * SECOND + SECOND / 2), 0, "a router that flaps does not flood the relay");
    assert_eq!(statuses(start + 12 * SECOND), 1);
    talk.handover.status.borrow_mut().cpu_load = Some(99);
    assert_eq!(statuses(start + 13 * SECOND), 0, "figures wait for their turn");
}

#[test]
fn a_status_says_how_far_back_the_backlog_goes_and_so_what_is_lost() {
    let talk = Talk::new();
    let start = talk.handover.started;
    let mut conversation = talk.live(start, None);
    (0..3).for_each(|second| tick(&talk.handover, start + second * SECOND));
    // Two minutes on an uplink that accepts no bytes.
    tick(&talk.handover, start + 125 * SECOND);
    assert_eq!(talk.handover.backlog.borrow().lost(), 3);
    conversation.heard(start + 125 * SECOND);
    let Said::Control(FromAgent::Status(status)) = said(&mut conversation, start + 126 * SECOND) else { panic!() };
    assert_eq!((status.oldest, status.unacknowledged_ms), (Some(4), Some(1_000)));
    assert_eq!(talk.handover.backlog.borrow().lost(), 0, "the next relay is not told of them again");
}

#[test]
fn lines_are_pending_until_the_tables_were_read_and_told() {
    let talk = Talk::new();
    let start = talk.handover.started;
    talk.handover.status.borrow_mut().router_reachable = true;
    let mut conversation = talk.conversation(start);
    all_said(&mut conversation, start);
    conversation.received(&welcome(None, 0, &[])).unwrap();
    let pending = |said: &Said| match said {
        Said::Control(FromAgent::Status(status)) => Some(status.lines_pending),
        _ => None,
    };
    let mut heard = |at: Instant| -> Vec<_> {
        conversation.heard(at);
        all_said(&mut conversation, at).iter().map(pending).collect()
    };
    assert_eq!(heard(start), [Some(true)]);
    set_lines(&talk.handover, &usernames(250));
    assert_eq!(heard(start + 2 * SECOND), [None, None, Some(false)], "behind both pages of the lines, and at once");
    set_lines(&talk.handover, &usernames(251));
    assert_eq!(heard(start + 12 * SECOND), [Some(false), None], "for good");
    let mut again = talk.conversation(start);
    all_said(&mut again, start);
    again.received(&welcome(None, 0, &[])).unwrap();
    assert_eq!(all_said(&mut again, start).iter().map(pending).collect::<Vec<_>>(), [Some(false)]);
}

#[test]
fn a_silent_relay_is_asked_and_then_given_up() {
    let talk = Talk::new();
    let start = Instant::now();
    let mut conversation = talk.live(start, None);
    let pings = |conversation: &mut Conversation<'_>, second: u32| {
        all_said(conversation, start + second * SECOND).iter().filter(|said| **said == Said::Ping).count()
    };
    assert_eq!([14, 15, 16, 30].map(|second| pings(&mut conversation, second)), [0, 1, 0, 1]);
    assert_eq!(conversation.overdue(start + 44 * SECOND), None);
    assert!(conversation.overdue(start + 45 * SECOND).is_some());
    conversation.heard(start + 44 * SECOND);
    assert_eq!(conversation.overdue(start + 60 * SECOND), None);
    assert_eq!([58, 59].map(|second| pings(&mut conversation, second)), [0, 1]);
}

#[test]
fn a_relay_that_answers_pings_but_never_hello_is_given_up() {
    let talk = Talk::new();
    let start = Instant::now();
    let mut conversation = talk.conversation(start);
    all_said(&mut conversation, start);
    conversation.heard(start + 29 * SECOND);
    assert_eq!(conversation.overdue(start + 29 * SECOND), None);
    assert_eq!(conversation.deadline(), start + 30 * SECOND);
    assert!(conversation.overdue(start + 30 * SECOND).is_some());
}

#[test]
fn the_deadline_is_when_there_is_something_to_say_next() {
    let talk = Talk::new();
    let mut now = talk.handover.started;
    let mut conversation = talk.live(now, None);
    for _ in 0..50 {
        all_said(&mut conversation, now);
        let deadline = conversation.deadline();
        assert!(deadline > now, "it would spin");
        assert_eq!(say(&mut conversation, deadline - std::time::Duration::from_millis(1)), None);
        now = deadline;
        conversation.heard(now);
        assert!(say(&mut conversation, now).is_some() || conversation.deadline() > now);
    }
}

#[test]
fn a_relay_that_does_not_take_averages_gets_empty_batches_in_their_places() {
    let talk = Talk::new();
    let now = Instant::now();
    let average = shared::Sample { line: LineHandle(1), download: 1, upload: 2 };
    let reach = frame::Reach { span_ms: 30_000, interval_ms: 30_000 };
    let batcher = || crate::batch::Batcher::new(EPOCH);
    batcher().close_averages(&talk.handover, now, reach, &[average]);
    for takes in [true, false] {
        let mut conversation = talk.live(now, None);
        let said_welcome = Welcome {
            agent: "core-1".to_owned(),
            next: None,
            generation: 0,
            watched: Vec::new(),
            averages: takes,
            details: false,
        };
        conversation.stage = Stage::Waiting(now);
        conversation.received(&control::encode(&FromRelay::Welcome(said_welcome))).unwrap();
        let Some(Outgoing::Binary(bytes)) = conversation.next(now) else { panic!("no batch") };
        let batch = Batch::parse(&bytes).unwrap();
        assert_eq!((batch.header.sequence, batch.header.replayed), (1, true));
        assert_eq!((batch.reach, batch.len()), if takes { (Some(reach), 1) } else { (None, 0) });
        assert_eq!(talk.handover.averages.get(), takes, "the router's task is told");
    }
}

/// Collects the log for a test.
#[derive(Clone, Default)]
struct Logged(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_relay_cannot_forge_a_line_of_the_log() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let talk = Talk::new();
    let now = Instant::now();
    tracing::subscriber::with_default(subscriber, || {
        let mut conversation = talk.conversation(now);
        all_said(&mut conversation, now);
        let agent = format!("core-1\nERROR all is lost\u{1b}[2J\u{2028}\u{202e}{}", "x".repeat(10_000));
        let welcome = Welcome { agent, next: None, generation: 0, watched: Vec::new(), averages: true, details: false };
        conversation.received(&control::encode(&FromRelay::Welcome(welcome))).unwrap();
        let wrong = format!("{{\"type\":\"ack\",\"next\":\"\u{9b}2J{}\"}}", "y".repeat(10_000));
        conversation.received(&wrong).unwrap_err();
    });
    let text = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].contains("core-1\\nERROR all is lost") && lines[1].contains("does not speak this protocol"),
        "{text}"
    );
    assert!(
        lines.iter().all(|line| line.len() < 500) && !text.contains(['\u{1b}', '\u{9b}', '\u{2028}', '\u{202e}']),
        "{text}"
    );
}

/// Returns the ping over the line, if one is said.
fn pulse(conversation: &mut Conversation<'_>, now: Instant) -> Option<Payload> {
    all_said(conversation, now).into_iter().find_map(|said| match said {
        Said::Pulse(payload) => Some(payload),
        _ => None,
    })
}

#[test]
fn a_home_routers_watched_line_is_measured_by_the_uplinks_own_pings() {
    let talk = Talk::new();
    let now = talk.handover.started;
    set_lines_as(Role::Client, &talk.handover, &usernames(1));
    let mut conversation = talk.live(now, None);
    assert_eq!(pulse(&mut conversation, now), None, "nobody watches");
    conversation.received(&watches(4, &[1], &[])).unwrap();
    let at = |ms| now + Duration::from_millis(ms);
    let payload = pulse(&mut conversation, at(1_000)).expect("a ping over the line");
    assert_eq!(pulse(&mut conversation, at(1_500)), None, "one a second");
    conversation.ponged(&payload, at(1_031));
    assert_eq!(talk.handover.pending.borrow_mut().take(LineHandle(1)).response, Response::Micros(31_000));
    pulse(&mut conversation, at(2_000)).expect("the next");
    assert!(conversation.deadline() <= at(3_000));
    pulse(&mut conversation, at(4_000));
    assert_eq!(talk.handover.pending.borrow_mut().take(LineHandle(1)).response, Response::Lost);
}

#[test]
fn lines_of_a_concentrator_or_of_several_uplinks_are_not_measured_so() {
    for (role, lines) in [(Role::Server, 1), (Role::Client, 2)] {
        let talk = Talk::new();
        let now = talk.handover.started;
        set_lines_as(role, &talk.handover, &usernames(lines));
        let mut conversation = talk.live(now, None);
        conversation.received(&watches(4, &[1], &[])).unwrap();
        assert_eq!(pulse(&mut conversation, now + SECOND), None, "{role:?}, {lines} lines");
    }
}

#[test]
fn a_relay_that_takes_no_details_gets_the_samples_alone_and_asks_for_no_probes() {
    let talk = Talk::new();
    let now = talk.handover.started;
    set_lines_as(Role::Client, &talk.handover, &usernames(1));
    talk.handover.pending.borrow_mut().note(LineHandle(1), Response::Lost);
    tick(&talk.handover, now);
    for takes in [true, false] {
        let mut conversation = talk.conversation(now);
        all_said(&mut conversation, now);
        let said_welcome = welcome(None, 0, &[1]).replace("\"details\":true", &format!("\"details\":{takes}"));
        conversation.received(&said_welcome).unwrap();
        let kind = std::iter::from_fn(|| conversation.next(now)).find_map(|outgoing| match outgoing {
            Outgoing::Binary(bytes) => Some(bytes[0]),
            _ => None,
        });
        let expected = if takes { frame::Kind::Detailed } else { frame::Kind::Samples };
        assert_eq!(kind, Some(expected as u8));
        assert_eq!(pulse(&mut conversation, now + SECOND).is_some(), takes);
    }
}
