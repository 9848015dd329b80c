use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn group(nth: u8) -> AddressGroup {
    AddressGroup::V4(Ipv4Addr::new(203, 0, 113, nth))
}

/// Enters one holder of amount 1.
fn enter(shares: &mut Shares, of: u8, limit: usize) -> (HolderId, Vec<HolderId>) {
    shares.enter(group(of), 1, limit).unwrap()
}

#[test]
fn in_a_full_house_the_oldest_of_the_largest_group_gives_way() {
    let mut shares = Shares::new(10);
    let crowd: Vec<HolderId> = (0..4).map(|_| enter(&mut shares, 1, 5).0).collect();
    let (alone, nobody) = enter(&mut shares, 2, 5);
    assert!(nobody.is_empty());
    let (newcomer, gone) = enter(&mut shares, 3, 5);
    assert_eq!(gone, [crowd[0]]);
    assert!(!shares.leave(crowd[0]) && shares.leave(alone) && shares.leave(newcomer));
    assert_eq!(shares.held, 3);
}

#[test]
fn a_group_at_its_limit_makes_room_by_itself() {
    let mut shares = Shares::new(2);
    let (first, _) = enter(&mut shares, 1, 100);
    let (second, _) = enter(&mut shares, 1, 100);
    enter(&mut shares, 2, 100);
    shares.progress(first, Waits::ForClient);
    assert_eq!(enter(&mut shares, 1, 100).1, [second], "who has moved is younger");
    assert_eq!(shares.held, 3);
}

#[test]
fn who_waits_for_the_relay_gives_way_to_a_smaller_group_alone() {
    let mut shares = Shares::new(10);
    let crowd: Vec<HolderId> = (0..3).map(|_| enter(&mut shares, 1, 4).0).collect();
    let (other, _) = enter(&mut shares, 2, 4);
    crowd.iter().chain([&other]).for_each(|id| shares.progress(*id, Waits::ForRelay));
    assert_eq!(shares.enter(group(1), 1, 4), Err(Full), "its own group has most");
    assert_eq!(enter(&mut shares, 3, 4).1, [crowd[0]]);
    assert_eq!(shares.enter(group(1), 1, 4), Err(Full));
    assert_eq!(shares.held, 4);
}

#[test]
fn among_equals_the_oldest_one_that_keeps_the_relay_waiting_gives_way() {
    let mut shares = Shares::new(10);
    let all: Vec<HolderId> = (0..3).map(|of| enter(&mut shares, of, 3).0).collect();
    shares.progress(all[0], Waits::ForRelay);
    assert_eq!(enter(&mut shares, 4, 3).1, [all[1]]);
    shares.progress(all[2], Waits::ForRelay);
    let mut full = Shares::new(10);
    let waiting = enter(&mut full, 1, 1).0;
    full.progress(waiting, Waits::ForRelay);
    assert_eq!(full.enter(group(2), 1, 1), Err(Full), "goodput before newness");
}

#[test]
fn amounts_count_and_the_greediest_gives_way_even_if_it_is_the_one_that_grows() {
    let mut shares = Shares::new(100);
    let (greedy, _) = shares.enter(group(1), 60, 100).unwrap();
    let (modest, _) = shares.enter(group(2), 30, 100).unwrap();
    assert_eq!(shares.change(greedy, 80, 100), [greedy]);
    assert_eq!(shares.held, 30);
    let (greedy, _) = shares.enter(group(1), 60, 100).unwrap();
    assert_eq!(shares.change(modest, 45, 100), [greedy]);
    assert_eq!(shares.change(modest, 101, 100), [modest]);
    assert_eq!(shares.held, 0);
    assert!(shares.groups.is_empty() && shares.ranking.is_empty() && shares.holders.is_empty());
}

#[derive(Debug, Clone)]
enum Step {
    Enter(u8, usize),
    Change(prop::sample::Index, usize),
    Progress(prop::sample::Index, bool),
    Leave(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5_u8, 0..4_usize).prop_map(|(of, amount)| Step::Enter(of, amount)),
        1 => (any::<prop::sample::Index>(), 0..6_usize).prop_map(|(id, amount)| Step::Change(id, amount)),
        1 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(id, waits)| Step::Progress(id, waits)),
        1 => any::<prop::sample::Index>().prop_map(Step::Leave),
    ]
}

const GROUP_LIMIT: usize = 8;
const LIMIT: usize = 12;

proptest! {
    /// No limit is exceeded, nobody is lost or kept by mistake, and no group gives way to one that has more.
    #[test]
    fn limits_hold_and_nobody_gives_way_to_a_larger_group(steps in prop::collection::vec(step(), 0..200)) {
        let mut shares = Shares::new(GROUP_LIMIT);
        let mut here = Vec::<(HolderId, u8, usize)>::new();
        for step in steps {
            let sum = |here: &[(HolderId, u8, usize)], of| here.iter().filter(|(_, each, _)| *each == of).map(|(.., n)| n).sum::<usize>();
            let before = here.clone();
            match step {
                Step::Enter(of, amount) => match shares.enter(group(of), amount, LIMIT) {
                    Ok((id, gone)) => {
                        here.retain(|(id, ..)| !gone.contains(id));
                        here.push((id, of, amount));
                        for id in gone {
                            let (_, victim, _) = before.iter().find(|(each, ..)| *each == id).unwrap();
                            prop_assert!(sum(&before, *victim) + 4 > sum(&here, of), "{victim} gave way to {of}");
                        }
                    }
                    Err(Full) => {
                        let most = (0..5).map(|of| sum(&here, of)).max().unwrap();
                        prop_assert!(amount > 1 || sum(&here, of) + amount >= most, "the smallest is never refused");
                    }
                },
                Step::Change(index, amount) if !here.is_empty() => {
                    let at = index.index(here.len());
                    here[at].2 = amount;
                    let gone = shares.change(here[at].0, amount, LIMIT);
                    here.retain(|(id, ..)| !gone.contains(id));
                }
                Step::Progress(index, relay) if !here.is_empty() => {
                    shares.progress(here[index.index(here.len())].0, if relay { Waits::ForRelay } else { Waits::ForClient });
                }
                Step::Leave(index) if !here.is_empty() => {
                    let (id, ..) = here.remove(index.index(here.len()));
                    prop_assert!(shares.leave(id));
                }
                _ => {}
            }
            prop_assert_eq!(shares.held, here.iter().map(|(.., amount)| amount).sum::<usize>());
            prop_assert_eq!(shares.holders.len(), here.len());
            prop_assert!(shares.held <= LIMIT);
            for of in 0..5 {
                prop_assert_eq!(shares.held_by(group(of)), sum(&here, of));
                prop_assert!(sum(&here, of) <= GROUP_LIMIT);
            }
        }
        for (id, ..) in here {
            prop_assert!(shares.leave(id));
        }
        prop_assert!(shares.groups.is_empty() && shares.ranking.is_empty());
    }
}
