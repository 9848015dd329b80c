//! How the agent names interfaces in monitor-traffic. Some routers may take no `*ID` (open question 3 of container/README). Some
//! interfaces are taken neither by `*ID` nor by name.

use std::time::Duration;

use shared::control::WatchRefusal;
use tests::simulated_router::{Misbehaviour, Rate, Setup};
use tokio::time::{Instant, sleep};

use crate::rig::{LONGEST_GAP, NO_GAP, Rig, SECOND, STEADY};

const MONITOR: &str = "/interface/monitor-traffic";

fn rig(case: &str) -> Rig {
    let rig = Rig::new(Setup::concentrator(12)).case(case);
    rig.router.misbehave(|manners| manners.names_only = true);
    rig
}

/// Lines whose interfaces' names hold a comma cannot be named at such a router.
fn can_be_named(user: &[u8]) -> bool {
    !user.contains(&b',')
}

/// Ten viewers of ten lines, each so long after the one before. Returns the time to the last first figure.
async fn ten_viewers(rig: &Rig, spread: Duration) -> Duration {
    let mut time = Duration::ZERO;
    rig.run(async {
        let began = Instant::now();
        let watched: Vec<_> = rig.users.iter().filter(|user| can_be_named(user)).take(10).collect();
        for user in &watched {
            rig.watch(user);
            sleep(spread).await;
        }
        let all = |rig: &Rig| watched.iter().all(|user| rig.count(user) > 0);
        rig.within(30 * SECOND, "every first figure", all).await;
        time = began.elapsed();
        sleep(20 * SECOND).await;
        watched.iter().for_each(|user| assert!(rig.assert_undisturbed(user, LONGEST_GAP) >= 18));
    })
    .await;
    time
}

#[tokio::test(start_paused = true)]
async fn ten_viewers_at_once_get_their_first_figures_at_the_usual_time() {
    for spread in [0, 3, 40, 300] {
        let after = Duration::from_millis(spread);
        let usual = ten_viewers(&Rig::new(Setup::concentrator(12)).case("by .id"), after).await;
        let time = ten_viewers(&rig("by name"), after).await;
        assert!(time <= usual + SECOND / 4, "{time:?}, and {usual:?} by .id, with {spread} ms between viewers");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_name_with_a_comma_stays_without_samples() {
    let rig = rig("a comma");
    rig.run(async {
        rig.router.session_up(b"smith,john");
        rig.router.set_rate(b"smith,john", Rate::Exact(STEADY));
        rig.within(8 * SECOND, "the comma's line", |rig| rig.sessions(b"smith,john") == 1).await;
        rig.watch_all();
        rig.watch(b"smith,john");
        sleep(90 * SECOND).await;
        for user in rig.users.iter().filter(|user| can_be_named(user)) {
            assert!(rig.assert_undisturbed(user, NO_GAP) >= 85);
        }
        assert_eq!(rig.count(b"smith,john"), 0);
        assert_eq!(rig.refusals(), [(WatchRefusal::RouterRefuses, b"smith,john".to_vec())]);
        assert!(rig.heard(MONITOR) < 8, "{} streams", rig.heard(MONITOR));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_outlives_a_connection() {
    let rig = rig("a second connection");
    rig.run(async {
        let user = &rig.users[0];
        rig.watch(user);
        sleep(70 * SECOND).await;
        let heard = rig.heard(MONITOR);
        rig.router.drop_connections();
        let count = rig.count(user);
        rig.within(4 * SECOND, "a sample", |rig| rig.count(user) > count).await;
        sleep(20 * SECOND).await;
        assert_eq!(rig.heard(MONITOR), heard + 1, "no trial");
    })
    .await;
}

/// The relay is told of the line once, and again where it asks again: by a new watch, and by a new uplink.
#[tokio::test(start_paused = true)]
async fn a_line_that_is_named_neither_way_is_told_once_a_watch_and_alone_has_no_samples() {
    let ids = Misbehaviour::default();
    let names = Misbehaviour { names_only: true, ..Misbehaviour::default() };
    for (case, manners, bound) in [("a router of ids", ids, 6), ("a router of names", names, 12)] {
        let rig = Rig::new(Setup::concentrator(12)).case(case);
        let mut users = rig.users.iter().filter(|user| can_be_named(user));
        let (refused, others) = (users.next().unwrap().clone(), users.collect::<Vec<_>>());
        let interface = rig.router.ports().into_iter().find(|port| port.username == refused).unwrap().name;
        let unmonitored = vec![String::from_utf8(interface).unwrap()];
        rig.router.misbehave(|now| *now = Misbehaviour { unmonitored, ..manners });
        rig.run(async {
            let told = [(WatchRefusal::RouterRefuses, refused.clone())];
            rig.watch(&refused);
            others.iter().for_each(|user| rig.watch(user));
            let all = |rig: &Rig| others.iter().all(|user| rig.count(user) > 0);
            rig.within(bound * SECOND, "the others' first figures", all).await;
            rig.within(60 * SECOND, "the refusal", |rig| rig.has_refusals()).await;
            assert_eq!(rig.refusals(), told, "{case}");
            sleep(120 * SECOND).await;
            others.iter().for_each(|user| assert!(rig.assert_undisturbed(user, NO_GAP) >= 118));
            assert_eq!((rig.count(&refused), rig.has_refusals()), (0, false), "{case}");
            rig.unwatch(&refused);
            sleep(2 * SECOND).await;
            rig.watch(&refused);
            rig.within(2 * SECOND, "the refusal for a new watch", |rig| rig.has_refusals()).await;
            assert_eq!(rig.refusals(), told, "{case}");
            rig.handover.watched.borrow_mut().begin_uplink();
            rig.watch(&refused);
            rig.within(2 * SECOND, "the refusal for a new uplink", |rig| rig.has_refusals()).await;
            assert_eq!(rig.refusals(), told, "{case}");
            rig.router.misbehave(|manners| manners.unmonitored.clear());
            rig.within(35 * SECOND, "a sample", |rig| rig.count(&refused) > 0).await;
        })
        .await;
    }
}
