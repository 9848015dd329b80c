mod paper;

use super::*;
use paper::{Paper, Running, SECOND, STEP};

#[test]
fn nobody_watching_is_no_stream_at_all() {
    let mut paper = Paper::new(10);
    paper.pass(60 * SECOND);
    assert!(paper.opened.is_empty() && paper.monitor.is_idle());
}

#[test]
fn a_newcomer_starts_at_once_and_its_first_row_is_no_sample() {
    let mut paper = Paper::new(10);
    paper.watch(0..1);
    assert_eq!(paper.opened.len(), 1);
    paper.pass(SECOND / 2);
    assert_eq!(paper.samples_of(0), 0);
    paper.pass(SECOND);
    assert_eq!(paper.samples_of(0), 1);
}

#[test]
fn the_last_viewer_gone_the_stream_ends_after_the_linger_and_one_who_returns_finds_it() {
    let mut paper = Paper::new(10);
    paper.watch(0..1);
    paper.pass(5 * SECOND);
    paper.unwatch(0..1);
    paper.pass(10 * SECOND);
    assert!(paper.cancelled.is_empty());
    paper.watch(0..1);
    paper.pass(30 * SECOND);
    assert_eq!((paper.opened.len(), paper.cancelled.len()), (1, 0));
    assert!(paper.spacing(0).0 <= SECOND, "nothing was missed");
    paper.unwatch(0..1);
    paper.pass(16 * SECOND);
    assert_eq!((paper.cancelled.len(), paper.monitor.streams(), paper.monitor.is_idle()), (1, 0, true));
}

#[test]
fn a_relay_that_lost_its_viewers_finds_the_stream_when_they_are_back() {
    let mut paper = Paper::new(10);
    paper.watch(0..1);
    paper.pass(5 * SECOND);
    paper.tell_anew();
    paper.pass(35 * SECOND);
    paper.watch(0..1);
    paper.pass(5 * SECOND);
    assert_eq!((paper.opened.len(), paper.cancelled.len()), (1, 0));
    assert!(paper.spacing(0).0 <= SECOND, "nothing was missed");
    paper.tell_anew();
    paper.pass(46 * SECOND);
    assert!(paper.monitor.is_idle(), "who is not back by then is gone");
}

#[test]
fn a_settled_stream_is_looked_after_when_its_rows_come() {
    let mut paper = Paper::new(3);
    paper.watch(0..2);
    assert!(paper.monitor.wake(paper.now).unwrap() < paper.now + SECOND, "rows are awaited");
    paper.pass(10 * SECOND);
    assert!(paper.monitor.wake(paper.now).unwrap() > paper.now + SECOND / 2);
    paper.unwatch(0..2);
    paper.pass(16 * SECOND);
    assert_eq!(paper.monitor.wake(paper.now), None);
}

#[test]
fn an_unwatch_alone_restarts_nothing() {
    let mut paper = Paper::new(40);
    paper.watch(0..40);
    paper.pass(10 * SECOND);
    let opened = paper.opened.len();
    paper.unwatch(0..30);
    paper.pass(120 * SECOND);
    assert_eq!((paper.opened.len(), paper.cancelled.len()), (opened, 0));
    assert!((24..=25).contains(&paper.samples_of(0)), "lingered, then not any more");
    assert!(paper.spacing(35).0 <= SECOND);
}

#[test]
fn others_coming_and_going_leaves_no_hole_and_no_double() {
    let mut paper = Paper::new(200);
    paper.watch(0..1);
    for wave in 0..60 {
        paper.pass(SECOND * 7 / 10);
        paper.watch(1 + wave..2 + wave);
        if wave >= 10 {
            paper.unwatch(wave - 9..wave - 8);
        }
    }
    paper.pass(30 * SECOND);
    let (longest, shortest) = paper.spacing(0);
    assert!(longest < SECOND * 2, "a hole of {longest:?}");
    assert!(shortest >= SECOND / 2, "a double after {shortest:?}");
    assert!(paper.opened.len() > 40 && paper.peak <= 8, "{} opened, {} at once", paper.opened.len(), paper.peak);
    assert!(paper.monitor.streams() <= 3, "{} streams for 10 lines", paper.monitor.streams());
}

#[test]
fn all_watched_lines_fit_into_few_streams_and_none_is_longer_than_allowed() {
    let mut paper = Paper::new(300);
    paper.watch(0..200);
    paper.pass(20 * SECOND);
    assert!(paper.opened.iter().all(|(_, names)| names.len() <= 50));
    assert!((4..=5).contains(&paper.monitor.streams()), "{}", paper.monitor.streams());
    assert!((0..200).all(|user| paper.samples_of(user) >= 18));
    let unwatched: Vec<_> = (200..300).map(|user| paper.line(user)).collect();
    assert!(paper.samples.iter().all(|(line, _)| !unwatched.contains(line)));
}

