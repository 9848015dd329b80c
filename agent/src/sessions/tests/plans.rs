//! The plan of each line.

use super::*;

/// Reads the plan tables and applies them.
fn read_plans(t: &mut Table, rows: &[(&str, &[&str])]) {
    let reading = plan_reading(t, rows);
    t.table.apply_plans(reading);
}

fn plan_reading(t: &Table, rows: &[(&str, &[&str])]) -> PlanReading {
    let mut reading = PlanReading::default();
    for (table, words) in rows {
        let words: Vec<_> = words.iter().map(|word| word.as_bytes()).collect();
        with_row(&words, |row| match *table {
            "profile" => reading.profile(row),
            "secret" => reading.secret(row, &t.table),
            "active" => reading.address(row, &t.table),
            "clock" => reading.clock(row),
            _ => reading.queue(row, &t.table),
        });
        reading.addresses_complete();
    }
    reading
}

fn plan(download: u64, upload: u64) -> Plan {
    Plan { download: Some(download).filter(|n| *n > 0), upload: Some(upload).filter(|n| *n > 0) }
}

#[test]
fn plans_come_from_the_queue_and_else_from_the_profile_with_the_directions_of_each() {
    let mut t = Table::new(20);
    let users = ["named", "aimed", "address", "profile", "one-rate", "unlimited", "disabled"];
    let names: Vec<_> = users.iter().map(|user| format!("<pppoe-{user}>")).collect();
    let sessions: Vec<Listed<'_>> = users
        .iter()
        .zip(&names)
        .enumerate()
        .map(|(n, (user, name))| (SERVER, n as u64, name.as_str(), *user, None, true))
        .collect();
    t.read(&sessions);
    let profile = "=profile=50-10";
    read_plans(
        &mut t,
        &[
            ("profile", &["=name=50-10", "=rate-limit=10M/50M 20M/100M 8M/40M 8/8"]),
            ("profile", &["=name=flat", "=rate-limit=5M"]),
            ("profile", &["=name=free"]),
            ("secret", &["=name=named", profile]),
            ("secret", &["=name=profile", profile, "=comment=Jane, 12 Long Street"]),
            ("secret", &["=name=one-rate", "=profile=flat"]),
            ("secret", &["=name=unlimited", "=profile=free"]),
            ("secret", &["=name=disabled", profile]),
            ("secret", &["=name=stranger", profile]),
            ("active", &["=name=address", "=address=10.0.0.5"]),
            ("queue", &["=name=<pppoe-named>", "=target=<pppoe-named>", "=max-limit=1000000/2000000"]),
            ("queue", &["=name=q1", "=target=<pppoe-aimed>", "=max-limit=3M/4M"]),
            ("queue", &["=name=q2", "=target=10.0.0.5/32", "=max-limit=0/5000000"]),
            ("queue", &["=name=q3", "=target=10.0.0.0/24", "=max-limit=1/1"]),
            ("queue", &["=name=<pppoe-disabled>", "=max-limit=1/1", "=disabled=true"]),
        ],
    );
    let plans: BTreeMap<_, _> = users.iter().map(|user| (*user, t.report(user).plan)).collect();
    assert_eq!(plans["named"], plan(2_000_000, 1_000_000));
    assert_eq!(plans["aimed"], plan(4_000_000, 3_000_000));
    assert_eq!(plans["address"], plan(5_000_000, 0), "0 is unlimited");
    assert_eq!(plans["profile"], plan(50_000_000, 10_000_000), "rx of the router is the subscriber's upload");
    assert_eq!(plans["one-rate"], plan(5_000_000, 5_000_000));
    assert_eq!(plans["unlimited"], Plan::default());
    assert_eq!(plans["disabled"], plan(50_000_000, 10_000_000));
    assert_eq!(t.report("named").profile.as_deref(), Some("50-10"));
    assert_eq!(t.report("aimed").profile, None);
    assert_eq!(t.report("profile").comment.as_deref(), Some("Jane, 12 Long Street"));
}

