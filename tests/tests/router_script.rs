//! The scripts of `linelight-relay router-script`, applied to a model of a router for each version of RouterOS that renamed something.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use relay::commands::router_script::script::{Image, Install, Place, Storage, Subnet};
use tests::routeros_script::{Lists, Router, Stop, Value};

/// RouterOS 7.x where names changed, and those before it.
const VERSIONS: [u8; 11] = [4, 5, 7, 9, 14, 19, 20, 21, 22, 23, 24];
const TOKEN: &str = "linelight_agent_s3cr3t-T0ken_of-this-test";
const PASSWORD: &str = "Passw0rd-of-thi-s-test";

fn place() -> Place {
    Place { arch: None, image: Image::File(None), storage: Storage::Auto, subnet: Subnet::DEFAULT }
}

fn install() -> Install {
    Install {
        agent: "tower".to_owned(),
        relays: vec!["wss://relay.example".parse().unwrap()],
        pins: Vec::new(),
        ca: None,
        token: TOKEN.to_owned(),
        password: PASSWORD.to_owned(),
        place: place(),
    }
}

fn router(minor: u8) -> Router {
    let mut router = Router::new(minor);
    router.upload("linelight-agent-arm64.tar");
    router
}

fn rule(router: &mut Router, menu: &str, properties: &[(&str, &str)]) {
    let properties: Vec<_> = properties.iter().map(|(name, value)| (*name, Value::from(*value))).collect();
    router.put(menu, &properties);
}

/// What RouterOS writes on a home router's first start.
fn default_firewall(router: &mut Router) {
    const FILTER: &str = "/ip/firewall/filter";
    let dummy = [("chain", "forward".into()), ("action", "passthrough".into()), ("dynamic", Value::Bool(true))];
    router.put(FILTER, &dummy);
    rule(
        router,
        FILTER,
        &[("chain", "input"), ("action", "accept"), ("connection-state", "established,related,untracked")],
    );
    rule(router, FILTER, &[("chain", "input"), ("action", "drop"), ("connection-state", "invalid")]);
    rule(router, FILTER, &[("chain", "input"), ("action", "accept"), ("protocol", "icmp")]);
    rule(router, FILTER, &[("chain", "input"), ("action", "drop"), ("in-interface-list", "!LAN")]);
    rule(
        router,
        FILTER,
        &[("chain", "forward"), ("action", "fasttrack-connection"), ("connection-state", "established,related")],
    );
    rule(
        router,
        FILTER,
        &[("chain", "forward"), ("action", "accept"), ("connection-state", "established,related,untracked")],
    );
    rule(router, FILTER, &[("chain", "forward"), ("action", "drop"), ("in-interface-list", "WAN")]);
    rule(router, "/ip/firewall/nat", &[("chain", "srcnat"), ("action", "masquerade"), ("out-interface-list", "WAN")]);
}

fn service(router: &mut Router, disabled: bool, addresses: &[&str]) {
    router.change("/ip/service", Some("api"), "disabled", Value::Bool(disabled));
    let addresses = addresses.iter().map(|address| Value::from(*address)).collect();
    router.change("/ip/service", Some("api"), "address", Value::Array(addresses));
}

