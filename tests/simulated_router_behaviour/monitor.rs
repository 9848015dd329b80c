//! monitor-traffic: addressing, timing, rows, refusals.

use std::time::Duration;

use tests::simulated_router::{Rate, Rates, Setup, SimulatedRouter};
use tokio::time::{Instant, advance};

use crate::client::{client, router};

const RATES: Rates = Rates::new(14_780_000, 2_100_000);

fn router_with(usernames: &[&[u8]]) -> SimulatedRouter {
    let router = router();
    for (number, username) in (1..).zip(usernames) {
        router.session_up(username);
        router.set_rate(username, Rate::Exact(Rates::new(RATES.download * number, RATES.upload * number)));
    }
    router
}

#[tokio::test(start_paused = true)]
async fn a_row_has_every_attribute_in_the_order_of_a_device() {
    let router = router_with(&[b"alice"]);
    let mut client = client(&router).await;
    let rows = client.rows("/interface/monitor-traffic =interface=<pppoe-alice> =once=").await;
    assert_eq!(
        rows[0].names(),
        [
            "name",
            "rx-packets-per-second",
            "rx-bits-per-second",
            "fp-rx-packets-per-second",
            "fp-rx-bits-per-second",
            "rx-drops-per-second",
            "rx-errors-per-second",
            "tx-packets-per-second",
            "tx-bits-per-second",
            "fp-tx-packets-per-second",
            "fp-tx-bits-per-second",
            "tx-drops-per-second",
            "tx-queue-drops-per-second",
            "tx-errors-per-second",
            ".section",
        ]
    );
    assert_eq!(rows[0].get("tx-bits-per-second"), "14780000", "a server's session sends what is downloaded");
    assert_eq!(rows[0].get("rx-bits-per-second"), "2100000");
    assert!(rows[0].get("fp-tx-bits-per-second").parse::<u64>().unwrap() <= 14_780_000);
}

#[tokio::test(start_paused = true)]
async fn a_client_receives_what_is_downloaded() {
    let router = SimulatedRouter::unconnected(Setup::customer());
    router.set_rate(b"alice", Rate::Exact(RATES));
    let mut client = client(&router).await;
    let rows = client.rows("/interface/monitor-traffic =interface=pppoe-out1 =once=").await;
    assert_eq!(rows[0].get("rx-bits-per-second"), "14780000");
    router.client_down(b"alice");
    let rows = client.rows("/interface/monitor-traffic =interface=pppoe-out1 =once=").await;
    assert_eq!((rows[0].get("name"), rows[0].get("rx-bits-per-second")), ("pppoe-out1", "0"), "it stays, and idles");
}

#[tokio::test(start_paused = true)]
async fn names_and_ids_in_one_list_answer_in_its_order() {
    let router = router_with(&[b"alice", b"smith,john"]);
    let mut client = client(&router).await;
    let rows = client.rows("/interface/monitor-traffic =interface=*F00001,<pppoe-alice>,ether1,aggregate =once=").await;
    let names: Vec<_> = rows.iter().map(|row| row.bytes("name")).collect();
    assert_eq!(names, [Some(&b"<pppoe-smith,john>"[..]), Some(b"<pppoe-alice>"), Some(b"ether1"), None]);
    let rates = rows.iter().map(|row| row.get("tx-bits-per-second").parse::<u64>().unwrap());
    let (john, alice, uplink) = (RATES.download * 2, RATES.download, RATES.upload * 3);
    assert_eq!(rates.collect::<Vec<_>>(), [john, alice, uplink, john + alice + uplink]);
    let by_name = client.ask_text("/interface/monitor-traffic =interface=<pppoe-smith,john> =once=").await;
    assert_eq!(
        by_name,
        ["!trap =category=1 =message=input does not match any value of interface", "!done"],
        "a comma in a name divides it"
    );
}

