//! The terms of a viewer's admission, and the line's updates under them.

use std::sync::Arc;

use shared::close::Close;

use crate::clock::{Now, UnixMillis};
use crate::lines::live::Update;
use crate::viewers::context::ViewerContext;
use crate::viewers::links::lease::Lease;
use crate::viewers::links::{Admission, Proof};
use crate::wire::viewer_frame::ViewerFrame;

/// The terms of one admission.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// The end of the viewer's link.
    pub(super) expires: Option<UnixMillis>,
    proof: Proof,
    lease: Lease,
}

/// An update for one viewer.
pub(super) enum Outgoing {
    /// A sample, as the one WebSocket frame of all viewers.
    Shared(Arc<[u8]>),
    /// A frame for this viewer alone.
    Own(ViewerFrame),
    /// The end of the stream.
    End(Close),
}

impl From<&Admission> for Terms {
    fn from(admission: &Admission) -> Self {
        let Admission { expires, proof, ref lease, .. } = *admission;
        Self { expires: expires.map(UnixMillis::from), proof, lease: lease.clone() }
    }
}

impl Terms {
    /// Returns the reason to end the stream, if the viewer's link was revoked or its key removed.
    pub(super) fn withdrawn(&self) -> Option<Close> {
        self.lease.has_ended().then_some(Close::LinkRefused)
    }

    /// Turns a line's update into this viewer's.
    pub(super) fn apply(&self, update: Update, context: &ViewerContext, now: Now) -> Outgoing {
        if !matches!(update, Update::Ended(_)) {
            context.metrics.frames_sent.increment();
        }
        Outgoing::Own(match update {
            Update::Sample { t, frame } => {
                context.metrics.sample_age.observe(now.unix - t, 1);
                return Outgoing::Shared(frame);
            }
            Update::Samples(history) => {
                history.t.iter().for_each(|t| context.metrics.sample_age.observe(now.unix - *t, 1));
                ViewerFrame::Samples(history)
            }
            Update::Ended(close) => return Outgoing::End(close),
            Update::Averages(averages) => ViewerFrame::Averages(averages),
            Update::State(state) => ViewerFrame::State(state),
            Update::Snapshot(mut snapshot) => {
                context.metrics.snapshots_sent.increment();
                snapshot.brand.clone_from(&context.brand);
                snapshot.expires = self.expires;
                if self.proof == Proof::Username {
                    snapshot.customer = None;
                    snapshot.package = None;
                }
                ViewerFrame::Snapshot(snapshot)
            }
        })
    }
}
