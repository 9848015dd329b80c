//! A line while somebody looks at it, and while nobody does.

use std::time::Duration;

use tests::simulated_router::{Rate, Rates, Setup};
use tokio::time::sleep;

use crate::rig::{FIRST_SAMPLE_WITHIN, NO_GAP, PHASES, Rig, SECOND, STEADY};

const MONITOR: &str = "/interface/monitor-traffic";

#[tokio::test(start_paused = true)]
async fn while_nobody_looks_no_line_is_monitored() {
    let rig = Rig::new(Setup::concentrator(12));
    rig.run(async {
        sleep(100 * SECOND).await;
        assert_eq!((rig.heard(MONITOR), rig.status().watched), (0, 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_first_sample_comes_soon_and_then_one_a_second() {
    for phase in PHASES {
        let rig = Rig::new(Setup::concentrator(12)).case(format!("phase {phase}"));
        rig.run(async {
            sleep(10 * SECOND + Duration::from_millis(phase)).await;
            let user = &rig.users[0];
            rig.watch(user);
            rig.within(FIRST_SAMPLE_WITHIN, "the first sample", |rig| rig.count(user) > 0).await;
            sleep(10 * SECOND).await;
            assert!(rig.assert_undisturbed(user, NO_GAP) >= 10);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_its_name_a_line_is_sampled() {
    let rig = Rig::new(Setup::concentrator(12));
    rig.run(async {
        rig.watch_all();
        sleep(10 * SECOND).await;
        rig.users.iter().for_each(|user| assert!(rig.assert_undisturbed(user, NO_GAP) >= 9));
        assert_eq!(rig.monitors().len(), 1, "{:?}", rig.monitors());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_subscribers_own_router_tells_download_from_upload_too() {
    let rig = Rig::new(Setup::customer());
    rig.run(async {
        let user = &rig.users[0];
        rig.watch(user);
        rig.within(FIRST_SAMPLE_WITHIN, "the first sample", |rig| rig.count(user) > 0).await;
        rig.samples(user).assert_true("the customer");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_falls_silent_is_shown_at_zero_and_without_a_hole() {
    let rig = Rig::new(Setup::concentrator(3));
    rig.run(async {
        rig.watch_all();
        sleep(5 * SECOND).await;
        let user = &rig.users[1];
        rig.router.set_rate(user, Rate::Exact(Rates::default()));
        sleep(10 * SECOND).await;
        let samples = rig.samples(user);
        let (busy, silent): (Vec<_>, Vec<_>) = samples.0.iter().partition(|(_, rates)| *rates == STEADY);
        assert!(busy.len() >= 4 && silent.len() >= 9, "{samples:?}");
        assert!(silent.iter().all(|(_, rates)| *rates == Rates::default()), "{samples:?}");
        assert!(samples.longest_gap() <= 2 * SECOND, "{samples:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_the_last_viewer_is_gone_the_monitoring_ends() {
    let rig = Rig::new(Setup::concentrator(3));
    rig.run(async {
        rig.watch_all();
        sleep(5 * SECOND).await;
        rig.users.iter().for_each(|user| rig.unwatch(user));
        rig.within(20 * SECOND, "the end of monitoring", |rig| rig.monitors().is_empty()).await;
        let before = rig.heard(MONITOR);
        sleep(100 * SECOND).await;
        assert_eq!((rig.heard(MONITOR), rig.status().watched), (before, 0));
    })
    .await;
}
