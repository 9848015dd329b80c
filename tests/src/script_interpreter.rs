//! RouterOS's scripting language over a model of a router's configuration, to try scripts on. The interpreter knows the commands
//! and properties of each version from 7.4 to 7.24, and refuses others while reading a script, as RouterOS does.
//!
//! This is not RouterOS. The interpreter knows the words in the scripts of `container/routeros/`. A script stops with
//! [`Stop::Doubt`] where RouterOS's behaviour is unknown. container/real-router.md lists the questions for a real router.

mod evaluate;
mod model;
mod pattern;
pub mod schema;
pub mod syntax;
mod value;

pub use evaluate::Stop;
pub use model::{Lists, RouterModel};
pub use value::Value;
