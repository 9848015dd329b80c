//! Who looks at a line: what a request gets, who may see which line, and the stream that shows it.

pub mod context;
pub mod links;
pub mod page;
pub(crate) mod routes;
pub mod viewer;