/// Routers as they are found, each with a name.
fn found(minor: u8) -> Vec<(&'static str, Router)> {
    let mut default = router(minor);
    default_firewall(&mut default);
    let mut billing = router(minor);
    default_firewall(&mut billing);
    service(&mut billing, false, &["10.20.0.5/32", "198.51.100.0/24"]);
    let mut disabled = router(minor);
    service(&mut disabled, true, &[]);
    let mut disabled_listed = router(minor);
    service(&mut disabled_listed, true, &["10.20.0.5/32"]);
    let mut drops = router(minor).handing_out(Lists::Texts);
    service(&mut drops, false, &["10.20.0.5/32", "198.51.100.0/24"]);
    rule(&mut drops, "/ip/firewall/filter", &[("chain", "input"), ("action", "drop")]);
    rule(&mut drops, "/ip/firewall/filter", &[("chain", "forward"), ("action", "drop"), ("comment", "ours")]);
    rule(&mut drops, "/ip/firewall/nat", &[("chain", "srcnat"), ("action", "src-nat"), ("to-addresses", "192.0.2.1")]);
    rule(&mut drops, "/ip/firewall/nat", &[("chain", "dstnat"), ("action", "dst-nat"), ("to-addresses", "10.0.0.2")]);
    let mut other_container = router(minor);
    let (envs, mounts) = (if minor < 20 { "name" } else { "list" }, if minor < 21 { "name" } else { "list" });
    rule(&mut other_container, "/container/envs", &[(envs, "pihole"), ("key", "TZ"), ("value", "UTC")]);
    rule(
        &mut other_container,
        "/container/mounts",
        &[(mounts, "pihole"), ("src", "disk1/pihole"), ("dst", "/etc/pihole")],
    );
    vec![
        ("open, no firewall", router(minor)),
        ("default firewall", default),
        ("billing system on the API", billing),
        ("API disabled", disabled),
        ("API disabled, with addresses", disabled_listed),
        ("drops in front", drops),
        ("another container", other_container),
    ]
}

fn run(router: &mut Router, script: &str, name: &str) {
    if let Err(stop) = router.run(script) {
        panic!("{name}: {stop:?}\nprinted: {:#?}", router.printed());
    }
}

fn says(router: &Router, words: &str) -> bool {
    router.printed().iter().any(|line| line.contains(words))
}

#[test]
fn a_second_paste_changes_nothing_and_removal_restores_the_first_configuration() {
    let (install, remove) = (install().script().unwrap(), place().remove_script());
    for minor in VERSIONS {
        for (name, mut router) in found(minor) {
            let name = format!("7.{minor}, {name}");
            let before = router.configuration();
            run(&mut router, &install, &name);
            let after = router.configuration();
            assert_ne!(before, after, "{name}");
            assert!(!says(&router, "nothing to change"), "{name}");
            run(&mut router, &install, &name);
            assert_eq!(router.configuration(), after, "{name}: the second paste changes something");
            assert!(says(&router, "nothing to change"), "{name}: {:#?}", router.printed());
            run(&mut router, &remove, &name);
            assert_eq!(router.configuration(), before, "{name}: the removal leaves something");
            run(&mut router, &remove, &name);
            assert_eq!(router.configuration(), before, "{name}");
            assert!(says(&router, "nothing to remove"), "{name}");
        }
    }
}

#[test]
fn the_container_runs_with_what_its_version_knows() {
    for minor in VERSIONS {
        let mut router = router(minor);
        run(&mut router, &install().script().unwrap(), "install");
        let objects = router.objects("/container");
        assert_eq!(objects.len(), 1, "7.{minor}");
        let has = |words: &str| objects[0].contains(words);
        assert!(
            has("running=\"true\"") && has("interface=\"linelight\"") && has("dns=\"172.31.255.1\""),
            "7.{minor}: {objects:?}"
        );
        assert_eq!(has(" envlist=\"linelight\""), minor < 20, "7.{minor}: {objects:?}");
        assert_eq!(has(" envlists=\"linelight\""), minor >= 20, "7.{minor}: {objects:?}");
        assert_eq!(has(" mountlists=\"linelight\""), minor >= 21, "7.{minor}: {objects:?}");
        assert_eq!(has("start-on-boot=\"true\""), minor >= 6, "7.{minor}: {objects:?}");
        assert_eq!(has("auto-restart-interval="), (20..23).contains(&minor), "7.{minor}: {objects:?}");
        assert_eq!(has("restart-policy=\"always\""), minor >= 23, "7.{minor}: {objects:?}");
        let mounts = router.objects("/container/mounts");
        assert_eq!(mounts[0].contains("read-only=\"true\""), (20..23).contains(&minor), "7.{minor}: {mounts:?}");
        assert_eq!(mounts[0].contains("mode=\"ro\""), minor >= 23, "7.{minor}: {mounts:?}");
        // Before 7.6 nothing starts a container with the router but a schedule.
        assert_eq!(router.objects("/system/scheduler").len(), usize::from(minor < 6), "7.{minor}");
        router.reboot().unwrap();
        assert!(router.objects("/container")[0].contains("running=\"true\""), "7.{minor}: gone after a reboot");
    }
}

