//! For tests alone: the whole street over in-memory streams and in paused time, from an agent's end of an uplink to a viewer's end
//! of its stream.

mod ages;
mod averages;
mod claims;
mod drift;
mod elsewhere;
mod lines;
mod manners;
mod outages;
mod past;
mod response;
mod seats;
pub(crate) mod stage;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use shared::LineHandle;
use shared::close::Close;
use shared::control::{FromAgent, FromRelay, Hello, LineReport, Lines, Role, WatchRefusal};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use self::stage::{AgentEnd, Stage, aged, entries, eventually, live, offline, seconds};
use crate::agents::registry::{Entry, TokenHash};
use crate::agents::uplink::{Caller, serve, websocket_config};
use crate::limits::Limits;
use crate::viewers::links::Mode;
use crate::wire::viewer_frame::{LineState, Notice, ViewerFrame};
