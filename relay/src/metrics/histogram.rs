//! A histogram of times.

use std::iter::once;

use super::series::{Counter, Render, label, sample};

/// The buckets' upper bounds in milliseconds: from one network round trip to a viewer that the relay soon gives up.
const BOUNDS_MS: [i64; 10] = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 40_000];

/// Counts of times, by size. Written in milliseconds and read in seconds, as Prometheus wants every time to be.
#[derive(Debug, Default)]
pub struct Histogram {
    /// Times up to each bound and above the bound before it.
    within: [Counter; BOUNDS_MS.len()],
    /// Times above the last bound.
    above: Counter,
    sum_ms: Counter,
}

impl Histogram {
    /// Counts `n` times of the same size; less than zero counts as zero.
    pub fn observe(&self, milliseconds: i64, n: u64) {
        let milliseconds = milliseconds.max(0);
        let bucket = BOUNDS_MS.partition_point(|bound| *bound < milliseconds);
        self.within.get(bucket).unwrap_or(&self.above).add(n);
        self.sum_ms.add(milliseconds.unsigned_abs().saturating_mul(n));
    }
}

impl Render for Histogram {
    const KIND: &'static str = "histogram";
    fn render(&self, name: &str, out: &mut String) {
        let bounds = BOUNDS_MS.iter().map(|bound| seconds(bound.unsigned_abs()).to_string());
        let counts = self.within.iter().chain(once(&self.above)).scan(0, |sum, counter| {
            *sum += counter.get();
            Some(*sum)
        });
        let bucket = format!("{name}_bucket");
        let mut total = 0;
        for (bound, count) in bounds.chain(once("+Inf".to_owned())).zip(counts) {
            sample(out, &bucket, &label("le", bound), count);
            total = count;
        }
        sample(out, &format!("{name}_sum"), "", seconds(self.sum_ms.get()));
        sample(out, &format!("{name}_count"), "", total);
    }
}

/// Exact enough: a double has 53 bits, and a sum beyond them is 285,000 years.
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_everything_up_to_their_bound() {
        let histogram = Histogram::default();
        for (milliseconds, n) in [(-3, 1), (0, 1), (50, 2), (51, 4), (1_000, 8), (40_000, 16), (40_001, 32)] {
            histogram.observe(milliseconds, n);
        }
        let mut out = String::new();
        histogram.render("age_seconds", &mut out);
        let expected = [
            "age_seconds_bucket{le=\"0.05\"} 4",
            "age_seconds_bucket{le=\"0.1\"} 8",
            "age_seconds_bucket{le=\"0.25\"} 8",
            "age_seconds_bucket{le=\"0.5\"} 8",
            "age_seconds_bucket{le=\"1\"} 16",
            "age_seconds_bucket{le=\"2.5\"} 16",
            "age_seconds_bucket{le=\"5\"} 16",
            "age_seconds_bucket{le=\"10\"} 16",
            "age_seconds_bucket{le=\"20\"} 16",
            "age_seconds_bucket{le=\"40\"} 32",
            "age_seconds_bucket{le=\"+Inf\"} 64",
            "age_seconds_sum 1928.336",
            "age_seconds_count 64",
        ];
        assert_eq!(out.lines().collect::<Vec<_>>(), expected);
    }
}
