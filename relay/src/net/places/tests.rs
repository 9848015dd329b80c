use std::net::Ipv4Addr;

use futures_util::FutureExt;

use super::*;

fn group(nth: u8) -> Option<AddressGroup> {
    Some(AddressGroup::V4(Ipv4Addr::new(203, 0, 113, nth)))
}

fn places(connections: usize, half_open: usize, half_open_per_address: usize) -> Arc<Places> {
    let limits = Limits { connections, half_open, half_open_per_address, ..Limits::default() };
    Places::new(&limits, Arc::default())
}

fn gave_way(place: &Place) -> bool {
    place.alarm().rings().now_or_never().is_some()
}

#[test]
fn the_oldest_stranger_of_the_largest_group_is_told_to_go() {
    let places = places(100, 3, 10);
    let crowd: Vec<Place> = (0..3).filter_map(|_| places.admit(group(1))).collect();
    let newcomer = places.admit(group(2)).unwrap();
    assert!(gave_way(&crowd[0]) && !gave_way(&crowd[1]) && !gave_way(&newcomer));
    assert_eq!(
        (places.metrics.half_open.get(), places.metrics.connections.get()),
        (3, 4),
        "it is open until it has ended"
    );
    drop(crowd);
    assert_eq!((places.metrics.half_open.get(), places.metrics.connections.get()), (1, 1));
    assert_eq!(places.metrics.connections_gave_way.get(), 1);
}

#[test]
fn who_is_known_never_gives_way_and_leaves_room_for_strangers() {
    let places = places(3, 2, 10);
    let mut seated: Vec<Place> = (0..2).filter_map(|_| places.admit(group(1))).collect();
    assert!(seated.iter_mut().all(Place::become_known));
    let stranger = places.admit(group(1)).unwrap();
    let mut other = places.admit(group(2)).unwrap();
    assert!(gave_way(&stranger) && !seated.iter().any(gave_way));
    assert!(other.become_known());
    assert!(places.admit(group(3)).is_none(), "all are known");
    drop(seated.pop());
    assert!(places.admit(group(3)).is_some());
}

#[test]
fn who_gave_way_cannot_become_known() {
    let places = places(100, 1, 10);
    let mut first = places.admit(group(1)).unwrap();
    let _second = places.admit(group(2)).unwrap();
    assert!(!first.become_known());
    assert_eq!(places.metrics.half_open.get(), 1);
}

#[test]
fn a_proxy_is_no_stranger_and_what_it_forwards_counts_by_address() {
    let places = places(6, 2, 10);
    let mut through_proxy: Vec<Place> = (0..5).filter_map(|_| places.admit(None)).collect();
    assert_eq!((through_proxy.len(), places.metrics.half_open.get()), (5, 0));
    through_proxy.iter_mut().take(3).for_each(|place| place.become_stranger(AddressGroup::from(None)));
    assert!(gave_way(&through_proxy[0]), "the group has two places, and three WebSockets");
    let stranger = places.admit(group(1)).unwrap();
    assert!(gave_way(&through_proxy[1]) && !gave_way(&stranger) && !gave_way(&through_proxy[3]));
    assert!(!through_proxy[1].become_known() && through_proxy[2].become_known());
}

#[test]
fn a_forwarded_stranger_without_room_goes_at_once() {
    let places = places(10, 1, 10);
    let waits = places.admit(group(1)).unwrap();
    waits.progress(Waits::ForRelay);
    let mut forwarded = places.admit(None).unwrap();
    forwarded.become_stranger(AddressGroup::Unknown);
    assert!(gave_way(&forwarded) && !gave_way(&waits) && !forwarded.become_known());
    drop(forwarded);
    assert_eq!((places.metrics.half_open.get(), places.metrics.connections.get()), (1, 1));
}

#[test]
fn the_end_is_when_the_last_one_has_ended() {
    let places = places(10, 10, 10);
    assert!(places.all_ended().now_or_never().is_some());
    let (one, mut other) = (places.admit(group(1)).unwrap(), places.admit(group(1)).unwrap());
    other.become_known();
    let mut ended = Box::pin(places.all_ended());
    assert!(ended.as_mut().now_or_never().is_none());
    drop(one);
    assert!(ended.as_mut().now_or_never().is_none());
    drop(other);
    assert!(ended.now_or_never().is_some());
}
