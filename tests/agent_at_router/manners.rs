//! Routers with other manners than the documented ones: each is sampled all the same.

use tests::simulated_router::{BadName, Misbehaviour, Setup};
use tokio::time::sleep;

use crate::rig::{NO_GAP, OFFLINE_WITHIN, Rig, SECOND};

/// Eight watched lines for eighty seconds, one left alone by its viewer and one that drops.
async fn is_sampled_by_a_router_with(manners: Misbehaviour) {
    let rig = Rig::new(Setup::concentrator(8)).case(format!("{manners:?}"));
    rig.router.misbehave(|present| *present = manners);
    rig.run(async {
        rig.watch_all();
        sleep(40 * SECOND).await;
        rig.unwatch(&rig.users[3]);
        sleep(40 * SECOND).await;
        let dropped = &rig.users[5];
        rig.router.session_down(dropped);
        rig.within(OFFLINE_WITHIN, "offline", |rig| rig.sessions(dropped) == 0).await;
        sleep(4 * SECOND).await;
        assert!(rig.is_reachable() && rig.heard("/login") == 1, "{:?}", rig.status());
        assert!(rig.assert_undisturbed(&rig.users[0], NO_GAP) > 75);
        rig.samples(dropped).assert_true("the one that drops");
    })
    .await;
}

fn behaved() -> Misbehaviour {
    Misbehaviour::default()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn that_writes_a_byte_at_a_time() {
    is_sampled_by_a_router_with(Misbehaviour { piece: Some(1), ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_leaves_names_out_of_rows() {
    is_sampled_by_a_router_with(Misbehaviour { nameless_rows: true, ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_writes_rates_with_suffixes() {
    is_sampled_by_a_router_with(Misbehaviour { suffixed_rates: true, ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_sends_rows_of_cancelled_streams() {
    is_sampled_by_a_router_with(Misbehaviour { late_replies: 5, ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_uses_reply_words_nobody_knows() {
    is_sampled_by_a_router_with(Misbehaviour { unknown_words: true, ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_knows_fewer_properties() {
    let missing = names(&["rx-drops-per-second", "uptime", "running", ".section"]);
    is_sampled_by_a_router_with(Misbehaviour { missing_properties: missing, ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_gives_no_ids() {
    is_sampled_by_a_router_with(Misbehaviour { missing_properties: names(&[".id"]), ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_has_no_menu_of_clients() {
    let missing_menus = names(&["/interface/pppoe-client"]);
    is_sampled_by_a_router_with(Misbehaviour { missing_menus, ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_never_answers_about_queues() {
    is_sampled_by_a_router_with(Misbehaviour { unanswered: names(&["/queue/simple"]), ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_refuses_to_show_secrets() {
    is_sampled_by_a_router_with(Misbehaviour { refused: names(&["/ppp"]), ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_skips_names_it_does_not_have() {
    is_sampled_by_a_router_with(Misbehaviour { bad_name: BadName::Skipped, ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_takes_no_ids_in_monitor_traffic() {
    is_sampled_by_a_router_with(Misbehaviour { names_only: true, ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_sends_every_row_twice() {
    is_sampled_by_a_router_with(Misbehaviour { doubled_rows: true, ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_sends_every_row_twice_and_numbers_no_sections() {
    let missing_properties = names(&[".section"]);
    is_sampled_by_a_router_with(Misbehaviour { doubled_rows: true, missing_properties, ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_lists_every_session_twice() {
    is_sampled_by_a_router_with(Misbehaviour { listed_twice: true, ..behaved() }).await;
}

#[tokio::test(start_paused = true)]
async fn that_drops_rows_over_a_property_it_does_not_have() {
    is_sampled_by_a_router_with(Misbehaviour { unknown_property_drops_rows: true, ..behaved() }).await;
}