#[test]
fn every_object_is_marked_and_only_the_service_api_of_what_was_there_changes() {
    for minor in VERSIONS {
        let mut router = found(minor).into_iter().find(|(name, _)| *name == "billing system on the API").unwrap().1;
        let menus = [
            "/interface/veth",
            "/ip/address",
            "/ip/firewall/filter",
            "/ip/firewall/nat",
            "/ip/firewall/address-list",
            "/user",
            "/container",
            "/container/envs",
            "/container/mounts",
        ];
        let before: Vec<_> = menus.iter().map(|menu| router.objects(menu)).collect();
        run(&mut router, &install().script().unwrap(), "install");
        for (menu, before) in menus.iter().zip(before) {
            let after = router.objects(menu);
            assert!(after.len() > before.len(), "{menu}");
            let added = after.iter().filter(|object| !before.contains(object));
            for object in added {
                assert!(
                    object.contains("comment=\"linelight") || object.contains("dynamic=\"true\""),
                    "{menu}: {object}"
                );
            }
            assert_eq!(
                before,
                after.iter().filter(|object| before.contains(object)).cloned().collect::<Vec<_>>(),
                "{menu}"
            );
        }
        assert_eq!(router.values("/ip/service", "address")[0], "10.20.0.5/32;198.51.100.0/24;172.31.255.2/32");
        assert!(says(
            &router,
            "added 172.31.255.2/32 to the addresses of the service api (10.20.0.5/32,198.51.100.0/24)"
        ));
    }
}

#[test]
fn the_service_api_is_never_wider_than_before() {
    let install = install().script().unwrap();
    for minor in VERSIONS {
        for lists in [Lists::Arrays, Lists::Texts] {
            for (disabled, addresses, after) in [
                (false, &[][..], "false "),
                (false, &["10.20.0.5/32"], "false 10.20.0.5/32;172.31.255.2/32"),
                (true, &[], "false 172.31.255.2/32"),
                (true, &["0.0.0.0/0"], "false 172.31.255.2/32"),
            ] {
                let mut router = router(minor).handing_out(lists);
                service(&mut router, disabled, addresses);
                run(&mut router, &install, "install");
                let found = format!(
                    "{} {}",
                    router.values("/ip/service", "disabled")[0],
                    router.values("/ip/service", "address")[0]
                );
                assert_eq!(found, after, "7.{minor} {disabled} {addresses:?}");
                assert_eq!(says(&router, "open to every address"), !disabled && addresses.is_empty());
            }
        }
    }
}

#[test]
fn removal_heeds_what_the_operator_did_since() {
    let (install, remove) = (install().script().unwrap(), place().remove_script());
    let state = |router: &Router| {
        (router.values("/ip/service", "disabled")[0].clone(), router.values("/ip/service", "address")[0].clone())
    };
    for minor in VERSIONS {
        // Disabled before; a billing system has come to live on it since.
        let mut router = router(minor);
        service(&mut router, true, &[]);
        run(&mut router, &install, "install");
        service(&mut router, false, &["172.31.255.2/32", "10.20.0.5/32"]);
        run(&mut router, &remove, "remove");
        assert_eq!(state(&router), ("false".to_owned(), "10.20.0.5/32".to_owned()), "7.{minor}");
        // Listed before; everybody else has gone since: an empty list would be open to all.
        service(&mut router, false, &["10.20.0.5/32"]);
        run(&mut router, &install, "install");
        service(&mut router, false, &["172.31.255.2/32"]);
        run(&mut router, &remove, "remove");
        assert_eq!(state(&router), ("true".to_owned(), String::new()), "7.{minor}");
        // Open before, listed since: the next paste adds itself and removal takes only itself away.
        service(&mut router, false, &[]);
        run(&mut router, &install, "install");
        service(&mut router, false, &["10.20.0.5/32"]);
        run(&mut router, &install, "install");
        assert_eq!(state(&router).1, "10.20.0.5/32;172.31.255.2/32");
        run(&mut router, &remove, "remove");
        assert_eq!(state(&router), ("false".to_owned(), "10.20.0.5/32".to_owned()), "7.{minor}");
    }
}

