//! The uplink's task, with relays that come and go.

use super::*;

/// Relays that open or refuse, as the script says. The test gets the other end of each opened uplink.
struct Scripted {
    names: Vec<&'static str>,
    script: RefCell<VecDeque<Result<(), ConnectError>>>,
    asked: RefCell<Vec<(usize, Instant)>>,
    opened: RefCell<VecDeque<RelayEnd>>,
    changed: Notify,
}

impl Scripted {
    fn new(names: &[&'static str]) -> Rc<Self> {
        Rc::new(Self {
            names: names.to_vec(),
            script: RefCell::default(),
            asked: RefCell::default(),
            opened: RefCell::default(),
            changed: Notify::new(),
        })
    }

    /// Sets the outcomes of the next attempts; later attempts succeed.
    fn script(&self, outcomes: impl IntoIterator<Item = Result<(), ConnectError>>) {
        self.script.borrow_mut().extend(outcomes);
    }

    async fn uplink(&self) -> RelayEnd {
        loop {
            if let Some(end) = self.opened.borrow_mut().pop_front() {
                return end;
            }
            self.changed.notified().await;
        }
    }

    fn asked(&self) -> Vec<usize> {
        self.asked.borrow().iter().map(|(nth, _)| *nth).collect()
    }
}

impl Open for Rc<Scripted> {
    type Stream = DuplexStream;

    fn names(&self) -> Vec<String> {
        self.names.iter().map(|name| (*name).to_owned()).collect()
    }

