//! The columns of details.

use proptest::prelude::*;

use super::*;
use crate::sample::{MAX_DROPS, MAX_RESPONSE_US, MIN_RESPONSE_US, Response};

const HEADER: Header = Header { epoch: Epoch(7), sequence: 3, uptime_ms: 61_000, replayed: false };

fn sample(line: u32) -> Sample {
    Sample { line: LineHandle(line), download: 14_780_000, upload: 620_000 }
}

fn encoded(details: &[Detail]) -> Vec<u8> {
    let samples: Vec<_> = (0..).map(sample).take(details.len()).collect();
    let mut bytes = Vec::new();
    encode_detailed(&HEADER, &samples, details, &mut bytes);
    bytes
}

#[test]
fn a_response_takes_at_most_three_bytes_and_drops_are_rare() {
    let slow = vec![Detail { response: Response::Micros(MAX_RESPONSE_US), drops: 0 }; 1_000];
    let samples: Vec<_> = (0..1_000).map(sample).collect();
    let mut plain = Vec::new();
    encode(&HEADER, &samples, &mut plain);
    assert_eq!(encoded(&slow).len(), plain.len() + 3 * 1_000 + 1);
}

#[test]
fn responses_beyond_their_limits_are_clamped_when_sent_and_refused_when_read() {
    let beyond = [0, u32::MAX].map(|micros| Detail { response: Response::Micros(micros), drops: u32::MAX });
    let bytes = encoded(&beyond);
    let read: Vec<_> = Batch::parse(&bytes).unwrap().details().collect();
    let expected = [MIN_RESPONSE_US, MAX_RESPONSE_US];
    assert_eq!(read, expected.map(|micros| Detail { response: Response::Micros(micros), drops: MAX_DROPS }));
    let mut columns = Vec::new();
    put_varint(&mut columns, u64::from(MAX_RESPONSE_US) + 1);
    assert_eq!(Details::check(&mut &columns[..], 1).unwrap_err(), FrameError::Response(u64::from(MAX_RESPONSE_US) + 1));
}

#[test]
fn drops_that_fit_no_sample_are_refused() {
    for drops in [&[1, 1, 5][..], &[1, 0, 0], &[2, 0, 5, 0, 5], &[1, 0, 0xff, 0xff, 0xff, 0xff, 1]] {
        let columns = [&[1][..], drops].concat();
        assert_eq!(Details::check(&mut &columns[..], 1).unwrap_err(), FrameError::Drops, "{drops:?}");
    }
    let claimed = [1, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert_eq!(Details::check(&mut &claimed[..], 1).unwrap_err(), FrameError::Truncated);
}

#[test]
fn details_are_stripped_for_an_older_relay_and_nothing_else_is() {
    let mut bytes = encoded(&[Detail { response: Response::Lost, drops: 2 }; 2]);
    let mut plain = Vec::new();
    encode(&HEADER, &[sample(0), sample(1)], &mut plain);
    strip_details(&mut bytes);
    assert_eq!(bytes, plain);
    strip_details(&mut bytes);
    assert_eq!(bytes, plain);
}

fn response() -> impl Strategy<Value = Response> {
    prop_oneof![
        Just(Response::Lost),
        Just(Response::NotMeasured),
        Just(Response::Silent),
        (MIN_RESPONSE_US..=MAX_RESPONSE_US).prop_map(Response::Micros),
    ]
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back(
        details in prop::collection::vec((response(), prop_oneof![Just(0), 0..=MAX_DROPS]), 0..50),
    ) {
        let details: Vec<_> = details.into_iter().map(|(response, drops)| Detail { response, drops }).collect();
        let bytes = encoded(&details);
        let batch = Batch::parse(&bytes).unwrap();
        prop_assert_eq!(batch.details().collect::<Vec<_>>(), details);
        prop_assert_eq!(batch.samples().count(), batch.len());
        for cut in 0..bytes.len() {
            prop_assert!(Batch::parse(&bytes[..cut]).is_err());
        }
    }
}
