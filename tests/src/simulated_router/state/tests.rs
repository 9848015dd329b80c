//! The model: names, ids, directions, counters.

use super::*;

fn world() -> World {
    World::new("r", "7.23.1 (stable)", 1)
}

const RATES: Rates = Rates::new(14_780_000, 2_100_000);

#[test]
fn a_reconnect_is_a_new_id_under_the_old_name() {
    let mut world = world();
    let first = world.session_up(b"alice", 0);
    assert_eq!((first.id.as_str(), first.name.as_slice()), ("*F00000", &b"<pppoe-alice>"[..]));
    assert_eq!(world.session_down(b"alice", 1000), 1);
    assert!(world.interface_named(b"<pppoe-alice>").is_none());
    let second = world.session_up(b"alice", 2000);
    assert_eq!((second.id.as_str(), second.name), ("*F00001", first.name));
}

#[test]
fn a_duplicate_gets_a_number_and_a_static_entry_its_own_name() {
    let mut world = world();
    world.add_interface(b"office", Kind::Server, b"alice");
    let names: Vec<Vec<u8>> = (0..4).map(|_| world.session_up(b"alice", 0).name).collect();
    assert_eq!(names, [&b"office"[..], b"<pppoe-alice>", b"<pppoe-alice-1>", b"<pppoe-alice-2>"]);
    assert_eq!(world.session_down(b"alice", 0), 4);
    let office = world.interface_named(b"office").expect("a static entry stays");
    assert!(!office.running());
}

#[test]
fn a_username_that_looks_like_a_duplicate_is_not_confused_with_one() {
    let mut world = world();
    world.session_up(b"alice-1", 0);
    world.session_up(b"alice", 0);
    assert_eq!(world.session_up(b"alice", 0).name, b"<pppoe-alice-2>");
}

#[test]
fn download_is_tx_on_a_server_and_rx_on_a_client() {
    let mut world = world();
    let session = world.session_up(b"alice", 0);
    world.add_interface(b"pppoe-out1", Kind::Client("ether1"), b"bob");
    world.client_up(b"bob", 0);
    world.set_rate(b"alice", Rate::Exact(RATES), 0);
    world.set_rate(b"bob", Rate::Exact(RATES), 0);
    let rates = |name: &[u8]| world.directed_rates(world.interface_named(name).expect("there"), 0);
    assert_eq!(rates(&session.name), Directed { rx: 2_100_000, tx: 14_780_000 });
    assert_eq!(rates(b"pppoe-out1"), Directed { rx: 14_780_000, tx: 2_100_000 });
    assert_eq!(rates(b"ether1"), Directed { rx: 29_560_000, tx: 4_200_000 }, "upstream receives what is downloaded");
}

#[test]
fn counters_are_what_the_rates_add_up_to() {
    let mut world = world();
    world.session_up(b"alice", 0);
    world.set_rate(b"alice", Rate::Exact(Rates::new(8000, 800)), 500);
    world.set_rate(b"alice", Rate::Exact(Rates::new(16_000, 1600)), 2500);
    world.settle(3500);
    let bytes = |world: &World, name: &[u8]| world.bytes(world.interface_named(name).expect("there"));
    assert_eq!(bytes(&world, b"<pppoe-alice>"), Directed { rx: 400, tx: 4000 });
    world.session_down(b"alice", 3500);
    world.session_up(b"alice", 4500);
    assert_eq!(bytes(&world, b"<pppoe-alice>"), Directed::default(), "counters begin anew");
    assert_eq!(bytes(&world, b"ether2"), Directed { rx: 400, tx: 4000 }, "the port's go on");
}

#[test]
fn a_persons_counters_do_not_depend_on_when_they_are_read() {
    let mut often = world();
    let mut once = world();
    for world in [&mut often, &mut once] {
        world.session_up(b"alice", 0);
        world.set_rate(b"alice", Rate::Person(Person::Video), 0);
    }
    (0..100).for_each(|step| often.settle(step * 137));
    often.settle(20_000);
    once.settle(20_000);
    let bytes = |world: &World| world.bytes(world.interface_named(b"<pppoe-alice>").expect("there"));
    assert_eq!(bytes(&often), bytes(&once));
    assert!(bytes(&once).tx > 1_000_000);
}

#[test]
fn every_change_tells_the_menus_that_it_concerns() {
    let mut world = world();
    world.set_secret(b"alice", "home-20", b"", b"");
    world.changes.clear();
    world.session_up(b"alice", 0);
    let told = |world: &mut World| -> Vec<(Menu, bool)> {
        world.changes.drain(..).map(|change| (change.menu, change.row.is_some())).collect()
    };
    let menus = [Menu::Interface, Menu::PppoeServer, Menu::PppActive, Menu::QueueSimple];
    assert_eq!(told(&mut world), menus.map(|menu| (menu, true)));
    world.rename(b"<pppoe-alice>", b"renamed", 0);
    assert_eq!(told(&mut world), [(Menu::Interface, true), (Menu::PppoeServer, true)]);
    world.session_down(b"alice", 0);
    let mut gone = told(&mut world);
    gone.reverse();
    assert_eq!(
        gone,
        [Menu::Interface, Menu::PppoeServer, Menu::QueueSimple, Menu::PppActive].map(|menu| (menu, false))
    );
}
