//! Seats: how many a line, an address and the relay have, in paused time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use futures_util::future::join_all;
use shared::close::Close;

use super::stage::{Stage, ViewerEnd, eventually, live, name, seconds};
use crate::limits::Limits;
use crate::lines::audience::Watcher;
use crate::lines::hub::seats::SeatRequest;
use crate::viewers::links::Mode;
use crate::wire::viewer_frame::LineState;

fn address(last: u8) -> Option<IpAddr> {
    Some(Ipv4Addr::new(198, 51, 100, last).into())
}

async fn stage_with(limit: impl FnOnce(&mut Limits)) -> Stage {
    let mut limits = Limits::default();
    limit(&mut limits);
    Stage::with(Mode::Open, limits)
}

/// Returns viewers of one line with their snapshots, one from each address.
async fn seated(stage: &Stage, username: &str, addresses: impl IntoIterator<Item = Option<IpAddr>>) -> Vec<ViewerEnd> {
    let mut viewers = Vec::new();
    for address in addresses {
        let mut viewer = stage.viewer_from(address, username).await;
        viewer.snapshot().await;
        viewers.push(viewer);
    }
    viewers
}

#[tokio::test(start_paused = true)]
async fn a_line_and_the_relay_have_so_many_viewers() {
    let stage = stage_with(|limits| limits.viewers = 18).await;
    let _agent = stage.agent("a", 1, vec![live(1, "ali"), live(2, "alice")]).await;
    let mut full = seated(&stage, "ali", (1..=16).map(address)).await;
    let _newcomer = seated(&stage, "ali", [address(17)]).await;
    assert_eq!(full.remove(12).closed().await.1, Close::LineFull, "the first of the last four");
    assert_eq!(stage.hub.viewers(), 16);
    let mut others = seated(&stage, "alice", (1..=2).map(address)).await;
    assert_eq!(stage.viewer("alice").await.closed().await.1, Close::RelayFull);
    others.pop().unwrap().leave().await;
    stage.viewer("alice").await.snapshot().await;
}

#[tokio::test(start_paused = true)]
async fn viewers_are_told_while_staff_watch_and_samples_go_on() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut viewer = stage.viewer("ali").await;
    assert!(!viewer.snapshot().await.support);
    let staff = |announced| {
        let ali = name("ali");
        let request = SeatRequest { watcher: Watcher::Support { announced }, ..SeatRequest::of(&ali) };
        stage.hub.join(&request).unwrap()
    };
    let hidden = staff(false);
    let (one, other) = (staff(true), staff(true));
    assert!(viewer.state().await.support);
    assert!(stage.viewer("ali").await.snapshot().await.support, "whoever comes later is told too");
    agent.samples(&[(1, 5, 6)]).await;
    assert_eq!(viewer.sample().await.down, 5);
    drop(one);
    agent.samples(&[(1, 7, 8)]).await;
    assert_eq!(viewer.sample().await.down, 7, "one is left");
    let findings = stage.hub.findings(&name("ali"), stage.hub.now());
    assert_eq!((findings.viewers, findings.staff), (1, 2));
    drop(other);
    assert!(!viewer.state().await.support, "nobody is left who is announced");
    drop(hidden);
}

#[tokio::test(start_paused = true)]
async fn staff_find_a_seat_at_a_full_line() {
    let stage = Stage::new();
    let _agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let seated = seated(&stage, "ali", (1..=16).map(address)).await;
    let ali = name("ali");
    let request = SeatRequest { watcher: Watcher::Support { announced: true }, ..SeatRequest::of(&ali) };
    let _staff = stage.hub.join(&request).unwrap();
    for mut viewer in seated {
        assert!(viewer.state().await.support, "and nobody has to leave");
    }
    let (_newcomer, findings) = (stage.viewer("ali").await, || stage.hub.findings(&ali, stage.hub.now()));
    eventually(|| findings().viewers == 1).await;
    assert_eq!(findings().staff, 1);
}

#[tokio::test(start_paused = true)]
async fn one_address_leaves_seats_of_a_line_to_others() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let network = |host: u16| Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, host).into());
    let mut own = seated(&stage, "ali", (1..=20).map(network)).await.into_iter();
    let _others = seated(&stage, "ali", (1..=4).map(address)).await;
    assert_eq!(stage.hub.viewers(), 16, "12 and 4");
    let told = Some(r#"{"type":"error","code":4109,"reason":"opened_elsewhere"}"#.to_owned());
    for _ in 0..8 {
        assert_eq!(own.next().unwrap().closed().await, (told.clone(), Close::OpenedElsewhere), "the oldest first");
    }
    agent.samples(&[(1, 5, 6)]).await;
    for mut viewer in own {
        assert_eq!(viewer.sample().await.down, 5, "the newest twelve stay");
    }
    assert_eq!(stage.context.metrics.viewer_closes.get(Close::OpenedElsewhere), 8);
    assert!(stage.explain("ali").to_string().contains("seat"), "{}", stage.explain("ali"));
}

