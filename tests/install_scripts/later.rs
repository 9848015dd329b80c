//! What comes after: another script, a reboot, an upgrade, a removal.

use relay::commands::router_script::script::{Image, Install, Place, Storage};
use tests::script_interpreter::{RouterModel, Value};

use crate::found::{VERSIONS, install, place, refused, router, run, says, service};

#[test]
fn removal_heeds_what_the_operator_did_since() {
    let (install, remove) = (install().script().unwrap(), place().remove_script());
    let state = |router: &RouterModel| {
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
fn small_flash_gets_a_root_in_memory_that_comes_back_after_a_reboot() {
    for minor in VERSIONS.into_iter().filter(|minor| *minor >= 7) {
        let mut router = RouterModel::new(minor);
        router.folder("flash", "disk");
        router.upload("flash/linelight-agent-arm64.tar");
        router.change("/system/resource", None, "free-hdd-space", Value::Number(3_000_000));
        let before = router.configuration();
        run(&mut router, &install().script().unwrap(), "install");
        let is_running = |router: &RouterModel| router.objects("/container")[0].contains("running=\"true\"");
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
    let mut small = router(24);
    small.change("/system/resource", None, "free-hdd-space", Value::Number(3_000_000));
    let remote = Image::Remote("registry.example/linelight-agent:1".parse().unwrap());
    let pulled = Install { place: Place { image: remote, ..place() }, ..install() };
    refused(&mut small, &pulled.script().unwrap(), "upload the image, or name a disk");
    let mut old = RouterModel::new(4);
    old.upload("linelight-agent-arm64.tar");
    let memory = Install { place: Place { storage: Storage::Memory, ..place() }, ..install() };
    refused(&mut old, &memory.script().unwrap(), "7.7");
}

#[test]
fn a_disk_of_the_routers_own_holds_everything() {
    for minor in VERSIONS {
        let mut router = RouterModel::new(minor);
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

#[test]
fn an_image_of_a_registry_is_pulled_and_pulled_anew() {
    let image = |name: &str| Place { image: Image::Remote(name.parse().unwrap()), ..place() };
    for minor in VERSIONS {
        let mut router = RouterModel::new(minor);
        let before = router.configuration();
        let install = Install { place: image("registry.example/linelight-agent:1"), ..install() };
        run(&mut router, &install.script().unwrap(), "install");
        assert_eq!(router.values("/container", "remote-image"), ["registry.example/linelight-agent:1"]);
        run(&mut router, &image("registry.example/linelight-agent:2").upgrade_script(), "upgrade");
        assert_eq!(router.values("/container", "remote-image"), ["registry.example/linelight-agent:2"], "7.{minor}");
        assert_eq!(router.values("/container", "running"), ["true"], "7.{minor}");
        run(&mut router, &place().remove_script(), "remove");
        assert_eq!(router.configuration(), before, "7.{minor}");
    }
}
