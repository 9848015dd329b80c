//! Probes of this machine by itself, where the kernel lets this program probe at all.

use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::time::timeout;

use super::*;
use crate::response::schedule::Probe;

const MARK: Mark = Mark { identifier: 77, token: 42 };

#[tokio::test]
async fn this_machine_answers_a_probe() {
    // A machine for builds may allow neither kind of socket.
    let Ok(sockets) = Sockets::open() else { return };
    for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        if sockets.send(Probe { address, sequence: 7 }, MARK).await.is_err() {
            continue;
        }
        let answer = timeout(Duration::from_secs(10), sockets.answer(MARK)).await;
        assert_eq!(answer.expect("no answer"), Answer { from: address, sequence: 7 });
    }
}

#[tokio::test]
async fn a_check_says_what_is_missing_or_by_which_socket() {
    assert!(check(0).to_string().contains("off"));
    let step = check(200).to_string();
    assert!(step.contains("socket"), "{step}");
    assert!(step.starts_with("ok") || step.contains("NET_RAW"), "{step}");
}

#[tokio::test]
async fn one_silent_router_says_something_only_if_another_answers() {
    let backlog = crate::backlog::Backlog::new(1_024, Duration::from_secs(1));
    let watched = crate::handover::WatchSet::new(10);
    let handover = Handover::new(crate::sessions::LineTable::new(10), backlog, watched, Instant::now());
    let mut prober = Prober::new(200, &handover);
    let (a, b) = (LineHandle(1), LineHandle(2));
    let told = |line| handover.pending.borrow_mut().take(line).response;
    prober.note((a, Response::Silent));
    assert_eq!(told(a), Response::NotMeasured);
    assert!(handover.status.borrow().response_fault.as_ref().is_some_and(|fault| fault.contains("--response")));
    prober.note((b, Response::Micros(12_000)));
    prober.note((a, Response::Silent));
    assert_eq!((told(a), told(b)), (Response::Silent, Response::Micros(12_000)));
    assert_eq!(handover.status.borrow().response_fault, None);
}
