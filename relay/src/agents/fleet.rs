//! All agents connected now or within the retention period.
//!
//! The order of locks is the fleet's map of agents, an agent's ledger, a shard of the hub, a line, an agent's watches.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tracing::info;

use super::findings::{AgentFindings, Agents};
use super::ledger::Ledger;
use super::member::Member;
use super::registry::Registry;
use crate::clock::{Now, drained, milliseconds};
use crate::lines::agent::Agent;
use crate::lines::hub::Hub;

/// All agents by their names.
pub struct Fleet {
    pub(crate) hub: Arc<Hub>,
    members: Mutex<HashMap<Arc<str>, Arc<Member>>>,
}

impl Fleet {
    /// Returns a fleet without agents, whose lines are `hub`'s.
    pub fn new(hub: Arc<Hub>) -> Arc<Self> {
        Arc::new(Self { hub, members: Mutex::default() })
    }

    /// Looks after disconnected agents, each second until `drain` turns true.
    pub async fn run(self: Arc<Self>, registry: Registry, mut drain: watch::Receiver<bool>) {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = seconds.tick() => self.look_after_lost_agents(&registry),
                () = drained(&mut drain) => return,
            }
        }
    }

    /// Waits for this agent's time to leave a relay in its drain.
    pub(crate) async fn agent_leaves(&self, name: &str, drain: &mut watch::Receiver<bool>) {
        drained(drain).await;
        let now = self.hub.now().steady;
        let wait = self.hub.agent_leaves(name, now) - now;
        tokio::time::sleep(Duration::from_millis(wait.max(0).unsigned_abs())).await;
    }

    /// Finds or makes the agent of that name, and hands its ledger to `work` before anybody can forget the agent.
    pub(crate) fn with_ledger<T>(
        &self,
        name: &Arc<str>,
        work: impl FnOnce(&Arc<Member>, MutexGuard<'_, Ledger>) -> T,
    ) -> T {
        let mut members = self.members();
        let member = Arc::clone(members.entry(Arc::clone(name)).or_insert_with(|| Arc::new(Member::new(name))));
        let ledger = member.ledger();
        drop(members);
        work(&member, ledger)
    }

    /// Returns the knowledge of every agent, by name.
    pub fn findings(&self, now: Now) -> Agents {
        let mut agents: Vec<_> = self.all().iter().map(|member| member.findings(now)).collect();
        agents.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Agents { now: now.unix, agents }
    }

    /// Returns the knowledge of one agent; a forgotten agent's is its name alone.
    pub(crate) fn findings_of(&self, agent: &Agent, now: Now) -> AgentFindings {
        // Another relay knows its own agents; an agent of that name here is another side of the story.
        let member = self.member(&agent.name).filter(|_| !agent.is_elsewhere());
        match member {
            Some(member) => member.findings(now),
            None => AgentFindings { name: agent.name.to_string(), ..AgentFindings::default() },
        }
    }

    /// Returns an agent, while the fleet knows it.
    pub(crate) fn member(&self, name: &str) -> Option<Arc<Member>> {
        self.members().get(name).cloned()
    }

    /// Another relay has the agent by now. An uplink that is there is asked whether it still answers.
    pub(crate) fn give_way(&self, name: &str) {
        let Some(member) = self.member(name) else { return };
        member.agent.give_way(self.hub.now().steady);
        if let Some(uplink) = &member.ledger().uplink {
            uplink.probe();
        }
    }

    /// Returns all agents of this moment.
    pub(crate) fn all(&self) -> Vec<Arc<Member>> {
        self.members().values().cloned().collect()
    }

    /// Forgets a disconnected agent, with all its reports.
    pub(crate) fn forget(&self, member: &Arc<Member>, now: Now) {
        let mut members = self.members();
        let mut ledger = member.ledger();
        if ledger.uplink.is_some() {
            return;
        }
        members.remove(&member.agent.name);
        drop(members);
        for line in ledger.lines.take_all() {
            member.forget(&self.hub, &line, now, |_| true);
        }
    }

    /// Drops disconnected agents after the retention period, and applies registry changes to the others. The uplink of a
    /// connected agent applies those itself.
    pub(crate) fn look_after_lost_agents(&self, registry: &Registry) {
        if self.hub.is_draining() {
            return;
        }
        let now = self.hub.now();
        let retention = milliseconds(self.hub.limits.agent_retention);
        for member in self.all() {
            match member.agent.lost() {
                None => {}
                Some(lost) if now.steady - lost >= retention => self.forget(&member, now),
                Some(_) => self.follow_registry(&member, registry, now),
            }
        }
    }

    /// Applies the present registry to a disconnected agent.
    fn follow_registry(&self, member: &Arc<Member>, registry: &Registry, now: Now) {
        let mut ledger = member.ledger();
        let Some(held) = ledger.grant.as_ref().filter(|_| ledger.uplink.is_none()) else { return };
        match registry.current(held) {
            Some(grant) if Arc::ptr_eq(&grant, held) => {}
            Some(grant) => member.apply(&self.hub, &mut ledger, &grant, now),
            None => {
                drop(ledger);
                info!(agent = &*member.agent.name, "agent forgotten: its token was revoked");
                self.forget(member, now);
            }
        }
    }

    fn members(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Member>>> {
        self.members.lock()
    }
}
