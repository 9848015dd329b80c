//! Lines: the registry of them, and what each one knows and shows.

pub mod agent;
pub(crate) mod audience;
pub(crate) mod averages;
pub(crate) mod circumstances;
pub(crate) mod claims;
mod feed;
pub mod hub;
pub mod line;
pub(crate) mod live;
pub mod narrowness;
pub(crate) mod outlook;
pub mod past;
mod pinned;
mod quiet;
pub mod recorder;
pub(crate) mod refusals;
pub(crate) mod report;
pub(crate) mod ring;
mod source;
pub(crate) mod status;
