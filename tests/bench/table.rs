//! The figures of all rounds, and the table of their medians beside the design's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A figure's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Microseconds,
    Milliseconds,
    Bytes,
    Times,
    Count,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Microseconds => format!("{value:.2} µs"),
            Self::Milliseconds => format!("{value:.1} ms"),
            Self::Bytes if value.abs() >= 1e6 => format!("{:.2} MB", value / 1e6),
            Self::Bytes if value.abs() >= 1e3 => format!("{:.2} KB", value / 1e3),
            Self::Bytes => format!("{value:.1} B"),
            Self::Times => format!("{value:.2} times"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

/// Every figure of every round, by name.
#[derive(Debug, Default)]
pub(crate) struct Book(BTreeMap<String, (Unit, Vec<f64>)>);

/// One figure of the design.
struct Goal {
    what: &'static str,
    figure: Figure,
    must: f64,
    aim: f64,
}

enum Figure {
    Alone(&'static str),
    /// A figure that is better when higher.
    AtLeast(&'static str),
    /// The first beside the second, round by round.
    Beside(&'static str, &'static str),
}

/// The rendered table.
pub(crate) struct Table {
    pub(crate) text: String,
    /// Figures beyond their must.
    pub(crate) missed: usize,
    /// The design's figures without a measurement in this run.
    pub(crate) absent: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Aim,
    Must,
    Missed,
    /// There is no must, and the aim, if there is one, is not reached.
    None,
}

impl Goal {
    fn judge(&self, median: f64) -> Verdict {
        let within = |limit: f64| match self.figure {
            AtLeast(_) => median >= limit,
            Alone(_) | Beside(..) => median <= limit,
        };
        match (self.aim.is_finite(), self.must.is_finite()) {
            (true, _) if within(self.aim) => Verdict::Aim,
            (_, false) => Verdict::None,
            (_, true) if within(self.must) => Verdict::Must,
            (_, true) => Verdict::Missed,
        }
    }
}

use Figure::{Alone, AtLeast, Beside};

/// The design's table of figures.
const GOALS: &[Goal] = &[
    Goal {
        what: "relay CPU a frame, ten viewers a line, beside the bare loop",
        figure: Beside("ten cpu Relay", "ten cpu BareLoop"),
        must: 1.5,
        aim: 1.15,
    },
    Goal {
        what: "relay CPU a frame, one viewer a line, beside the bare loop",
        figure: Beside("one cpu Relay", "one cpu BareLoop"),
        must: 1.5,
        aim: 1.15,
    },
    Goal {
        what: "the same on loopback, ten viewers a line",
        figure: Beside("loopback ten cpu Relay", "loopback ten cpu BareLoop"),
        must: 1.5,
        aim: 1.15,
    },
    Goal {
        what: "the same on loopback, one viewer a line",
        figure: Beside("loopback one cpu Relay", "loopback one cpu BareLoop"),
        must: 1.5,
        aim: 1.15,
    },
    Goal {
        what: "relay CPU a frame, ten viewers a line, beside the old stack",
        figure: Beside("ten cpu Relay", "ten cpu OldStack"),
        must: 1.0 / 3.0,
        aim: 0.25,
    },
    Goal {
        what: "relay CPU a frame, one viewer a line, beside the old stack",
        figure: Beside("one cpu Relay", "one cpu OldStack"),
        must: 1.0 / 3.0,
        aim: 0.25,
    },
    Goal {
        what: "the same with the agents' CPU, ten viewers a line",
        figure: Beside("ten all cpu Relay", "ten cpu OldStack"),
        must: f64::INFINITY,
        aim: 1.0 / 3.0,
    },
    Goal {
        what: "the same with the agents' CPU, one viewer a line",
        figure: Beside("one all cpu Relay", "one cpu OldStack"),
        must: f64::INFINITY,
        aim: 1.0 / 3.0,
    },
    Goal {
        what: "for comparison, on loopback: the relay beside the old stack, ten viewers a line",
        figure: Beside("loopback ten cpu Relay", "loopback ten cpu OldStack"),
        must: f64::INFINITY,
        aim: f64::INFINITY,
    },
    Goal {
        what: "for comparison, on loopback: the bare loop beside the old stack, ten viewers a line",
        figure: Beside("loopback ten cpu BareLoop", "loopback ten cpu OldStack"),
        must: f64::INFINITY,
        aim: f64::INFINITY,
    },
    Goal {
        what: "relay CPU a frame over TLS on loopback, beside the plain bare loop",
        figure: Beside("loopback tls cpu RelayTls", "loopback tls cpu BareLoop"),
        must: 1.8,
        aim: 1.4,
    },
    Goal {
        what: "for comparison, behind the wire: the same",
        figure: Beside("tls cpu RelayTls", "tls cpu BareLoop"),
        must: f64::INFINITY,
        aim: f64::INFINITY,
    },
    Goal { what: "relay memory a viewer, ten a line", figure: Alone("ten memory Relay"), must: 4_000.0, aim: 1_500.0 },
    Goal { what: "relay memory a viewer, one a line", figure: Alone("one memory Relay"), must: 4_000.0, aim: 1_500.0 },
    Goal { what: "relay memory a viewer over TLS", figure: Alone("tls memory RelayTls"), must: 12_000.0, aim: 9_000.0 },
    Goal { what: "relay memory an idle line", figure: Alone("idle line"), must: 600.0, aim: 300.0 },
    Goal { what: "relay memory an idle agent over TLS", figure: Alone("idle agent"), must: 30_000.0, aim: 15_000.0 },
    Goal {
        what: "delay p99, ten viewers a line, beside the old stack",
        figure: Beside("ten p99 Relay", "ten p99 OldStack"),
        must: 0.5,
        aim: 0.5,
    },
    Goal {
        what: "delay p99, ten viewers a line, beside the bare loop",
        figure: Beside("ten p99 Relay", "ten p99 BareLoop"),
        must: f64::INFINITY,
        aim: 1.2,
    },
    Goal {
        what: "delay p99, one viewer a line, beside the old stack",
        figure: Beside("one p99 Relay", "one p99 OldStack"),
        must: 0.5,
        aim: 0.5,
    },
    Goal {
        what: "delay p99, one viewer a line, beside the bare loop",
        figure: Beside("one p99 Relay", "one p99 BareLoop"),
        must: f64::INFINITY,
        aim: 1.2,
    },
    Goal { what: "idle agents on one relay", figure: AtLeast("idle agents"), must: 10_000.0, aim: 10_000.0 },
    Goal { what: "page opened to first figure", figure: Alone("page first"), must: 2_000.0, aim: 1_000.0 },
    Goal {
        what: "console: a search among 100,000 subscribers, p99, by HTTP",
        figure: Alone("desk search p99"),
        must: 20.0,
        aim: 5.0,
    },
    Goal {
        what: "for comparison: the same beside a plain scan",
        figure: Beside("desk search p99", "desk scan p99"),
        must: f64::INFINITY,
        aim: f64::INFINITY,
    },
    Goal {
        what: "console: memory of the search beyond its text, a subscriber",
        figure: Alone("desk index"),
        must: 150.0,
        aim: 80.0,
    },
    Goal { what: "console: signing in", figure: Alone("desk sign-in"), must: 250.0, aim: 100.0 },
    Goal { what: "console: first load, gzip", figure: Alone("desk first load"), must: 90_000.0, aim: 60_000.0 },
    Goal { what: "a revoked link's stream ends", figure: Alone("desk revoked"), must: 1_000.0, aim: 200.0 },
    Goal { what: "import of 100,000 subscribers by API", figure: Alone("desk import"), must: 10_000.0, aim: 3_000.0 },
    Goal { what: "agent memory, 1,000 watched", figure: Alone("agent 1000 memory"), must: 6e6, aim: 3e6 },
    Goal { what: "uplink bytes a sample, 1,000 watched", figure: Alone("agent 1000 bytes"), must: 12.0, aim: 7.5 },
    Goal { what: "agent binary, x86-64", figure: Alone("binary x86-64"), must: 2_097_152.0, aim: 1_363_149.0 },
    Goal { what: "agent binary, arm64", figure: Alone("binary arm64"), must: 2_097_152.0, aim: 1_363_149.0 },
    Goal { what: "agent binary, armv7", figure: Alone("binary armv7"), must: 2_097_152.0, aim: 1_363_149.0 },
    Goal { what: "agent binary, armv5", figure: Alone("binary armv5"), must: 2_097_152.0, aim: 1_363_149.0 },
];

impl Book {
    /// Notes a round's figure.
    pub(crate) fn note(&mut self, name: &str, unit: Unit, value: f64) {
        self.0.entry(name.to_owned()).or_insert_with(|| (unit, Vec::new())).1.push(value);
    }

    /// The table as Markdown, and the exit status.
    pub(crate) fn render(&self) -> Table {
        let mut text = String::from("| figure | median | spread | must | aim | |\n|---|---|---|---|---|---|\n");
        let (mut missed, mut absent) = (0, 0);
        for goal in GOALS {
            let Some((unit, summary)) = self.find(&goal.figure).and_then(|(unit, all)| Some((unit, summary(all)?)))
            else {
                absent += 1;
                continue;
            };
            let verdict = goal.judge(summary.median);
            missed += usize::from(verdict == Verdict::Missed);
            let _ = writeln!(text, "{}", row(goal, unit, &summary, verdict));
        }
        text.push_str("\n| every figure | median | spread | rounds |\n|---|---|---|---|\n");
        for (name, (unit, values)) in &self.0 {
            let Some(Summary { low, median, high }) = summary(values.clone()) else { continue };
            let [low, median, high] = [low, median, high].map(|value| unit.show(value));
            let _ = writeln!(text, "| {name} | {median} | {low} to {high} | {} |", values.len());
        }
        Table { text, missed, absent }
    }

    fn find(&self, figure: &Figure) -> Option<(Unit, Vec<f64>)> {
        match figure {
            Alone(name) | AtLeast(name) => self.0.get(*name).cloned(),
            Beside(one, other) => {
                let ((_, one), (_, other)) = (self.0.get(*one)?, self.0.get(*other)?);
                Some((Unit::Times, one.iter().zip(other).map(|(one, other)| one / other).collect()))
            }
        }
    }
}

fn row(goal: &Goal, unit: Unit, summary: &Summary, verdict: Verdict) -> String {
    let limit = |limit: f64| if limit.is_finite() { unit.show(limit) } else { String::new() };
    let [low, median, high] = [summary.low, summary.median, summary.high].map(|value| unit.show(value));
    let verdict = match verdict {
        Verdict::Aim => "aim reached",
        Verdict::Must => "must holds",
        Verdict::Missed => "MISSED",
        Verdict::None => "",
    };
    format!("| {} | {median} | {low} to {high} | {} | {} | {verdict} |", goal.what, limit(goal.must), limit(goal.aim))
}

struct Summary {
    low: f64,
    median: f64,
    high: f64,
}

fn summary(mut values: Vec<f64>) -> Option<Summary> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let median = if values.len().is_multiple_of(2) { (values[middle - 1] + upper) / 2.0 } else { upper };
    Some(Summary { low: *values.first()?, median, high: *values.last()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut book = Book::default();
        for (relay, bare) in [(10.0, 10.0), (30.0, 20.0), (24.0, 20.0)] {
            book.note("ten cpu Relay", Unit::Microseconds, relay);
            book.note("ten cpu BareLoop", Unit::Microseconds, bare);
        }
        let Table { text: table, missed, absent } = book.render();
        assert_eq!((missed, absent), (0, GOALS.len() - 1));
        assert!(
            table.contains("| 1.20 times | 1.00 times to 1.50 times | 1.50 times | 1.15 times | must holds |"),
            "{table}"
        );
    }

    #[test]
    fn a_missed_figure_is_said_to_be() {
        let mut book = Book::default();
        for bytes in [500.0, 700.0, 900.0] {
            book.note("idle line", Unit::Bytes, bytes);
        }
        let table = book.render();
        assert_eq!(table.missed, 1);
        assert!(table.text.contains("| 700.0 B | 500.0 B to 900.0 B | 600.0 B | 300.0 B | MISSED |"));
        let mut book = Book::default();
        book.note("idle agents", Unit::Count, 9_999.0);
        assert_eq!(book.render().missed, 1, "what is to be high and is not");
    }

    #[test]
    fn an_even_count_has_a_median_between() {
        let summary = summary(vec![4.0, 1.0, 3.0, 2.0]).unwrap();
        assert!((summary.median - 2.5).abs() < 1e-9);
        assert!(super::summary(Vec::new()).is_none());
    }
}
