//! What the relay remembers beyond a run: its data directory, files that are read again when they change, a database, files that relays
//! share, and randomness for secrets.

pub mod data_directory;
pub mod database;
pub(crate) mod permissions;
pub(crate) mod random;
pub mod reload;
pub mod shared_file;
