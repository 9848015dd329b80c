//! The response of lines: when to probe which, which answer counts, and the outcomes that wait for the next samples.
//!
//! No I/O, and time is an argument. The prober and the uplink's task give outcomes, and the batches take them.

pub mod echo;
pub mod pending;
pub mod schedule;

pub use pending::Pending;
pub use schedule::Schedule;

use std::time::Duration;

/// The time between two probes of a line.
pub const EACH: Duration = Duration::from_secs(1);

/// A probe without an answer is lost after so long.
pub const LOST_AFTER: Duration = Duration::from_secs(2);
