//! The condition of all agents together, looked up for each reading of the metrics.
//!
//! Of each age the metrics have the greatest. A figure for each agent would be a label from outside and 50,000 rows;
//! `linelight-relay agent list` names the agent.

use std::collections::BTreeMap;

use super::fleet::Fleet;
use super::ledger::Ledger;
use super::member::Member;
use crate::clock::Now;

/// Versions told apart; the uplinks of more are counted as `other`.
const MAX_VERSIONS: usize = 16;

/// The longest version kept as a label, in bytes.
const MAX_VERSION: usize = 32;

/// The label of every other version.
const OTHER: &str = "other";

/// The condition of all agents. Ages are in seconds.
#[derive(Debug, Default)]
struct Survey {
    away: u64,
    routers_unreachable: u64,
    without_probes: u64,
    heartbeat_age: u64,
    table_age: u64,
    unacknowledged: u64,
    backlog_age: u64,
    backlog_bytes: u64,
    versions: BTreeMap<String, u64>,
}

impl Fleet {
    /// Brings these metrics up to date.
    pub(crate) fn survey(&self) {
        let now = self.hub.now();
        let mut survey = Survey::default();
        self.all().iter().for_each(|member| survey.add(member, now));
        let metrics = &self.hub.metrics;
        metrics.agents_away.set(survey.away);
        metrics.routers_unreachable.set(survey.routers_unreachable);
        metrics.agents_without_probes.set(survey.without_probes);
        metrics.heartbeat_age.set(survey.heartbeat_age);
        metrics.table_age.set(survey.table_age);
        metrics.unacknowledged_age.set(survey.unacknowledged);
        metrics.backlog_age.set(survey.backlog_age);
        metrics.backlog_bytes.set(survey.backlog_bytes);
        metrics.uplink_versions.set(survey.versions);
    }
}

impl Survey {
    fn add(&mut self, member: &Member, now: Now) {
        let ledger = member.ledger();
        if ledger.uplink.is_none() {
            self.away += 1;
            return;
        }
        self.count_version(ledger.run.version());
        let heard = now.steady.since(ledger.run.heartbeat()).max(0).unsigned_abs();
        self.heartbeat_age = self.heartbeat_age.max(heard / 1_000);
        self.add_status(&ledger, heard);
    }

    /// Adds a status that is `heard` milliseconds old.
    fn add_status(&mut self, ledger: &Ledger, heard: u64) {
        let Some(status) = ledger.run.status() else { return };
        self.routers_unreachable += u64::from(!status.router_reachable);
        self.without_probes += u64::from(status.response_fault.is_some());
        let table = status.table_age_ms.map_or(0, |age| age.saturating_add(heard));
        self.table_age = self.table_age.max(table / 1_000);
        self.unacknowledged = self.unacknowledged.max(status.unacknowledged_ms.unwrap_or(0) / 1_000);
        self.backlog_age = self.backlog_age.max(u64::from(status.backlog_age_ms / 1_000));
        self.backlog_bytes = self.backlog_bytes.max(status.backlog_bytes.into());
    }

    /// Counts a version. An agent's word becomes a label: labels are few and short.
    fn count_version(&mut self, version: &str) {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
        let fits = !version.is_empty() && version.len() <= MAX_VERSION && version.bytes().all(is_fit);
        let has_room = self.versions.contains_key(version) || self.versions.len() < MAX_VERSIONS;
        let label = if fits && has_room { version } else { OTHER };
        *self.versions.entry(label.to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::stage::{Stage, eventually, live, seconds};

    #[tokio::test(start_paused = true)]
    async fn all_agents_together_are_seen_from_outside() {
        let stage = Stage::new();
        let metrics = &stage.hub.metrics;
        stage.agent("home", 1, vec![]).await.lost().await;
        let mut a = stage.agent("a", 1, vec![live(1, "ali")]).await;
        let mut b = stage.agent("b", 1, vec![]).await;
        a.status(|status| {
            (status.table_age_ms, status.unacknowledged_ms) = (Some(90_000), Some(16_000));
            (status.backlog_bytes, status.backlog_age_ms) = (8_200, 119_000);
        })
        .await;
        b.status(|status| {
            (status.router_reachable, status.table_age_ms) = (false, Some(20_000));
            status.response_fault = Some("no socket".to_owned());
        })
        .await;
        eventually(|| {
            stage.fleet.survey();
            metrics.routers_unreachable.get() == 1 && metrics.table_age.get() == 90
        })
        .await;
        assert_eq!((metrics.agents_away.get(), metrics.uplinks_begun.get()), (1, 3));
        assert_eq!((metrics.unacknowledged_age.get(), metrics.backlog_age.get()), (16, 119));
        assert_eq!((metrics.backlog_bytes.get(), metrics.agents_without_probes.get()), (8_200, 1));
        assert!(metrics.render().contains("linelight_uplinks_by_version{version=\"0.1.0\"} 2\n"));
        seconds(20).await;
        stage.fleet.survey();
        assert!((20..22).contains(&metrics.heartbeat_age.get()), "{}", metrics.heartbeat_age.get());
        assert!((110..112).contains(&metrics.table_age.get()), "a status ages: {}", metrics.table_age.get());
        a.lost().await;
        b.lost().await;
        stage.fleet.survey();
        assert_eq!((metrics.agents_away.get(), metrics.heartbeat_age.get(), metrics.table_age.get()), (3, 0, 0));
        assert!(!metrics.render().contains("linelight_uplinks_by_version{version=\"0.1.0\"}"));
    }

    #[test]
    fn an_agents_word_makes_few_and_short_labels() {
        let mut survey = Survey::default();
        for version in ["0.1.0", "", "a\"} 1\nx", &"9".repeat(33), "0.1.0"] {
            survey.count_version(version);
        }
        assert_eq!(survey.versions, BTreeMap::from([("0.1.0".into(), 2), (OTHER.into(), 3)]));
        (0..1_000).for_each(|n| survey.count_version(&format!("{n}")));
        assert_eq!(survey.versions.len(), MAX_VERSIONS);
        assert_eq!(survey.versions.values().sum::<u64>(), 1_005);
    }
}
