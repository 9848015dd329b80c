//! Routers as they are found, and what is tried on them.

use relay::commands::router_script::script::{Image, Install, Place, Storage, Subnet};
use tests::script_interpreter::{Lists, RouterModel, Stop, Value};

/// RouterOS 7.x where names changed, and those before it.
pub(crate) const VERSIONS: [u8; 11] = [4, 5, 7, 9, 14, 19, 20, 21, 22, 23, 24];
pub(crate) const TOKEN: &str = "linelight_agent_s3cr3t-T0ken_of-this-test";
pub(crate) const PASSWORD: &str = "Passw0rd-of-thi-s-test";

pub(crate) fn place() -> Place {
    Place { arch: None, image: Image::File(None), storage: Storage::Auto, subnet: Subnet::DEFAULT }
}

pub(crate) fn install() -> Install {
    Install {
        agent: "tower".to_owned(),
        relays: vec!["wss://relay.example".parse().unwrap()],
        pins: Vec::new(),
        ca: None,
        token: TOKEN.to_owned(),
        password: PASSWORD.to_owned(),
        place: place(),
        response: false,
    }
}

pub(crate) fn router(minor: u8) -> RouterModel {
    let mut router = RouterModel::new(minor);
    router.upload("linelight-agent-arm64.tar");
    router
}

pub(crate) fn rule(router: &mut RouterModel, menu: &str, properties: &[(&str, &str)]) {
    let properties: Vec<_> = properties.iter().map(|(name, value)| (*name, Value::from(*value))).collect();
    router.put(menu, &properties);
}

/// What RouterOS writes on a home router's first start.
pub(crate) fn default_firewall(router: &mut RouterModel) {
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

pub(crate) fn service(router: &mut RouterModel, disabled: bool, addresses: &[&str]) {
    router.change("/ip/service", Some("api"), "disabled", Value::Bool(disabled));
    let addresses = addresses.iter().map(|address| Value::from(*address)).collect();
    router.change("/ip/service", Some("api"), "address", Value::Array(addresses));
}

/// Routers as they are found, each with a name.
pub(crate) fn found(minor: u8) -> Vec<(&'static str, RouterModel)> {
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

pub(crate) fn run(router: &mut RouterModel, script: &str, name: &str) {
    if let Err(stop) = router.run(script) {
        panic!("{name}: {stop:?}\nprinted: {:#?}", router.printed());
    }
}

pub(crate) fn says(router: &RouterModel, words: &str) -> bool {
    router.printed().iter().any(|line| line.contains(words))
}

pub(crate) fn refused(router: &mut RouterModel, script: &str, words: &str) {
    let before = router.configuration();
    match router.run(script) {
        Err(Stop::Trap(message)) => assert!(message.contains(words), "{message}"),
        other => panic!("{other:?} instead of {words:?}"),
    }
    assert_eq!(router.configuration(), before, "what is refused changes nothing: {words}");
}