/// Returns the plans of lines `a` to `d`, at `10.0.0.1` to `10.0.0.4`: `a` has a profile of 10M/50M. Each plan is
/// download, upload and `true` if shared. The clock says Saturday, 22:10.
fn plans_by(queues: &[&[&str]]) -> Vec<(u64, u64, bool)> {
    let mut t = Table::new(20);
    let names: Vec<_> = ["a", "b", "c", "d"].map(|user| (user, format!("<pppoe-{user}>"))).into();
    let sessions: Vec<Listed<'_>> = names
        .iter()
        .enumerate()
        .map(|(n, (user, name))| (SERVER, n as u64, name.as_str(), *user, None, true))
        .collect();
    t.read(&sessions);
    let mut rows: Vec<(&str, &[&str])> = vec![
        ("profile", &["=name=50-10", "=rate-limit=10M/50M"]),
        ("secret", &["=name=a", "=profile=50-10"]),
        ("active", &["=name=a", "=address=10.0.0.1"]),
        ("active", &["=name=b", "=address=10.0.0.2"]),
        ("active", &["=name=c", "=address=10.0.0.3"]),
        ("active", &["=name=d", "=address=10.0.0.4"]),
        ("clock", &["=date=2026-11-28", "=time=22:10:00"]),
    ];
    rows.extend(queues.iter().map(|words| ("queue", *words)));
    read_plans(&mut t, &rows);
    let reports = ["a", "b", "c", "d"].map(|user| t.report(user));
    reports.map(|line| (line.plan.download.unwrap_or(0), line.plan.upload.unwrap_or(0), line.plan_shared)).into()
}

const PROFILE: (u64, u64, bool) = (50_000_000, 10_000_000, false);
const NONE: (u64, u64, bool) = (0, 0, false);

#[test]
fn a_parent_queue_before_the_own_ones_gives_nobody_the_sum() {
    let own = &["=name=own", "=target=<pppoe-b>", "=max-limit=2M/20M", "=parent=all"][..];
    for targets in [
        "=target=<pppoe-a>,<pppoe-b>,<pppoe-c>",
        "=target=10.0.0.1/32,10.0.0.2/32,10.0.0.3/32",
        "=target=<pppoe-b>,10.0.0.1/32,<pppoe-c>",
    ] {
        let parent = &["=name=all", targets, "=max-limit=50M/100M"][..];
        for queues in [[parent, own], [own, parent]] {
            let plans = plans_by(&queues);
            let shared = (100_000_000, 50_000_000, true);
            assert_eq!(plans, [PROFILE, (20_000_000, 2_000_000, false), shared, NONE], "{targets}");
        }
    }
}

#[test]
fn a_queue_without_a_limit_takes_no_plan_away() {
    let count = &["=name=count", "=target=<pppoe-a>", "=max-limit=0/0"][..];
    let by_address = &["=name=count", "=target=10.0.0.2/32", "=max-limit=0/0"][..];
    let own = &["=name=own", "=target=10.0.0.2/32", "=max-limit=2M/20M"][..];
    assert_eq!(plans_by(&[count, by_address, own])[..2], [PROFILE, (20_000_000, 2_000_000, false)]);
    assert_eq!(plans_by(&[own, by_address, count])[..2], [PROFILE, (20_000_000, 2_000_000, false)]);
}

#[test]
fn a_queue_that_is_not_in_force_does_not_count() {
    let target = "=target=<pppoe-b>";
    let own = &["=name=day", target, "=max-limit=1M/1M", "=time=8h-20h,mon,tue,wed,thu,fri,sat"][..];
    let night = &["=name=night", target, "=max-limit=2M/20M", "=time=20h-8h,mon,tue,wed,thu,fri,sat"][..];
    let invalid = &["=name=x", target, "=max-limit=1M/1M", "=invalid=true"][..];
    let disabled = &["=name=x", target, "=max-limit=1M/1M", "=disabled=yes"][..];
    assert_eq!(plans_by(&[own, invalid, disabled])[1], NONE);
    assert_eq!(plans_by(&[own, invalid, disabled, night])[1], (20_000_000, 2_000_000, false));
    let group = &["=name=g", "=target=<pppoe-b>,<pppoe-c>", "=max-limit=9M/9M", "=invalid=true"][..];
    assert_eq!(plans_by(&[group])[1], NONE, "nor does a parent");
}

