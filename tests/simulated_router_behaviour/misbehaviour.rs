//! Each misbehaviour does what it says, and ends when it is switched off.

use std::time::Duration;

use tests::simulated_router::{BadName, Injection, Partial, Rate, Rates, Setup, SimulatedRouter, Vanished};
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio::time::Instant;

use crate::client::{Client, client};

/// Alice and Bob, watched under tag 7, their first frame read.
async fn watched() -> (SimulatedRouter, Client<DuplexStream>) {
    let router = SimulatedRouter::unconnected(Setup::default());
    for username in [b"alice".as_slice(), b"bob"] {
        router.session_up(username);
        router.set_rate(username, Rate::Exact(Rates::new(14_780_000, 2_100_000)));
    }
    let mut client = client(&router).await;
    client.send("/interface/monitor-traffic =interface=*F00000,*F00001 .tag=7").await;
    for _ in 0..2 {
        assert_eq!(client.reply().await.get(".section"), "0");
    }
    (router, client)
}

/// The names and sections of the next replies.
async fn rows(client: &mut Client<DuplexStream>, count: usize) -> Vec<(String, String, String)> {
    let mut rows = Vec::new();
    for _ in 0..count {
        let row = client.reply().await;
        rows.push((row.get("name").into(), row.get("tx-bits-per-second").into(), row.get(".section").into()));
    }
    rows
}

fn row(name: &str, rate: &str, section: &str) -> (String, String, String) {
    (name.into(), rate.into(), section.into())
}

#[tokio::test(start_paused = true)]
async fn a_vanished_interfaces_rows_stop() {
    let (router, mut client) = watched().await;
    router.session_down(b"alice");
    let only_bob = [row("<pppoe-bob>", "14780000", "1"), row("<pppoe-bob>", "14780000", "2")];
    assert_eq!(rows(&mut client, 2).await, only_bob);
    router.session_up(b"alice");
    assert_eq!(rows(&mut client, 1).await, [row("<pppoe-bob>", "14780000", "3")], "a new id is another interface");
    router.session_down(b"bob");
    client.assert_silent(30).await;
}

#[tokio::test(start_paused = true)]
async fn a_vanished_interfaces_rows_turn_to_zeros() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| misbehaviour.vanished = Vanished::Zeros);
    router.session_down(b"alice");
    let expected = [row("<pppoe-alice>", "0", "1"), row("<pppoe-bob>", "14780000", "1")];
    assert_eq!(rows(&mut client, 2).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_vanished_interface_traps_the_stream() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| misbehaviour.vanished = Vanished::Trap);
    router.session_down(b"alice");
    assert_eq!(client.text().await, "!trap .tag=7 =category=0 =message=no such item");
    assert_eq!(client.text().await, "!done .tag=7");
    assert!(router.active_streams().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_vanished_interface_ends_the_stream() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| misbehaviour.vanished = Vanished::Done);
    router.session_down(b"alice");
    assert_eq!(client.text().await, "!done .tag=7");
    client.assert_silent(30).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_silent_while_all_else_works() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| misbehaviour.silent_streams = true);
    client.assert_silent(30).await;
    assert_eq!(client.rows("/system/identity/print").await.len(), 1);
    assert_eq!(router.active_streams().len(), 1);
    router.misbehave(|misbehaviour| misbehaviour.silent_streams = false);
    assert_eq!(rows(&mut client, 1).await[0].0, "<pppoe-alice>");
}

#[tokio::test(start_paused = true)]
async fn a_bad_name_is_skipped() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| misbehaviour.bad_name = BadName::Skipped);
    client.send("/cancel =tag=7 .tag=c").await;
    while client.text().await != "!done .tag=7" {}
    let rows = client.ask("/interface/monitor-traffic =interface=nowhere,ether1 =once= .tag=8").await;
    let rows: Vec<_> = rows.iter().filter(|reply| reply.word() == b"!re").collect();
    assert_eq!((rows.len(), rows[0].get("name")), (1, "ether1"));
}

#[tokio::test(start_paused = true)]
async fn rows_lack_what_a_board_does_not_know() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| {
        misbehaviour.missing_properties = vec!["rx-drops-per-second".to_owned(), "uptime".to_owned()];
    });
    let row = client.reply().await;
    assert_eq!((row.bytes("rx-drops-per-second"), row.get("tx-bits-per-second")), (None, "14780000"));
    router.misbehave(|misbehaviour| misbehaviour.silent_streams = true);
    client.reply().await;
    let active = client.rows("/ppp/active/print").await;
    assert_eq!((active[0].bytes("uptime"), active[0].get("name")), (None, "alice"));
}

