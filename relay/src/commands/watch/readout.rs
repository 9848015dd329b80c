//! Viewer frames to a line of text: no I/O, no clock.

use serde::Deserialize;

/// What is known of the line.
#[derive(Debug, Default)]
pub(super) struct Readout {
    username: String,
    customer: Option<String>,
    state: String,
    newest: Option<(u64, u64)>,
    /// The newest average; it is shown where the router gives nothing else.
    average: Option<(u64, u64)>,
    /// What is averaged over, milliseconds, while averages stand in.
    stand_in: Option<u32>,
}

/// What a frame said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing that is shown.
    Nothing,
    /// The line's figures now.
    Figures(String),
    /// Why the relay shows no figures, with the remedy.
    Refusal(String),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Frame {
    Snapshot {
        username: String,
        customer: Option<String>,
        history: Columns,
        averages: Option<Averages>,
        #[serde(flatten)]
        state: State,
    },
    Sample {
        down: u64,
        up: u64,
    },
    Samples(Columns),
    Averages(Averages),
    State(State),
    Error {
        reason: String,
    },
    #[serde(other)]
    Later,
}

#[derive(Deserialize)]
struct State {
    state: String,
    interval: u32,
    notice: Option<String>,
}

#[derive(Deserialize)]
struct Averages {
    down: Vec<Option<u64>>,
    up: Vec<Option<u64>>,
}

#[derive(Deserialize)]
struct Columns {
    down: Vec<u64>,
    up: Vec<u64>,
}

impl Readout {
    /// Takes one text frame.
    pub(super) fn take(&mut self, text: &str) -> Told {
        match serde_json::from_str(text) {
            Ok(Frame::Snapshot { username, customer, state, history, averages }) => {
                let (newest, average) = (history.newest(), averages.as_ref().and_then(Averages::newest));
                *self = Self { username, customer, newest, average, ..Self::default() };
                self.restate(state);
            }
            Ok(Frame::Sample { down, up }) => self.newest = Some((down, up)),
            Ok(Frame::Samples(columns)) => self.newest = columns.newest(),
            Ok(Frame::Averages(averages)) => {
                self.average = averages.newest();
                if self.stand_in.is_none() {
                    return Told::Nothing;
                }
            }
            Ok(Frame::State(state)) => self.restate(state),
            Ok(Frame::Error { reason }) => return Told::Refusal(remedy(&reason)),
            Ok(Frame::Later) | Err(_) => return Told::Nothing,
        }
        Told::Figures(self.line())
    }

    fn restate(&mut self, State { state, interval, notice }: State) {
        self.stand_in = notice.filter(|notice| notice == "averages").map(|_| interval);
        self.state = state;
    }

    fn line(&self) -> String {
        let Self { username, customer, state, newest, average, stand_in } = self;
        let customer = customer.as_deref().map(|customer| format!(" ({})", printable(customer))).unwrap_or_default();
        // A figure beside any other state would be an old one shown as current.
        let figures = match if stand_in.is_some() { average } else { newest } {
            Some((down, up)) if state == "running" => format!("  ↓ {:>12}  ↑ {:>12}", rate(*down), rate(*up)),
            _ => String::new(),
        };
        let over = stand_in.map(|over| format!("  averages over {} s", over / 1_000)).unwrap_or_default();
        format!("{}{customer}  {}{figures}{over}", printable(username), printable(state))
    }
}

impl Averages {
    fn newest(&self) -> Option<(u64, u64)> {
        (*self.down.last()?).zip(*self.up.last()?)
    }
}

impl Columns {
    fn newest(&self) -> Option<(u64, u64)> {
        Some((*self.down.last()?, *self.up.last()?))
    }
}

/// A rate as the page writes it: Mbps with two decimals, kbps below 1 Mbps, Gbps from 1,000 Mbps.
fn rate(bits_per_second: u64) -> String {
    let (unit, name) = match bits_per_second {
        0..1_000_000 => (1_000, "kbps"),
        1_000_000..1_000_000_000 => (1_000_000, "Mbps"),
        _ => (1_000_000_000, "Gbps"),
    };
    let hundredths = bits_per_second / (unit / 100);
    format!("{}.{:02} {name}", hundredths / 100, hundredths % 100)
}

fn remedy(reason: &str) -> String {
    match reason {
        "link_refused" => "the link is refused: it is not of this relay's keys, or not whole".to_owned(),
        "link_expired" => "the link has expired; `linelight-relay link` makes a new one".to_owned(),
        "line_full" => "the line has as many viewers as it may have; try again later".to_owned(),
        "relay_full" => "the relay has as many viewers as it may have; try again later".to_owned(),
        "going_away" => "the relay stops".to_owned(),
        other => format!("the relay refuses: {}", printable(other)),
    }
}

/// A name may hold what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden(name: &str) -> String {
        let path = format!("{}/../shared/golden/viewer/{name}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn the_golden_frames_are_shown() {
        let mut readout = Readout::default();
        let running = "4446@karoo.example (Protea Motors)  running";
        assert_eq!(
            readout.take(&golden("snapshot-running")),
            Told::Figures(format!("{running}  ↓    0.00 kbps  ↑    1.00 kbps"))
        );
        assert_eq!(
            readout.take(&golden("sample")),
            Told::Figures(format!("{running}  ↓   14.78 Mbps  ↑  620.00 kbps"))
        );
        assert_eq!(
            readout.take(&golden("samples")),
            Told::Figures(format!("{running}  ↓    0.00 kbps  ↑    0.00 kbps"))
        );
        let offline = readout.take(&golden("state-offline"));
        assert_eq!(offline, Told::Figures("4446@karoo.example (Protea Motors)  offline".into()), "no figure is shown");
        let Told::Refusal(reason) = readout.take(&golden("error-link-expired")) else { panic!() };
        assert!(reason.contains("expired"));
    }

    #[test]
    fn averages_are_figures_only_where_they_stand_in() {
        let mut readout = Readout::default();
        let running = "4446@karoo.example (Protea Motors)  running";
        assert_eq!(readout.take(&golden("snapshot-averages")), Told::Figures(running.into()));
        assert_eq!(readout.take(&golden("averages")), Told::Nothing);
        let figures = "  ↓   14.77 Mbps  ↑  619.52 kbps";
        assert_eq!(
            readout.take(&golden("state-averages")),
            Told::Figures(format!("{running}{figures}  averages over 30 s"))
        );
        assert_eq!(readout.take(&golden("averages")), readout.take(&golden("state-averages")));
    }

    #[test]
    fn later_frames_are_passed_over_and_terminals_are_safe() {
        let mut readout = Readout::default();
        assert_eq!(readout.take(r#"{"type":"later"}"#), Told::Nothing);
        assert_eq!(readout.take("nonsense"), Told::Nothing);
        let evil = r#"{"type":"state","state":"\u001b[2Jrunning","interval":1000}"#;
        assert!(matches!(readout.take(evil), Told::Figures(line) if !line.contains('\u{1b}')));
    }

    #[test]
    fn rates_are_written_as_on_the_page() {
        for (bits, text) in [
            (0, "0.00 kbps"),
            (999_999, "999.99 kbps"),
            (1_000_000, "1.00 Mbps"),
            (14_780_000, "14.78 Mbps"),
            (999_999_999, "999.99 Mbps"),
            (1_500_000_000, "1.50 Gbps"),
        ] {
            assert_eq!(rate(bits), text);
        }
    }
}