#[test]
fn a_shared_limit_is_the_smallest_queues_and_a_parent_may_have_it() {
    let pool = &["=name=pool", "=target=10.0.0.0/24", "=max-limit=500M/900M"][..];
    let pair = &["=name=pair", "=target=10.0.0.2/32,<pppoe-c>", "=max-limit=5M/9M"][..];
    let plans = plans_by(&[pool, pair]);
    let (of_pool, of_pair) = ((900_000_000, 500_000_000, true), (9_000_000, 5_000_000, true));
    assert_eq!(plans, [PROFILE, of_pair, of_pair, of_pool]);
    // An own queue without a limit; its parent has none either, and the parent's parent has one.
    let own = &["=name=own", "=target=<pppoe-d>", "=max-limit=0/0", "=parent=middle"][..];
    let middle = &["=name=middle", "=target=", "=max-limit=0/0", "=parent=top"][..];
    let top = &["=name=top", "=target=ether5", "=max-limit=40M/40M", "=parent=none"][..];
    assert_eq!(plans_by(&[own, middle, top])[3], (40_000_000, 40_000_000, true));
    let circle = &["=name=top", "=target=ether5", "=max-limit=0/0", "=parent=middle"][..];
    assert_eq!(plans_by(&[own, middle, circle])[3], NONE, "parents in a circle");
    assert_eq!(plans_by(&[&["=name=all", "=target=0.0.0.0/0", "=max-limit=1M/1M"]])[1], NONE, "everybody's");
    let twice = &["=name=twice", "=target=<pppoe-d>,10.0.0.4/32", "=max-limit=1M/2M"][..];
    assert_eq!(plans_by(&[twice])[3], (2_000_000, 1_000_000, false), "one line by both its names");
}

#[test]
fn an_offline_line_keeps_the_plan_of_its_last_session() {
    let mut t = Table::new(10);
    t.read(&[(SERVER, 1, "<pppoe-a>", "a", None, true)]);
    read_plans(&mut t, &[("queue", &["=name=<pppoe-a>", "=max-limit=1M/2M"])]);
    let seen = t.table.revision();
    t.read(&[]);
    read_plans(&mut t, &[]);
    assert_eq!(t.report("a").plan, plan(2_000_000, 1_000_000));
    t.read(&[(SERVER, 1, "<pppoe-a>", "a", None, true)]);
    read_plans(&mut t, &[]);
    assert_eq!(t.report("a").plan, Plan::default());
    assert!(t.table.revision() > seen);
}

#[test]
fn a_void_reading_of_the_plans_takes_nothing_away_and_may_fill_in() {
    let mut t = Table::new(10);
    t.read(&[(SERVER, 1, "<pppoe-a>", "a", None, true), (SERVER, 2, "<pppoe-b>", "b", None, true)]);
    let profile = ("profile", &["=name=50-10", "=rate-limit=10M/50M"][..]);
    let secret = ("secret", &["=name=a", "=profile=50-10", "=comment=Ali"][..]);
    read_plans(&mut t, &[profile, secret, ("queue", &["=name=<pppoe-a>", "=max-limit=1M/2M"])]);
    let before = t.report("a");
    let (known, seen) =
        (|line: &LineReport| (line.profile.clone(), line.plan, line.comment.clone()), t.table.revision());
    assert_eq!(known(&before), (Some("50-10".to_owned()), plan(2_000_000, 1_000_000), Some("Ali".to_owned())));
    let mut nothing = plan_reading(&t, &[]);
    nothing.make_void();
    t.table.apply_plans(nothing);
    assert_eq!((known(&t.report("a")), t.table.revision()), (known(&before), seen));
    let mut half = plan_reading(&t, &[profile, secret, ("secret", &["=name=b", "=profile=50-10"])]);
    half.make_void();
    t.table.apply_plans(half);
    assert_eq!(known(&t.report("a")), known(&before), "its queue was not read");
    assert_eq!(t.report("b").plan, plan(50_000_000, 10_000_000));
    read_plans(&mut t, &[]);
    assert_eq!(known(&t.report("a")), (None, Plan::default(), None), "a whole one says what is so");
}

#[test]
fn a_home_routers_own_secrets_and_queues_are_not_about_its_uplink() {
    let mut t = Table::new(10);
    t.read(&[(CLIENT, 1, "pppoe-out1", "a", None, true)]);
    read_plans(
        &mut t,
        &[
            ("profile", &["=name=p", "=rate-limit=1M"]),
            ("secret", &["=name=a", "=profile=p"]),
            ("queue", &["=name=pppoe-out1", "=max-limit=1M/2M"]),
        ],
    );
    assert_eq!((t.report("a").plan, t.report("a").profile), (Plan::default(), None));
}
