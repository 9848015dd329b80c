mod monitored_router;
mod naming;
mod rows;

use super::*;
use monitored_router::{MonitoredRouter, SECOND, STEP};

#[test]
fn nobody_watching_is_no_stream_at_all() {
    let mut router = MonitoredRouter::new(10);
    router.pass(60 * SECOND);
    assert!(router.asked.opened.is_empty() && router.monitor.is_idle());
}

#[test]
fn a_newcomer_starts_at_once_and_its_first_row_is_no_sample() {
    let mut router = MonitoredRouter::new(10);
    router.watch(0..1);
    assert_eq!(router.asked.opened.len(), 1);
    router.pass(SECOND / 2);
    assert_eq!(router.samples_of(0), 0);
    router.pass(SECOND);
    assert_eq!(router.samples_of(0), 1);
}

#[test]
fn the_last_viewer_gone_the_stream_ends_after_the_linger_and_one_who_returns_finds_it() {
    let mut router = MonitoredRouter::new(10);
    router.watch(0..1);
    router.pass(5 * SECOND);
    router.unwatch(0..1);
    router.pass(10 * SECOND);
    assert!(router.asked.cancelled.is_empty());
    router.watch(0..1);
    router.pass(30 * SECOND);
    assert_eq!((router.asked.opened.len(), router.asked.cancelled.len()), (1, 0));
    assert!(router.spacing(0).0 <= SECOND, "nothing was missed");
    router.unwatch(0..1);
    router.pass(16 * SECOND);
    assert_eq!((router.asked.cancelled.len(), router.monitor.streams(), router.monitor.is_idle()), (1, 0, true));
}

#[test]
fn a_relay_that_lost_its_viewers_finds_the_stream_when_they_are_back() {
    let mut router = MonitoredRouter::new(10);
    router.watch(0..1);
    router.pass(5 * SECOND);
    router.tell_anew();
    router.pass(35 * SECOND);
    router.watch(0..1);
    router.pass(5 * SECOND);
    assert_eq!((router.asked.opened.len(), router.asked.cancelled.len()), (1, 0));
    assert!(router.spacing(0).0 <= SECOND, "nothing was missed");
    router.tell_anew();
    router.pass(46 * SECOND);
    assert!(router.monitor.is_idle(), "who is not back by then is gone");
}

#[test]
fn a_settled_stream_is_looked_after_when_its_rows_come() {
    let mut router = MonitoredRouter::new(3);
    router.watch(0..2);
    assert!(router.monitor.wake(router.now).unwrap() < router.now + SECOND, "rows are awaited");
    router.pass(10 * SECOND);
    assert!(router.monitor.wake(router.now).unwrap() > router.now + SECOND / 2);
    router.unwatch(0..2);
    router.pass(16 * SECOND);
    assert_eq!(router.monitor.wake(router.now), None);
}

#[test]
fn an_unwatch_alone_restarts_nothing() {
    let mut router = MonitoredRouter::new(40);
    router.watch(0..40);
    router.pass(10 * SECOND);
    let opened = router.asked.opened.len();
    router.unwatch(0..30);
    router.pass(120 * SECOND);
    assert_eq!((router.asked.opened.len(), router.asked.cancelled.len()), (opened, 0));
    assert!((24..=25).contains(&router.samples_of(0)), "lingered, then not any more");
    assert!(router.spacing(35).0 <= SECOND);
}

#[test]
fn others_coming_and_going_leaves_no_hole_and_no_double() {
    let mut router = MonitoredRouter::new(200);
    router.watch(0..1);
    for wave in 0..60 {
        router.pass(SECOND * 7 / 10);
        router.watch(1 + wave..2 + wave);
        if wave >= 10 {
            router.unwatch(wave - 9..wave - 8);
        }
    }
    router.pass(30 * SECOND);
    let (longest, shortest) = router.spacing(0);
    assert!(longest < SECOND * 2, "a hole of {longest:?}");
    assert!(shortest >= SECOND / 2, "a double after {shortest:?}");
    assert!(
        router.asked.opened.len() > 40 && router.peak <= 8,
        "{} opened, {} at once",
        router.asked.opened.len(),
        router.peak
    );
    assert!(router.monitor.streams() <= 3, "{} streams for 10 lines", router.monitor.streams());
}

