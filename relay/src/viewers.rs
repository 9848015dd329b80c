//! Viewers: their requests, their right to a line, and their streams.

pub mod context;
mod embed;
pub(crate) mod foreign;
pub mod links;
pub mod page;
pub mod provider;
pub(crate) mod routes;
pub mod slow_reports;
pub mod viewer;