#[test]
fn the_container_reaches_the_api_dns_and_the_relay_and_nothing_else() {
    for minor in VERSIONS {
        for asks_router in [true, false] {
            let (_, mut router) = found(minor).into_iter().find(|(name, _)| *name == "drops in front").unwrap();
            router.change("/ip/dns", None, "allow-remote-requests", Value::Bool(asks_router));
            run(&mut router, &install().script().unwrap(), "install");
            let filter = router.objects("/ip/firewall/filter");
            let chain = |name: &str| -> Vec<&str> {
                let wanted = format!("chain=\"{name}\"");
                filter.iter().filter(|rule| rule.contains(&wanted)).map(String::as_str).collect()
            };
            // In front of the operator's own drop, and for the container's interface only.
            for (name, way) in [("input", "linelight-input"), ("forward", "linelight-forward")] {
                let rules = chain(name);
                assert!(rules[0].contains(&format!("jump-target=\"{way}\"")), "7.{minor}: {rules:?}");
                assert!(rules[0].contains("in-interface=\"linelight\""), "7.{minor}: {rules:?}");
                assert!(rules.last().unwrap().contains("action=\"drop\""), "7.{minor}: {rules:?}");
                let ours = chain(way);
                assert!(ours.last().unwrap().starts_with("action=\"drop\" chain="), "7.{minor}: {ours:?}");
                let asks = usize::from((name == "input") == asks_router) * 2;
                assert_eq!(ours.len(), 2 + asks, "7.{minor}: {ours:?}");
                assert_eq!(ours.iter().filter(|rule| rule.contains("dst-port=\"53\"")).count(), asks);
            }
            assert!(chain("forward")[1].contains("out-interface=\"linelight\""));
            assert!(chain("linelight-input")[0].contains("dst-port=\"8728\""));
            let relay = chain("linelight-forward")[0];
            assert!(
                relay.contains("dst-address-list=\"linelight-relay\"") && relay.contains("dst-port=\"443\""),
                "{relay}"
            );
            assert_eq!(router.values("/ip/firewall/address-list", "address")[0], "relay.example");
            let nat = router.objects("/ip/firewall/nat");
            assert!(nat[0].contains("masquerade") && nat[0].contains("src-address=\"172.31.255.2\""), "{nat:?}");
            assert_eq!(router.values("/user", "address")[1], "172.31.255.2/32");
            assert_eq!(router.values("/user/group", "policy")[1], "read,api");
        }
    }
}

#[test]
fn secrets_are_in_files_that_exports_do_not_show() {
    for minor in VERSIONS {
        let mut router = router(minor);
        run(&mut router, &install().script().unwrap(), "install");
        let export = router.export();
        assert!(!export.contains(TOKEN) && !export.contains(PASSWORD), "7.{minor}: {export}");
        assert!(router.printed().iter().all(|line| !line.contains(TOKEN) && !line.contains(PASSWORD)), "7.{minor}");
        let files = router.objects("/file");
        for (name, secret) in [("password.txt", PASSWORD), ("token.txt", TOKEN)] {
            let name = format!("name=\"linelight-secrets/{name}\"");
            let file = files.iter().find(|file| file.contains(&name)).unwrap_or_else(|| panic!("7.{minor}: {files:?}"));
            assert!(file.contains(&format!("contents=\"{secret}\"")), "7.{minor}: {file}");
        }
        assert_eq!(router.values("/user", "password")[1], PASSWORD);
    }
}