#[test]
fn all_watched_lines_fit_into_few_streams_and_none_is_longer_than_allowed() {
    let mut router = MonitoredRouter::new(300);
    router.watch(0..200);
    router.pass(20 * SECOND);
    assert!(router.asked.opened.iter().all(|(_, names)| names.len() <= 50));
    assert!((4..=5).contains(&router.monitor.streams()), "{}", router.monitor.streams());
    assert!((0..200).all(|user| router.samples_of(user) >= 18));
    let unwatched: Vec<_> = (200..300).map(|user| router.line(user)).collect();
    assert!(router.samples.iter().all(|(line, _)| !unwatched.contains(line)));
}

#[test]
fn without_an_uplink_nobody_lets_go() {
    let mut router = MonitoredRouter::new(2);
    router.watch(0..2);
    router.pass(10 * SECOND);
    router.unwatch(0..1);
    router.monitor.hold(true);
    router.pass(60 * SECOND);
    assert!((67..=70).contains(&router.samples_of(0)), "{}", router.samples_of(0));
    router.monitor.hold(false);
    router.pass(10 * SECOND);
    assert!(router.samples_of(0) <= 71, "its viewer had left before");
}

#[test]
fn beyond_its_limit_a_watch_is_refused_and_lingering_ones_give_way() {
    let mut router = MonitoredRouter::with(20, AgentLimits::for_tests(5, 8, 50));
    router.watch(0..5);
    router.watch(5..6);
    assert_eq!(router.asked.refused, [(router.line(5), WatchRefusal::TooManyWatched)]);
    router.unwatch(0..1);
    router.watch(5..6);
    assert_eq!(router.asked.refused.len(), 1);
    router.pass(5 * SECOND);
    assert!(router.samples_of(5) > 0 && !router.monitor.is_watched(router.line(0)));
}

#[test]
fn what_all_streams_together_cannot_hold_is_refused() {
    let mut router = MonitoredRouter::with(20, AgentLimits::for_tests(100, 3, 2));
    router.watch(0..20);
    router.pass(30 * SECOND);
    assert_eq!(router.asked.refused.len(), 16, "{:?}", router.asked.refused);
    assert!(router.peak <= 3);
    let sampled = (0..20).filter(|user| router.samples_of(*user) > 20).count();
    assert_eq!(sampled, 4);
}

#[test]
fn a_handle_that_names_no_line_is_refused() {
    let mut router = MonitoredRouter::new(1);
    router.wanted.push(LineHandle(4_711));
    router.tell();
    assert_eq!(router.asked.refused, [(LineHandle(4_711), WatchRefusal::UnknownLine)]);
    assert!(router.monitor.is_idle());
}

#[test]
fn however_a_relay_changes_its_mind_streams_open_at_a_bounded_pace() {
    let mut router = MonitoredRouter::new(200);
    let start = router.now;
    for nth in 0..600 {
        let user = nth % 200;
        router.watch(user..user + 1);
        router.pass(STEP);
        router.unwatch(user..user + 1);
    }
    let seconds = (router.now - start).as_secs() as usize;
    assert!(router.asked.opened.len() <= 10 + seconds, "{} in {seconds} s", router.asked.opened.len());
    assert!(router.peak <= 8);
}

#[test]
fn a_full_stream_is_rebuilt_at_most_once_a_minute() {
    let mut router = MonitoredRouter::new(300);
    router.watch(0..40);
    for nth in 40..160 {
        router.pass(SECOND);
        router.watch(nth..nth + 1);
        router.unwatch(nth..nth + 1);
    }
    let large = router.asked.opened.iter().filter(|(_, names)| names.len() > 25).count();
    assert!(large <= 4, "{large} large streams opened in two minutes");
    assert!(router.spacing(0).0 < SECOND * 2);
}

