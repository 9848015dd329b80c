//! A connection to the router that is lost, or may as well be: it is noticed, named, and made anew.

use std::time::Duration;

use tests::simulated_router::{Injection, Setup};
use tokio::time::sleep;

use crate::rig::{BACK_WITHIN, NO_GAP, Rig, SECOND};

/// From a fault that anybody can see to a line that is shown unreachable.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Lets a line be sampled, spoils the connection, expects a fault in these words within the bound, mends the router, and
/// expects samples again, none of them made up.
async fn a_loss(words: &str, bound: Duration, spoil: impl Fn(&Rig), mend: impl Fn(&Rig)) {
    let rig = Rig::new(Setup::concentrator(3)).case(words);
    rig.run(async {
        let user = &rig.users[0];
        rig.watch(user);
        sleep(5 * SECOND).await;
        spoil(&rig);
        rig.within(bound, "unreachable", |rig| !rig.is_reachable()).await;
        let fault = rig.status().fault.unwrap_or_default();
        assert!(fault.contains(words), "{fault}");
        let count = rig.count(user);
        mend(&rig);
        rig.within(BACK_WITHIN, "a sample", |rig| rig.count(user) > count).await;
        assert!(rig.is_reachable() && rig.status().fault.is_none(), "{:?}", rig.status());
        rig.samples(user).assert_true("across a loss");
    })
    .await;
}

const fn nothing(_: &Rig) {}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_cut() {
    a_loss("closed the connection without a word", AT_ONCE, |rig| rig.router.drop_connections(), nothing).await;
}

#[tokio::test(start_paused = true)]
async fn bytes_that_no_router_means() {
    for (injection, words) in [
        (Injection::HugeWord, "announced a word of 4294967295 bytes"),
        (Injection::ReservedPrefix, "reserved control byte 0xf8"),
        (Injection::Fatal("session terminated".to_owned()), "closed the API session: session terminated"),
    ] {
        a_loss(words, AT_ONCE, |rig| rig.router.inject(&injection), nothing).await;
    }
}

#[tokio::test(start_paused = true)]
async fn streams_that_stay_silent() {
    let silence = |rig: &Rig, silent| rig.router.misbehave(|manners| manners.silent_streams = silent);
    a_loss("streams give no rows", 25 * SECOND, |rig| silence(rig, true), |rig| silence(rig, false)).await;
}

#[tokio::test(start_paused = true)]
async fn a_router_that_answers_nothing_any_more() {
    a_loss("its API hangs", 20 * SECOND, |rig| rig.router.stall(true), |rig| rig.router.stall(false)).await;
}

#[tokio::test(start_paused = true)]
async fn words_that_nobody_asked_for_are_passed_over() {
    let rig = Rig::new(Setup::concentrator(3));
    rig.run(async {
        rig.watch(&rig.users[0]);
        sleep(5 * SECOND).await;
        let too_large = [Injection::LongWord, Injection::ManyWords, Injection::LongSentence];
        for injection in [Injection::UnknownWord, Injection::Flood(1_000)].into_iter().chain(too_large) {
            rig.router.inject(&injection);
            sleep(3 * SECOND).await;
        }
        assert_eq!(rig.heard("/login"), 1);
        assert!(rig.assert_undisturbed(&rig.users[0], NO_GAP) >= 10);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_too_large_is_left_out_and_no_other_line_notices() {
    let rig = Rig::new(Setup::concentrator(3));
    rig.run(async {
        rig.watch(&rig.users[0]);
        sleep(5 * SECOND).await;
        rig.router.add_static_entry(&[b'x'; 70_000], b"someone");
        rig.router.session_up(b"someone");
        rig.router.session_up(b"newcomer");
        rig.within(BACK_WITHIN, "a reading", |rig| rig.sessions(b"newcomer") == 1).await;
        sleep(5 * SECOND).await;
        assert_eq!((rig.heard("/login"), rig.sessions(b"someone")), (1, 0));
        rig.assert_undisturbed(&rig.users[0], NO_GAP);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_password_that_was_changed_is_tried_seldom() {
    let rig = Rig::new(Setup::concentrator(3));
    rig.run(async {
        rig.router.set_password("other");
        rig.router.drop_connections();
        let is_named = |rig: &Rig| rig.status().fault.is_some_and(|fault| fault.contains("refused the login"));
        rig.within(3 * SECOND, "the refusal", is_named).await;
        sleep(300 * SECOND).await;
        assert!(is_named(&rig) && !rig.is_reachable(), "{:?}", rig.status());
        assert!((3..=7).contains(&rig.heard("/login")), "{} logins in five minutes", rig.heard("/login"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_busy_router_is_asked_less_often_until_it_has_time_again() {
    let rig = Rig::new(Setup::concentrator(3));
    rig.run(async {
        let user = &rig.users[0];
        rig.watch(user);
        rig.router.set_cpu_load(97);
        rig.within(90 * SECOND, "the longest interval", |rig| rig.status().interval_ms == 5_000).await;
        sleep(30 * SECOND).await;
        let count = rig.count(user);
        sleep(30 * SECOND).await;
        assert!((5..=7).contains(&(rig.count(user) - count)), "one in five seconds");
        rig.router.set_cpu_load(7);
        rig.within(150 * SECOND, "the usual interval", |rig| rig.status().interval_ms == 1_000).await;
        sleep(30 * SECOND).await;
        rig.samples(user).assert_true("the line");
        assert_eq!(rig.heard("/login"), 1);
    })
    .await;
}
