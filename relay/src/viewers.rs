//! Viewers: their requests, their right to a line, and their streams.

pub mod context;
pub(crate) mod foreign;
pub mod links;
pub mod page;
pub mod provider;
pub(crate) mod routes;
pub mod viewer;
