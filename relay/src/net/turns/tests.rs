use std::net::Ipv4Addr;
use std::sync::Arc;

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;

fn group(nth: u8) -> AddressGroup {
    AddressGroup::V4(Ipv4Addr::new(203, 0, 113, nth))
}

/// A task, by its group and its number within the group.
type Task = (u8, usize);

/// Everybody asks, then turns are given back until nobody waits. Returns the order of turns behind the first ones.
fn served(at_once: usize, tasks: &[Task]) -> Vec<Task> {
    let mut rotation = Rotation::new(at_once);
    for task in tasks {
        let asked = rotation.ask(group(task.0), *task);
        assert!(matches!(asked, Asked::Has | Asked::Waits(_)));
    }
    std::iter::from_fn(|| rotation.give_back()).collect()
}

#[test]
fn a_newcomer_is_behind_one_task_of_each_group_not_behind_all() {
    let crowd = (0..1_000).map(|nth| (1, nth));
    let tasks: Vec<Task> = [(1, 9_999)].into_iter().chain(crowd).chain([(2, 0), (3, 0)]).collect();
    assert_eq!(served(1, &tasks)[..4], [(1, 0), (2, 0), (3, 0), (1, 1)]);
}

#[test]
fn a_group_that_comes_back_is_behind_those_that_wait() {
    let mut rotation = Rotation::new(1);
    assert_eq!(rotation.ask(group(1), "first"), Asked::Has);
    rotation.ask(group(1), "second");
    rotation.ask(group(2), "other");
    assert_eq!(rotation.give_back(), Some("second"));
    rotation.ask(group(1), "third");
    assert_eq!(rotation.give_back(), Some("other"));
    assert_eq!(rotation.give_back(), Some("third"));
    assert_eq!(rotation.give_back(), None);
    assert_eq!(rotation.ask(group(1), "fourth"), Asked::Has);
}

#[test]
fn who_gives_up_leaves_nothing_behind() {
    let mut rotation = Rotation::new(0);
    let Asked::Waits(ticket) = rotation.ask(group(1), "first") else { panic!("there is no turn") };
    assert_eq!(rotation.withdraw(group(1), ticket), Some("first"));
    assert_eq!(rotation.withdraw(group(1), ticket), None);
    assert!(rotation.groups.is_empty() && rotation.round.is_empty());
}

#[test]
fn a_task_that_gives_up_gives_its_turn_to_the_next() {
    let turns = Arc::new(Turns::new(1));
    let first = turns.take(group(1)).now_or_never().unwrap();
    let mut gives_up = Box::pin(turns.take(group(1)));
    assert!(gives_up.as_mut().now_or_never().is_none());
    let mut waits = Box::pin(turns.take(group(2)));
    assert!(waits.as_mut().now_or_never().is_none());
    drop(first);
    // The turn is the first waiting task's, which does not look.
    assert!(waits.as_mut().now_or_never().is_none());
    drop(gives_up);
    let second = waits.now_or_never().unwrap();
    assert!(turns.take(group(3)).now_or_never().is_none());
    drop(second);
    assert!(turns.take(group(3)).now_or_never().is_some());
}

#[derive(Debug, Clone)]
enum Step {
    Ask(u8),
    GiveBack,
    /// Of the waiting tasks, by number.
    Withdraw(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4_u8).prop_map(Step::Ask),
        Just(Step::GiveBack),
        any::<prop::sample::Index>().prop_map(Step::Withdraw)
    ]
}

proptest! {
    /// Never more turns than allowed, none lost, and each group that waits has one before another has two.
    #[test]
    fn turns_are_neither_lost_nor_doubled_and_go_round(at_once in 0..4_usize, steps in prop::collection::vec(step(), 0..200)) {
        let mut rotation = Rotation::new(at_once);
        let (mut running, mut waiting) = (0, Vec::<(u8, Ticket, usize)>::new());
        // Turns of each other group since a group began to wait.
        let mut passed = std::collections::HashMap::<(u8, u8), usize>::new();
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Ask(of) => match rotation.ask(group(of), at) {
                    Asked::Has => running += 1,
                    Asked::Waits(ticket) => waiting.push((of, ticket, at)),
                },
                Step::GiveBack if running > 0 => {
                    running -= 1;
                    match rotation.give_back() {
                        None => prop_assert!(waiting.is_empty()),
                        Some(next) => {
                            running += 1;
                            let found = waiting.iter().position(|(.., at)| *at == next).unwrap();
                            let (of, ..) = waiting.remove(found);
                            for other in (0..4).filter(|other| *other != of) {
                                passed.remove(&(of, other));
                                if waiting.iter().any(|(group, ..)| *group == other) {
                                    *passed.entry((other, of)).or_default() += 1;
                                    prop_assert!(passed[&(other, of)] <= 1, "{of} had two turns while {other} waited");
                                }
                            }
                        }
                    }
                }
                Step::GiveBack => {}
                Step::Withdraw(index) if !waiting.is_empty() => {
                    let (of, ticket, at) = waiting.remove(index.index(waiting.len()));
                    prop_assert_eq!(rotation.withdraw(group(of), ticket), Some(at));
                    if !waiting.iter().any(|(group, ..)| *group == of) {
                        passed.retain(|(group, _), _| *group != of);
                    }
                }
                Step::Withdraw(_) => {}
            }
            prop_assert!(running <= at_once);
            prop_assert!(running == at_once || waiting.is_empty());
        }
    }
}
