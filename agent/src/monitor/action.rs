//! The monitor's requests to the router's task.

use shared::LineHandle;
use shared::control::WatchRefusal;

use super::stream::StreamId;

/// An action at the router. The actions of one plan are carried out in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Open the stream, see [`Monitor::interfaces`](super::Monitor::interfaces).
    Open(StreamId),
    /// Cancel the stream.
    Cancel(StreamId),
    /// Tell the relay that the line gets no samples.
    Refuse(LineHandle, WatchRefusal),
    /// Read the session tables again: an interface may have vanished.
    Reread(&'static str),
    /// Drop the connection: streams stay silent although they were reopened.
    Drop(&'static str),
}
