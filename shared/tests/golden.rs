//! The wire is frozen: every golden file is read, and what is written today is written as it was.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use shared::close::{Close, Retry};
use shared::control::{self, FromAgent, FromRelay};
use shared::frame::{self, Batch, Header, Reach};
use shared::{Detail, Epoch, LineHandle, Response, Sample};

fn golden(folder: &str, prefix: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
        .collect();
    files.sort();
    files
}

fn control_files<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(prefix: &str, expected: usize) {
    let files = golden("control", prefix);
    assert_eq!(files.len(), expected, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let message: T = control::decode(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let later_version = file.to_str().unwrap().contains("later");
        if !later_version {
            assert_eq!(control::encode(&message), text.trim_end(), "{}", file.display());
        }
    }
}

#[test]
fn agents_control_messages() {
    control_files::<FromAgent>("agent-", 14);
}

#[test]
fn relays_control_messages() {
    control_files::<FromRelay>("relay-", 8);
}

#[test]
fn messages_of_a_later_version_are_understood_as_far_as_possible() {
    let read = |name: &str| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/control").join(name)).unwrap()
    };
    assert_eq!(control::decode::<FromAgent>(&read("agent-later-type.json")).unwrap(), FromAgent::Unknown);
    assert_eq!(control::decode::<FromRelay>(&read("relay-later-type.json")).unwrap(), FromRelay::Unknown);
    let FromAgent::Hello(hello) = control::decode(&read("agent-later-fields.json")).unwrap() else { panic!() };
    assert_eq!(hello.next, 42);
}

#[test]
fn sample_frames() {
    let files = golden("samples", "v1-");
    assert_eq!(files.len(), 8, "{files:?}");
    for file in files {
        let value: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let bytes = from_hex(value["hex"].as_str().unwrap());
        let batch = Batch::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let header = Header {
            epoch: serde_json::from_value::<Epoch>(value["epoch"].clone()).unwrap(),
            sequence: value["sequence"].as_u64().unwrap(),
            uptime_ms: value["uptime_ms"].as_u64().unwrap(),
            replayed: value["replayed"].as_bool().unwrap(),
        };
        let samples: Vec<_> = serde_json::from_value::<Vec<(u32, u64, u64)>>(value["samples"].clone())
            .unwrap()
            .into_iter()
            .map(|(line, download, upload)| Sample { line: LineHandle(line), download, upload })
            .collect();
        let number = |name: &str| value.get(name).and_then(Value::as_u64);
        let reach = number("span_ms").zip(number("interval_ms"));
        let reach = reach.map(|(span_ms, interval_ms)| Reach { span_ms, interval_ms });
        assert_eq!((batch.header, batch.reach), (header, reach), "{}", file.display());
        assert_eq!(batch.samples().collect::<Vec<_>>(), samples, "{}", file.display());
        let details = details(&value);
        let expected = details.clone().unwrap_or_else(|| vec![Detail::default(); samples.len()]);
        assert_eq!(batch.details().collect::<Vec<_>>(), expected, "{}", file.display());
        let mut again = Vec::new();
        match (reach, details) {
            (Some(reach), _) => frame::encode_averages(&header, reach, &samples, &mut again),
            (None, Some(details)) => frame::encode_detailed(&header, &samples, &details, &mut again),
            (None, None) => frame::encode(&header, &samples, &mut again),
        }
        if !file.to_str().unwrap().contains("later") {
            assert_eq!(again, bytes, "{}: {}", file.display(), to_hex(&again));
        }
    }
}

/// The details of a golden file: a response is microseconds, or a word.
fn details(value: &Value) -> Option<Vec<Detail>> {
    let response = |value: &Value| match value.as_str() {
        Some("lost") => Response::Lost,
        Some("silent") => Response::Silent,
        Some("not measured") => Response::NotMeasured,
        _ => Response::Micros(value.as_u64().unwrap().try_into().unwrap()),
    };
    let detail =
        |pair: &Value| Detail { response: response(&pair[0]), drops: pair[1].as_u64().unwrap().try_into().unwrap() };
    Some(value.get("details")?.as_array()?.iter().map(detail).collect())
}

#[test]
fn close_codes() {
    let table: Vec<_> = Close::ALL
        .into_iter()
        .map(|close| {
            let retry = match close.retry() {
                Retry::BackOff => json!("back_off"),
                Retry::After(seconds) => json!(seconds),
                Retry::Never => json!("never"),
            };
            json!({"code": close.code(), "name": close.name(), "retry": retry})
        })
        .collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/close.json");
    let golden: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(golden, Value::Array(table.clone()), "{}", serde_json::to_string(&table).unwrap());
    assert!(Close::ALL.into_iter().all(|close| Close::from_code(close.code()) == Some(close)));
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
