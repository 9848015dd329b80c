//! The naming of interfaces in `monitor-traffic`: by `.id`, or by name if the router refuses every `.id`.
//!
//! The way is learned once and kept for the router. A refusal alone teaches nothing: the interface may just have gone.
//!
//! | a stream by `.id` | the same interfaces by name | learned |
//! |---|---|---|
//! | gives a row | | ids |
//! | is refused | give a row, and readings of the tables still list them with the same `.id` | names |
//! | is refused | are refused too | nothing |
//! | is refused again and again | cannot be asked for: their names hold a comma | names |

use std::time::Duration;

use shared::LineHandle;
use tokio::time::Instant;

use super::stream::{Stream, StreamId};
use super::way::Way;
use crate::sessions::{InterfaceKey, LineTable};

/// The longest wait of newcomers for the first stream's answer. They are then asked for in the right way at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// The first reading after a refusal may have begun before. The second one began later.
const CONFIRMING_READINGS: u64 = 2;

/// Without names to try, so many refusals by `.id` prove the way. A reading of the tables lies between them.
const REFUSALS: u8 = 3;

/// The consequence of a refused stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// An interface may be gone: the lines wait for the tables.
    Suspect,
    /// Only the way of naming was wrong: the lines are placed again at once.
    WrongWay,
}

/// The knowledge of the router's way.
#[derive(Debug, Default)]
pub(super) struct Naming {
    state: State,
    /// Refusals by `.id` without names to try.
    refusals: u8,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Unknown,
    /// A stream by `.id` has not answered yet.
    Asked {
        stream: StreamId,
        until: Instant,
    },
    /// A stream by `.id` was refused; the same lines are to be tried by name.
    Refused(Refused),
    /// The stream by name has not answered yet.
    Trying {
        stream: StreamId,
        until: Instant,
        refused: Refused,
    },
    /// Names work. The tables have yet to prove that the interfaces are the same as before.
    Doubted(Refused),
    Known(Way),
}

/// A refused stream by `.id`.
#[derive(Debug, Clone)]
struct Refused {
    lines: Vec<LineHandle>,
    interfaces: Vec<InterfaceKey>,
    /// Readings of the tables up to the refusal.
    readings: u64,
}

impl Naming {
    /// The way for a new stream.
    pub(super) const fn way(&self) -> Way {
        match self.state {
            State::Unknown | State::Asked { .. } | State::Known(Way::Ids) => Way::Ids,
            State::Refused(_) | State::Trying { .. } | State::Doubted(_) | State::Known(Way::Names) => Way::Names,
        }
    }

    /// True if the way is learned.
    pub(super) const fn is_known(&self) -> bool {
        matches!(self.state, State::Known(_))
    }

    /// True while newcomers wait for the first stream's answer.
    pub(super) fn holds_newcomers(&self, now: Instant) -> bool {
        match self.state {
            State::Asked { until, .. } | State::Trying { until, .. } => now < until,
            State::Refused(_) => true,
            State::Unknown | State::Doubted(_) | State::Known(_) => false,
        }
    }

    /// The lines to try by name now.
    pub(super) fn lines_to_try(&self) -> Option<Vec<LineHandle>> {
        match &self.state {
            State::Refused(refused) => Some(refused.lines.clone()),
            _ => None,
        }
    }

    /// Gives up the trial: nobody watches the lines any more.
    pub(super) fn drop_trial(&mut self) {
        self.state = State::Unknown;
    }

    /// Records an opened stream.
    pub(super) fn note_opened(&mut self, stream: &Stream, now: Instant) {
        let until = now + PATIENCE;
        match std::mem::take(&mut self.state) {
            State::Unknown if stream.is_named_by_id() => self.state = State::Asked { stream: stream.id, until },
            State::Refused(refused) => self.state = State::Trying { stream: stream.id, until, refused },
            state => self.state = state,
        }
    }

    /// Records a stream's first row. Returns true if the knowledge changed.
    pub(super) fn note_answer(&mut self, stream: &Stream) -> bool {
        self.state = match std::mem::take(&mut self.state) {
            State::Unknown | State::Asked { .. } if stream.is_named_by_id() => State::Known(Way::Ids),
            State::Trying { stream: tried, refused, .. } if tried == stream.id => State::Doubted(refused),
            state => {
                self.state = state;
                return false;
            }
        };
        true
    }

    /// Records a refusal of a stream's interfaces.
    pub(super) fn note_refusal(&mut self, stream: &Stream, readings: u64) -> Verdict {
        let by_id = stream.is_named_by_id();
        match &self.state {
            State::Unknown | State::Asked { .. } if by_id => return self.begin_trial(stream, readings),
            State::Trying { stream: tried, .. } if *tried == stream.id => self.state = State::Unknown,
            State::Refused(_) | State::Trying { .. } | State::Doubted(_) | State::Known(Way::Names) if by_id => {
                return Verdict::WrongWay;
            }
            _ => {}
        }
        Verdict::Suspect
    }

    /// Records a stream's end for another reason.
    pub(super) fn note_end(&mut self, stream: StreamId) {
        if matches!(self.state, State::Asked { stream: asked, .. } | State::Trying { stream: asked, .. } if asked == stream)
        {
            self.state = State::Unknown;
        }
    }

    /// Ends the doubt after a reading of the tables. Returns true if the knowledge changed.
    pub(super) fn review(&mut self, table: &LineTable) -> bool {
        let State::Doubted(refused) = &self.state else { return false };
        if table.readings() < refused.readings + CONFIRMING_READINGS {
            return false;
        }
        let same = refused.interfaces.iter().all(|interface| table.has(*interface));
        self.state = if same { learned_names() } else { State::Unknown };
        true
    }

    /// Forgets the streams of a lost connection. The learned way is kept.
    pub(super) fn disconnected(&mut self) {
        if matches!(self.state, State::Asked { .. } | State::Refused(_) | State::Trying { .. }) {
            self.state = State::Unknown;
        }
    }

    /// Forgets everything: the router has another RouterOS version.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    fn begin_trial(&mut self, stream: &Stream, readings: u64) -> Verdict {
        let mut lines: Vec<_> = stream.live().filter(|slot| !slot.name.contains(&b',')).map(|slot| slot.line).collect();
        lines.dedup();
        if !lines.is_empty() {
            let interfaces = stream.live().map(|slot| slot.key).collect();
            self.state = State::Refused(Refused { lines, interfaces, readings });
            return Verdict::WrongWay;
        }
        self.refusals = self.refusals.saturating_add(1);
        self.state = if self.refusals >= REFUSALS { learned_names() } else { State::Unknown };
        Verdict::Suspect
    }
}

fn learned_names() -> State {
    tracing::info!("router takes no .id in monitor-traffic: interfaces are named by their names");
    State::Known(Way::Names)
}
