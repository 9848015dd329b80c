//! The purpose of each command to the router.

use super::tables::Table;
use crate::monitor::StreamId;
use crate::routeros::commands::Menu;

/// The purpose of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Login,
    Identity,
    Resource,
    Load,
    Table(Table),
    Counters,
    Listen(Menu),
    Stream(StreamId),
}
