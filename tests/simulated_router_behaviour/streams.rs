//! listen, and print with follow, follow-only and interval.

use tests::simulated_router::{Setup, SimulatedRouter};
use tokio::time::Instant;

use crate::client::{client, router};

#[tokio::test(start_paused = true)]
async fn listen_tells_changes_only_and_the_dead_by_id_only() {
    let router = router();
    router.session_up(b"before");
    let mut client = client(&router).await;
    client.send("/interface/pppoe-server/listen =.proplist=.id,name,user .tag=10").await;
    router.wait_until(|record| record.streams().len() == 1).await;
    router.session_up(b"alice");
    assert_eq!(client.text().await, "!re .tag=10 =.id=*F00001 =name=<pppoe-alice> =user=alice");
    router.rename(b"<pppoe-alice>", b"renamed");
    assert_eq!(client.text().await, "!re .tag=10 =.id=*F00001 =name=renamed =user=alice");
    router.session_down(b"alice");
    assert_eq!(client.text().await, "!re .tag=10 =.id=*F00001 =.dead=true");
    client.cancel("10").await;
}

#[tokio::test(start_paused = true)]
async fn active_sessions_and_their_queues_are_listened_to() {
    let router = router();
    router.set_secret(b"alice", "rural", b"");
    let mut client = client(&router).await;
    client.send("/ppp/active/listen .tag=a").await;
    client.send("/queue/simple/listen =.proplist=max-limit .tag=q").await;
    router.wait_until(|record| record.streams().len() == 2).await;
    router.session_up(b"alice");
    let (first, second) = (client.reply().await, client.reply().await);
    let (active, queue) = if first.tag() == Some("a") { (first, second) } else { (second, first) };
    assert_eq!(active.get("name"), "alice");
    assert_eq!(queue.text(), "!re .tag=q =max-limit=512000/2000000");
    router.session_down(b"alice");
    for _ in 0..2 {
        assert_eq!(client.reply().await.get(".dead"), "true");
    }
}

#[tokio::test(start_paused = true)]
async fn listen_has_no_interval_and_single_menus_have_no_listen() {
    let router = router();
    let mut client = client(&router).await;
    assert_eq!(
        client.ask_text("/interface/listen =interval=1").await,
        ["!trap =message=unknown parameter interval", "!done"]
    );
    assert_eq!(
        client.ask_text("/system/identity/listen").await,
        ["!trap =category=0 =message=no such command", "!done"]
    );
}

#[tokio::test(start_paused = true)]
async fn follow_has_a_snapshot_and_follow_only_has_none() {
    let router = router();
    router.session_up(b"alice");
    let mut client = client(&router).await;
    client.send("/ppp/active/print =follow= =.proplist=name .tag=f").await;
    assert_eq!(client.text().await, "!re .tag=f =name=alice");
    client.send("/ppp/active/print =follow-only= =.proplist=name .tag=o").await;
    router.wait_until(|record| record.streams().len() == 2).await;
    router.session_up(b"bob");
    let mut both = [client.text().await, client.text().await];
    both.sort();
    assert_eq!(both, ["!re .tag=f =name=bob", "!re .tag=o =name=bob"]);
    router.session_down(b"bob");
    assert_eq!(client.reply().await.get(".dead"), "true");
}

#[tokio::test(start_paused = true)]
async fn print_with_an_interval_has_a_done_for_each_table() {
    let router = router();
    router.session_up(b"alice");
    router.session_up(b"bob");
    let mut client = client(&router).await;
    let started = Instant::now();
    client.send("/ppp/active/print =.proplist=name =interval=2s .tag=i").await;
    for (section, seconds) in [(0, 0), (1, 2), (2, 4)] {
        for name in ["alice", "bob"] {
            assert_eq!(client.text().await, format!("!re .tag=i =name={name} =.section={section}"));
        }
        assert_eq!(client.text().await, format!("!done .tag=i =.section={section}"));
        assert_eq!(started.elapsed().as_secs(), seconds);
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_table_with_an_interval_sends_nothing() {
    let router = SimulatedRouter::unconnected(Setup::default());
    let mut client = client(&router).await;
    client.send("/ppp/active/print =interval=1 .tag=i").await;
    client.assert_silent(10).await;
    client.cancel("i").await;
}