#[test]
fn a_newer_script_renews_the_secrets_and_the_relay() {
    for minor in VERSIONS {
        let mut router = router(minor);
        run(&mut router, &install().script().unwrap(), "install");
        let newer = Install {
            relays: vec!["wss://other.example:8443".parse().unwrap(), "wss://192.0.2.9".parse().unwrap()],
            token: "another".to_owned(),
            password: "changed".to_owned(),
            ..install()
        };
        run(&mut router, &newer.script().unwrap(), "newer");
        assert_eq!(router.values("/user", "password")[1], "changed", "7.{minor}");
        assert!(router.values("/file", "contents").contains(&"another".to_owned()), "7.{minor}");
        let values = router.values("/container/envs", "value");
        assert!(values.contains(&"wss://other.example:8443,wss://192.0.2.9".to_owned()), "7.{minor}: {values:?}");
        let lists = router.objects("/ip/firewall/address-list");
        assert!(!lists.iter().any(|entry| entry.contains("relay.example")), "7.{minor}: {lists:?}");
        assert_eq!(lists.iter().filter(|entry| !entry.contains("dynamic")).count(), 2, "7.{minor}: {lists:?}");
        assert!(
            router.objects("/ip/firewall/filter").iter().any(|rule| rule.contains("dst-port=\"443,8443\"")),
            "7.{minor}"
        );
        run(&mut router, &newer.script().unwrap(), "newer");
        assert!(says(&router, "nothing to change"), "7.{minor}: {:#?}", router.printed());
    }
}

#[test]
fn another_api_port_is_taken_from_the_service() {
    let mut router = router(24);
    router.change("/ip/service", Some("api"), "port", "58728".into());
    run(&mut router, &install().script().unwrap(), "install");
    assert!(router.objects("/ip/firewall/filter").iter().any(|rule| rule.contains("dst-port=\"58728\"")));
    assert!(router.values("/container/envs", "value").contains(&"172.31.255.1:58728".to_owned()));
}

#[test]
fn small_flash_gets_a_root_in_memory_that_comes_back_after_a_reboot() {
    for minor in VERSIONS.into_iter().filter(|minor| *minor >= 7) {
        let mut router = Router::new(minor);
        router.folder("flash", "disk");
        router.upload("flash/linelight-agent-arm64.tar");
        router.change("/system/resource", None, "free-hdd-space", Value::Number(3_000_000));
        let before = router.configuration();
        run(&mut router, &install().script().unwrap(), "install");
        let is_running = |router: &Router| router.objects("/container")[0].contains("running=\"true\"");
        assert!(is_running(&router), "7.{minor}");
        assert_eq!(router.values("/container", "root-dir"), ["linelight-ram/root"]);
        assert!(router.values("/file", "name").contains(&"flash/linelight-secrets/token.txt".to_owned()));
        let after = router.configuration();
        run(&mut router, &install().script().unwrap(), "again");
        assert_eq!(router.configuration(), after, "7.{minor}");
        for _ in 0..2 {
            router.reboot().unwrap();
            assert!(is_running(&router), "7.{minor}: {:?}", router.objects("/container"));
        }
        run(&mut router, &place().remove_script(), "remove");
        assert_eq!(router.configuration(), before, "7.{minor}");
    }
    let mut old = Router::new(4);
    old.upload("linelight-agent-arm64.tar");
    let memory = Install { place: Place { storage: Storage::Memory, ..place() }, ..install() };
    refused(&mut old, &memory.script().unwrap(), "7.7");
}

#[test]
fn a_disk_of_the_routers_own_holds_everything() {
    for minor in VERSIONS {
        let mut router = Router::new(minor);
        let on_usb =
            Install { place: Place { storage: Storage::Disk("usb1".parse().unwrap()), ..place() }, ..install() };
        let script = on_usb.script().unwrap();
        refused(&mut router, &script, "no disk usb1");
        router.folder("usb1", "disk");
        refused(&mut router, &script, "usb1/linelight-agent-arm64.tar");
        router.upload("usb1/linelight-agent-arm64.tar");
        let before = router.configuration();
        run(&mut router, &script, "install");
        assert_eq!(router.values("/container", "root-dir"), ["usb1/linelight-root"]);
        assert!(router.values("/container/mounts", "src").contains(&"usb1/linelight-secrets".to_owned()));
        run(&mut router, &place().remove_script(), "remove");
        assert_eq!(router.configuration(), before, "7.{minor}");
    }
}