#[tokio::test(start_paused = true)]
async fn frames_come_at_once_and_then_each_interval_until_cancelled() {
    let router = router_with(&[b"alice", b"bob"]);
    let mut client = client(&router).await;
    let started = Instant::now();
    client.send("/interface/monitor-traffic =interface=<pppoe-alice>,<pppoe-bob> .tag=7").await;
    for section in 0..4_u64 {
        for name in ["<pppoe-alice>", "<pppoe-bob>"] {
            let row = client.reply().await;
            assert_eq!((row.tag(), row.get("name")), (Some("7"), name));
            assert_eq!(row.get(".section"), section.to_string());
            assert_eq!(started.elapsed().as_secs(), section);
        }
    }
    client.cancel("7").await;
    client.assert_silent(60).await;
    assert!(router.active_streams().is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_way_to_say_once() {
    let router = router();
    let mut client = client(&router).await;
    for once in ["=once=", "=once=yes", "=once=true", "=once"] {
        assert_eq!(client.rows(&format!("/interface/monitor-traffic =interface=ether1 {once}")).await.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn durations_count_frames_and_intervals_space_them() {
    let router = router();
    let mut client = client(&router).await;
    for (options, frames, seconds) in [
        ("=duration=2s", 2, 2),
        ("=duration=5", 5, 5),
        ("=duration=10s =interval=5s", 2, 10),
        ("=duration=00:00:06 =interval=2", 3, 6),
    ] {
        let started = Instant::now();
        let rows = client.rows(&format!("/interface/monitor-traffic =interface=ether1 {options}")).await;
        assert_eq!((rows.len(), started.elapsed().as_secs()), (frames, seconds), "{options}");
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_have_the_texts_of_devices() {
    let router = router_with(&[b"alice"]);
    let mut client = client(&router).await;
    let no_match = "!trap =category=1 =message=input does not match any value of interface";
    let range = "!trap =category=1 =message=value of interval is out of range";
    for (arguments, trap) in [
        ("=interface=nowhere", no_match),
        ("=interface=<pppoe-alice>,nowhere", no_match),
        ("=interface=*F0FFFF", no_match),
        ("=interface=ether1 =interval=6", range),
        ("=interface=ether1 =interval=5001ms", range),
        ("=interface=ether1 =interval=0", range),
        ("=interface=ether1 =interval=soon", range),
        ("=once=", "!trap =message=missing =interface="),
        ("=numbers=0", "!trap =message=unknown parameter numbers"),
        ("=.id=*1 =interface=ether1", "!trap =message=unknown parameter .id"),
    ] {
        let answer = client.ask_text(&format!("/interface/monitor-traffic {arguments}")).await;
        assert_eq!(answer, [trap, "!done"], "{arguments}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_gets_a_row_without_a_name() {
    let router = router();
    let mut client = client(&router).await;
    let rows = client.rows("/interface/monitor-traffic =interface= =once=").await;
    assert_eq!((rows.len(), rows[0].bytes("name")), (1, None));
}

#[tokio::test(start_paused = true)]
async fn properties_can_be_chosen_and_the_section_stays() {
    let router = router_with(&[b"alice"]);
    let mut client = client(&router).await;
    let list = "=.proplist=name,rx-bits-per-second,tx-bits-per-second";
    let rows = client.rows(&format!("/interface/monitor-traffic =interface=<pppoe-alice> =once= {list}")).await;
    assert_eq!(rows[0].names(), ["name", "rx-bits-per-second", "tx-bits-per-second", ".section"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_rate_is_in_the_next_frame_and_every_sample_is_accounted_for() {
    let router = router_with(&[b"alice"]);
    let mut client = client(&router).await;
    client.send("/interface/monitor-traffic =interface=*F00000 .tag=1").await;
    let mut seen = Vec::new();
    for megabits in [10, 20, 30] {
        router.set_rate(b"alice", Rate::Exact(Rates::new(megabits * 1_000_000, megabits * 1000)));
        seen.push(client.reply().await.get("tx-bits-per-second").parse::<u64>().unwrap());
    }
    assert_eq!(seen, [10_000_000, 20_000_000, 30_000_000]);
    router.wait_until(|record| record.samples().len() == 3).await;
    let samples = router.samples();
    assert_eq!(samples.iter().map(|sample| sample.download).collect::<Vec<_>>(), seen);
    assert_eq!(samples.iter().map(|sample| sample.section).collect::<Vec<_>>(), [0, 1, 2]);
    let first = &samples[0];
    assert_eq!(
        (first.id.as_str(), first.username.as_slice(), first.tx, first.rx),
        ("*F00000", &b"alice"[..], 10_000_000, 10_000)
    );
    assert_eq!(samples[2].at - first.at, Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn streams_are_known_while_they_run() {
    let router = router_with(&[b"alice", b"bob"]);
    let mut client = client(&router).await;
    client.send("/interface/monitor-traffic =interface=*F00000,*F00001 .tag=a").await;
    client.send("/ppp/active/listen .tag=b").await;
    router.wait_until(|record| record.streams().len() == 2).await;
    let streams = router.active_streams();
    assert_eq!(streams[0].interfaces, [&b"<pppoe-alice>"[..], b"<pppoe-bob>"]);
    assert_eq!((streams[1].command.as_str(), streams[1].tag.as_deref()), ("/ppp/active/listen", Some(&b"b"[..])));
    assert_eq!(router.record(|record| record.monitors().count()), 1);
    drop(client);
    router.wait_until(|record| record.streams().len() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_without_a_tag_ends_everything() {
    let router = router_with(&[b"alice"]);
    let mut client = client(&router).await;
    client.send("/interface/monitor-traffic =interface=*F00000").await;
    assert_eq!(client.reply().await.word(), b"!re");
    client.send("/ppp/active/listen .tag=b").await;
    router.wait_until(|record| record.streams().len() == 2).await;
    client.send("/cancel").await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(client.text().await);
    }
    answers.sort();
    assert_eq!(
        answers,
        [
            "!done",
            "!done",
            "!done .tag=b",
            "!trap .tag=b =category=2 =message=interrupted",
            "!trap =category=2 =message=interrupted"
        ]
    );
    assert_eq!(client.ask_text("/cancel =tag=b .tag=c").await, ["!done .tag=c"], "there is nothing left to cancel");
}

#[tokio::test(start_paused = true)]
async fn a_shorter_second_makes_a_faster_router() {
    let setup = Setup { second: Duration::from_millis(100), ..Setup::default() };
    let router = SimulatedRouter::unconnected(setup);
    let mut client = client(&router).await;
    let started = Instant::now();
    assert_eq!(client.rows("/interface/monitor-traffic =interface=ether1 =duration=5s").await.len(), 5);
    assert_eq!(started.elapsed(), Duration::from_millis(500));
    advance(Duration::from_secs(6)).await;
    assert_eq!(client.rows("/system/resource/print").await[0].get("uptime"), "1m5s");
}
