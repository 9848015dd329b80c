//! One step of [`check`](super)'s walk, the outcome, and the line for both.

use std::fmt;

use crate::reach::{Failed, listed};

/// One step of the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The thing tried, in one to three words.
    pub name: &'static str,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All is well; with the finding.
    Passed(String),
    /// The step works, but somebody should look at the finding.
    Doubtful {
        /// The finding.
        finding: String,
        /// The remedy.
        remedy: String,
    },
    /// The step failed; later steps may be missing.
    Failed {
        /// The fault.
        problem: String,
        /// The remedy; empty if the problem's words include one.
        remedy: String,
    },
}

impl Step {
    /// Returns a passed step.
    pub fn passed(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Passed(found.into()) }
    }

    /// Returns the step for a reached host. Failed addresses make the step doubtful.
    pub(crate) fn reached(name: &'static str, found: impl Into<String>, failed: &[Failed]) -> Self {
        let found = found.into();
        if failed.is_empty() {
            return Self::passed(name, found);
        }
        let finding = format!("{found}, but not by every address of its name: {}", listed(failed));
        Self::doubtful(name, finding, "mend the way to these addresses, or take them out of the DNS")
    }

    /// Returns a doubtful step.
    pub fn doubtful(name: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Doubtful { finding: finding.into(), remedy: remedy.into() } }
    }

    /// Returns a failed step.
    pub fn failed(name: &'static str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Failed { problem: problem.into(), remedy: remedy.into() } }
    }

    /// True for a failed step.
    pub const fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }

    /// True for a passed step.
    pub(super) const fn is_passed(&self) -> bool {
        matches!(self.outcome, Outcome::Passed(_))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, found, remedy) = match &self.outcome {
            Outcome::Passed(found) => ("ok  ", found, ""),
            Outcome::Doubtful { finding, remedy } => ("look", finding, remedy.as_str()),
            Outcome::Failed { problem, remedy } => ("FAIL", problem, remedy.as_str()),
        };
        write!(f, "{mark}  {}: {found}", self.name)?;
        if remedy.is_empty() { Ok(()) } else { write!(f, "; {remedy}") }
    }
}