#[tokio::test(start_paused = true)]
async fn who_fills_a_line_from_many_addresses_keeps_nobody_out_and_drives_nobody_away() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut before = seated(&stage, "ali", (1..=3).map(address)).await;
    // Snapshots prove each seat; those behind are displaced one after another.
    let _flood = seated(&stage, "ali", (10..=99).map(address)).await;
    let mut newcomer = seated(&stage, "ali", [address(200)]).await.remove(0);
    assert_eq!(stage.hub.viewers(), 16);
    agent.samples(&[(1, 5, 6)]).await;
    assert_eq!(newcomer.sample().await.down, 5);
    for viewer in &mut before {
        assert_eq!(viewer.sample().await.down, 5);
    }
    assert!(stage.explain("ali").to_string().contains("a latecomer's seat ended"), "{}", stage.explain("ali"));
    let only = stage_with(|limits| limits.viewers_per_line = 1).await;
    let _first = seated(&only, "ali", [address(1)]).await;
    assert_eq!(only.viewer_from(address(2), "ali").await.closed().await.1, Close::LineFull, "a quarter of one is none");
}

#[tokio::test(start_paused = true)]
async fn viewers_without_an_address_are_one_address() {
    let stage = stage_with(|limits| limits.viewers_per_line = 2).await;
    let _agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
    let mut hidden = seated(&stage, "ali", [None, None]).await.into_iter();
    assert_eq!(hidden.next().unwrap().closed().await.1, Close::OpenedElsewhere);
    let other = seated(&stage, "ali", [address(1)]).await.remove(0);
    let _third = seated(&stage, "ali", [address(2)]).await;
    assert_eq!(other.closed().await.1, Close::LineFull);
    let _newest = seated(&stage, "ali", [None]).await;
    assert_eq!(hidden.next().unwrap().closed().await.1, Close::OpenedElsewhere);
}

#[tokio::test(start_paused = true)]
async fn an_address_has_few_seats_at_names_that_nobody_has() {
    let stage = stage_with(|limits| limits.unreported_per_address = 3).await;
    let names = ["n1", "n2", "n3", "n4", "n5"];
    let mut viewers = Vec::new();
    for username in names {
        viewers.extend(seated(&stage, username, [address(1)]).await);
    }
    // The relay has just started: every line is unreported.
    join_all(viewers.iter_mut().map(|viewer| viewer.read(59))).await;
    let mut agent = stage.agent("a", 1, vec![live(1, "n2")]).await;
    seconds(2).await;
    let last = viewers.pop().unwrap();
    assert_eq!(last.closed().await.1, Close::TooManyUnknown, "beyond the reported one and three others");
    assert_eq!(stage.viewer_from(address(1), "n6").await.closed().await.1, Close::TooManyUnknown);
    assert_eq!(seated(&stage, "n6", [address(2)]).await.len(), 1, "another address has its own");
    let mut more = seated(&stage, "n2", [address(1)]).await;
    more.pop().unwrap().leave().await;
    agent.report(vec![live(2, "n3")]).await;
    eventually(|| stage.explain("n3").state == LineState::Running).await;
    let _seat = seated(&stage, "n6", [address(1)]).await;
    assert_eq!(stage.viewer_from(address(1), "n7").await.closed().await.1, Close::TooManyUnknown);
    viewers.remove(0).leave().await;
    let _seat = seated(&stage, "n7", [address(1)]).await;
    assert_eq!(viewers[0].until(LineState::Running).await.sessions, 1, "the others are left alone");
}

#[tokio::test(start_paused = true)]
async fn a_full_relay_has_room_for_reported_lines_before_all_others() {
    // While the relay starts, and afterwards.
    for started in [0, 61] {
        let stage = stage_with(|limits| limits.viewers = 8).await;
        seconds(started).await;
        let mut agent = stage.agent("a", 1, vec![live(1, "ali"), live(2, "alice")]).await;
        let mut before = seated(&stage, "ali", [address(1)]).await.remove(0);
        let mut strangers = Vec::new();
        for (username, last) in ["n1", "n2", "n3", "n4", "n5", "n6", "n7"].into_iter().zip([2, 2, 2, 2, 2, 2, 3]) {
            strangers.extend(seated(&stage, username, [address(last)]).await);
        }
        assert_eq!(stage.viewer_from(address(4), "n8").await.closed().await.1, Close::RelayFull);
        let mut newcomers = seated(&stage, "alice", [address(5), address(6)]).await;
        for _ in 0..2 {
            let newest = strangers.remove(strangers.len() - 2);
            assert_eq!(newest.closed().await.1, Close::RelayFull, "of the address with most");
        }
        eventually(|| stage.hub.viewers() == 8).await;
        agent.samples(&[(1, 5, 6), (2, 7, 8)]).await;
        assert_eq!((before.sample().await.down, newcomers[0].sample().await.down), (5, 7));
    }
}

#[tokio::test(start_paused = true)]
async fn a_signed_link_opens_a_name_that_nobody_has() {
    let stage = stage_with(|limits| limits.unreported_per_address = 1).await;
    seconds(61).await;
    let _first = seated(&stage, "n1", [address(1)]).await;
    assert_eq!(stage.viewer_from(address(1), "n2").await.closed().await.1, Close::TooManyUnknown);
    for username in ["n2", "n3"] {
        let token = stage.token(username, Duration::from_secs(3_600));
        assert_eq!(stage.viewer_with_token(&token).await.snapshot().await.state, LineState::Unknown);
    }
}
