//! A session that goes, comes back, doubles or takes another name, in every way that a router may tell of it and in every
//! phase of its second.

use std::time::Duration;

use agent::config::Timing;
use tests::simulated_router::{Setup, SimulatedRouter, Vanished};
use tokio::time::sleep;

use crate::rig::{BACK_WITHIN, LONGEST_GAP, OFFLINE_WITHIN, PHASES, Rig, SECOND};

/// How a line's session is ended or begun; false where there was nothing to end or begin.
type Switch = fn(&SimulatedRouter, &[u8]) -> bool;

const DOWN: Switch = |router, user| router.session_down(user) == 1;
const UP: Switch = |router, user| router.session_up(user).running;
const CLIENT_DOWN: Switch = |router, user| router.client_down(user) == 1;
const CLIENT_UP: Switch = |router, user| router.client_up(user) == 1;

/// Subscribers of the simulated concentrator: one whose interface goes with the session, and one with a static entry.
const DYNAMIC: usize = 7;
const STATIC: usize = 4;

#[tokio::test(start_paused = true)]
async fn rows_that_stop() {
    drops_and_returns(Vanished::RowsStop, DYNAMIC).await;
}

#[tokio::test(start_paused = true)]
async fn rows_that_go_on_with_zeros() {
    drops_and_returns(Vanished::Zeros, DYNAMIC).await;
}

#[tokio::test(start_paused = true)]
async fn a_trap_for_the_whole_stream() {
    drops_and_returns(Vanished::Trap, DYNAMIC).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends() {
    drops_and_returns(Vanished::Done, DYNAMIC).await;
}

#[tokio::test(start_paused = true)]
async fn a_static_entry_that_stays_and_idles() {
    drops_and_returns(Vanished::default(), STATIC).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stays_and_idles() {
    in_each_phase(async |listen, phase| {
        let rig = rig(Setup::customer(), Vanished::default(), listen, phase);
        rig.run(drop_and_return(&rig, 0, phase, CLIENT_DOWN, CLIENT_UP)).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn two_sessions_of_a_line_are_added_up() {
    in_each_phase(async |listen, phase| {
        let rig = rig(Setup::concentrator(30), Vanished::default(), listen, phase);
        // Without a hint the next reading of the tables tells.
        let noticed = if listen { BACK_WITHIN } else { Timing::default().tables.reread_interval };
        rig.run(double(&rig, phase, noticed)).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_interface_that_takes_another_name_is_sampled_on() {
    in_each_phase(async |listen, phase| {
        let rig = rig(Setup::concentrator(30), Vanished::default(), listen, phase);
        rig.run(rename(&rig, phase)).await;
    })
    .await;
}

async fn in_each_phase(story: impl AsyncFn(bool, Duration)) {
    for listen in [true, false] {
        for phase in PHASES {
            story(listen, Duration::from_millis(phase)).await;
        }
    }
}

async fn drops_and_returns(vanished: Vanished, which: usize) {
    in_each_phase(async |listen, phase| {
        let rig = rig(Setup::concentrator(30), vanished, listen, phase);
        rig.run(drop_and_return(&rig, which, phase, DOWN, UP)).await;
    })
    .await;
}

fn rig(setup: Setup, vanished: Vanished, listen: bool, phase: Duration) -> Rig {
    let rig = Rig::new(setup).case(format!("{vanished:?}, listen {listen}, phase {phase:?}"));
    rig.router.misbehave(|manners| (manners.vanished, manners.no_listen) = (vanished, !listen));
    rig
}

/// One of the watched lines drops and returns; it and the others show nothing that did not happen.
async fn drop_and_return(rig: &Rig, which: usize, phase: Duration, down: Switch, up: Switch) {
    let user = &rig.users[which];
    rig.watch_all();
    sleep(9 * SECOND + phase).await;
    assert!(down(&rig.router, user));
    rig.within(OFFLINE_WITHIN, "offline", |rig| rig.sessions(user) == 0).await;
    let count = rig.count(user);
    sleep(7 * SECOND + phase).await;
    assert_eq!(rig.count(user), count, "samples of a line that is offline");
    assert!(up(&rig.router, user));
    rig.within(BACK_WITHIN, "a sample", |rig| rig.sessions(user) == 1 && rig.count(user) > count).await;
    sleep(15 * SECOND).await;
    rig.samples(user).assert_true("the line itself");
    for other in rig.users.iter().filter(|other| *other != user) {
        rig.assert_undisturbed(other, LONGEST_GAP);
    }
}

/// A second session of one of the watched lines comes up: the sum is shown as soon as that is noticed.
async fn double(rig: &Rig, phase: Duration, noticed: Duration) {
    let user = &rig.users[DYNAMIC];
    rig.watch_all();
    sleep(9 * SECOND + phase).await;
    assert!(UP(&rig.router, user));
    rig.within(noticed, "the second session", |rig| rig.sessions(user) == 2).await;
    sleep(15 * SECOND).await;
    let samples = rig.samples(user);
    let (_, last) = samples.0[samples.0.len() - 1];
    assert_eq!((last.download, last.upload), (10_000_000, 200_000));
    assert!(samples.0.iter().all(|(_, rates)| [5_000_000, 10_000_000].contains(&rates.download)), "{samples:?}");
    assert!(samples.longest_gap() <= LONGEST_GAP, "{samples:?}");
    rig.assert_undisturbed(&rig.users[0], LONGEST_GAP);
}

/// The interface of one of the watched lines is renamed, and keeps its id.
async fn rename(rig: &Rig, phase: Duration) {
    let user = &rig.users[DYNAMIC];
    rig.watch_all();
    sleep(9 * SECOND + phase).await;
    let port = rig.router.ports().into_iter().find(|port| port.username == *user).unwrap();
    assert!(rig.router.rename(&port.name, b"renamed, with comma"));
    sleep(15 * SECOND).await;
    for other in rig.users.iter().filter(|other| *other != user) {
        rig.assert_undisturbed(other, LONGEST_GAP);
    }
    rig.assert_undisturbed(user, BACK_WITHIN + SECOND);
}
