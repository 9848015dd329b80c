//! What is there after one paste and after two, and what is not.

use relay::commands::router_script::script::Install;
use tests::script_interpreter::{Lists, RouterModel, Value};

use crate::found::{PASSWORD, TOKEN, VERSIONS, found, install, place, router, run, says, service};

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
fn probes_leave_the_container_for_the_subscribers_only_where_they_are_asked_for() {
    for minor in VERSIONS {
        for asks_router in [true, false] {
            let mut router = router(minor);
            router.change("/ip/dns", None, "allow-remote-requests", Value::Bool(asks_router));
            run(&mut router, &Install { response: true, ..install() }.script().unwrap(), "install");
            let probes = |router: &RouterModel| -> Vec<String> {
                let rules = router.objects("/ip/firewall/filter").into_iter();
                rules.filter(|rule| rule.contains("protocol=\"icmp\"")).collect()
            };
            let [rule] = &probes(&router)[..] else { panic!("7.{minor}: {:?}", router.objects("/ip/firewall/filter")) };
            for part in [
                "chain=\"linelight-forward\"",
                "out-interface=\"all-ppp\"",
                "icmp-options=\"8:0\"",
                "action=\"accept\"",
            ] {
                assert!(rule.contains(part), "7.{minor}: {rule}");
            }
            let last = router
                .objects("/ip/firewall/filter")
                .into_iter()
                .rfind(|rule| rule.contains("linelight-forward"))
                .unwrap();
            assert!(!last.contains("icmp"), "7.{minor}: the drop stays last: {last}");
            assert!(!router.values("/container/envs", "key").contains(&"LINELIGHT_PROBES_PER_SECOND".to_owned()));
            run(&mut router, &install().script().unwrap(), "install");
            assert_eq!(
                probes(&router),
                Vec::<String>::new(),
                "7.{minor}: a later script without the word takes it away"
            );
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
fn another_api_port_is_taken_from_the_service() {
    let mut router = router(24);
    router.change("/ip/service", Some("api"), "port", "58728".into());
    run(&mut router, &install().script().unwrap(), "install");
    assert!(router.objects("/ip/firewall/filter").iter().any(|rule| rule.contains("dst-port=\"58728\"")));
    assert!(router.values("/container/envs", "value").contains(&"172.31.255.1:58728".to_owned()));
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
            assert_eq!(keys.len(), 6, "{keys:?}");
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

/// The lines of a script's output that container/install.md shows, each up to where it is cut short.
fn shown() -> Vec<String> {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../container/install.md");
    let text = std::fs::read_to_string(document).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("       linelight: ")).map(str::trim);
    lines.map(|line| line.split(['…', '(']).next().unwrap().trim_end().to_owned()).collect()
}

#[test]
fn the_document_shows_what_is_printed() {
    let mut router = router(24);
    service(&mut router, false, &["10.20.0.5/32"]);
    run(&mut router, &install().script().unwrap(), "install");
    let more =
        ["LINELIGHT_ROUTER", "LINELIGHT_ROUTER_PASSWORD_FILE", "LINELIGHT_TOKEN_FILE", "LINELIGHT_PROBES_PER_SECOND"];
    let printed: Vec<_> =
        router.printed().iter().filter(|line| !more.iter().any(|name| line.ends_with(name))).collect();
    let shown = shown();
    assert_eq!(printed.len(), shown.len(), "{printed:#?}\n{shown:#?}");
    for (printed, shown) in printed.iter().zip(&shown) {
        assert!(printed.starts_with(shown), "{printed}\n{shown}");
    }
}
