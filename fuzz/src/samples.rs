//! Sample frames: the relay reads or refuses any bytes, and reads an agent's samples unchanged.

use shared::frame::{Batch, Header, encode_averages, encode_detailed, mark_replayed};
use shared::{Detail, Epoch, LineHandle, Response, Sample};

/// The largest rate in a frame, by the golden file.
const LARGEST: u64 = shared::sample::MAX_RATE;

/// The bytes are a frame, and then the material of another frame.
pub fn holds(data: &[u8]) {
    any_bytes_are_read_or_refused(data);
    what_is_written_is_read(data);
}

fn any_bytes_are_read_or_refused(data: &[u8]) {
    let Ok(batch) = Batch::parse(data) else { return };
    let samples: Vec<Sample> = batch.samples().collect();
    assert_eq!(samples.len(), batch.len());
    assert!(samples.is_sorted_by(|a, b| a.line < b.line));
    assert!(samples.iter().all(|sample| sample.download <= LARGEST && sample.upload <= LARGEST));
    let mut again = Vec::new();
    match batch.reach {
        Some(reach) => encode_averages(&batch.header, reach, &samples, &mut again),
        None => encode_detailed(&batch.header, &samples, &batch.details().collect::<Vec<_>>(), &mut again),
    }
    let again = Batch::parse(&again).expect("what was read is written");
    assert_eq!((again.header, again.reach), (batch.header, batch.reach));
    assert!(again.samples().eq(samples));
    assert!(again.details().eq(batch.details()));
}

fn what_is_written_is_read(data: &[u8]) {
    let (head, rest) = data.split_at(data.len().min(24));
    let number = |at: usize| head.get(at..at + 8).map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
    let header = Header { epoch: Epoch(number(0)), sequence: number(8), uptime_ms: number(16), replayed: false };
    let mut samples: Vec<Sample> = rest.chunks_exact(20).map(sample).collect();
    samples.sort_by_key(|sample| sample.line);
    samples.dedup_by_key(|sample| sample.line);
    let mut bytes = Vec::new();
    let details: Vec<Detail> = samples.iter().map(detail).collect();
    encode_detailed(&header, &samples, &details, &mut bytes);
    mark_replayed(&mut bytes);
    let batch = Batch::parse(&bytes).expect("what is written is read");
    assert_eq!(batch.header, Header { replayed: true, ..header });
    assert!(batch.samples().eq(samples.iter().copied().map(clamped)));
    assert_eq!(batch.details().count(), samples.len());
    for cut in 0..bytes.len().min(64) {
        assert!(Batch::parse(&bytes[..cut]).is_err(), "half a frame is read");
    }
}

fn sample(bytes: &[u8]) -> Sample {
    Sample {
        line: LineHandle(u32::from_le_bytes(bytes[..4].try_into().unwrap())),
        download: u64::from_le_bytes(bytes[4..12].try_into().unwrap()),
        upload: u64::from_le_bytes(bytes[12..20].try_into().unwrap()),
    }
}

/// A detail of any kind, by the sample's own numbers.
fn detail(sample: &Sample) -> Detail {
    let micros = sample.download as u32;
    let response = match sample.upload % 4 {
        0 => Response::NotMeasured,
        1 => Response::Lost,
        2 => Response::Silent,
        _ => Response::Micros(micros),
    };
    Detail { response, drops: if sample.download % 8 == 0 { micros } else { 0 } }
}

fn clamped(sample: Sample) -> Sample {
    Sample { download: sample.download.min(LARGEST), upload: sample.upload.min(LARGEST), ..sample }
}