#[test]
fn a_session_that_vanishes_by_stopped_rows_is_asked_after_and_its_return_is_sampled_soon() {
    let mut router = MonitoredRouter::new(10);
    router.watch(0..10);
    router.pass(5 * SECOND);
    router.sessions.retain(|(id, _)| *id != 3);
    let gone = router.now;
    while router.asked.rereads == 0 {
        router.pass(STEP);
    }
    assert!(router.now - gone <= SECOND * 5 / 2, "{:?}", router.now - gone);
    router.pass(3 * SECOND);
    let before = router.samples_of(3);
    router.sessions.push((77, "u3".to_owned()));
    router.read();
    router.pass(SECOND * 14 / 10);
    assert_eq!(router.samples_of(3), before + 1);
    router.pass(20 * SECOND);
    assert!(router.spacing(5).0 < 2 * SECOND, "the others went on");
    let (_, names) = router.asked.opened.last().unwrap();
    assert!(!names.contains(&"<u3-3>".to_owned()), "the stream was rebuilt without the vanished");
}

#[test]
fn a_line_without_sessions_is_watched_and_sampled_when_it_comes_up() {
    let mut router = MonitoredRouter::new(2);
    router.sessions.pop();
    router.read();
    router.watch(1..2);
    router.pass(5 * SECOND);
    assert!(router.asked.opened.is_empty());
    router.sessions.push((50, "u1".to_owned()));
    router.read();
    router.pass(SECOND * 3 / 2);
    assert_eq!(router.samples_of(1), 1);
}

#[test]
fn sessions_of_one_line_are_rows_of_one_reading_and_a_second_one_that_comes_leaves_no_hole() {
    let mut router = MonitoredRouter::new(3);
    router.watch(0..3);
    router.pass(5 * SECOND);
    router.sessions.push((90, "u0".to_owned()));
    router.read();
    router.pass(5 * SECOND);
    let (id, names) = router.asked.opened.last().unwrap().clone();
    assert!(names.contains(&"<u0-0>".to_owned()) && names.contains(&"<u0-90>".to_owned()));
    let row = router.monitor.row(id, Some(b"<u0-90>"), Some(99), router.now).unwrap();
    assert_eq!(row.reading.unwrap().of, 2);
    assert!(router.spacing(1).0 < 2 * SECOND && router.spacing(0).0 < 2 * SECOND);
}

#[test]
fn a_stream_that_the_router_ends_is_opened_again_after_a_reading_and_without_the_vanished() {
    let mut router = MonitoredRouter::new(5);
    router.watch(0..5);
    router.pass(5 * SECOND);
    let id = router.running.remove(0).id;
    router.monitor.ended(id, router.table.readings(), router.now);
    router.sessions.retain(|(id, _)| *id != 2);
    router.pass(SECOND);
    assert_eq!(router.asked.opened.len(), 1, "not before the tables were read");
    router.read();
    router.pass(STEP);
    assert_eq!(router.asked.opened.len(), 2);
    assert_eq!(router.asked.opened[1].1, ["<u0-0>", "<u1-1>", "<u3-3>", "<u4-4>"]);
}

#[test]
fn a_silent_stream_is_reopened_and_then_the_connection_dropped() {
    let mut router = MonitoredRouter::new(2);
    router.watch(0..2);
    router.pass(3 * SECOND);
    router.mute = vec!["<u0-0>".to_owned(), "<u1-1>".to_owned()];
    router.pass(9 * SECOND);
    assert!(router.asked.cancelled.is_empty() && router.asked.rereads >= 2);
    router.pass(2 * SECOND);
    assert_eq!((router.asked.cancelled.len(), router.asked.opened.len(), router.asked.dropped), (1, 2, false));
    let mut seconds = 0;
    while !router.asked.dropped && seconds < 15 {
        router.now += SECOND;
        seconds += 1;
        router.asked.dropped =
            router.monitor.plan(&router.table, router.now).iter().any(|action| matches!(action, Action::Drop(_)));
    }
    assert!(router.asked.dropped && seconds >= 9);
}

