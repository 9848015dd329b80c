//! One step of the walk that [`check`](super) makes, how it went, and the line that says so.

use std::fmt;

use crate::reach::{Failed, listed};

/// One step of the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was tried, in a word or three.
    pub name: &'static str,
    /// How it went.
    pub outcome: Outcome,
}

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Well; with what was found.
    Passed(String),
    /// It works, but somebody should look at it.
    Doubtful {
        /// What was found.
        finding: String,
        /// What to do.
        remedy: String,
    },
    /// It does not work, and later steps may be missing for it.
    Failed {
        /// What is wrong.
        problem: String,
        /// What to do; empty where the problem's words say it.
        remedy: String,
    },
}

impl Step {
    /// A step that went well.
    pub fn passed(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Passed(found.into()) }
    }

    /// A host that was reached, by an address of its name that may be one of several.
    pub(crate) fn reached(name: &'static str, found: impl Into<String>, failed: &[Failed]) -> Self {
        let found = found.into();
        if failed.is_empty() {
            return Self::passed(name, found);
        }
        let finding = format!("{found}, but not by every address of its name: {}", listed(failed));
        Self::doubtful(name, finding, "mend the way to these addresses, or take them out of the DNS")
    }

    /// A step that went well enough to go on.
    pub fn doubtful(name: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Doubtful { finding: finding.into(), remedy: remedy.into() } }
    }

    /// A step that failed.
    pub fn failed(name: &'static str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Failed { problem: problem.into(), remedy: remedy.into() } }
    }

    /// Whether it failed.
    pub const fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }

    /// Whether nothing was found that deserves a look.
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
