//! One customer: name, package, plan, and what else the provider knows of them.

use std::sync::Arc;

use shared::control::Plan;

/// One row of the subscribers file, or one entered by the API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subscriber {
    /// The customer's name.
    pub customer: Option<String>,
    /// The package's name.
    pub package: Option<String>,
    /// The plan's limits.
    pub plan: Plan,
    /// The row's other values, in the order of the file. Support sees them, subscribers do not.
    pub further: Box<[Further]>,
}

/// A value beside name, package and plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Further {
    /// `reference`, `phone`, `address`, or the column's own name. No two values of a row have the same.
    pub column: Arc<str>,
    /// The value: not empty, without control characters.
    pub text: Box<str>,
}
