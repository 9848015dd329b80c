//! One link over an in-memory stream, in paused time.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_relays_pings_are_answered_and_its_watches_heard() {
    let handover = handover();
    set_lines(&handover, &usernames(2));
    let (_stopper, stop) = stop();
    let ending = carry(64 * 1024, &handover, &stop, async |mut relay| {
        relay.greet(None, &[2]).await;
        relay.0.send(Message::Ping("still there?".into())).await.unwrap();
        while !matches!(relay.hear().await, Some(Message::Pong(answer)) if answer == "still there?") {}
        tick(&handover, Instant::now());
        assert_eq!(relay.batch().await, (1, false));
        relay.close(Close::GoingAway).await;
    })
    .await;
    assert!(matches!(ending, Ending::Closed(Some(1001))), "{ending:?}");
    assert_eq!(wanted(&handover), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_relay_is_given_up_after_45_seconds() {
    let handover = handover();
    let (_stopper, stop) = stop();
    let began = Instant::now();
    let ending = carry(1024 * 1024, &handover, &stop, async |mut relay| {
        relay.greet(None, &[]).await;
        // The relay stops reading, so that it answers no pings either.
        sleep(50 * SECOND).await;
    })
    .await;
    assert!(matches!(&ending, Ending::Lost(words) if words.contains("silent")), "{ending:?}");
    assert!(began.elapsed() >= 45 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_takes_nothing_is_still_heard_and_then_given_up() {
    let handover = handover();
    set_lines(&handover, &usernames(300));
    let (_stopper, stop) = stop();
    let ending = carry(256, &handover, &stop, async |mut relay| {
        relay.greet(None, &[]).await;
        (0..100).for_each(|_| tick(&handover, Instant::now()));
        // The pipe is full now, but the relay's messages still arrive.
        relay.say(watches(1, &[7], &[])).await;
        handover.to_router.notified().await;
        while wanted(&handover) != [7] {
            handover.to_router.notified().await;
        }
        sleep(30 * SECOND).await;
    })
    .await;
    assert!(matches!(&ending, Ending::Lost(words) if words.contains("takes nothing")), "{ending:?}");
}

#[tokio::test(start_paused = true)]
async fn what_breaks_the_protocol_is_told_by_its_code() {
    let handover = handover();
    let (_stopper, stop) = stop();
    let huge = "x".repeat(shared::MAX_UPLINK_FRAME + 1);
    for (wrong, code) in [(watches(9, &[], &[]), 4000), ("nonsense".to_owned(), 4000), (huge, 4002)] {
        let ending = carry(1024 * 1024, &handover, &stop, async |mut relay| {
            relay.greet(None, &[]).await;
            relay.say(wrong).await;
            assert_eq!(relay.closed().await, Some(code));
        })
        .await;
        assert!(matches!(ending, Ending::Broken(close) if close.code() == code), "{ending:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_word_to_stop_it_says_going_away_within_a_second() {
    for answers in [true, false] {
        let handover = handover();
        let (stopper, stop) = stop();
        let began = Instant::now();
        let ending = carry(64 * 1024, &handover, &stop, async |mut relay| {
            relay.greet(None, &[]).await;
            stopper.stop();
            if answers {
                assert_eq!(relay.closed().await, Some(1001));
            } else {
                sleep(SECOND).await;
            }
        })
        .await;
        assert!(matches!(ending, Ending::Stopped), "{ending:?}");
        assert!(began.elapsed() <= SECOND);
    }
}
