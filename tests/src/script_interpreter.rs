//! RouterOS's scripting language over a model of a router's configuration, to try scripts on: for each version from 7.4 to 7.24 it
//! knows which commands and properties there are, and refuses others where RouterOS does, when it reads the script.
//!
//! It is not RouterOS: it knows what the scripts of `container/routeros/` use, and stops (a [`Stop::Doubt`]) at what they should not
//! rely on because nobody knows what RouterOS makes of it. What only a real router can settle is listed in container/real-router.md.

mod evaluate;
mod model;
mod pattern;
pub mod schema;
pub mod syntax;
mod value;

pub use evaluate::Stop;
pub use model::{Lists, RouterModel};
pub use value::Value;
