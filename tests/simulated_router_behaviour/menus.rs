//! Printing: every menu, properties, queries, refusals.

use tests::simulated_router::{Policies, Rate, Rates, Setup, SimulatedRouter};

use crate::client::{client, router};

#[tokio::test]
async fn the_router_says_what_it_is() {
    let router = router();
    router.set_identity(b"caf\xE9");
    router.set_cpu_load(91);
    router.set_version("6.49.10 (long-term)");
    router.set_clock(86_400);
    let mut client = client(&router).await;
    let identity = client.rows("/system/identity/print").await;
    assert_eq!(identity[0].bytes("name"), Some(&b"caf\xE9"[..]));
    let resource = client.rows("/system/resource/print =.proplist=version,cpu-load,architecture-name").await;
    assert_eq!(resource[0].text(), "!re =version=6.49.10 (long-term) =cpu-load=91 =architecture-name=arm64");
    let clock = client.rows("/system/clock/print").await;
    assert_eq!(clock[0].get("date"), "1970-01-02");
}

#[tokio::test]
async fn a_session_is_in_every_menu_that_concerns_it() {
    let router = router();
    router.set_secret(b"alice", "home-50", b"Caf\xE9");
    let port = router.session_up(b"alice");
    router.set_rate(b"alice", Rate::Exact(Rates::new(14_780_000, 2_100_000)));
    let mut client = client(&router).await;
    let server = client.rows("/interface/pppoe-server/print ?user=alice").await;
    assert_eq!(server[0].get(".id"), port.id);
    assert_eq!(server[0].get("name"), "<pppoe-alice>");
    assert_eq!(server[0].get("running"), "true");
    let interface = client.rows("/interface/print ?name=<pppoe-alice>").await;
    assert_eq!((interface[0].get(".id"), interface[0].get("type")), (port.id.as_str(), "pppoe-in"));
    let active = client.rows("/ppp/active/print").await;
    assert_eq!(active[0].get("name"), "alice");
    assert_eq!(active[0].get("caller-id"), server[0].get("remote-address"));
    assert_eq!(active[0].bytes("interface"), None, "this menu has no interface column");
    let queue = client.rows("/queue/simple/print =.proplist=name,target,max-limit,rate,dynamic").await;
    assert_eq!(
        queue[0].text(),
        "!re =name=<pppoe-alice> =target=<pppoe-alice> =max-limit=10000000/50000000 =rate=2100000/14780000 =dynamic=true"
    );
    let profile = client.rows("/ppp/profile/print ?name=home-50 =.proplist=rate-limit").await;
    assert_eq!(profile[0].get("rate-limit"), "10M/50M 12M/60M 8M/40M 16/16");
    let secret = client.rows("/ppp/secret/print =.proplist=name,comment,profile").await;
    assert_eq!(secret[0].text(), r"!re =name=alice =profile=home-50 =comment=Caf\xe9");
    let listener = client.rows("/interface/pppoe-server/server/print").await;
    assert_eq!(listener[0].get("default-profile"), "default");
}

#[tokio::test]
async fn an_idle_static_entry_is_listed_and_not_running() {
    let router = router();
    let port = router.add_static_entry(b"office", b"bob");
    let mut client = client(&router).await;
    let idle = client.rows("/interface/pppoe-server/print").await;
    assert_eq!((idle[0].get("name"), idle[0].get("running"), idle[0].get("dynamic")), ("office", "false", "false"));
    assert_eq!(idle[0].bytes("uptime"), None);
    assert_eq!(router.session_up(b"bob").id, port.id);
    assert_eq!(client.rows("/interface/pppoe-server/print").await[0].get("running"), "true");
    assert_eq!(client.rows("/ppp/active/print").await.len(), 1);
}

#[tokio::test]
async fn a_customers_router_has_a_client_that_outlives_its_link() {
    let router = SimulatedRouter::unconnected(Setup::customer());
    let mut client = client(&router).await;
    let listed = client.rows("/interface/pppoe-client/print").await;
    let (id, name, user) = (listed[0].get(".id").to_owned(), listed[0].get("name"), listed[0].get("user"));
    assert_eq!((name, user, listed[0].get("running")), ("pppoe-out1", "alice", "true"));
    let monitor = format!("/interface/pppoe-client/monitor =.id={id} =once=");
    assert_eq!(client.rows(&monitor).await[0].get("status"), "connected");
    assert_eq!(router.client_down(b"alice"), 1);
    assert_eq!(client.rows("/interface/pppoe-client/print").await[0].get("running"), "false");
    assert_eq!(client.rows(&monitor).await[0].get("status"), "disconnected");
    assert_eq!(
        client.ask_text("/interface/pppoe-client/monitor =.id=*99 =once=").await,
        ["!trap =category=0 =message=no such item", "!done"]
    );
}

