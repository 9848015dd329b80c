//! A router that refuses monitor-traffic while the agent runs.

use tests::simulated_router::Setup;
use tokio::time::sleep;

use crate::rig::{Rig, SECOND};

const MONITOR: &str = "/interface/monitor-traffic";

#[tokio::test(start_paused = true)]
async fn monitor_traffic_that_is_not_permitted_is_told_with_its_remedy_until_it_is() {
    let rig = Rig::new(Setup::concentrator(3));
    rig.run(async {
        let user = &rig.users[0];
        rig.router.misbehave(|manners| manners.refused = vec![MONITOR.to_owned()]);
        rig.watch(user);
        let is_told = |rig: &Rig| {
            let fault = rig.status().fault.unwrap_or_default();
            fault.contains("not enough permissions (9)")
                && fault.contains("policies read, api")
                && fault.contains("test")
        };
        rig.within(SECOND, "the reason", is_told).await;
        assert!(rig.is_reachable(), "the router answers");
        sleep(120 * SECOND).await;
        assert!(is_told(&rig) && (4..15).contains(&rig.heard(MONITOR)), "{} tries", rig.heard(MONITOR));
        rig.router.misbehave(|manners| manners.refused.clear());
        rig.within(35 * SECOND, "a sample", |rig| rig.count(user) > 0).await;
        assert_eq!(rig.status().fault, None);
        assert_eq!(rig.heard("/login"), 1);
    })
    .await;
}
