use super::*;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use shared::Username;
use shared::control::Role;
use shared::sample::{MAX_DROPS, MAX_RATE, MAX_RESPONSE_US};

/// A golden file; every one of the folder is read by some test, see `every_golden_file_is_read`.
fn golden(name: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/golden/viewer/");
    std::fs::read_to_string(format!("{path}{name}.json")).unwrap().trim_end().to_owned()
}

fn at(milliseconds: i64) -> UnixMillis {
    UnixMillis::from_millis(milliseconds)
}

fn sample(t: i64, down: u64, up: u64) -> TimedSample {
    TimedSample { t: at(t), down, up, ..TimedSample::default() }
}

fn points(points: &[(i64, u64, u64)]) -> History {
    points.iter().map(|&(t, down, up)| sample(t, down, up)).collect()
}

fn running() -> Snapshot {
    Snapshot {
        username: "4446@karoo.example".into(),
        display: "4446@karoo.example".into(),
        customer: Some("Protea Motors".into()),
        package: Some("Fibre Direct 50/10".into()),
        brand: Some("Karoo Wireless".into()),
        plan: PlanLimits { down: Some(50_000_000), up: Some(10_000_000), shared: false },
        state: LineState::Running,
        since: Some(at(1_795_359_600_000)),
        sessions: 1,
        interval: 1_000,
        expires: Some(at(1_803_135_600_000)),
        now: at(1_795_363_200_500),
        history: points(&[
            (1_795_363_198_000, 14_780_000, 620_000),
            (1_795_363_199_000, 14_790_000, 0),
            (1_795_363_200_000, 0, 1_000),
        ]),
        averages: None,
        notice: None,
        support: false,
        response: None,
        quiet: None,
    }
}

fn averages(start: UnixMillis, columns: &[(Option<u64>, Option<u64>)]) -> Averages {
    let (down, up) = columns.iter().copied().unzip();
    Averages { interval: 30_000, start, down, up }
}

/// A line without viewers so far.
fn unwatched() -> Snapshot {
    let columns =
        [(Some(14_778_368), Some(619_520)), (None, None), (Some(0), Some(1_000)), (Some(48_013_312), Some(0))];
    let averages = averages(at(1_795_363_070_000), &columns);
    Snapshot { history: History::default(), averages: Some(averages), ..running() }
}

/// A line whose router has one queue for several lines.
fn shared_plan() -> Snapshot {
    Snapshot { plan: PlanLimits { shared: true, ..running().plan }, ..running() }
}

fn bare() -> Snapshot {
    let username = Username::from_bytes(b"caf\xE9 50%").unwrap();
    Snapshot {
        username: username.to_text(),
        display: display(username.as_bytes()),
        customer: None,
        package: None,
        brand: None,
        plan: PlanLimits::default(),
        state: LineState::Unknown,
        since: None,
        sessions: 0,
        expires: None,
        history: History::default(),
        ..running()
    }
}

fn state(state: LineState, since: Option<UnixMillis>, sessions: u16, interval: u32) -> ViewerFrame {
    let (now, notice, support) = (at(1_795_363_202_500), None, false);
    let (response, quiet) = (None, None);
    ViewerFrame::State(StateFrame { state, since, sessions, interval, now, notice, support, response, quiet })
}

fn stand_in() -> ViewerFrame {
    ViewerFrame::State(StateFrame {
        state: LineState::Running,
        since: Some(at(1_795_359_600_000)),
        sessions: 1,
        interval: 30_000,
        now: at(1_795_363_202_500),
        notice: Some(Notice::Averages),
        support: false,
        response: None,
        quiet: None,
    })
}

/// A line at which the provider's support looks too.
fn supported() -> Snapshot {
    Snapshot { support: true, ..running() }
}

fn supported_state() -> ViewerFrame {
    match state(LineState::Running, Some(at(1_795_359_600_000)), 1, 1_000) {
        ViewerFrame::State(state) => ViewerFrame::State(StateFrame { support: true, ..state }),
        other => other,
    }
}

/// A line whose response is measured.
fn measured() -> Snapshot {
    let response = |nth: usize| [Some(Measured::Micros(12_345)), Some(Measured::Lost), None][nth];
    let samples = running().history.samples().enumerate().collect::<Vec<_>>().into_iter();
    let history = samples.map(|(nth, sample)| TimedSample { response: response(nth), ..sample });
    Snapshot { history: history.collect(), response: Some(ResponseWay::Router), quiet: Some(11_800), ..running() }
}

fn silent() -> ViewerFrame {
    match supported_state() {
        ViewerFrame::State(state) => {
            ViewerFrame::State(StateFrame { support: false, response: Some(ResponseWay::Silent), ..state })
        }
        other => other,
    }
}

fn responses() -> [TimedSample; 3] {
    let rates = sample(1_795_363_201_000, 14_780_000, 620_000);
    let answered = TimedSample { response: Some(Measured::Micros(12_345)), ..rates };
    [answered, TimedSample { response: Some(Measured::Lost), ..rates }, TimedSample { drops: 3, ..answered }]
}

