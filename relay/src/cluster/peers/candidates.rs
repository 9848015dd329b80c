//! The relays that claim one agent, and the choice among them: one owner, the same on every relay that knows the same claims.

use std::collections::{BTreeMap, HashMap};

use shared::Username;

use super::super::messages::{Claim, ClaimedReport, RelayId};
use crate::clock::Steady;

/// All other relays that claim one agent.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub(super) of: BTreeMap<RelayId, Candidate>,
    pub(super) shown: Option<Shown>,
}

/// One relay's claim, with the reports of lines that this relay wants.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) claim: Claim,
    /// The number of the newest message that told of the claim.
    pub(super) serial: u64,
    /// When the claim was told last. Its ages count back from here.
    pub(super) told: Steady,
    /// When the relay was heard last, once it is heard no more.
    pub(super) unheard: Option<Steady>,
    /// Each with the time of its arrival.
    pub(super) reports: BTreeMap<Username, (ClaimedReport, Steady)>,
}

/// The claim whose lines are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) claim: u64,
    pub(super) lost: Option<Steady>,
}

/// A claim's place in the order of claims. The greatest one is the owner.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    is_live: bool,
    /// The highest term that anybody gave to the run: two relays that met the run apart may have given two.
    term: u64,
    run: u64,
    uptime_ms: u64,
    holder: &'a RelayId,
}

impl Candidate {
    pub(super) fn new(claim: Claim, serial: u64, now: Steady) -> Self {
        Self { claim, serial, told: now, unheard: None, reports: BTreeMap::new() }
    }

    /// Takes a newer word of the claim. A new claim of the relay begins without reports; returns the lines of the old one.
    pub(super) fn retell(&mut self, claim: Claim, serial: u64, now: Steady) -> Vec<Username> {
        if serial < self.serial {
            return Vec::new();
        }
        let is_new = self.claim.claim != claim.claim;
        let reports = if is_new { std::mem::take(&mut self.reports) } else { BTreeMap::new() };
        (self.claim, self.serial, self.told, self.unheard) = (claim, serial, now, None);
        reports.into_keys().collect()
    }

    /// Returns the time since when nobody can confirm the claim.
    pub(super) fn lost(&self) -> Option<Steady> {
        let said = self.claim.lost_ms.map(|age| self.told.saturating_sub_unsigned(age));
        said.into_iter().chain(self.unheard).min()
    }
}

impl Candidates {
    /// Returns the relay that owns the agent: `None` for this relay, whose own claim is `own`, or for nobody.
    pub(super) fn owner<'a>(&'a self, me: &'a RelayId, own: Option<&'a Claim>) -> Option<&'a RelayId> {
        let claims = || self.of.values().map(|candidate| &candidate.claim).chain(own);
        let mut terms = HashMap::new();
        for claim in claims() {
            let term = terms.entry(claim.run).or_insert(claim.term);
            *term = claim.term.max(*term);
        }
        let rank = |holder, claim: &Claim, is_live| Rank {
            is_live,
            term: terms.get(&claim.run).copied().unwrap_or_default(),
            run: claim.run,
            uptime_ms: claim.uptime_ms,
            holder,
        };
        let others =
            self.of.iter().map(|(holder, candidate)| rank(holder, &candidate.claim, candidate.lost().is_none()));
        let mine = own.map(|claim| rank(me, claim, claim.lost_ms.is_none()));
        others.chain(mine).max().map(|owner| owner.holder).filter(|holder| *holder != me)
    }

    /// Returns the candidate of the claim that is shown.
    pub(super) fn shown(&self) -> Option<&Candidate> {
        let shown = self.shown?;
        self.of.values().find(|candidate| candidate.claim.claim == shown.claim)
    }
}
