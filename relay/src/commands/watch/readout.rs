//! The state of a watched line, collected from viewer frames: no I/O, no clock.

use std::collections::VecDeque;

use shared::escape::one_line;

use crate::wire::viewer_frame::{
    Averages, LineState, Notice, PlanLimits, Snapshot, StateFrame, TimedSample, ViewerFrame,
};

/// Samples kept, for the verdict and for the sparklines: one for each column of a wide terminal.
const KEPT: usize = 300;

/// The newest values from the viewer frames.
#[derive(Debug, Default)]
pub(super) struct Readout {
    pub(super) who: Who,
    pub(super) plan: PlanLimits,
    pub(super) status: Option<StateFrame>,
    pub(super) samples: VecDeque<TimedSample>,
    newest_average: Option<Rates>,
}

/// The line's subscriber, as text that is safe for a terminal.
#[derive(Debug, Default)]
pub(super) struct Who {
    pub(super) username: String,
    pub(super) customer: Option<String>,
    pub(super) package: Option<String>,
}

/// Rates in bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rates {
    pub(super) down: u64,
    pub(super) up: u64,
}

/// The effect of a frame on the readout.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// No visible change.
    Nothing,
    /// A visible change.
    Change,
    /// The relay shows no figures; why, with the remedy.
    Refusal(String),
}

impl Readout {
    /// Takes one text frame.
    pub(super) fn take(&mut self, text: &str) -> Told {
        match serde_json::from_str(text) {
            Ok(ViewerFrame::Snapshot(snapshot)) => *self = Self::from(*snapshot),
            Ok(ViewerFrame::Sample(sample)) => self.keep([sample]),
            Ok(ViewerFrame::Samples(history)) => self.keep(history.samples()),
            Ok(ViewerFrame::Averages(averages)) => {
                self.newest_average = newest(&averages);
                if !self.averages_stand_in() {
                    return Told::Nothing;
                }
            }
            Ok(ViewerFrame::State(state)) => self.status = Some(state),
            Ok(ViewerFrame::Error { reason, .. }) => return Told::Refusal(remedy(&reason)),
            Ok(ViewerFrame::ViewerResponse { .. } | ViewerFrame::Unknown) | Err(_) => return Told::Nothing,
        }
        Told::Change
    }

    /// Returns the current rates; `None` in a state in which the newest rates would be old.
    pub(super) fn rates(&self) -> Option<Rates> {
        let is_running = self.status.is_some_and(|status| status.state == LineState::Running);
        if self.averages_stand_in() {
            return self.newest_average.filter(|_| is_running);
        }
        self.samples.back().filter(|_| is_running).map(|sample| Rates { down: sample.down, up: sample.up })
    }

    /// True if the router gives nothing but averages over many seconds.
    pub(super) fn averages_stand_in(&self) -> bool {
        self.status.is_some_and(|status| status.notice == Some(Notice::Averages))
    }

    fn keep(&mut self, samples: impl IntoIterator<Item = TimedSample>) {
        self.samples.extend(samples);
        let surplus = self.samples.len().saturating_sub(KEPT);
        self.samples.drain(..surplus);
    }
}

impl From<Snapshot> for Readout {
    fn from(snapshot: Snapshot) -> Self {
        let Snapshot { state, since, sessions, interval, now, notice, support, response, quiet, .. } = snapshot;
        let printable = |text: &String| one_line(text).to_string();
        let mut readout = Self {
            who: Who {
                username: printable(&snapshot.username),
                customer: snapshot.customer.as_ref().map(printable),
                package: snapshot.package.as_ref().map(printable),
            },
            plan: snapshot.plan,
            status: Some(StateFrame { state, since, sessions, interval, now, notice, support, response, quiet }),
            samples: VecDeque::new(),
            newest_average: snapshot.averages.as_ref().and_then(newest),
        };
        readout.keep(snapshot.history.samples());
        readout
    }
}