#[tokio::test(start_paused = true)]
async fn rows_come_without_a_name_and_rates_with_a_suffix() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| {
        misbehaviour.nameless_rows = true;
        misbehaviour.suffixed_rates = true;
    });
    let row = client.reply().await;
    assert_eq!(
        (row.bytes("name"), row.get("tx-bits-per-second"), row.get("rx-bits-per-second")),
        (None, "14.78Mbps", "2.1Mbps")
    );
}

#[tokio::test(start_paused = true)]
async fn replies_are_cut_at_every_byte() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| misbehaviour.piece = Some(1));
    let mut pieces = 0;
    let mut bytes = [0; 4096];
    while pieces < 100 {
        assert_eq!(client.stream.read(&mut bytes).await.expect("open"), 1);
        pieces += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn sentences_survive_any_cut() {
    for piece in [1, 2, 3, 7, 100] {
        let (router, mut client) = watched().await;
        router.misbehave(|misbehaviour| misbehaviour.piece = Some(piece));
        let expected = [row("<pppoe-alice>", "14780000", "1"), row("<pppoe-bob>", "14780000", "1")];
        assert_eq!(rows(&mut client, 2).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn rows_come_late_for_a_cancelled_tag() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| misbehaviour.late_replies = 2);
    client.send("/cancel =tag=7 .tag=8").await;
    assert_eq!(client.text().await, "!trap .tag=7 =category=2 =message=interrupted");
    assert_eq!(client.text().await, "!done .tag=8");
    assert_eq!(client.text().await, "!done .tag=7");
    for _ in 0..2 {
        let late = client.reply().await;
        assert_eq!(
            (late.tag(), late.get("name"), late.get("tx-bits-per-second")),
            (Some("7"), "<pppoe-alice>", "14780000")
        );
    }
    client.send("/ppp/active/listen .tag=9").await;
    router.wait_until(|record| record.streams().len() == 1).await;
    client.send("/cancel =tag=9 .tag=10").await;
    for _ in 0..3 {
        client.reply().await;
    }
    assert_eq!(client.text().await, "!re .tag=9 =.id=*FFFFFF =.dead=true");
}

#[tokio::test(start_paused = true)]
async fn some_commands_are_never_answered() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| {
        misbehaviour.unanswered = vec!["/ppp".to_owned()];
        misbehaviour.silent_streams = true;
    });
    client.send("/ppp/active/print .tag=p").await;
    client.assert_silent(60).await;
    assert_eq!(client.rows("/system/identity/print").await.len(), 1, "the others are");
    client.cancel("p").await;
    router.misbehave(|misbehaviour| misbehaviour.deaf_to_cancel = true);
    client.send("/ppp/active/print .tag=p").await;
    client.send("/cancel =tag=p .tag=c").await;
    assert_eq!(client.text().await, "!done .tag=c");
    client.assert_silent(60).await;
}

