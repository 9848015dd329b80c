//! The router's task from the API to the backlog, against a fake over a pipe, in paused time.

#![expect(clippy::unwrap_used, reason = "the functions around the tests are tests too")]

mod check;
mod fake;

use agent::handover::UplinkState;
use std::time::Duration;

use fake::{Rig, Session};
use shared::control::WatchRefusal;
use tokio::time::{Instant, sleep};

const ALI: Session = ("*F00001", "<pppoe-ali>", "ali", 620_000, 14_780_000);
const ALICE: Session = ("*F00002", "<pppoe-alice>", "alice", 1, 2);
const COMMA: Session = ("*F00003", "<pppoe-smith,john>", "smith,john", 3, 4);

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_watched_line_is_sampled_and_nobody_elses() {
    let rig = Rig::new(&[ALI, ALICE, COMMA]);
    rig.run(async {
        rig.until("the lines", |rig| rig.report("ali").is_some()).await;
        assert_eq!(rig.report("ali").and_then(|report| report.age_ms).map(|age| age / 1_000), Some(60));
        rig.watch("ali");
        rig.watch("smith,john");
        let first = rig.until("a sample", |rig| !rig.samples("ali").is_empty()).await;
        assert!(first <= SECOND + SECOND / 5, "the first sample took {first:?}");
        let sentence = rig.fake.last("/interface/monitor-traffic").unwrap();
        assert_eq!(sentence, "/interface/monitor-traffic =interface=*F00001,*F00003 =interval=1");
        sleep(10 * SECOND).await;
        let samples = rig.samples("ali");
        assert!(samples.iter().all(|(_, down, up)| (*down, *up) == (14_780_000, 620_000)), "{samples:?}");
        assert!(samples.windows(2).all(|pair| pair[1].0 - pair[0].0 == 1_000), "{samples:?}");
        assert!(rig.samples("alice").is_empty() && rig.samples("smith,john").len() == samples.len());
        let status = rig.handover.status.borrow().clone();
        assert_eq!((status.watched, status.streams, status.sessions, status.router_reachable), (2, 1, 3, true));
        let age = || rig.handover.status_at(Instant::now()).table_age_ms.unwrap();
        assert!(age() <= 70_000, "the tables are read each minute: {} ms", age());
        // From now on the router answers, and refuses its tables.
        let refusal = vec![vec!["!trap", "=message=timeout"], vec!["!done"]];
        rig.fake.answers.borrow_mut().insert("/interface/pppoe-server/print", refusal);
        sleep(300 * SECOND).await;
        assert!(age() >= 300_000, "also across connections: {} ms", age());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn while_nobody_watches_only_tables_are_read() {
    let rig = Rig::new(&[ALI]);
    rig.run(async {
        sleep(200 * SECOND).await;
        let heard = rig.fake.heard.borrow();
        let commands: Vec<_> = heard.iter().map(|(_, words)| words.split(' ').next().unwrap()).collect();
        let introduction = [
            "/login",
            "/system/identity/print",
            "/system/resource/print",
            "/interface/pppoe-server/listen",
            "/interface/pppoe-client/listen",
            "/ppp/active/listen",
        ];
        let listing = ["/interface/pppoe-server/print", "/interface/pppoe-client/print"];
        assert_eq!(commands, [&introduction[..], &listing, &listing, &listing, &listing].concat());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_line_has_averages_for_a_relay_that_takes_them() {
    let rig = Rig::new(&[ALI, ALICE]);
    rig.run(async {
        sleep(100 * SECOND).await;
        assert_eq!(rig.fake.count("/interface/print"), 0, "no relay has asked for averages");
        rig.handover.averages.set(true);
        rig.handover.to_router.notify_one();
        sleep(95 * SECOND).await;
        let sentence = rig.fake.last("/interface/print").unwrap();
        let asked = "=.proplist=.id,name,rx-byte,tx-byte =stats= ?type=pppoe-in ?type=pppoe-out ?#|";
        assert_eq!(sentence, format!("/interface/print {asked}"));
        let averages = rig.averages("ali");
        assert!(averages.iter().all(|(_, down, up)| (*down, *up) == (14_780_000, 620_000)), "{averages:?}");
        assert_eq!(averages.windows(2).map(|pair| pair[1].0 - pair[0].0).collect::<Vec<_>>(), [30_000; 2]);
        assert_eq!(rig.fake.count("/interface/monitor-traffic"), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_reconnects_gives_no_spike() {
    let rig = Rig::new(&[ALI, ALICE]);
    rig.handover.averages.set(true);
    rig.run(async {
        rig.until("two averages", |rig| rig.report("ali").is_some() && rig.averages("ali").len() == 2).await;
        rig.fake.sessions.borrow_mut()[0] = ("*F00009", "<pppoe-ali>", "ali", 8_000_000, 8_000_000);
        let before = rig.averages("alice").len();
        rig.until("two more of the other", |rig| rig.averages("alice").len() == before + 2).await;
        let averages = rig.averages("ali");
        assert!(averages.iter().all(|(_, down, _)| [14_780_000, 8_000_000].contains(down)), "{averages:?}");
        assert_eq!(averages.len(), 3, "the interval of the reconnect has none");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn switched_off_no_counters_are_read() {
    let mut rig = Rig::new(&[ALI]);
    rig.timing.tables.averages_interval = None;
    rig.handover.averages.set(true);
    rig.run(async {
        sleep(200 * SECOND).await;
        assert_eq!(rig.fake.count("/interface/print"), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_router_without_counters_is_asked_twice_and_its_samples_come_all_the_same() {
    let rig = Rig::new(&[ALI]);
    rig.handover.averages.set(true);
    let refusal = vec![vec!["!trap", "=message=unknown parameter stats"], vec!["!done"]];
    rig.fake.answers.borrow_mut().insert("/interface/print", refusal);
    rig.run(async {
        rig.until("the lines", |rig| rig.report("ali").is_some()).await;
        rig.watch("ali");
        sleep(200 * SECOND).await;
        assert_eq!(rig.fake.count("/interface/print"), 2);
        assert!(!rig.fake.last("/interface/print").unwrap().contains("stats"));
        assert!(rig.samples("ali").len() > 190 && rig.averages("ali").is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_last_viewer_gone_no_stream_is_left() {
    let rig = Rig::new(&[ALI]);
    rig.run(async {
        rig.until("the lines", |rig| rig.report("ali").is_some()).await;
        rig.watch("ali");
        sleep(5 * SECOND).await;
        rig.unwatch("ali");
        let ended = rig.until("the cancel", |rig| rig.fake.count("/cancel") == 1).await;
        assert!((15 * SECOND..20 * SECOND).contains(&ended), "{ended:?}");
        let count = rig.samples("ali").len();
        sleep(10 * SECOND).await;
        assert_eq!((rig.samples("ali").len(), rig.fake.count("/interface/monitor-traffic")), (count, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn while_the_uplink_is_lost_a_line_lingers_on() {
    let rig = Rig::new(&[ALI]);
    rig.run(async {
        rig.until("the lines", |rig| rig.report("ali").is_some()).await;
        rig.watch("ali");
        sleep(5 * SECOND).await;
        rig.handover.uplink.set(UplinkState::Lost);
        rig.unwatch("ali");
        sleep(60 * SECOND).await;
        assert_eq!(rig.fake.count("/cancel"), 0);
        rig.handover.uplink.set(UplinkState::Open);
        rig.handover.to_router.notify_one();
        rig.until("the cancel", |rig| rig.fake.count("/cancel") == 1).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_drops_and_returns_under_a_new_id_is_told_soon_and_without_a_false_zero() {
    let rig = Rig::new(&[ALI, ALICE]);
    rig.run(async {
        rig.until("the lines", |rig| rig.report("ali").is_some()).await;
        rig.watch("ali");
        rig.watch("alice");
        sleep(SECOND * 53 / 10).await;
        rig.fake.sessions.borrow_mut().remove(0);
        let offline = rig.until("offline", |rig| !rig.is_live("ali")).await;
        assert!(offline <= 3 * SECOND, "{offline:?}");
        sleep(30 * SECOND).await;
        let before = rig.samples("ali").len();
        rig.fake.sessions.borrow_mut().push(("*F00009", "<pppoe-ali>", "ali", 620_000, 14_780_000));
        let back = rig.until("a sample", |rig| rig.samples("ali").len() > before).await;
        assert!(back <= 3 * SECOND, "{back:?}");
        sleep(10 * SECOND).await;
        assert!(rig.samples("ali").iter().all(|(_, down, _)| *down == 14_780_000));
        let others = rig.samples("alice");
        assert!(others.windows(2).all(|pair| pair[1].0 - pair[0].0 < 2_000), "{others:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn zeros_of_an_interface_whose_session_is_gone_are_no_samples() {
    let rig = Rig::new(&[("*1", "pppoe-in1", "ali", 620_000, 14_780_000)]);
    rig.run(async {
        rig.until("the lines", |rig| rig.report("ali").is_some()).await;
        rig.watch("ali");
        sleep(SECOND * 53 / 10).await;
        // The entry stays, its rows go on with zeros, and the table says that it does not run.
        rig.fake.sessions.borrow_mut()[0] = ("*1", "pppoe-in1", "ali", 0, 0);
        let row = vec!["!re", "=.id=*1", "=name=pppoe-in1", "=user=ali", "=running=false"];
        rig.fake.answers.borrow_mut().insert("/interface/pppoe-server/print", vec![row, vec!["!done"]]);
        let offline = rig.until("offline", |rig| !rig.is_live("ali")).await;
        assert!(offline <= 3 * SECOND, "{offline:?}");
        sleep(5 * SECOND).await;
        assert!(rig.samples("ali").iter().all(|(_, down, _)| *down == 14_780_000), "{:?}", rig.samples("ali"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_truly_falls_silent_is_zero() {
    let rig = Rig::new(&[ALI]);
    rig.run(async {
        rig.until("the lines", |rig| rig.report("ali").is_some()).await;
        rig.watch("ali");
        sleep(SECOND * 53 / 10).await;
        rig.fake.sessions.borrow_mut()[0] = ("*F00001", "<pppoe-ali>", "ali", 0, 0);
        sleep(10 * SECOND).await;
        let samples = rig.samples("ali");
        assert!(samples.iter().filter(|(_, down, up)| down + up == 0).count() >= 9, "{samples:?}");
        assert!(samples.windows(2).all(|pair| pair[1].0 - pair[0].0 <= 2_000), "{samples:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_named_and_not_hammered() {
    let rig = Rig::new(&[]);
    let refusal = vec![vec!["!trap", "=message=invalid user name or password (6)"], vec!["!done"]];
    rig.fake.answers.borrow_mut().insert("/login", refusal);
    rig.run(async {
        sleep(600 * SECOND).await;
        assert!(rig.fault().contains("invalid user name or password (6)"), "{}", rig.fault());
        assert!(!rig.fault().contains("secret") && !rig.handover.status.borrow().router_reachable);
        let logins = rig.fake.count("/login");
        assert!((5..=10).contains(&logins), "{logins} logins in ten minutes");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_router_before_6_43_is_named() {
    let rig = Rig::new(&[]);
    let challenge = vec![vec!["!done", "=ret=0123456789abcdef0123456789abcdef"]];
    rig.fake.answers.borrow_mut().insert("/login", challenge);
    rig.run(async {
        rig.until("the fault", |rig| rig.fault().contains("upgrade RouterOS")).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_user_who_may_not_read_is_told_which_policies() {
    let rig = Rig::new(&[]);
    let refusal = vec![vec!["!trap", "=message=not enough permissions (9)"], vec!["!done"]];
    rig.fake.answers.borrow_mut().insert("/interface/pppoe-server/print", refusal);
    rig.run(async {
        rig.until("the fault", |rig| rig.fault().contains("policies read and api")).await;
        sleep(300 * SECOND).await;
        assert!(rig.fake.count("/login") < 7, "{} logins", rig.fake.count("/login"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_command_without_an_answer_is_cancelled_and_the_rest_goes_on() {
    let rig = Rig::new(&[ALI]);
    rig.fake.answers.borrow_mut().insert("/ppp/secret/print", vec![]);
    rig.run(async {
        rig.until("the lines", |rig| rig.report("ali").is_some()).await;
        rig.watch("ali");
        rig.until("the cancel", |rig| rig.fake.count("/cancel") == 1).await;
        rig.until("the queues", |rig| rig.fake.count("/queue/simple/print") == 1).await;
        sleep(30 * SECOND).await;
        assert_eq!(rig.fake.count("/login"), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_router_that_answers_nothing_any_more_is_connected_to_anew() {
    let rig = Rig::new(&[ALI]);
    rig.run(async {
        rig.until("the lines", |rig| rig.report("ali").is_some()).await;
        rig.watch("ali");
        sleep(5 * SECOND).await;
        rig.fake.silent.set(true);
        for command in ["/cancel", "/system/resource/print", "/interface/pppoe-server/print"] {
            rig.fake.answers.borrow_mut().insert(command, vec![]);
        }
        let lost = rig.until("another login", |rig| rig.fake.count("/login") == 2).await;
        assert!(lost < 20 * SECOND, "{lost:?}");
        rig.fake.answers.borrow_mut().clear();
        rig.fake.silent.set(false);
        let before = rig.samples("ali").len();
        rig.until("samples", |rig| rig.samples("ali").len() > before).await;
        assert!(rig.handover.status.borrow().router_reachable && rig.fault().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn comments_are_asked_for_only_when_that_is_switched_on() {
    for report_comments in [false, true] {
        let mut rig = Rig::new(&[ALI]);
        rig.limits.report_comments = report_comments;
        rig.fake
            .answers
            .borrow_mut()
            .insert("/ppp/profile/print", vec![vec!["!re", "=name=50-10", "=rate-limit=10M/50M"], vec!["!done"]]);
        rig.fake.answers.borrow_mut().insert(
            "/ppp/secret/print",
            vec![vec!["!re", "=name=ali", "=profile=50-10", "=comment=Ali, 12 Long Street"], vec!["!done"]],
        );
        rig.run(async {
            rig.until("the lines", |rig| rig.report("ali").is_some()).await;
            rig.watch("ali");
            rig.until("the plan", |rig| rig.report("ali").is_some_and(|report| !report.plan.is_unknown())).await;
            let report = rig.report("ali").unwrap();
            assert_eq!((report.plan.download, report.plan.upload), (Some(50_000_000), Some(10_000_000)));
            let asked = rig.fake.last("/ppp/secret/print").unwrap();
            assert_eq!(asked.contains("comment"), report_comments, "{asked}");
        })
        .await;
        let heard = rig.fake.heard.borrow();
        assert!(heard.iter().all(|(_, words)| words.starts_with("/login") || !words.contains("password")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_outlives_tables_that_are_not_answered_and_follows_them_when_they_are() {
    let rig = Rig::new(&[ALI]);
    let say = |command, answer| rig.fake.answers.borrow_mut().insert(command, answer);
    let profile = |limit| vec![vec!["!re", "=name=home", limit], vec!["!done"]];
    let secret = || vec![vec!["!re", "=name=ali", "=profile=home"], vec!["!done"]];
    say("/ppp/profile/print", profile("=rate-limit=10M/50M"));
    say("/ppp/secret/print", secret());
    rig.run(async {
        rig.until("the lines", |rig| rig.report("ali").is_some()).await;
        rig.watch("ali");
        let planned = rig.until("the plan", |rig| rig.report("ali").is_some_and(|line| !line.plan.is_unknown())).await;
        assert!(planned <= SECOND, "{planned:?} after the first watch");
        for silent in ["/queue/simple/print", "/ppp/profile/print", "/ppp/secret/print"] {
            say(silent, vec![]);
        }
        let asked = rig.fake.count("/queue/simple/print");
        rig.until("two more tries", |rig| rig.fake.count("/queue/simple/print") == asked + 2).await;
        let report = rig.report("ali").unwrap();
        assert_eq!((report.plan.download, report.profile.as_deref()), (Some(50_000_000), Some("home")));
        rig.fake.answers.borrow_mut().clear();
        say("/ppp/profile/print", profile("=rate-limit=20M/100M"));
        say("/ppp/secret/print", secret());
        rig.until("the new plan", |rig| rig.report("ali").unwrap().plan.download == Some(100_000_000)).await;
        assert_eq!(rig.fake.count("/login"), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_does_not_watch_is_refused() {
    let mut rig = Rig::new(&[ALI, ALICE]);
    rig.limits.max_watched = 1;
    rig.run(async {
        rig.until("the lines", |rig| rig.report("alice").is_some()).await;
        rig.watch("ali");
        sleep(SECOND).await;
        rig.watch("alice");
        rig.handover.watched.borrow_mut().add(shared::LineHandle(4_711));
        sleep(SECOND).await;
        let refused = rig.handover.watched.borrow_mut().take_refused(10);
        let (reason, lines) = refused.unwrap();
        assert_eq!(reason, WatchRefusal::TooManyWatched);
        assert!(lines.contains(&rig.line("alice")) && !lines.contains(&rig.line("ali")));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_busy_router_is_asked_less_often_and_the_status_says_so() {
    let rig = Rig::new(&[ALI]);
    let busy = vec![vec!["!re", "=cpu-load=97"], vec!["!done"]];
    rig.fake.answers.borrow_mut().insert("/system/resource/print", busy);
    rig.run(async {
        rig.until("the lines", |rig| rig.report("ali").is_some()).await;
        rig.watch("ali");
        rig.until("a longer interval", |rig| rig.handover.status.borrow().interval_ms > 1_000).await;
        rig.until("a slower stream", |rig| {
            rig.fake.last("/interface/monitor-traffic").is_some_and(|words| words.ends_with("=interval=2"))
        })
        .await;
        assert_eq!(rig.handover.status.borrow().cpu_load, Some(97));
    })
    .await;
}
