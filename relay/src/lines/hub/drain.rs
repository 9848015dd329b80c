//! The times at which everybody leaves a relay that stops.
//!
//! Agents leave first, then viewers, each at a time of its own: the next relay gets no crowd, and no viewer before the
//! viewer's line.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Steady;

/// Agents leave within this time, milliseconds.
const AGENTS_MS: i64 = 1_000;

/// Viewers leave after the agents. The window grows with their number, milliseconds: one relay takes back 2,500 viewers
/// a second over TLS. The longest window leaves two of the eight seconds for farewells.
const VIEWERS_MS: std::ops::RangeInclusive<i64> = 1_000..=4_000;
const VIEWERS_PER_SECOND: i64 = 2_500;

/// Not yet.
const NEVER: i64 = i64::MAX;

/// The plan of leaving.
#[derive(Debug)]
pub(super) struct Drain {
    began: AtomicI64,
    window: AtomicI64,
    hasher: RandomState,
}

impl Default for Drain {
    fn default() -> Self {
        Self { began: AtomicI64::new(NEVER), window: AtomicI64::new(*VIEWERS_MS.start()), hasher: RandomState::new() }
    }
}

impl Drain {
    /// Begins at `now`, with so many viewers.
    pub(super) fn begin(&self, now: Steady, viewers: usize) {
        let viewers = i64::try_from(viewers).unwrap_or(i64::MAX);
        let window = viewers.saturating_mul(1_000) / VIEWERS_PER_SECOND;
        self.window.store(window.clamp(*VIEWERS_MS.start(), *VIEWERS_MS.end()), Ordering::Relaxed);
        self.began.store(now.as_millis(), Ordering::Release);
    }

    /// True once the drain has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.began.load(Ordering::Acquire) != NEVER
    }

    /// Returns an agent's time to leave, in a drain that begins at `now` or has begun.
    pub(super) fn agent_leaves(&self, name: &str, now: Steady) -> Steady {
        Steady::from_millis(self.began.load(Ordering::Acquire)).min(now) + self.share(name, AGENTS_MS)
    }

    /// Returns a viewer's time to leave; `None` before the drain.
    pub(super) fn viewer_leaves(&self, seat: impl Hash) -> Option<Steady> {
        let began = Some(self.began.load(Ordering::Acquire)).filter(|began| *began != NEVER)?;
        Some(Steady::from_millis(began) + AGENTS_MS + self.share(seat, self.window.load(Ordering::Relaxed)))
    }

    /// Returns a share of the window: always the same for one agent or seat, and nobody can choose it.
    fn share(&self, who: impl Hash, window: i64) -> i64 {
        i64::try_from(self.hasher.hash_one(who) % window.unsigned_abs()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::stage::{Stage, live};
    use shared::close::Close;
    use tokio::time::Instant;

    #[test]
    fn agents_leave_first_and_each_viewer_at_a_moment_of_its_own() {
        let drain = Drain::default();
        assert_eq!((drain.viewer_leaves(1), drain.has_begun()), (None, false));
        drain.begin(Steady::from_millis(5_000), 10_000);
        let agents: Vec<_> = (0..200)
            .map(|agent| drain.agent_leaves(&format!("tower-{agent}"), Steady::from_millis(5_400)).as_millis())
            .collect();
        assert!(agents.iter().all(|at| (5_000..6_000).contains(at)));
        assert!(agents.iter().any(|at| *at < 5_100) && agents.iter().any(|at| *at > 5_900));
        let viewers: Vec<_> =
            (0..10_000).filter_map(|viewer| drain.viewer_leaves(viewer).map(Steady::as_millis)).collect();
        assert!(viewers.iter().all(|at| (6_000..10_000).contains(at)), "all are gone two seconds before the end");
        for second in 6..10 {
            let leaving = viewers.iter().filter(|at| **at / 1_000 == second).count();
            assert!((2_200..2_800).contains(&leaving), "{leaving} in one second");
        }
        assert_eq!(drain.viewer_leaves(7), drain.viewer_leaves(7));
    }

    #[tokio::test(start_paused = true)]
    async fn viewers_of_a_stopping_relay_see_samples_until_they_leave() {
        let stage = Stage::new();
        let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
        let mut viewers = Vec::new();
        for _ in 0..12 {
            let mut viewer = stage.viewer("ali").await;
            viewer.snapshot().await;
            viewers.push(viewer);
        }
        stage.stop();
        let began = Instant::now();
        agent.samples(&[(1, 14_780_000, 620_000)]).await;
        assert_eq!(agent.closed().await, Close::GoingAway);
        assert!(began.elapsed().as_millis() <= 1_100, "{:?}", began.elapsed());
        let mut left = tokio::task::JoinSet::new();
        for mut viewer in viewers {
            left.spawn(async move {
                let sample = viewer.text().await.unwrap();
                assert!(sample.contains("14780000"), "{sample}");
                assert_eq!(viewer.closed().await, (None, Close::GoingAway));
                began.elapsed().as_millis()
            });
        }
        let times = left.join_all().await;
        let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        assert!(*first >= 1_000 && *last <= 2_100 && last - first > 300, "{times:?}");
    }
}
