//! One customer: name, package and plan.

use shared::control::Plan;

/// One row of the subscribers file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The customer's name.
    pub customer: Option<String>,
    /// The package's name.
    pub package: Option<String>,
    /// The plan's limits.
    pub plan: Plan,
}