#[tokio::test(start_paused = true)]
async fn counters_follow_the_rates() {
    let router = router();
    router.session_up(b"alice");
    router.set_rate(b"alice", Rate::Exact(Rates::new(8_000_000, 800_000)));
    let mut client = client(&router).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let rows = client.rows("/interface/print =stats= =.proplist=name,rx-byte,tx-byte ?type=pppoe-in").await;
    assert_eq!(rows[0].text(), "!re =name=<pppoe-alice> =rx-byte=300000 =tx-byte=3000000");
    let rows = client.rows("/ppp/active/print =.proplist=uptime").await;
    assert_eq!(rows[0].text(), "!re =uptime=3s");
}

#[tokio::test]
async fn queries_select_before_properties_are_taken() {
    let router = SimulatedRouter::unconnected(Setup::concentrator(3));
    let mut client = client(&router).await;
    for (query, expected) in [
        ("?type=ether", 2),
        ("?type=pppoe-in", 3),
        ("?type=ether ?type=pppoe-in ?#|", 5),
        ("?type=ether ?name=ether1 ?#&", 1),
        ("?type=ether ?#!", 3),
        ("?comment", 0),
        ("?-comment", 5),
        (">mtu=1480", 2),
        ("?name=<pppoe-ali>", 1),
        ("?.id=*F00000", 1),
    ] {
        let query = if query.starts_with('>') { format!("?{query}") } else { query.to_owned() };
        let rows = client.ask(&format!("/interface/print =.proplist=name {query}")).await;
        let rows = rows.iter().filter(|reply| reply.word() == b"!re").count();
        assert_eq!(rows, expected, "{query}");
    }
    assert_eq!(client.ask_text("/interface/print =count-only= ?type=ether").await, ["!done =ret=2"]);
}

#[tokio::test]
async fn nothing_found_is_said_or_not() {
    let router = router();
    let mut client = client(&router).await;
    let sentence = "/ppp/active/print .tag=5";
    assert_eq!(client.ask_text(sentence).await, ["!empty .tag=5", "!done .tag=5"]);
    router.set_empty(false);
    assert_eq!(client.ask_text(sentence).await, ["!done .tag=5"]);
}

#[tokio::test]
async fn refusals_have_the_texts_of_devices() {
    let router = router();
    let mut client = client(&router).await;
    for (sentence, trap) in [
        ("/nowhere/print", "!trap =category=0 =message=no such command prefix"),
        ("/interface/monitor-traffic/ether1/once", "!trap =category=0 =message=no such command prefix"),
        ("/interface/dance", "!trap =category=0 =message=no such command"),
        ("nonsense", "!trap =category=0 =message=no such command"),
        ("/ppp/secret/add =name=mallory", "!trap =message=not enough permissions (9)"),
        ("/interface/print =numbers=1", "!trap =message=unknown parameter numbers"),
    ] {
        assert_eq!(client.ask_text(sentence).await, [trap, "!done"], "{sentence}");
    }
}

#[tokio::test]
async fn policies_decide_what_is_shown() {
    let router = SimulatedRouter::unconnected(Setup::concentrator(1));
    let mut client = client(&router).await;
    let print = "/ppp/secret/print";
    assert_eq!(client.rows(print).await[0].get("password"), "not-to-be-asked-for");
    router.set_policies(Policies { sensitive: false, ..Policies::default() });
    assert_eq!(client.rows(print).await[0].bytes("password"), None);
    let refusal = ["!trap =message=not enough permissions (9)", "!done"];
    router.set_policies(Policies { test: false, monitor_needs_test: true, ..Policies::default() });
    assert_eq!(client.ask_text("/interface/monitor-traffic =interface=ether1 =once=").await, refusal);
    client.rows(print).await;
    router.set_policies(Policies { read: false, ..Policies::default() });
    assert_eq!(client.ask_text(print).await, refusal);
}

#[tokio::test]
async fn names_of_any_bytes_come_out_as_they_went_in() {
    let router = router();
    let names: [&[u8]; 7] =
        [b"bob@fibre", b"a/b", b"two words", b"smith,john", b"100%", "\u{1f980}".as_bytes(), b"caf\xE9\x00=?"];
    for name in names {
        router.session_up(name);
    }
    let mut client = client(&router).await;
    let rows = client.rows("/interface/pppoe-server/print =.proplist=name,user").await;
    for (row, name) in rows.iter().zip(names) {
        assert_eq!(row.bytes("user"), Some(name));
        assert_eq!(row.bytes("name"), Some(&[b"<pppoe-", name, b">"].concat()[..]));
    }
    client.send_bytes(&[b"/ppp/active/print", b"=.proplist=name", b"?name=caf\xE9\x00=?"]).await;
    assert_eq!(client.until_done().await[0].bytes("name"), Some(names[6]));
}

#[tokio::test]
async fn the_same_seed_is_the_same_router() {
    let print = |seed| async move {
        let router = SimulatedRouter::unconnected(Setup { seed, ..Setup::concentrator(20) });
        let mut client = client(&router).await;
        client.ask_text("/ppp/active/print").await
    };
    assert_eq!(print(1).await, print(1).await);
    assert_ne!(print(1).await, print(2).await);
}
