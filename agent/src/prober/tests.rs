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