#[test]
fn without_an_uplink_nobody_lets_go() {
    let mut paper = Paper::new(2);
    paper.watch(0..2);
    paper.pass(10 * SECOND);
    paper.unwatch(0..1);
    paper.monitor.hold(true);
    paper.pass(60 * SECOND);
    assert!((67..=70).contains(&paper.samples_of(0)), "{}", paper.samples_of(0));
    paper.monitor.hold(false);
    paper.pass(10 * SECOND);
    assert!(paper.samples_of(0) <= 71, "its viewer had left before");
}

#[test]
fn beyond_its_limit_a_watch_is_refused_and_lingering_ones_give_way() {
    let mut paper = Paper::with(20, AgentLimits::for_paper(5, 8, 50));
    paper.watch(0..5);
    paper.watch(5..6);
    assert_eq!(paper.refused, [(paper.line(5), WatchRefusal::TooManyWatched)]);
    paper.unwatch(0..1);
    paper.watch(5..6);
    assert_eq!(paper.refused.len(), 1);
    paper.pass(5 * SECOND);
    assert!(paper.samples_of(5) > 0 && !paper.monitor.is_watched(paper.line(0)));
}

#[test]
fn what_all_streams_together_cannot_hold_is_refused() {
    let mut paper = Paper::with(20, AgentLimits::for_paper(100, 3, 2));
    paper.watch(0..20);
    paper.pass(30 * SECOND);
    assert_eq!(paper.refused.len(), 16, "{:?}", paper.refused);
    assert!(paper.peak <= 3);
    let sampled = (0..20).filter(|user| paper.samples_of(*user) > 20).count();
    assert_eq!(sampled, 4);
}

#[test]
fn a_handle_that_names_no_line_is_refused() {
    let mut paper = Paper::new(1);
    paper.wanted.push(LineHandle(4_711));
    paper.tell();
    assert_eq!(paper.refused, [(LineHandle(4_711), WatchRefusal::UnknownLine)]);
    assert!(paper.monitor.is_idle());
}

#[test]
fn however_a_relay_changes_its_mind_streams_open_at_a_bounded_pace() {
    let mut paper = Paper::new(200);
    let start = paper.now;
    for nth in 0..600 {
        let user = nth % 200;
        paper.watch(user..user + 1);
        paper.pass(STEP);
        paper.unwatch(user..user + 1);
    }
    let seconds = (paper.now - start).as_secs() as usize;
    assert!(paper.opened.len() <= 10 + seconds, "{} in {seconds} s", paper.opened.len());
    assert!(paper.peak <= 8);
}

#[test]
fn a_full_stream_is_rebuilt_at_most_once_a_minute() {
    let mut paper = Paper::new(300);
    paper.watch(0..40);
    for nth in 40..160 {
        paper.pass(SECOND);
        paper.watch(nth..nth + 1);
        paper.unwatch(nth..nth + 1);
    }
    let large = paper.opened.iter().filter(|(_, names)| names.len() > 25).count();
    assert!(large <= 4, "{large} large streams opened in two minutes");
    assert!(paper.spacing(0).0 < SECOND * 2);
}

#[test]
fn a_session_that_vanishes_by_stopped_rows_is_asked_after_and_its_return_is_sampled_soon() {
    let mut paper = Paper::new(10);
    paper.watch(0..10);
    paper.pass(5 * SECOND);
    paper.sessions.retain(|(id, _)| *id != 3);
    let gone = paper.now;
    while paper.rereads == 0 {
        paper.pass(STEP);
    }
    assert!(paper.now - gone <= SECOND * 5 / 2, "{:?}", paper.now - gone);
    paper.pass(3 * SECOND);
    let before = paper.samples_of(3);
    paper.sessions.push((77, "u3".to_owned()));
    paper.read();
    paper.pass(SECOND * 14 / 10);
    assert_eq!(paper.samples_of(3), before + 1);
    paper.pass(20 * SECOND);
    assert!(paper.spacing(5).0 < 2 * SECOND, "the others went on");
    let (_, names) = paper.opened.last().unwrap();
    assert!(!names.contains(&"<u3-3>".to_owned()), "the stream was rebuilt without the vanished");
}

#[test]
fn a_line_without_sessions_is_watched_and_sampled_when_it_comes_up() {
    let mut paper = Paper::new(2);
    paper.sessions.pop();
    paper.read();
    paper.watch(1..2);
    paper.pass(5 * SECOND);
    assert!(paper.opened.is_empty());
    paper.sessions.push((50, "u1".to_owned()));
    paper.read();
    paper.pass(SECOND * 3 / 2);
    assert_eq!(paper.samples_of(1), 1);
}

