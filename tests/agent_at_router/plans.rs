//! Which plan a line has, by the queues and profiles of a router.

use shared::control::LineReport;
use tests::simulated_router::Setup;
use tokio::time::{Instant, sleep};

use crate::rig::{Rig, SECOND};

/// A static queue before the others: name, target, limit and one property more.
type Queue = (&'static str, &'static str, &'static str, (&'static str, &'static str));

/// Download and upload in Mbps, and whether others share them.
type Plan = (u64, u64, bool);

fn plan_of(rig: &Rig, username: &[u8]) -> Plan {
    let lines = rig.handover.lines.borrow();
    let is_it = |report: &LineReport| report.username.as_bytes() == username;
    let report = lines.reports(Instant::now()).find(is_it).expect("the line is known");
    let mbps = |limit: Option<u64>| limit.unwrap_or(0) / 1_000_000;
    (mbps(report.plan.download), mbps(report.plan.upload), report.plan_shared)
}

/// The plans of `own`, with a profile of 5M/20M and the dynamic queue that comes with it, and of `bare`, with neither.
async fn plans_with(queues: &[Queue]) -> [Plan; 2] {
    let rig = Rig::new(Setup::concentrator(3));
    rig.router.set_secret(b"own", "home-20", b"");
    for (name, target, limit, more) in queues {
        let words = [("name", name), ("target", target), ("max-limit", limit), (more.0, &more.1)];
        rig.router.add_queue(words.map(|(property, value)| (property, value.as_bytes().to_vec())).into());
    }
    // A Saturday, 22:10.
    rig.router.set_clock(1_795_903_800);
    let mut plans = [(0, 0, false); 2];
    rig.run(async {
        [&b"own"[..], b"bare"].into_iter().for_each(|user| drop(rig.router.session_up(user)));
        rig.within(8 * SECOND, "the lines", |rig| rig.sessions(b"bare") == 1).await;
        rig.watch(b"own");
        sleep(5 * SECOND).await;
        plans = [plan_of(&rig, b"own"), plan_of(&rig, b"bare")];
    })
    .await;
    plans
}

const NOTHING: (&str, &str) = ("disabled", "false");
const OWN: Plan = (20, 5, false);

#[tokio::test(start_paused = true)]
async fn the_most_specific_queue_in_force_is_the_plan() {
    let both = "<pppoe-own>,<pppoe-bare>";
    for (queues, plans) in [
        (&[][..], [OWN, (0, 0, false)]),
        (&[("all", both, "50M/100M", NOTHING)], [OWN, (100, 50, true)]),
        (&[("count", "<pppoe-own>", "0/0", NOTHING)], [OWN, (0, 0, false)]),
        (&[("x", "<pppoe-own>", "1M/1M", ("invalid", "true"))], [OWN, (0, 0, false)]),
        (&[("x", "<pppoe-own>", "1M/1M", ("disabled", "true"))], [OWN, (0, 0, false)]),
        (&[("day", "<pppoe-own>", "1M/1M", ("time", "8h-20h,sat"))], [OWN, (0, 0, false)]),
        (&[("night", "<pppoe-own>", "1M/3M", ("time", "20h-1d,sat"))], [(3, 1, false), (0, 0, false)]),
        (&[("one", "<pppoe-bare>", "3M/8M", ("parent", "all")), ("all", both, "9M/9M", NOTHING)], [OWN, (8, 3, false)]),
        (
            &[("one", "<pppoe-bare>", "0/0", ("parent", "all")), ("all", "ether2", "9M/7M", NOTHING)],
            [OWN, (7, 9, true)],
        ),
    ] {
        assert_eq!(plans_with(queues).await, plans, "{queues:?}");
    }
}