#[tokio::test(start_paused = true)]
async fn menus_are_refused_missing_or_deaf_to_listen() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| {
        misbehaviour.refused = vec!["/ppp/secret".to_owned()];
        misbehaviour.missing_menus = vec!["/queue/simple".to_owned()];
        misbehaviour.no_listen = true;
        misbehaviour.silent_streams = true;
    });
    for (sentence, trap) in [
        ("/ppp/secret/print", "!trap =message=not enough permissions (9)"),
        ("/queue/simple/print", "!trap =category=0 =message=no such command prefix"),
        ("/interface/listen", "!trap =category=0 =message=no such command"),
    ] {
        assert_eq!(client.ask_text(sentence).await, [trap, "!done"], "{sentence}");
    }
    assert_eq!(client.rows("/ppp/active/print").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn unknown_reply_words_come_before_every_done() {
    let (router, mut client) = watched().await;
    router.misbehave(|misbehaviour| {
        misbehaviour.unknown_words = true;
        misbehaviour.silent_streams = true;
    });
    let answer = client.ask_text("/system/identity/print .tag=1").await;
    assert_eq!(
        answer,
        ["!re .tag=1 =name=concentrator", "!surprise .tag=1 =message=new in this version", "!done .tag=1"]
    );
}

#[tokio::test(start_paused = true)]
async fn tables_come_up_short() {
    let router = SimulatedRouter::unconnected(Setup::concentrator(4));
    let mut client = client(&router).await;
    let print = "/ppp/active/print =.proplist=name";
    let whole = client.ask_text(print).await;
    assert_eq!(whole.len(), 5);
    router.misbehave(|misbehaviour| misbehaviour.partial = Some(Partial::Truncated));
    assert_eq!(client.ask_text(print).await, [&whole[..2], &whole[4..]].concat());
    router.misbehave(|misbehaviour| misbehaviour.partial = Some(Partial::Interrupted));
    assert_eq!(client.ask_text(print).await[2..], ["!trap =category=2 =message=interrupted", "!done"]);
    router.misbehave(|misbehaviour| misbehaviour.partial = Some(Partial::Paused(3000)));
    let started = Instant::now();
    assert_eq!(client.ask_text(print).await, whole);
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_property_drops_the_rows() {
    let router = SimulatedRouter::unconnected(Setup::concentrator(1));
    let mut client = client(&router).await;
    let print = "/ppp/active/print =.proplist=name,vlan-id";
    assert_eq!(client.ask_text(print).await, ["!re =name=alice", "!done"]);
    router.misbehave(|misbehaviour| misbehaviour.unknown_property_drops_rows = true);
    assert_eq!(client.ask_text(print).await, ["!empty", "!done"]);
}

#[tokio::test(start_paused = true)]
async fn bytes_out_of_turn_reach_every_connection() {
    for injection in [
        Injection::HugeWord,
        Injection::ReservedPrefix,
        Injection::LongWord,
        Injection::ManyWords,
        Injection::LongSentence,
        Injection::UnknownWord,
        Injection::Flood(1000),
        Injection::Fatal("shutting down".to_owned()),
        Injection::Bytes(b"\x01x\0".to_vec()),
    ] {
        let router = SimulatedRouter::unconnected(Setup::default());
        let mut clients = [client(&router).await, client(&router).await];
        router.inject(&injection);
        for client in &mut clients {
            let mut first = [0; 3];
            client.stream.read_exact(&mut first).await.expect("bytes come");
            match injection {
                Injection::HugeWord => assert_eq!(first, [0xF0, 0xFF, 0xFF]),
                Injection::ReservedPrefix => assert_eq!(first, [0xF8, 0xFF, 0xFF]),
                Injection::UnknownWord => assert_eq!(first, *b"\x09!s"),
                Injection::Fatal(_) => assert_eq!(first, *b"\x06!f"),
                Injection::Bytes(_) => assert_eq!(first, *b"\x01x\0"),
                _ => assert_eq!(first, *b"\x03!r"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn oversized_sentences_are_well_formed() {
    let router = SimulatedRouter::unconnected(Setup::default());
    let mut client = client(&router).await;
    router.inject(&Injection::ManyWords);
    assert_eq!(client.reply().await.0.len(), 100);
    router.inject(&Injection::LongWord);
    assert_eq!(client.reply().await.0[1].len(), 70_000);
    router.inject(&Injection::LongSentence);
    let long = client.reply().await;
    assert_eq!((long.0.len(), long.0.concat().len() > 64 * 1024), (60, true));
    router.inject(&Injection::Flood(500));
    for _ in 0..500 {
        assert_eq!(client.reply().await.tag(), Some("nobody"));
    }
    assert_eq!(client.rows("/system/identity/print").await.len(), 1, "the connection lives");
}

#[tokio::test(start_paused = true)]
async fn counters_of_32_bits_begin_anew() {
    const COUNTERS: &str = "/interface/print =stats= =.proplist=tx-byte ?type=pppoe-in";
    let router = SimulatedRouter::unconnected(Setup::default());
    router.session_up(b"alice");
    router.set_rate(b"alice", Rate::Exact(Rates::new(8_000_000_000, 0)));
    let mut client = client(&router).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let whole: u64 = client.rows(COUNTERS).await[0].get("tx-byte").parse().unwrap();
    router.misbehave(|misbehaviour| misbehaviour.narrow_counters = true);
    let narrow: u64 = client.rows(COUNTERS).await[0].get("tx-byte").parse().unwrap();
    assert!(whole >= 5_000_000_000 && narrow == whole % (1 << 32), "{narrow} of {whole}");
}

#[tokio::test]
async fn stats_may_be_unknown() {
    let router = SimulatedRouter::unconnected(Setup::default());
    router.misbehave(|misbehaviour| misbehaviour.unknown_stats = true);
    let mut client = client(&router).await;
    let refused = client.ask_text("/interface/print =stats= =.proplist=name").await;
    assert_eq!(refused, ["!trap =message=unknown parameter stats", "!done"]);
    assert!(!client.rows("/interface/print =.proplist=name").await.is_empty());
}
