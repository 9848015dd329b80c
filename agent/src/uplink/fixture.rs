//! The fixtures of the uplink's tests: a handover with lines and batches, and the relay's messages.

use std::rc::Rc;
use std::time::Duration;

use shared::control::{self, FromAgent, FromRelay, Role, Watches, Welcome};
use shared::{BACKLOG_SECONDS, Epoch, LineHandle, Sample};
use tokio::time::Instant;

use crate::backlog::Backlog;
use crate::batch::Batcher;
use crate::config::UplinkTiming;
use crate::handover::{Handover, WatchSet};
use crate::sessions::{InterfaceKey, LineTable, ListedSession, Listing};

pub(super) const EPOCH: Epoch = Epoch(0x0123_4567_89ab_cdef);
pub(super) const SECOND: Duration = Duration::from_secs(1);
const CAPACITY: usize = 1_000;

pub(super) fn timing() -> UplinkTiming {
    UplinkTiming::default()
}

pub(super) fn handover() -> Rc<Handover> {
    let backlog = Backlog::new(256 * 1024, Duration::from_secs(BACKLOG_SECONDS));
    Rc::new(Handover::new(LineTable::new(CAPACITY), backlog, WatchSet::new(CAPACITY), Instant::now()))
}

/// Makes the router's sessions be those of these usernames; the first ever gets the handle 1.
pub(super) fn set_lines(handover: &Handover, usernames: &[String]) {
    set_lines_as(Role::Server, handover, usernames);
}

/// The same for sessions of either end.
pub(super) fn set_lines_as(role: Role, handover: &Handover, usernames: &[String]) {
    let mut listing = Listing::default();
    for username in usernames {
        let name = format!("<pppoe-{username}>");
        let session = ListedSession {
            role,
            key: InterfaceKey::new(None, name.as_bytes()),
            name: name.as_bytes(),
            user: username.as_bytes(),
            uptime: None,
            live: true,
        };
        listing.add(&session, CAPACITY);
    }
    handover.lines.borrow_mut().apply(listing, Instant::now());
    handover.to_uplink.notify_one();
}

pub(super) fn usernames(count: usize) -> Vec<String> {
    (1..=count).map(|nth| format!("user{nth:04}")).collect()
}

/// One tick of the router: a batch with one sample of line 1.
pub(super) fn tick(handover: &Handover, now: Instant) {
    let sample = Sample { line: LineHandle(1), download: 14_780_000, upload: 620_000 };
    Batcher::new(EPOCH).close(handover, now, &mut [sample]);
}

pub(super) fn agent_said(text: &str) -> FromAgent {
    control::decode(text).unwrap()
}

pub(super) fn welcome(next: Option<u64>, generation: u64, watched: &[u32]) -> String {
    let watched = watched.iter().copied().map(LineHandle).collect();
    control::encode(&FromRelay::Welcome(Welcome {
        agent: "core-1".to_owned(),
        next,
        generation,
        watched,
        averages: true,
        details: true,
    }))
}

pub(super) fn watches(generation: u64, add: &[u32], remove: &[u32]) -> String {
    let handles = |lines: &[u32]| lines.iter().copied().map(LineHandle).collect();
    control::encode(&FromRelay::Watches(Watches { generation, add: handles(add), remove: handles(remove) }))
}

pub(super) fn wanted(handover: &Handover) -> Vec<u32> {
    handover.watched.borrow().wanted().map(|line| line.0).collect()
}