    async fn open(&self, nth: usize) -> Result<Socket, ConnectError> {
        self.asked.borrow_mut().push((nth, Instant::now()));
        let outcome = self.script.borrow_mut().pop_front();
        outcome.unwrap_or(Ok(()))?;
        let (agent, relay) = pair(1024 * 1024).await;
        self.opened.borrow_mut().push_back(RelayEnd(relay));
        self.changed.notify_one();
        Ok(agent)
    }
}

fn refused(status: u16) -> Result<(), ConnectError> {
    Err(ConnectError::Answered(Answer::of_relay(status)))
}

/// Runs the uplink's task beside the test, then stops it.
async fn with_uplink(relays: &Rc<Scripted>, handover: &Rc<Handover>, test: impl AsyncFnOnce()) {
    let (stopper, stop) = stop();
    let uplink = Uplink::new(Rc::clone(relays), timing(), EPOCH, Rc::clone(handover), stop, 42);
    let test = async {
        test().await;
        stopper.stop();
    };
    tokio::join!(uplink.run(), test);
}

#[tokio::test(start_paused = true)]
async fn a_cut_leaves_no_hole_and_no_double() {
    let (relays, handover) = (Scripted::new(&["a"]), handover());
    set_lines(&handover, &usernames(1));
    with_uplink(&relays, &handover, async || {
        let mut relay = relays.uplink().await;
        assert_eq!(relay.greet(None, &[1]).await, (1, 1));
        for sequence in 1..=3 {
            tick(&handover, Instant::now());
            assert_eq!(relay.batch().await, (sequence, false));
        }
        drop(relay);
        for _ in 4..=6 {
            sleep(SECOND).await;
            tick(&handover, Instant::now());
        }
        let mut relay = relays.uplink().await;
        let (oldest, next) = relay.greet(Some(4), &[1]).await;
        assert_eq!(oldest, 1);
        tick(&handover, Instant::now());
        let mut had = Vec::new();
        while had.len() < 4 {
            had.push(relay.batch().await);
        }
        let (live, again): (Vec<_>, Vec<_>) = had.into_iter().partition(|(_, replayed)| !replayed);
        assert!(
            live.iter().all(|(sequence, _)| *sequence >= next) && again.iter().all(|(sequence, _)| *sequence < next)
        );
        let mut all: Vec<_> = live.iter().chain(&again).map(|(sequence, _)| *sequence).collect();
        all.sort_unstable();
        assert_eq!(all, [4, 5, 6, 7]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_close_code_says_when_it_comes_back() {
    use Close::{
        Duplicate, FrameTooLarge, GoingAway, HelloTimeout, Normal, ProtocolError, Replaced, Revoked, Silent, TooFast,
    };
    for code in
        [Normal, GoingAway, ProtocolError, HelloTimeout, FrameTooLarge, Duplicate, Replaced, Revoked, TooFast, Silent]
    {
        let (relays, handover) = (Scripted::new(&["a"]), handover());
        with_uplink(&relays, &handover, async || {
            let mut relay = relays.uplink().await;
            relay.greet(None, &[]).await;
            relay.close(code).await;
            let closed = Instant::now();
            relays.uplink().await;
            let waited = closed.elapsed().as_secs_f64();
            let (least, most) = match code.retry() {
                Retry::BackOff => (0.0, 3.0),
                Retry::After(seconds) => (f64::from(seconds), 1.5 * f64::from(seconds) + 1.0),
                Retry::Never => (900.0, 1_351.0),
            };
            assert!((least..=most).contains(&waited), "{}: {waited} s", code.name());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_tried_again_within_a_minute() {
    let (relays, handover) = (Scripted::new(&["a"]), handover());
    relays.script([refused(401)]);
    let began = Instant::now();
    with_uplink(&relays, &handover, async || {
        relays.uplink().await;
        assert!(began.elapsed() >= 60 * SECOND);
    })
    .await;
    assert_eq!(relays.asked(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_down_is_tried_ever_more_slowly() {
    let (relays, handover) = (Scripted::new(&["a"]), handover());
    relays.script((0..12).map(|_| refused(503)));
    with_uplink(&relays, &handover, async || drop(relays.uplink().await)).await;
    let asked = relays.asked.borrow();
    let waits: Vec<_> = asked.windows(2).map(|two| two[1].1 - two[0].1).collect();
    assert!(waits[0] <= 2 * SECOND && waits[1] <= 4 * SECOND, "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= 21 * SECOND) && waits.iter().any(|wait| *wait > 8 * SECOND), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn the_first_relay_that_answers_is_used_and_an_earlier_one_in_time_again() {
    let (relays, handover) = (Scripted::new(&["a", "b", "c"]), handover());
    let down = || refused(502);
    relays.script([down(), Ok(()), down()]);
    let began = Instant::now();
    with_uplink(&relays, &handover, async || {
        let mut second = relays.uplink().await;
        second.greet(None, &[]).await;
        assert_eq!(relays.asked(), [0, 1]);
        let hold = async {
            // A staying relay sends a message now and then.
            loop {
                sleep(10 * SECOND).await;
                if second.0.send(Message::Ping("".into())).await.is_err() {
                    return;
                }
                while let Ok(Some(Ok(message))) = tokio::time::timeout(SECOND, second.0.next()).await {
                    if message.is_close() {
                        return;
                    }
                }
            }
        };
        let (mut first, ()) = tokio::join!(relays.uplink(), hold);
        assert!(began.elapsed() >= 1_200 * SECOND, "it looked at ten minutes in vain, and again at twenty");
        assert_eq!(relays.asked(), [0, 1, 0, 0]);
        first.greet(None, &[]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn watches_outlive_a_lost_uplink_by_two_minutes() {
    let (relays, handover) = (Scripted::new(&["a"]), handover());
    set_lines(&handover, &usernames(2));
    with_uplink(&relays, &handover, async || {
        let mut relay = relays.uplink().await;
        relay.greet(None, &[1, 2]).await;
        while wanted(&handover) != [1, 2] {
            handover.to_router.notified().await;
        }
        relays.script((0..1_000).map(|_| refused(502)));
        drop(relay);
        let lost = Instant::now();
        sleep(119 * SECOND).await;
        assert_eq!(handover.uplink.get(), UplinkState::Lost, "nor does a watch end that lingers");
        assert_eq!(wanted(&handover), [1, 2]);
        while !wanted(&handover).is_empty() {
            handover.to_router.notified().await;
        }
        let outlived = lost.elapsed();
        assert!(outlived >= 120 * SECOND && outlived < 121 * SECOND, "{outlived:?}");
        assert_eq!(handover.uplink.get(), UplinkState::Absent);
    })
    .await;
}

/// Opens an uplink with line 1 watched, ends the uplink with a close code, and returns how long the watch lasts.
async fn watched_after(close: Close, then: Vec<Result<(), ConnectError>>) -> Duration {
    let (relays, handover) = (Scripted::new(&["a"]), handover());
    set_lines(&handover, &usernames(1));
    let mut lasted = Duration::ZERO;
    with_uplink(&relays, &handover, async || {
        let mut relay = relays.uplink().await;
        relay.greet(None, &[1]).await;
        while wanted(&handover) != [1] {
            handover.to_router.notified().await;
        }
        relays.script(then);
        let ended = Instant::now();
        relay.close(close).await;
        while !wanted(&handover).is_empty() {
            handover.to_router.notified().await;
        }
        assert_eq!(
            handover.uplink.get(),
            UplinkState::Absent,
            "no watch lingers for longer than after its last viewer"
        );
        lasted = ended.elapsed();
    })
    .await;
    lasted
}

#[tokio::test(start_paused = true)]
async fn a_revoked_agents_watches_end_at_once() {
    assert!(watched_after(Close::Revoked, Vec::new()).await < SECOND);
    assert!(watched_after(Close::Replaced, Vec::new()).await < SECOND);
    let unknown = (0..1_000).map(|_| refused(401)).collect();
    assert!(watched_after(Close::GoingAway, unknown).await < 21 * SECOND, "the relay is back and knows no such agent");
    let away = (0..1_000).map(|_| refused(502)).collect();
    assert!(watched_after(Close::GoingAway, away).await >= 120 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_sends_too_much_is_left_with_a_close_code() {
    for message in [Message::Ping("x".into()), Message::text(r#"{"type":"hint"}"#), Message::binary(vec![1])] {
        let handover = handover();
        let (_stopper, stop) = stop();
        let ending = carry(1024 * 1024, &handover, &stop, async |mut relay| {
            relay.greet(None, &[]).await;
            for _ in 0..5_000 {
                if relay.0.send(message.clone()).await.is_err() {
                    return;
                }
            }
            assert_eq!(relay.closed().await, Some(Close::TooFast.code()));
        })
        .await;
        assert!(matches!(ending, Ending::Broken(Close::TooFast)), "{ending:?}");
        assert_eq!(ending.retry(), Retry::After(60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_opens_but_never_welcomes_does_not_keep_watches_alive() {
    let (relays, handover) = (Scripted::new(&["a"]), handover());
    set_lines(&handover, &usernames(1));
    with_uplink(&relays, &handover, async || {
        let mut relay = relays.uplink().await;
        relay.greet(None, &[1]).await;
        while wanted(&handover) != [1] {
            handover.to_router.notified().await;
        }
        let lost = Instant::now();
        drop(relay);
        let refuse = async {
            loop {
                relays.uplink().await.close(Close::GoingAway).await;
            }
        };
        let lapse = async {
            while !wanted(&handover).is_empty() {
                handover.to_router.notified().await;
            }
        };
        tokio::select! {
            () = refuse => {}
            () = lapse => {}
        }
        assert!(lost.elapsed() < 121 * SECOND);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn it_stops_at_once_while_it_waits_for_its_next_attempt() {
    let (relays, handover) = (Scripted::new(&["a"]), handover());
    relays.script([refused(401)]);
    let began = Instant::now();
    with_uplink(&relays, &handover, async || sleep(SECOND).await).await;
    assert!(began.elapsed() < 2 * SECOND);
}
