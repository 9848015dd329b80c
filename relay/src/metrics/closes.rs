//! Closes of one wire by reason: a series for each close code that this wire can end with, and for no other.

use std::fmt::Debug;
use std::marker::PhantomData;

use shared::close::Close;

use super::series::{Counter, Render, label, sample};

/// The close codes of one wire.
pub trait Reasons: Debug + Default {
    /// True if a stream of this wire can end with that code.
    fn has(close: Close) -> bool;
}

/// The uplinks' close codes.
#[derive(Debug, Default)]
pub struct OfUplinks;

/// The viewers' close codes.
#[derive(Debug, Default)]
pub struct OfViewers;

impl Reasons for OfUplinks {
    fn has(close: Close) -> bool {
        close.ends_uplinks()
    }
}

impl Reasons for OfViewers {
    fn has(close: Close) -> bool {
        close.ends_viewers()
    }
}

/// One count for each close code of a wire.
#[derive(Debug, Default)]
pub struct Closes<R> {
    /// By the position in [`Close::ALL`]; those of the other wire stay at zero.
    counters: [Counter; Close::ALL.len()],
    wire: PhantomData<R>,
}

impl<R: Reasons> Closes<R> {
    /// Counts one close. A code of the other wire is not counted.
    pub fn count(&self, close: Close) {
        if let Some(counter) = self.counter(close) {
            counter.increment();
        }
    }

    /// Returns how often a close code was counted.
    pub fn get(&self, close: Close) -> u64 {
        self.counter(close).map_or(0, Counter::get)
    }

    fn counter(&self, close: Close) -> Option<&Counter> {
        self.each().find(|(each, _)| *each == close).map(|(_, counter)| counter)
    }

    /// Returns the wire's close codes with their counts.
    fn each(&self) -> impl Iterator<Item = (Close, &Counter)> {
        Close::ALL.into_iter().zip(&self.counters).filter(|(close, _)| R::has(*close))
    }
}

impl<R: Reasons> Render for Closes<R> {
    const KIND: &'static str = "counter";
    fn render(&self, name: &str, out: &mut String) {
        for (close, counter) in self.each() {
            sample(out, name, &label("reason", close.name()), counter.get());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered<R: Reasons>(closes: &Closes<R>) -> String {
        let mut out = String::new();
        closes.render("closes", &mut out);
        out
    }

    #[test]
    fn each_wire_has_a_series_for_its_own_reasons_and_for_no_other() {
        let (uplinks, viewers) = (Closes::<OfUplinks>::default(), Closes::<OfViewers>::default());
        for close in Close::ALL {
            uplinks.count(close);
            viewers.count(close);
        }
        let series = |reason: &str| format!("closes{{reason=\"{reason}\"}} 1\n");
        assert_eq!((rendered(&uplinks).lines().count(), rendered(&viewers).lines().count()), (10, 13));
        for reason in ["normal", "going_away"] {
            assert!(rendered(&uplinks).contains(&series(reason)) && rendered(&viewers).contains(&series(reason)));
        }
        assert!(rendered(&uplinks).contains(&series("duplicate")) && !rendered(&uplinks).contains("relay_full"));
        assert!(rendered(&viewers).contains(&series("relay_full")) && !rendered(&viewers).contains("duplicate"));
        assert_eq!((uplinks.get(Close::RelayFull), viewers.get(Close::RelayFull)), (0, 1));
    }
}