#[test]
fn one_interface_whose_rows_stop_though_its_session_stays_is_set_aside() {
    let mut router = MonitoredRouter::new(5);
    router.watch(0..5);
    router.pass(5 * SECOND);
    router.mute = vec!["<u2-2>".to_owned()];
    router.pass(30 * SECOND);
    assert!(!router.asked.dropped && router.spacing(0).0 < 2 * SECOND);
    let tries = router.asked.opened.iter().filter(|(_, names)| names == &["<u2-2>"]).count();
    assert!((1..6).contains(&tries), "{tries} tries");
    router.mute.clear();
    router.pass(40 * SECOND);
    let last = router.samples.iter().rev().find(|(line, _)| *line == router.line(2)).unwrap().1;
    assert!(router.now - last < 2 * SECOND, "it is sampled again");
}

#[test]
fn a_flapping_line_gets_a_stream_of_its_own() {
    let mut router = MonitoredRouter::new(6);
    router.watch(0..6);
    let mut id = 100;
    for _ in 0..4 {
        router.pass(4 * SECOND);
        router.sessions.retain(|(_, user)| user != "u1");
        router.read();
        router.pass(2 * SECOND);
        id += 1;
        router.sessions.push((id, "u1".to_owned()));
        router.read();
    }
    router.pass(60 * SECOND);
    let own: Vec<_> =
        router.running.iter().filter(|running| running.names.iter().any(|name| name.starts_with("<u1-"))).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].names, [format!("<u1-{id}>")], "alone");
    assert!(router.spacing(0).0 < 2 * SECOND);
}

#[test]
fn a_busy_router_is_asked_less_often_without_a_hole_at_the_change() {
    let mut router = MonitoredRouter::new(3);
    router.watch(0..3);
    router.pass(10 * SECOND);
    for _ in 0..load::BUSY_READINGS {
        router.monitor.note_load(95);
    }
    assert_eq!(router.monitor.interval().seconds(), 2);
    router.pass(20 * SECOND);
    assert!(router.running.iter().all(|running| running.interval.seconds() == 2));
    assert!(router.spacing(0).0 < 3 * SECOND + SECOND / 2, "{:?}", router.spacing(0));
    for _ in 0..100 {
        router.monitor.note_load(100);
    }
    assert_eq!(router.monitor.interval(), Interval::LONGEST);
    for _ in 0..usize::from(load::CALM_READINGS) * 10 {
        router.monitor.note_load(10);
    }
    assert_eq!(router.monitor.interval(), Interval::SHORTEST);
}

#[test]
fn a_middling_load_changes_nothing() {
    let mut router = MonitoredRouter::new(1);
    for load in [95, 95, 70, 95, 95, 70, 95, 95] {
        router.monitor.note_load(load);
    }
    assert_eq!(router.monitor.interval(), Interval::SHORTEST);
}

#[test]
fn after_a_lost_connection_watches_stand_and_streams_come_back_with_the_first_reading() {
    let mut router = MonitoredRouter::new(3);
    router.watch(0..3);
    router.pass(5 * SECOND);
    router.running.clear();
    router.monitor.disconnected(router.table.readings());
    router.pass(SECOND);
    assert_eq!(router.asked.opened.len(), 1);
    router.read();
    router.pass(SECOND * 3 / 2);
    assert_eq!((router.asked.opened.len(), router.monitor.streams()), (2, 1));
}

#[test]
fn a_router_that_ends_streams_for_one_vanished_interface_is_forestalled() {
    let mut router = MonitoredRouter::new(40);
    router.watch(0..40);
    router.pass(5 * SECOND);
    for gone in [7, 8] {
        router.sessions.retain(|(id, _)| *id != gone);
        router.read();
        router.pass(SECOND);
        let opened = router.asked.opened.len();
        // A large stream rests for a minute, unless the router has proved to end such streams.
        assert_eq!(opened, if gone == 7 { 1 } else { 3 });
        let old = router.running.remove(0).id;
        router.monitor.ended(old, router.table.readings(), router.now);
        router.pass(10 * SECOND);
    }
    assert_eq!(router.asked.opened.len(), 3);
    let times: Vec<_> = router.samples.iter().filter(|(of, _)| *of == router.line(0)).map(|(_, at)| *at).collect();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > SECOND * 3 / 2).count();
    assert_eq!(gaps, 0, "the others went on");
}