#[test]
fn sessions_of_one_line_are_rows_of_one_reading_and_a_second_one_that_comes_leaves_no_hole() {
    let mut paper = Paper::new(3);
    paper.watch(0..3);
    paper.pass(5 * SECOND);
    paper.sessions.push((90, "u0".to_owned()));
    paper.read();
    paper.pass(5 * SECOND);
    let (id, names) = paper.opened.last().unwrap().clone();
    assert!(names.contains(&"<u0-0>".to_owned()) && names.contains(&"<u0-90>".to_owned()));
    let row = paper.monitor.row(id, Some(b"<u0-90>"), Some(99), paper.now).unwrap();
    assert_eq!(row.reading.unwrap().of, 2);
    assert!(paper.spacing(1).0 < 2 * SECOND && paper.spacing(0).0 < 2 * SECOND);
}

#[test]
fn a_stream_that_the_router_ends_is_opened_again_after_a_reading_and_without_the_vanished() {
    let mut paper = Paper::new(5);
    paper.watch(0..5);
    paper.pass(5 * SECOND);
    let id = paper.running.remove(0).id;
    paper.monitor.ended(id, paper.table.readings(), paper.now);
    paper.sessions.retain(|(id, _)| *id != 2);
    paper.pass(SECOND);
    assert_eq!(paper.opened.len(), 1, "not before the tables were read");
    paper.read();
    paper.pass(STEP);
    assert_eq!(paper.opened.len(), 2);
    assert_eq!(paper.opened[1].1, ["<u0-0>", "<u1-1>", "<u3-3>", "<u4-4>"]);
}

#[test]
fn what_the_router_refuses_twice_is_named_the_other_way_unless_a_comma_forbids_it() {
    let mut paper = Paper::new(0);
    paper.sessions = vec![(1, "plain".to_owned()), (2, "a,b".to_owned())];
    paper.read();
    paper.wanted = paper.table.iter().map(|line| line.handle()).collect();
    paper.tell();
    for _ in 0..2 {
        let id = paper.running.pop().unwrap().id;
        paper.monitor.ended(id, paper.table.readings(), paper.now);
        paper.read();
        paper.now += 5 * SECOND;
        let actions = paper.monitor.plan(&paper.table, paper.now);
        let Some(Action::Open(id)) = actions.first() else { panic!("{actions:?}") };
        paper.running.push(Running { id: *id, opened: paper.now, interval: 1, names: vec![], section: 0 });
    }
    let (interfaces, _) = paper.monitor.interfaces(paper.running[0].id).unwrap();
    assert_eq!(interfaces, [Interface::Id(2), Interface::Name(b"<plain-1>")]);
}

#[test]
fn a_line_that_is_refused_again_and_again_leaves_the_others_alone() {
    let mut paper = Paper::new(8);
    paper.watch(0..8);
    for _ in 0..60 {
        // The router refuses every stream with u3 in it.
        let bad: Vec<_> =
            paper.running.iter().filter(|r| r.names.contains(&"<u3-3>".to_owned())).map(|r| r.id).collect();
        for id in bad {
            paper.running.retain(|running| running.id != id);
            paper.monitor.ended(id, paper.table.readings(), paper.now);
            paper.read();
        }
        paper.monitor.by_name = false;
        paper.pass(SECOND);
    }
    for user in [0, 1, 2, 4, 5, 6, 7] {
        assert!(paper.samples_of(user) > 20, "u{user} has {} samples", paper.samples_of(user));
    }
    let tries = paper.opened.iter().filter(|(_, names)| names.contains(&"<u3-3>".to_owned())).count();
    assert!(tries < 15, "{tries} tries in a minute");
}

#[test]
fn a_silent_stream_is_reopened_and_then_the_connection_dropped() {
    let mut paper = Paper::new(2);
    paper.watch(0..2);
    paper.pass(3 * SECOND);
    paper.mute = vec!["<u0-0>".to_owned(), "<u1-1>".to_owned()];
    paper.pass(9 * SECOND);
    assert!(paper.cancelled.is_empty() && paper.rereads >= 2);
    paper.pass(2 * SECOND);
    assert_eq!((paper.cancelled.len(), paper.opened.len(), paper.dropped), (1, 2, false));
    let mut seconds = 0;
    while !paper.dropped && seconds < 15 {
        paper.now += SECOND;
        seconds += 1;
        paper.dropped =
            paper.monitor.plan(&paper.table, paper.now).iter().any(|action| matches!(action, Action::Drop(_)));
    }
    assert!(paper.dropped && seconds >= 9);
}

