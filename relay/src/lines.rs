//! Lines: the registry of them, and what each one knows and shows.

pub mod agent;
pub(crate) mod averages;
pub(crate) mod circumstances;
pub mod hub;
pub mod line;
pub(crate) mod live;
pub(crate) mod points;
pub(crate) mod refusals;
pub(crate) mod report;
pub(crate) mod seat;
mod shown;
mod source;
