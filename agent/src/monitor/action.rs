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
    /// Drop the line, and tell the relay.
    Refuse(LineHandle, WatchRefusal),
    /// Tell the relay that the router gives no samples of the line. The watch stays.
    RouterRefuses(LineHandle),
    /// Read the session tables again: an interface may have vanished.
    Reread(&'static str),
    /// Drop the connection: streams stay silent although they were reopened.
    Drop(&'static str),
}
