//! The kinds of metrics with one figure, and the form of a metric in Prometheus text.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// A count that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Counts `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A figure that rises and falls.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Raises the figure by one.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Lowers the figure by one; at zero it stays.
    pub fn decrement(&self) {
        let lower = |value: u64| value.checked_sub(1);
        // An error means that the figure is zero already, which is where it stays.
        let _ = self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, lower);
    }

    /// Sets the figure.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The figure now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A figure for each of a few versions.
#[derive(Debug, Default)]
pub struct Versions(Mutex<BTreeMap<String, u64>>);

impl Versions {
    /// Sets all figures. The caller sees to it that the versions are few, and fit to stand between quotes.
    pub(crate) fn set(&self, versions: BTreeMap<String, u64>) {
        *self.0.lock() = versions;
    }
}

/// Writes the series of one metric.
pub(super) trait Render {
    const KIND: &'static str;
    fn render(&self, name: &str, out: &mut String);
}

impl Render for Counter {
    const KIND: &'static str = "counter";
    fn render(&self, name: &str, out: &mut String) {
        sample(out, name, "", self.get());
    }
}

impl Render for Gauge {
    const KIND: &'static str = "gauge";
    fn render(&self, name: &str, out: &mut String) {
        sample(out, name, "", self.get());
    }
}

impl Render for Versions {
    const KIND: &'static str = "gauge";
    fn render(&self, name: &str, out: &mut String) {
        for (version, value) in &*self.0.lock() {
            sample(out, name, &label("version", version), *value);
        }
    }
}

/// Writes the two comment lines before a metric's series.
pub(super) fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    // Writing to a String has no way to fail, here and below.
    let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", help.trim());
}

/// Writes one line of a series. `labels` come from [`label`], or are empty.
pub(super) fn sample(out: &mut String, name: &str, labels: &str, value: impl Display) {
    let _ = writeln!(out, "{name}{labels} {value}");
}

/// Returns one label with its braces.
pub(super) fn label(name: &str, value: impl Display) -> String {
    format!("{{{name}=\"{value}\"}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_stays_at_zero() {
        let gauge = Gauge::default();
        gauge.decrement();
        gauge.increment();
        assert_eq!(gauge.get(), 1);
    }
}
