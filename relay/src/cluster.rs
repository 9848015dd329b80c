//! Several relays that show each other's lines, over a bus. A line's owner is the relay that has its agent's uplink; every other
//! relay is a viewer of the owner, and an agent to its own lines.

pub mod messages;
pub mod peers;