fn newest(averages: &Averages) -> Option<Rates> {
    let (down, up) = (*averages.down.last()?).zip(*averages.up.last()?)?;
    Some(Rates { down, up })
}

fn remedy(reason: &str) -> String {
    match reason {
        "link_refused" => {
            "the link is refused: it is not of this relay's keys, or not whole; `linelight-relay link --explain` says more".to_owned()
        }
        "link_expired" => "the link has expired; `linelight-relay link` makes a new one".to_owned(),
        "line_full" => "the line has as many viewers as it may have; try again later".to_owned(),
        "opened_elsewhere" => {
            "newer viewers at this address watch the line; close some of them, or watch from elsewhere".to_owned()
        }
        "too_many_unknown" => {
            "too many usernames that no agent reports are watched from this address; check the username".to_owned()
        }
        "relay_full" => "the relay has as many viewers as it may have; try again later".to_owned(),
        "going_away" => "the relay stops; try again when it is back".to_owned(),
        other => format!("the relay refuses: {}", one_line(other)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::UnixMillis;

    /// A frame of the wire's golden files.
    pub(in super::super) fn golden(name: &str) -> String {
        let path = format!("{}/../shared/golden/viewer/{name}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    /// A readout after these golden frames.
    pub(in super::super) fn after(names: &[&str]) -> Readout {
        let mut readout = Readout::default();
        for name in names {
            assert_ne!(readout.take(&golden(name)), Told::Nothing, "{name}");
        }
        readout
    }

    #[test]
    fn the_golden_frames_are_taken() {
        let mut readout = after(&["snapshot-running"]);
        assert_eq!(readout.who.customer.as_deref(), Some("Protea Motors"));
        assert_eq!(readout.rates(), Some(Rates { down: 0, up: 1_000 }));
        readout.take(&golden("sample"));
        assert_eq!(readout.rates(), Some(Rates { down: 14_780_000, up: 620_000 }));
        readout.take(&golden("samples"));
        assert_eq!((readout.rates(), readout.samples.len()), (Some(Rates { down: 1, up: 0 }), 6));
        readout.take(&golden("state-offline"));
        assert_eq!(readout.rates(), None, "an old figure is not shown as current");
        let Told::Refusal(reason) = readout.take(&golden("error-link-expired")) else { panic!() };
        assert!(reason.contains("expired"));
    }

    #[test]
    fn averages_are_figures_only_where_they_stand_in() {
        let mut readout = after(&["snapshot-averages"]);
        assert_eq!(readout.rates(), None);
        assert_eq!(readout.take(&golden("averages")), Told::Nothing);
        assert_eq!(readout.take(&golden("state-averages")), Told::Change);
        assert_eq!(readout.rates(), Some(Rates { down: 14_778_368, up: 619_520 }));
        assert_eq!(readout.take(&golden("averages")), Told::Change);
    }

    #[test]
    fn later_frames_are_passed_over_and_names_are_safe_for_a_terminal() {
        let mut readout = Readout::default();
        assert_eq!(readout.take(r#"{"type":"later"}"#), Told::Nothing);
        assert_eq!(readout.take("nonsense"), Told::Nothing);
        let evil = golden("snapshot-running").replace("Protea Motors", "\\u001b[2J\\nProtea");
        assert_eq!(readout.take(&evil), Told::Change);
        assert_eq!(readout.who.customer.as_deref(), Some("\\u{1b}[2J\\nProtea"));
        let refusal = readout.take("{\"type\":\"error\",\"code\":1,\"reason\":\"\\u001b[2J\"}");
        assert!(matches!(refusal, Told::Refusal(words) if !words.contains('\u{1b}')));
    }

    #[test]
    fn a_readout_keeps_so_many_samples() {
        let mut readout = Readout::default();
        readout.keep((0..1_000).map(|t| TimedSample { t: UnixMillis::from_millis(t), ..TimedSample::default() }));
        assert_eq!((readout.samples.len(), readout.samples[0].t.as_millis()), (KEPT, 700));
    }
}
