//! The built programs as a user runs them, with the network between them: for the tests from end to end, and for the demo.

pub mod name;
pub mod nats;
pub mod programs;
pub mod proxy;
pub mod site;
pub mod tls;
pub mod viewer;

pub use name::Name;
pub use nats::Nats;
pub use programs::{Agent, AgentSetup, Program, Relay, RelaySetup, signal};
pub use proxy::{Network, Proxy};
pub use site::{Outpost, Site};
pub use tls::Certificate;
pub use viewer::{PATIENCE, Point, Viewer, points};