#[test]
fn one_interface_whose_rows_stop_though_its_session_stays_is_set_aside() {
    let mut paper = Paper::new(5);
    paper.watch(0..5);
    paper.pass(5 * SECOND);
    paper.mute = vec!["<u2-2>".to_owned()];
    paper.pass(30 * SECOND);
    assert!(!paper.dropped && paper.spacing(0).0 < 2 * SECOND);
    let tries = paper.opened.iter().filter(|(_, names)| names == &["<u2-2>"]).count();
    assert!((1..6).contains(&tries), "{tries} tries");
    paper.mute.clear();
    paper.pass(40 * SECOND);
    let last = paper.samples.iter().rev().find(|(line, _)| *line == paper.line(2)).unwrap().1;
    assert!(paper.now - last < 2 * SECOND, "it is sampled again");
}

#[test]
fn a_flapping_line_gets_a_stream_of_its_own() {
    let mut paper = Paper::new(6);
    paper.watch(0..6);
    let mut id = 100;
    for _ in 0..4 {
        paper.pass(4 * SECOND);
        paper.sessions.retain(|(_, user)| user != "u1");
        paper.read();
        paper.pass(2 * SECOND);
        id += 1;
        paper.sessions.push((id, "u1".to_owned()));
        paper.read();
    }
    paper.pass(60 * SECOND);
    let own: Vec<_> =
        paper.running.iter().filter(|running| running.names.iter().any(|name| name.starts_with("<u1-"))).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].names, [format!("<u1-{id}>")], "alone");
    assert!(paper.spacing(0).0 < 2 * SECOND);
}

#[test]
fn a_busy_router_is_asked_less_often_without_a_hole_at_the_change() {
    let mut paper = Paper::new(3);
    paper.watch(0..3);
    paper.pass(10 * SECOND);
    for _ in 0..BUSY_READINGS {
        paper.monitor.load(95);
    }
    assert_eq!(paper.monitor.interval(), 2);
    paper.pass(20 * SECOND);
    assert!(paper.running.iter().all(|running| running.interval == 2));
    assert!(paper.spacing(0).0 < 3 * SECOND + SECOND / 2, "{:?}", paper.spacing(0));
    for _ in 0..100 {
        paper.monitor.load(100);
    }
    assert_eq!(paper.monitor.interval(), MAX_INTERVAL);
    for _ in 0..usize::from(CALM_READINGS) * 10 {
        paper.monitor.load(10);
    }
    assert_eq!(paper.monitor.interval(), 1);
}

#[test]
fn a_middling_load_changes_nothing() {
    let mut paper = Paper::new(1);
    for load in [95, 95, 70, 95, 95, 70, 95, 95] {
        paper.monitor.load(load);
    }
    assert_eq!(paper.monitor.interval(), 1);
}

#[test]
fn after_a_lost_connection_watches_stand_and_streams_come_back_with_the_first_reading() {
    let mut paper = Paper::new(3);
    paper.watch(0..3);
    paper.pass(5 * SECOND);
    paper.running.clear();
    paper.monitor.disconnected(paper.table.readings());
    paper.pass(SECOND);
    assert_eq!(paper.opened.len(), 1);
    paper.read();
    paper.pass(SECOND * 3 / 2);
    assert_eq!((paper.opened.len(), paper.monitor.streams()), (2, 1));
}

#[test]
fn rows_without_names_or_sections_are_told_apart_by_order() {
    let mut paper = Paper::new(3);
    paper.watch(0..3);
    let id = paper.running[0].id;
    let lines: Vec<_> = (0..3).map(|user| paper.line(user)).collect();
    let mut rows = |name: Option<&[u8]>| {
        (0..3).map(|_| paper.monitor.row(id, name, None, paper.now).and_then(|row| row.reading)).collect::<Vec<_>>()
    };
    assert_eq!(rows(None), [None, None, None], "the warm-up");
    for section in 2..4 {
        let readings: Vec<_> = rows(None).into_iter().flatten().collect();
        assert_eq!(readings.iter().map(|reading| reading.line).collect::<Vec<_>>(), lines);
        assert!(readings.iter().all(|reading| reading.section == section));
    }
    assert_eq!(rows(Some(b"stranger")), [None, None, None]);
}

#[test]
fn a_router_that_ends_streams_for_one_vanished_interface_is_forestalled() {
    let mut paper = Paper::new(40);
    paper.watch(0..40);
    paper.pass(5 * SECOND);
    for gone in [7, 8] {
        paper.sessions.retain(|(id, _)| *id != gone);
        paper.read();
        paper.pass(SECOND);
        let opened = paper.opened.len();
        // A large stream is let be for a minute, until the router proves to end it.
        assert_eq!(opened, if gone == 7 { 1 } else { 3 });
        let old = paper.running.remove(0).id;
        paper.monitor.ended(old, paper.table.readings(), paper.now);
        paper.pass(10 * SECOND);
    }
    assert_eq!(paper.opened.len(), 3);
    let times: Vec<_> = paper.samples.iter().filter(|(of, _)| *of == paper.line(0)).map(|(_, at)| *at).collect();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > SECOND * 3 / 2).count();
    assert_eq!(gaps, 0, "the others went on");
}
