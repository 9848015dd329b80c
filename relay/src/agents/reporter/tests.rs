//! No number from an agent breaks the relay's arithmetic or puts anything into the future.

use proptest::prelude::*;
use shared::frame::{self, Header};
use shared::{Epoch, Sample};
use tokio::time::Instant;

use super::*;
use crate::agents::registry::Registry;
use crate::clock::{LONGEST_MS, UnixMillis};
use crate::limits::Limits;
use crate::lines::hub::SHARDS;
use crate::lines::hub::seats::SeatRequest;
use crate::metrics::Metrics;
use crate::operators::explain::Explanation;
use crate::subscribers::Subscribers;
use crate::tests::stage::{entries, live, name};

#[derive(Debug, Clone)]
enum Said {
    Lines { uptime: u64, age: Option<u64>, sessions: u16 },
    Status { uptime: u64, router_age: u64, reachable: bool },
    Batch { sequence: u64, uptime: u64, replayed: bool, rate: u64 },
    Averages { uptime: u64, span: u64, interval: u64, replayed: bool },
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(u64::MAX),
        Just(i64::MAX as u64),
        Just(i64::MAX as u64 + 1),
        (0u64..100_000),
        any::<u64>()
    ]
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        (number(), prop::option::of(number()), 0u16..3).prop_map(|(uptime, age, sessions)| Said::Lines {
            uptime,
            age,
            sessions
        }),
        (number(), number(), any::<bool>()).prop_map(|(uptime, router_age, reachable)| Said::Status {
            uptime,
            router_age,
            reachable
        }),
        (number(), number(), any::<bool>(), number()).prop_map(|(sequence, uptime, replayed, rate)| Said::Batch {
            sequence,
            uptime,
            replayed,
            rate
        }),
        (number(), number(), number(), any::<bool>()).prop_map(|(uptime, span, interval, replayed)| Said::Averages {
            uptime,
            span,
            interval,
            replayed
        }),
    ]
}

fn take(reporter: &Reporter, grant: &Grant, said: &Said, now: Now) {
    match *said {
        Said::Lines { uptime, age, sessions } => {
            let report = LineReport { age_ms: age, sessions, ..live(1, "ali") };
            reporter.report(&Lines { uptime_ms: uptime, more: false, lines: vec![report] }, grant, now).unwrap();
        }
        Said::Status { uptime, router_age, reachable } => {
            let (uptime_ms, router_age_ms, router_reachable) = (uptime, router_age, reachable);
            let status = Status { uptime_ms, router_age_ms, router_reachable, interval_ms: 1_000, ..Status::default() };
            reporter.status(status, now).unwrap();
        }
        Said::Batch { sequence, uptime, replayed, rate } => {
            let header = Header { epoch: Epoch(1), sequence, uptime_ms: uptime, replayed };
            let mut bytes = Vec::new();
            frame::encode(&header, &[Sample { line: LineHandle(1), download: rate, upload: rate }], &mut bytes);
            // Some numbers do not fit a frame; the relay then refuses the frame in order.
            let _ = reporter.batch(&bytes, now, &mut DirectWriter::default());
        }
        Said::Averages { uptime, span, interval, replayed } => {
            // Each counts: no two have the same time.
            let header = Header {
                epoch: Epoch(1),
                sequence: now.steady.as_millis().unsigned_abs() + 2,
                uptime_ms: uptime,
                replayed,
            };
            let reach = frame::Reach { span_ms: span, interval_ms: interval };
            let mut bytes = Vec::new();
            let average = Sample { line: LineHandle(1), download: span, upload: interval };
            frame::encode_averages(&header, reach, &[average], &mut bytes);
            let _ = reporter.batch(&bytes, now, &mut DirectWriter::default());
        }
    }
}

proptest! {
    #[test]
    fn no_number_leads_out_of_the_scales(hello in number(), all in prop::collection::vec(said(), 1..40)) {
        let began = Instant::now();
        let hub = Hub::new(Limits::default(), Subscribers::none(), Arc::<Metrics>::default(), began);
        let grant = Registry::new(entries(&[("a", &["*"])])).unwrap().authenticate(b"a").unwrap();
        let hello = Hello { version: String::new(), epoch: Epoch(1), oldest: hello, next: hello, uptime_ms: hello, lost: hello };
        let fleet = Fleet::new(Arc::clone(&hub));
        let Attached::Yes(reporter) = Reporter::attach(&fleet, &grant, &hello, None, Claim::IfFree) else { panic!() };
        reporter.table_complete(hub.now()).unwrap();
        let seat = hub.join(&SeatRequest::of(&name("ali"))).unwrap();
        for (second, said) in all.iter().enumerate() {
            let now = hub.now().plus(second as i64 * 1_000);
            take(&reporter, &grant, said, now);
            hub.age_shards(0..SHARDS, false);
            let explained = serde_json::to_value(Explanation::of(&fleet, &name("ali"), hub.now())).unwrap();
            let at = |value: &serde_json::Value| value.as_i64().map_or(now.unix, UnixMillis::from_millis);
            for time in [&explained["since"], &explained["newest"]["t"], &explained["reports"][0]["since"]] {
                // Half a minute for samples pushed past each other.
                prop_assert!(at(time).since(now.unix).abs() <= LONGEST_MS + 60_000, "{time} of {explained}");
                prop_assert!(at(time) <= now.unix + 60_000, "{time} of {explained}");
            }
            let _ = Explanation::of(&fleet, &name("ali"), hub.now()).to_string();
            let told = seat.line.past(now).map_or(now.unix, |averages| averages.start);
            prop_assert!(told.since(now.unix).abs() <= 2 * LONGEST_MS, "{told:?}");
        }
    }
}