fn all() -> Vec<(&'static str, ViewerFrame)> {
    vec![
        ("snapshot-running", ViewerFrame::Snapshot(Box::new(running()))),
        ("snapshot-shared", ViewerFrame::Snapshot(Box::new(shared_plan()))),
        ("snapshot-support", ViewerFrame::Snapshot(Box::new(supported()))),
        ("state-support", supported_state()),
        ("snapshot-bare", ViewerFrame::Snapshot(Box::new(bare()))),
        ("snapshot-averages", ViewerFrame::Snapshot(Box::new(unwatched()))),
        ("averages", ViewerFrame::Averages(averages(at(1_795_363_190_000), &[(Some(14_778_368), Some(619_520))]))),
        ("state-averages", stand_in()),
        ("sample", ViewerFrame::Sample(sample(1_795_363_201_000, 14_780_000, 620_000))),
        ("sample-response", ViewerFrame::Sample(responses()[0])),
        ("sample-lost", ViewerFrame::Sample(responses()[1])),
        ("sample-drops", ViewerFrame::Sample(responses()[2])),
        (
            "samples-response",
            ViewerFrame::Samples([sample(1_795_363_200_000, 1, 0), responses()[0]].into_iter().collect()),
        ),
        (
            "samples-drops",
            ViewerFrame::Samples([sample(1_795_363_200_000, 1, 0), responses()[2]].into_iter().collect()),
        ),
        ("snapshot-response", ViewerFrame::Snapshot(Box::new(measured()))),
        ("state-silent", silent()),
        ("self", ViewerFrame::ViewerResponse { micros: 8_300 }),
        (
            "samples",
            ViewerFrame::Samples(points(&[(1_795_363_201_000, 14_780_000, 620_000), (1_795_363_202_000, 1, 0)])),
        ),
        ("state-busy", state(LineState::Running, Some(at(1_795_359_600_000)), 2, 5_000)),
        ("state-offline", state(LineState::Offline, Some(at(1_795_363_202_000)), 0, 1_000)),
        ("state-unreachable", state(LineState::Unreachable, None, 0, 1_000)),
        ("error-link-expired", ViewerFrame::error(Close::LinkExpired)),
    ]
}

#[test]
fn the_frames_are_the_golden_ones_byte_for_byte() {
    for (name, frame) in all() {
        let golden = golden(name);
        assert_eq!(String::from_utf8(frame.to_json()).unwrap(), golden, "{name}");
        assert_eq!(serde_json::from_str::<ViewerFrame>(&golden).unwrap(), frame, "{name}");
        assert!(golden.contains(&format!(r#""type":"{}""#, frame.name())), "{name}");
    }
}

/// Checks every name that serde knows of an enum. The error about an unknown name lists all of them.
fn serde_agrees<T: DeserializeOwned>(count: usize, as_str: fn(T) -> &'static str) {
    let error = serde_json::from_str::<T>(r#""?""#).err().unwrap().to_string();
    let names: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    assert_eq!(names.len(), count, "{error}");
    names.iter().for_each(|name| assert_eq!(as_str(serde_json::from_value((*name).into()).unwrap()), *name));
}

#[test]
fn names_are_those_on_the_wire() {
    serde_agrees(6, LineState::as_str);
    serde_agrees(4, Notice::as_str);
    serde_agrees(2, Role::as_str);
    serde_agrees(3, ResponseWay::as_str);
}

#[test]
fn every_golden_file_is_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/golden/viewer");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), all().len());
}

#[test]
fn a_notice_stands_at_the_end() {
    let snapshot = Snapshot { notice: Some(Notice::TooManyWatched), ..bare() };
    let json = String::from_utf8(ViewerFrame::Snapshot(Box::new(snapshot)).to_json()).unwrap();
    assert!(json.ends_with(r#","notice":"too_many_watched"}"#), "{json}");
}

#[test]
fn a_later_type_is_skipped() {
    assert_eq!(serde_json::from_str::<ViewerFrame>(r#"{"type":"later","x":1}"#).unwrap(), ViewerFrame::Unknown);
}

#[test]
fn a_first_frame_is_a_watch() {
    let watch: FromViewer = serde_json::from_str(r#"{"type":"watch","token":"a.b.c","later":1}"#).unwrap();
    assert_eq!(watch, FromViewer::Watch { token: Some("a.b.c".into()), username: None });
    assert_eq!(serde_json::to_string(&watch).unwrap(), r#"{"type":"watch","token":"a.b.c"}"#);
    assert!(serde_json::from_str::<FromViewer>(r#"{"type":"hello"}"#).is_err());
}

proptest! {
    #[test]
    fn a_viewers_response_written_by_hand_is_serdes(micros: u32) {
        let mut out = Vec::new();
        put_viewer_response(&mut out, micros);
        prop_assert!(out.len() <= 32);
        prop_assert_eq!(out, ViewerFrame::ViewerResponse { micros }.to_json());
    }

    #[test]
    fn a_sample_written_by_hand_is_serdes(
        t in 0i64..1 << 45,
        (down, up) in (0..=MAX_RATE, 0..=MAX_RATE),
        micros in prop::option::of(prop::option::of(0..=MAX_RESPONSE_US)),
        drops in prop_oneof![Just(0), 0..=MAX_DROPS],
    ) {
        let response = micros.map(|micros| micros.map_or(Measured::Lost, Measured::Micros));
        let point = TimedSample { t: at(t), down, up, response, drops };
        let mut out = Vec::new();
        put_sample(&mut out, &point);
        prop_assert!(out.len() <= 114);
        let json = String::from_utf8(out.clone()).unwrap();
        prop_assert_eq!(serde_json::from_str::<ViewerFrame>(&json).unwrap(), ViewerFrame::Sample(point));
        prop_assert_eq!(out, ViewerFrame::Sample(point).to_json());
    }
}
