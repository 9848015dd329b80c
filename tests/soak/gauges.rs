//! The relay's gauges over time, and whether they grow without reason.

use std::fmt::Write as _;
use std::time::Duration;

use ::tests::harness::Relay;
use anyhow::{Context, Result};

/// Memory may grow by so much between the two halves that are compared: an allocator settles, and rings fill for five minutes.
const GROWTH_SHARE: f64 = 0.15;
const GROWTH_BYTES: f64 = 6.0 * 1024.0 * 1024.0;
/// Descriptors and tasks beyond those of viewers, uplinks and strangers may grow by so many: connections that begin or end.
const GROWTH_COUNT: f64 = 64.0;

/// The relay at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Gauge {
    /// Since the run began.
    pub(crate) at: Duration,
    /// Resident memory, bytes.
    pub(crate) memory: f64,
    /// Open file descriptors.
    pub(crate) descriptors: f64,
    /// Tasks alive.
    pub(crate) tasks: f64,
    pub(crate) viewers: f64,
    pub(crate) uplinks: f64,
    /// Connections without a watch or an agent's token.
    pub(crate) strangers: f64,
}

impl Gauge {
    /// Reads all from `/metrics`.
    ///
    /// # Errors
    /// When the relay does not answer or lacks a figure.
    pub(crate) async fn read(relay: &Relay, at: Duration) -> Result<Self> {
        let text = relay.get("/metrics").await?;
        let figure = |name: &str| -> Result<f64> {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
            value.with_context(|| format!("the relay has no metric {name}"))
        };
        Ok(Self {
            at,
            memory: figure("process_resident_memory_bytes")?,
            descriptors: figure("process_open_fds")?,
            tasks: figure("linelight_tasks")?,
            viewers: figure("linelight_viewers")?,
            uplinks: figure("linelight_uplinks")?,
            strangers: figure("linelight_connections_half_open")?,
        })
    }

    /// Descriptors and tasks outside of viewers, uplinks and strangers.
    fn others(&self) -> [f64; 2] {
        [self.descriptors, self.tasks].map(|count| count - self.viewers - self.uplinks - self.strangers)
    }

    /// The gauges above those of the idle relay, in words; `None` if there are none.
    pub(crate) fn above(&self, base: &Self) -> Option<String> {
        let mut text = String::new();
        let counts = [
            ("descriptors", self.descriptors, base.descriptors),
            ("tasks", self.tasks, base.tasks),
            ("viewers", self.viewers, 0.0),
            ("uplinks", self.uplinks, 0.0),
        ];
        for (what, now, then) in counts.into_iter().filter(|(_, now, then)| now > then) {
            // Writing to a String has no way to fail.
            let _ = write!(text, "{what} {now} instead of {then}; ");
        }
        Some(text).filter(|text| !text.is_empty())
    }
}

/// Compares the two halves of the measurements after the warm-up; returns the growth, in words.
pub(crate) fn growth(steady: &[Gauge]) -> Vec<String> {
    let (earlier, later) = steady.split_at(steady.len() / 2);
    if earlier.is_empty() {
        return vec!["too few measurements to judge growth: the run was too short".to_owned()];
    }
    let mean =
        |gauges: &[Gauge], figure: fn(&Gauge) -> f64| gauges.iter().map(figure).sum::<f64>() / gauges.len() as f64;
    let grown = |what: &str, figure: fn(&Gauge) -> f64, allowed: fn(f64) -> f64| {
        let (from, to) = (mean(earlier, figure), mean(later, figure));
        (to - from > allowed(from)).then(|| format!("{what} grew from {from:.0} to {to:.0}"))
    };
    [
        grown("memory (bytes)", |gauge| gauge.memory, |from| (from * GROWTH_SHARE).max(GROWTH_BYTES)),
        grown("descriptors of nobody", |gauge| gauge.others()[0], |_| GROWTH_COUNT),
        grown("tasks of nobody", |gauge| gauge.others()[1], |_| GROWTH_COUNT),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauges(change: impl Fn(u32, &mut Gauge)) -> Vec<Gauge> {
        let steady = |nth: u32| {
            let mut gauge = Gauge {
                at: Duration::from_secs(u64::from(nth)),
                memory: 40e6,
                descriptors: 2_230.0,
                tasks: 2_215.0,
                viewers: 2_000.0,
                uplinks: 200.0,
                strangers: 0.0,
            };
            change(nth, &mut gauge);
            gauge
        };
        (0..40).map(steady).collect()
    }

    #[test]
    fn what_comes_and_goes_with_viewers_is_no_leak() {
        let swing = |nth: u32, gauge: &mut Gauge| {
            let more = f64::from(nth * 37 % 200);
            (gauge.viewers, gauge.descriptors, gauge.tasks) =
                (gauge.viewers + more, gauge.descriptors + more, gauge.tasks + more);
            gauge.memory += more * 9e3;
        };
        assert_eq!(growth(&gauges(swing)), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_leak_is_named() {
        let memory = growth(&gauges(|nth, gauge| gauge.memory += f64::from(nth) * 1e6));
        let descriptors = growth(&gauges(|nth, gauge| gauge.descriptors += f64::from(nth) * 5.0));
        let tasks = growth(&gauges(|nth, gauge| gauge.tasks += f64::from(nth) * 5.0));
        for (grown, what) in [(memory, "memory"), (descriptors, "descriptors"), (tasks, "tasks")] {
            assert!(grown.len() == 1 && grown[0].starts_with(what), "{grown:?}");
        }
    }

    #[test]
    fn what_stays_behind_at_the_end_is_named() {
        let base = Gauge { viewers: 0.0, uplinks: 0.0, ..gauges(|_, _| {})[0] };
        assert_eq!(base.above(&base), None);
        let end = Gauge { descriptors: base.descriptors + 1.0, ..base };
        assert!(end.above(&base).is_some_and(|text| text.contains("descriptors 2231 instead of 2230")));
    }
}
