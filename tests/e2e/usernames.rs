//! A username is bytes. Every username works from the router to the page, and none is mistaken for another.

use anyhow::Result;
use shared::username::Username;
use tests::harness::Site;
use tests::simulated_router::Setup;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_username_works_from_router_to_viewer() -> Result<()> {
    let site = Site::start(Setup::default()).await?;
    let names: [&[u8]; 12] = [
        b"4446@karoo.example",
        b"a/b",
        b"two words",
        b"smith,john",
        b"50%",
        b"%E9",
        "\u{1f980}".as_bytes(),
        b"caf\xE9",
        "caf\u{e9}".as_bytes(),
        b"<pppoe-ali>",
        b"a=b?c#d&e+f",
        b"\"quoted\" \\ \xFF\xFE",
    ];
    for (nth, name) in names.iter().enumerate() {
        site.router().session_up(name);
        site.outpost.set_rates(name, 1_000_000 + nth as u64, 100_000 + nth as u64);
    }
    let mut viewers = Vec::new();
    for name in names {
        viewers.push(site.viewer(&Username::from_bytes(name)?.to_text()).await?);
    }
    for (nth, viewer) in viewers.iter_mut().enumerate() {
        viewer.until_rates(1_000_000 + nth as i64, 100_000 + nth as i64).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ali_is_not_alice_and_bob_is_not_bob() -> Result<()> {
    let site = Site::start(Setup::default()).await?;
    for (nth, name) in [&b"ali"[..], b"alice", b"Bob", b"ali-1"].into_iter().enumerate() {
        site.router().session_up(name);
        site.outpost.set_rates(name, 1_000 + nth as u64, 10);
    }
    // A second session of ali gets ali-1's usual interface name.
    site.router().session_up(b"ali");
    let mut nobody = site.viewer("bob").await?;
    let mut ali = site.viewer("ali").await?;
    let mut alice = site.viewer("alice").await?;
    let mut other = site.viewer("ali-1").await?;
    alice.until_rates(1_001, 10).await?;
    other.until_rates(1_003, 10).await?;
    ali.until_rates(2_000, 20).await?;
    let shown =
        |viewer: &tests::harness::Viewer| viewer.chart().into_iter().map(|point| point.down).collect::<Vec<_>>();
    assert!(shown(&alice).iter().all(|down| *down == 1_001), "{:?}", shown(&alice));
    let snapshot = nobody.until_snapshot().await?;
    assert!(["unknown", "starting"].contains(&snapshot["state"].as_str().unwrap()), "{snapshot}");
    assert!(shown(&nobody).is_empty(), "bob is shown somebody's figures: {:?}", shown(&nobody));
    Ok(())
}
