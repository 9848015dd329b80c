//! Every command of the control port, against a router without ports.

use super::*;
use crate::simulated_router::Setup;

async fn ok(router: &SimulatedRouter, line: &str) -> Vec<String> {
    let answer = answer(router, line).await;
    let mut lines: Vec<String> = answer.lines().map(str::to_owned).collect();
    assert_eq!(lines.pop().as_deref(), Some("ok"), "{line}: {answer}");
    lines.into_iter().map(|line| line.trim_start_matches("= ").to_owned()).collect()
}

async fn refused(router: &SimulatedRouter, line: &str) {
    let answer = answer(router, line).await;
    assert!(answer.starts_with("error ") && answer.lines().count() == 1, "{line}: {answer}");
}

fn misbehaviour(router: &SimulatedRouter) -> Misbehaviour {
    router.core.read(|state| state.misbehaviour.clone())
}

#[tokio::test]
async fn sessions_come_and_go_by_command() {
    let router = SimulatedRouter::unconnected(Setup::default());
    assert_eq!(ok(&router, "up caf%E9").await, ["*F00000 <pppoe-caf%E9>"]);
    assert_eq!(ok(&router, "up caf%E9").await, ["*F00001 <pppoe-caf%E9-1>"]);
    ok(&router, "interface-down <pppoe-caf%E9>").await;
    ok(&router, "static office%201 bob").await;
    assert_eq!(ok(&router, "up bob").await, ["*3 office%201"]);
    ok(&router, "rename office%201 office-2").await;
    ok(&router, "client pppoe-out1 carol").await;
    ok(&router, "client-up carol").await;
    let ports = ok(&router, "ports").await;
    assert_eq!(
        ports,
        [
            "*1 ether1 - true",
            "*2 ether2 - true",
            "*F00001 <pppoe-caf%E9-1> caf%E9 true",
            "*3 office-2 bob true",
            "*4 pppoe-out1 carol true",
        ]
    );
    ok(&router, "down caf%E9").await;
    ok(&router, "client-down carol").await;
    for gone in ["down caf%E9", "client-down carol", "interface-down nowhere", "rename nowhere x"] {
        refused(&router, gone).await;
    }
}

#[tokio::test]
async fn every_command_of_the_help_is_understood() {
    let router = SimulatedRouter::unconnected(Setup::default());
    let commands =
        COMMANDS.lines().filter_map(|line| line.strip_prefix("  ")).take_while(|line| !line.contains("rows-stop"));
    let verbs: Vec<&str> =
        commands.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(' ').next()).collect();
    assert!(verbs.len() > 30, "{verbs:?}");
    let examples = [
        "up a",
        "down a",
        "up a",
        "interface-down <pppoe-a>",
        "static s b",
        "client c d",
        "client-up d",
        "client-down d",
        "rename s t",
        "secret a home-20 a%20comment",
        "rate a 14780000 1",
        "person a video",
        "interface-rate t 1 2",
        "cpu 97",
        "clock 86400",
        "identity x",
        "version 7.9",
        "tags last",
        "empty off",
        "password x",
        "policies read,test",
        "drop",
        "stall on",
        "stall off",
        "refuse on",
        "refuse off",
        "misbehave silent on",
        "behave",
        "inject flood 3",
        "ports",
        "queue all <pppoe-u1>,10.0.0.1 5M/20M parent=none time=8h-20h,mon",
        "wire 30",
        "wire 30 5",
        "commands",
        "samples",
        "samples 3",
        "streams",
        "connections",
        "log",
        "help",
    ];
    for example in examples {
        ok(&router, example).await;
    }
    for verb in verbs {
        assert!(
            examples.iter().any(|example| example.split(' ').next() == Some(verb)),
            "{verb} is tried by no example"
        );
    }
    for wrong in [
        "",
        "nonsense",
        "up",
        "up a b",
        "cpu 300",
        "wire",
        "wire x",
        "wire 1 2 3",
        "wire 1 300",
        "stall maybe",
        "policies write",
        "person a ghost",
        "tags first",
        "queue a b 1/1 burst=1",
    ] {
        refused(&router, wrong).await;
    }
}

#[tokio::test]
async fn every_misbehaviour_has_a_key_and_behave_ends_all() {
    let router = SimulatedRouter::unconnected(Setup::default());
    let keys = COMMANDS.lines().skip_while(|line| !line.starts_with("Keys of")).skip(1);
    let keys: Vec<&str> = keys.filter_map(|line| line.split_whitespace().next()).collect();
    let settings = [
        "vanished zeros",
        "bad-name skipped",
        "names-only on",
        "unmonitored <pppoe-alice>",
        "doubled on",
        "listed-twice on",
        "silent on",
        "missing-properties name,uptime",
        "nameless on",
        "suffixed on",
        "narrow-counters on",
        "unknown-stats on",
        "piece 1",
        "late 3",
        "unanswered /ppp",
        "deaf on",
        "refused /ppp",
        "missing-menus /queue/simple",
        "no-listen on",
        "unknown-words on",
        "partial paused:100",
        "drops-rows on",
    ];
    assert_eq!(keys.len(), settings.len());
    for (setting, key) in settings.iter().zip(keys) {
        assert!(setting.starts_with(key), "{setting} is not {key}");
        let before = misbehaviour(&router);
        ok(&router, &format!("misbehave {setting}")).await;
        assert_ne!(misbehaviour(&router), before, "{setting} changes nothing");
        refused(&router, &format!("misbehave {key}")).await;
    }
    for value in ["rows-stop", "trap", "done"] {
        ok(&router, &format!("misbehave vanished {value}")).await;
    }
    for value in ["interrupted", "truncated", "off"] {
        ok(&router, &format!("misbehave partial {value}")).await;
    }
    ok(&router, "behave").await;
    assert_eq!(misbehaviour(&router), Misbehaviour::default());
    refused(&router, "misbehave vanished perhaps").await;
    refused(&router, "misbehave nonsense on").await;
}

#[tokio::test]
async fn every_injection_has_a_word() {
    let router = SimulatedRouter::unconnected(Setup::default());
    for kind in [
        "huge-word",
        "reserved-prefix",
        "long-word",
        "many-words",
        "long-sentence",
        "unknown-word",
        "flood 2",
        "fatal gone",
        "bytes %00%FF",
    ] {
        ok(&router, &format!("inject {kind}")).await;
    }
    for kind in ["nonsense", "flood", "flood many", "huge-word 1"] {
        refused(&router, &format!("inject {kind}")).await;
    }
}