#[test]
fn an_upgrade_takes_the_new_image_and_leaves_the_rest() {
    for minor in VERSIONS {
        for memory in [false, true].into_iter().filter(|memory| !memory || minor >= 7) {
            let mut router = router(minor);
            let storage = if memory { Storage::Memory } else { Storage::Auto };
            let install = Install { place: Place { storage, ..place() }, ..install() };
            run(&mut router, &install.script().unwrap(), "install");
            router.upload("agent-2.tar");
            let image = Image::File(Some("agent-2.tar".parse().unwrap()));
            let upgrade = Place { image, ..place() }.upgrade_script();
            let (envs, filter) = (router.objects("/container/envs"), router.objects("/ip/firewall/filter"));
            run(&mut router, &upgrade, "upgrade");
            let containers = router.objects("/container");
            assert_eq!(containers.len(), 1, "7.{minor}");
            assert!(
                containers[0].contains("file=\"agent-2.tar\"") && containers[0].contains("running=\"true\""),
                "{containers:?}"
            );
            assert_eq!(containers[0].contains("pulled"), minor >= 20, "7.{minor}: {containers:?}");
            assert_eq!((envs, filter), (router.objects("/container/envs"), router.objects("/ip/firewall/filter")));
            router.reboot().unwrap();
            let containers = router.objects("/container");
            assert!(
                containers[0].contains("agent-2.tar") && containers[0].contains("running=\"true\""),
                "7.{minor}: {containers:?}"
            );
        }
    }
}

fn refused(router: &mut Router, script: &str, words: &str) {
    let before = router.configuration();
    match router.run(script) {
        Err(Stop::Trap(message)) => assert!(message.contains(words), "{message}"),
        other => panic!("{other:?} instead of {words:?}"),
    }
    assert_eq!(router.configuration(), before, "what is refused changes nothing: {words}");
}

#[test]
fn what_is_missing_is_said_before_anything_changes() {
    let script = install().script().unwrap();
    for minor in VERSIONS {
        refused(&mut router(minor).without_containers(), &script, "the package container is not installed");
        let mut off = router(minor);
        off.change("/system/device-mode", None, "container", Value::Bool(false));
        refused(&mut off, &script, "press the button within 5 minutes");
        refused(&mut Router::new(minor), &script, "upload the image first, as linelight-agent-arm64.tar");
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
        let mut router = Router::new(24);
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
fn every_variable_is_one_that_the_agent_knows() {
    let known: Vec<String> = agent::config::command_line()
        .get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned()))
        .collect();
    let pem = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n";
    for install in [
        Install { pins: vec!["sha256//a+b/c=".to_owned(), "sha256//d".to_owned()], ..install() },
        Install { ca: Some(pem.to_owned()), ..install() },
    ] {
        for minor in VERSIONS {
            let mut router = router(minor);
            run(&mut router, &install.script().unwrap(), "install");
            let keys = router.values("/container/envs", "key");
            assert_eq!(keys.len(), 5, "{keys:?}");
            for key in keys {
                assert!(known.contains(&key), "{key} is unknown to the agent, which knows {known:?}");
            }
            run(&mut router, &install.script().unwrap(), "again");
            assert!(says(&router, "nothing to change"), "{:#?}", router.printed());
            if install.ca.is_some() {
                assert!(
                    router.values("/file", "contents").contains(&pem.to_owned()),
                    "{:?}",
                    router.values("/file", "contents")
                );
            }
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
    assert!(matches!(Router::new(21).run(script), Err(Stop::Trap(message)) if message.contains("envlist")));
    let mut router = Router::new(21);
    let _ = router.run(script);
    assert!(router.printed().is_empty(), "nothing of it ran");
}
