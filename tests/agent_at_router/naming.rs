//! A router that takes no `*ID` in monitor-traffic (open question 3 of container/README).

use std::time::Duration;

use tests::simulated_router::{Rate, Setup};
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
