//! What is refused, and the text itself.

use relay::commands::router_script::script::{Install, Place};
use tests::script_interpreter::{RouterModel, Stop, Value};

use crate::found::{VERSIONS, install, place, refused, router, rule, run};

#[test]
fn what_is_missing_is_said_before_anything_changes() {
    let script = install().script().unwrap();
    for minor in VERSIONS {
        refused(&mut router(minor).without_containers(), &script, "the package container is not installed");
        let mut off = router(minor);
        off.change("/system/device-mode", None, "container", Value::Bool(false));
        refused(&mut off, &script, "press the button within 5 minutes");
        refused(&mut RouterModel::new(minor), &script, "upload the image first, as linelight-agent-arm64.tar");
        let mut mips = router(minor);
        mips.change("/system/resource", None, "architecture-name", "mipsbe".into());
        refused(&mut mips, &script, "containers need arm, arm64 or x86");
        let mut deaf = router(minor);
        deaf.change("/ip/dns", None, "servers", Value::Array(Vec::new()));
        deaf.change("/ip/dns", None, "allow-remote-requests", Value::Bool(false));
        refused(&mut deaf, &script, "/ip/dns/set servers=");
        let mut taken = router(minor);
        taken.put("/user", &[("name", "linelight".into()), ("group", "full".into())]);
        refused(&mut taken, &script, "a user linelight is there");
        let mut taken = router(minor);
        taken.put("/interface", &[("name", "linelight".into()), ("type", "bridge".into())]);
        refused(&mut taken, &script, "an interface linelight is there");
        let mut taken = router(minor);
        rule(
            &mut taken,
            "/ip/address",
            &[("address", "172.31.255.1/30"), ("network", "172.31.255.0"), ("interface", "ether1")],
        );
        refused(&mut taken, &script, "--subnet");
        refused(&mut router(minor), &place().upgrade_script(), "no agent is installed here");
    }
    let mut old = router(4);
    old.change("/system/resource", None, "version", "7.3.1 (stable)".into());
    refused(&mut old, &script, "RouterOS 7.4 or later");
    let mut old = router(4);
    old.change("/system/resource", None, "version", "6.49.18 (long-term)".into());
    refused(&mut old, &script, "a box beside the router");
}

#[test]
fn the_architecture_is_the_routers_own_unless_told() {
    for (board, told, file) in [
        ("arm64", None, Some("linelight-agent-arm64.tar")),
        ("arm", None, Some("linelight-agent-armv5.tar")),
        ("arm", Some("armv7"), Some("linelight-agent-armv7.tar")),
        ("x86_64", None, Some("linelight-agent-x86-64.tar")),
        ("x86", None, Some("linelight-agent-x86-64.tar")),
        ("arm64", Some("armv7"), None),
        ("arm", Some("arm64"), None),
    ] {
        let mut router = RouterModel::new(24);
        router.change("/system/resource", None, "architecture-name", board.into());
        let arch = told.map(|arch| arch.parse().unwrap());
        let script = Install { place: Place { arch, ..place() }, ..install() }.script().unwrap();
        match file {
            Some(file) => {
                router.upload(file);
                run(&mut router, &script, board);
                assert_eq!(router.values("/container", "file"), [file]);
            }
            None => refused(&mut router, &script, "the agent asked for is"),
        }
    }
}

#[test]
fn a_script_is_one_block_that_a_terminal_takes() {
    let installs = install().script().unwrap();
    for script in [installs, place().remove_script(), place().upgrade_script()] {
        let code = script.lines().skip_while(|line| line.starts_with('#')).collect::<Vec<_>>();
        assert_eq!((code[0], *code.last().unwrap()), ("{", "}"), "one pair of braces around everything");
        assert!(
            !script.contains('\t') && !script.contains('?'),
            "keys that a terminal takes for completion and for help"
        );
        assert!(script.is_ascii());
        assert!(!script.contains("{{"), "a placeholder is left");
        assert!(script.len() < 32 * 1024, "{} bytes: RouterOS's own highlighter reads 32 KiB", script.len());
        assert!(script.lines().all(|line| line.len() < 1024), "a line too long to be edited");
    }
}

#[test]
fn names_that_a_version_does_not_know_stop_a_whole_script() {
    let script = ":put \"a\"\n/container/add envlist=x interface=ether1\n";
    assert!(matches!(RouterModel::new(21).run(script), Err(Stop::Trap(message)) if message.contains("envlist")));
    let mut router = RouterModel::new(21);
    let _ = router.run(script);
    assert!(router.printed().is_empty(), "nothing of it ran");
}
