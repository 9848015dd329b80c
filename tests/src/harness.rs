//! The built programs as a user runs them, with the network between them: for the tests from end to end, and for the demo.

pub mod programs;
pub mod proxy;
pub mod viewer;

pub use programs::{Agent, AgentSetup, Relay, RelaySetup};
pub use proxy::{Network, Proxy};
pub use viewer::{PATIENCE, Point, Viewer};
