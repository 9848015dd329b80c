//! The naming of interfaces, and lines that the router refuses.

use super::*;

/// Ten viewers of ten lines, each a moment after the one before. Returns the time of the last line's first sample.
fn ten_viewers_at_once(takes_ids: bool, answers_after: Duration) -> (Duration, MonitoredRouter) {
    let mut router = MonitoredRouter::new(12);
    (router.takes_ids, router.answers_after) = (takes_ids, answers_after);
    let start = router.now;
    for user in 0..10 {
        router.watch(user..user + 1);
    }
    while (0..10).any(|user| router.samples_of(user) == 0) {
        assert!(router.now - start < 60 * SECOND, "lines without samples");
        router.pass(STEP);
    }
    (router.now - start, router)
}

#[test]
fn ten_viewers_at_once_get_their_figures_in_time_from_a_router_that_takes_no_ids() {
    let usual = ten_viewers_at_once(true, STEP / 2).0;
    for answers_after in [Duration::ZERO, STEP / 2, STEP] {
        let (time, mut router) = ten_viewers_at_once(false, answers_after);
        assert!(time <= usual + 3 * STEP, "{time:?}, and {usual:?} from one that takes ids");
        let refusals = router.asked.refusals;
        assert_eq!(refusals, 1, "one refusal teaches it");
        router.pass(60 * SECOND);
        router.monitor.disconnected(router.table.readings());
        router.running.clear();
        router.read();
        router.watch(10..12);
        router.pass(5 * SECOND);
        assert_eq!(router.asked.refusals, refusals, "it is kept for the router");
        assert!(router.samples_of(11) > 0 && router.spacing(0).0 < 6 * SECOND);
    }
}

#[test]
fn refusals_of_streams_that_were_sent_before_do_not_change_the_way_back_and_cost_no_time() {
    let mut router = MonitoredRouter::new(6);
    router.takes_ids = false;
    router.answers_after = SECOND * 14 / 10;
    for user in 0..5 {
        router.watch(user..user + 1);
        router.pass(SECOND * 12 / 10);
    }
    assert!(router.asked.refusals > 1, "some were on their way when the first was refused");
    router.pass(4 * SECOND);
    assert!((0..5).all(|user| router.samples_of(user) > 0));
    let refusals = router.asked.refusals;
    router.watch(5..6);
    router.pass(5 * SECOND);
    assert!(router.asked.refusals == refusals && router.samples_of(5) >= 4);
}

#[test]
fn only_a_line_that_can_be_named_neither_way_stays_without_samples() {
    let mut router = MonitoredRouter::new(0);
    router.sessions = vec![(1, "u0".to_owned()), (2, "a,b".to_owned()), (3, "u2".to_owned())];
    router.takes_ids = false;
    router.read();
    router.wanted = router.table.iter().map(|line| line.handle()).collect();
    router.tell();
    router.pass(3 * SECOND);
    assert!([0, 2].into_iter().all(|user| router.samples_of(user) > 0), "in the usual time");
    let comma = router.table.line_of(b"a,b").unwrap().handle();
    router.pass(60 * SECOND);
    router.read();
    router.pass(60 * SECOND);
    assert!(router.monitor.is_watched(comma) && router.samples.iter().all(|(line, _)| *line != comma));
    assert!(router.spacing(0).0 < 2 * SECOND && router.spacing(2).0 < 2 * SECOND, "the others go on");
    assert_eq!(router.asked.refusals, 1);
    assert!(router.monitor.wake(router.now).unwrap() > router.now + STEP, "nothing is looked after for it");
    router.sessions[1] = (9, "renamed".to_owned());
    router.read();
    router.wanted.push(router.table.line_of(b"renamed").unwrap().handle());
    router.tell();
    router.pass(3 * SECOND);
    assert!(router.samples.iter().any(|(line, _)| Some(*line) == router.wanted.last().copied()));
}

#[test]
fn where_ids_are_taken_a_name_with_a_comma_is_sampled_like_any_other() {
    let mut router = MonitoredRouter::new(0);
    router.sessions = vec![(1, "u0".to_owned()), (2, "a,b".to_owned())];
    router.read();
    router.wanted = router.table.iter().map(|line| line.handle()).collect();
    router.tell();
    router.pass(3 * SECOND);
    assert!(router.wanted.iter().all(|line| router.samples.iter().any(|(sampled, _)| sampled == line)));
    assert_eq!((router.asked.by_name, router.asked.refusals), (0, 0));
}

#[test]
fn a_line_with_a_comma_alone_teaches_the_way_in_the_end() {
    let mut router = MonitoredRouter::new(0);
    router.sessions = vec![(1, "a,b".to_owned()), (2, "u1".to_owned())];
    router.takes_ids = false;
    router.read();
    router.wanted = vec![router.table.line_of(b"a,b").unwrap().handle()];
    router.tell();
    router.pass(60 * SECOND);
    let refusals = router.asked.refusals;
    assert!((2..6).contains(&refusals), "{refusals}");
    router.watch(1..2);
    router.pass(3 * SECOND);
    assert!(router.samples_of(1) > 0 && router.asked.refusals == refusals);
}

#[test]
fn an_interface_that_went_just_then_is_no_proof_against_ids() {
    let mut router = MonitoredRouter::new(3);
    // The session returns under another id before the router reads the command, and has the same name as before.
    router.sessions[1] = (1, "u1".to_owned());
    router.takes_ids = false;
    router.watch(0..3);
    router.pass(2 * STEP);
    router.takes_ids = true;
    router.sessions = vec![(0, "u0".to_owned()), (77, "u1".to_owned()), (2, "u2".to_owned())];
    router.read();
    router.pass(5 * SECOND);
    let by_name = router.asked.by_name;
    router.unwatch(0..3);
    router.pass(30 * SECOND);
    router.watch(0..3);
    router.pass(3 * SECOND);
    assert_eq!(router.asked.by_name, by_name, "ids again");
}

#[test]
fn a_user_who_may_not_watch_teaches_nothing_of_names() {
    let mut router = MonitoredRouter::new(2);
    router.watch(0..2);
    for _ in 0..4 {
        let Some(running) = router.running.pop() else { break };
        router.monitor.refused(running.id, Refusal::Forbidden);
        router.monitor.ended(running.id, router.table.readings(), router.now);
        router.read();
        router.pass(8 * SECOND);
    }
    assert_eq!(router.asked.by_name, 0);
    router.pass(10 * SECOND);
    assert!(router.samples_of(0) > 0);
}

#[test]
fn a_line_that_is_refused_again_and_again_leaves_the_others_alone() {
    let mut router = MonitoredRouter::new(8);
    router.watch(0..8);
    for _ in 0..60 {
        // The router refuses every stream with u3.
        let bad: Vec<_> =
            router.running.iter().filter(|r| r.names.contains(&"<u3-3>".to_owned())).map(|r| r.id).collect();
        for id in bad {
            router.running.retain(|running| running.id != id);
            router.monitor.ended(id, router.table.readings(), router.now);
            router.read();
        }
        router.pass(SECOND);
    }
    for user in [0, 1, 2, 4, 5, 6, 7] {
        assert!(router.samples_of(user) > 20, "u{user} has {} samples", router.samples_of(user));
    }
    let tries = router.asked.opened.iter().filter(|(_, names)| names.contains(&"<u3-3>".to_owned())).count();
    assert!(tries < 15, "{tries} tries in a minute");
}
