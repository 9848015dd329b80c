//! Two relays with the same keys and agents: behind one name, and as two addresses of an agent.

use anyhow::{Result, ensure};
use tests::harness::{Name, Outpost, PATIENCE, Relay, RelaySetup, Viewer};
use tests::simulated_router::Setup;
use tokio::time::{Instant, sleep};

use crate::every_sample_arrives::{mark, samples_shown, until_whole};

/// Opens the page again until the stream begins, like a page after the relay has closed its stream.
async fn reopen(name: std::net::SocketAddr, token: &str) -> Result<Viewer> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(mut viewer) = Viewer::with_token(name, token).await
            && viewer.until_snapshot().await.is_ok()
        {
            return Ok(viewer);
        }
        ensure!(Instant::now() < deadline, "the page does not open again");
        sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Reads on until the relay closes the stream.
async fn until_sent_away(viewer: &mut Viewer) {
    while viewer.next(Instant::now() + PATIENCE).await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_behind_one_name_are_restarted_in_turn_without_a_hole() -> Result<()> {
    let mut first = Relay::start(RelaySetup::default()).await?;
    let token = first.add_agent("core-1", &["*"]).await?;
    let mut second = first.start_twin().await?;
    let name = Name::start(&[&first, &second]).await?;
    let outpost = Outpost::with_token(name.address(), token, Setup::concentrator(3), &[]).await?;
    let link = first.token("alice").await?;
    let body = async {
        let mut viewer = reopen(name.address(), &link).await?;
        samples_shown(&mut viewer, 3).await?;
        for restarted in [&mut first, &mut second] {
            let (ended, ()) = tokio::join!(restarted.stop(), until_sent_away(&mut viewer));
            ensure!(ended?.success());
            let returned = Instant::now();
            viewer = reopen(name.address(), &link).await?;
            let account = until_whole(&mut viewer, &outpost, b"alice", returned).await?;
            ensure!(account.shown >= 3, "{account:?}");
            restarted.resume().await?;
            // The returned relay is the standby now, and no viewer moves.
            samples_shown(&mut viewer, account.shown + 3).await?;
            ensure!(restarted.metric("linelight_uplinks").await? == 0.0);
        }
        ensure!(first.metric("linelight_uplinks").await? == 1.0);
        ensure!(first.metric("linelight_batches_lost_total").await? == 0.0);
        Ok(())
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(&outpost, b"alice") => never,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_with_two_relays_goes_to_the_second_and_back() -> Result<()> {
    let mut first = Relay::start(RelaySetup::default()).await?;
    let token = first.add_agent("core-1", &["*"]).await?;
    let mut second = first.start_twin().await?;
    let both = format!("--relay=ws://{},ws://{}", first.address, second.address);
    let outpost = Outpost::with_token(first.address, token, Setup::concentrator(3), &[&both]).await?;
    let link = first.token("alice").await?;
    let body = async {
        let mut viewer = Viewer::with_token(first.address, &link).await?;
        samples_shown(&mut viewer, 3).await?;
        first.stop().await?;
        let gone = Instant::now();
        let mut viewer = reopen(second.address, &link).await?;
        until_whole(&mut viewer, &outpost, b"alice", gone).await?;
        first.resume().await?;
        second.stop().await?;
        let gone = Instant::now();
        let mut viewer = reopen(first.address, &link).await?;
        until_whole(&mut viewer, &outpost, b"alice", gone).await?;
        Ok(())
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(&outpost, b"alice") => never,
    }
}
