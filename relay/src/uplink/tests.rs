//! Agents against the relay over in-memory streams, in paused time: manners, then what a line is.

use futures_util::{SinkExt, StreamExt};
use shared::control::{LineReport, Role, WatchRefusal};

use super::*;
use crate::agents::registry::{Entry, TokenHash};
use crate::limits::Limits;
use crate::lines::hub::stage::{AgentEnd, Stage, entries, eventually, live, name, offline, seconds};
use crate::viewers::links::Mode;
use crate::wire::viewer_frame::{LineState, Notice, ViewerFrame};

mod averages;
mod drift;
mod lines;
mod manners;
