//! 100,000 subscribers: one change, all or nothing, in time and in bounded memory.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::Api;

/// Ten seconds on a quiet machine with a program for release; the tests' program and their machine are slower.
const MOST: Duration = Duration::from_secs(60);

fn body(customer: &str, last: &str) -> String {
    let mut body = String::from("[");
    for at in 0..100_000 {
        let _ = write!(
            body,
            r#"{{"username":"{at:06}@karoo.example","customer":"{customer} {at}","package":"Fibre 50/10","download":50000000,"upload":"10M"}},"#
        );
    }
    body + last + "]"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_are_one_change() {
    let api = Api::start("subscribers").await;
    let before = resident();
    let start = Instant::now();
    let done = api.json("PUT", "/api/v1/subscribers", &body("Customer", r#"{"username":"last"}"#)).await;
    let first = start.elapsed();
    assert_eq!((done.status, &done.body["added"]), (200, &100_001.into()), "{done:?}");
    let start = Instant::now();
    let same =
        api.json("PUT", "/api/v1/subscribers", &body("Customer", r#"{"username":"last","package":"New"}"#)).await;
    let second = start.elapsed();
    assert_eq!((&same.body["unchanged"], &same.body["changed"]), (&100_000.into(), &1.into()));
    let start = Instant::now();
    let bad = api.json("PUT", "/api/v1/subscribers", &body("Other", r#"{"username":""}"#)).await;
    let third = start.elapsed();
    assert_eq!((bad.reason(), &bad.body["rows"][0]["row"]), ((422, "bad-rows"), &100_001.into()));
    let one = api.get("/api/v1/subscribers/000000%40karoo.example").await;
    assert_eq!(one.body["customer"], "Customer 0", "nothing of the refused body was taken");
    let grown = resident().saturating_sub(before) / 1024;
    println!(
        "100,000 subscribers: entered in {first:?}, again in {second:?}, refused in {third:?}; {grown} MiB more memory"
    );
    assert!(first < MOST && second < MOST && third < MOST);
    assert!(grown < 400, "{grown} MiB");
}

/// The memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
