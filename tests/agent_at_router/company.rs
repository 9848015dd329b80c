//! A line among others: what they do costs it nothing.

use std::time::Duration;

use tests::simulated_router::{Setup, Vanished};
use tokio::time::sleep;

use crate::rig::{BACK_WITHIN, LONGEST_GAP, NO_GAP, OFFLINE_WITHIN, Rig, SECOND};

#[tokio::test(start_paused = true)]
async fn ninety_nine_others_come_and_go() {
    let rig = Rig::new(Setup::concentrator(120));
    rig.run(async {
        rig.watch(&rig.users[0]);
        for nth in 1..100 {
            sleep(Duration::from_millis(730)).await;
            rig.watch(&rig.users[nth]);
            if nth > 30 {
                rig.unwatch(&rig.users[nth - 20]);
            }
        }
        sleep(40 * SECOND).await;
        assert!(rig.assert_undisturbed(&rig.users[0], 2 * SECOND) > 100);
        let opened = rig.heard("/interface/monitor-traffic");
        assert!(opened <= 100, "{opened} streams for 100 watches");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_flaps_gets_a_stream_of_its_own() {
    for vanished in [Vanished::RowsStop, Vanished::Zeros, Vanished::Trap, Vanished::Done] {
        let rig = Rig::new(Setup::concentrator(12)).case(format!("{vanished:?}"));
        rig.router.misbehave(|manners| manners.vanished = vanished);
        rig.run(flap(&rig, 7)).await;
    }
}

/// One of the watched lines drops and returns twelve times.
async fn flap(rig: &Rig, which: usize) {
    let user = &rig.users[which];
    rig.watch_all();
    sleep(5 * SECOND).await;
    for _ in 0..12 {
        rig.router.session_down(user);
        rig.within(OFFLINE_WITHIN, "offline", |rig| rig.sessions(user) == 0).await;
        rig.router.session_up(user);
        rig.within(BACK_WITHIN, "running", |rig| rig.sessions(user) == 1).await;
        sleep(5 * SECOND).await;
    }
    let port = rig.router.ports().into_iter().find(|port| port.username == *user).unwrap();
    assert!(rig.monitors().iter().any(|stream| stream.interfaces == [port.name.as_slice()]), "{:?}", rig.monitors());
    rig.samples(user).assert_true("the line itself");
    for other in rig.users.iter().filter(|other| *other != user) {
        rig.assert_undisturbed(other, LONGEST_GAP);
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_of_three_thousand_are_sampled_each_second() {
    let rig = Rig::new(Setup::concentrator(3_000));
    rig.run(async {
        let watched = &rig.users[..200];
        watched.iter().for_each(|user| rig.watch(user));
        sleep(20 * SECOND).await;
        for user in watched {
            assert!(rig.assert_undisturbed(user, NO_GAP) >= 18);
        }
        assert_eq!((rig.status().sessions, rig.status().watched, rig.status().streams), (3_000, 200, 4));
    })
    .await;
}
