//! The names and the life of a certificate (RFC 5280, section 4.1), read from DER. The relay reads no other field of X.509,
//! and leaves the judgement to the other side.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::NaiveDateTime;
use rustls_pki_types::CertificateDer;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The fields of a certificate that the relay reads. Names are the contents of their sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    validity: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Reads the fields; `None` if these bytes are no certificate.
    pub(super) fn read(certificate: &'a CertificateDer<'_>) -> Option<Self> {
        let (body, _) = expect(SEQUENCE, certificate)?;
        let (fields, _) = expect(SEQUENCE, body)?;
        let fields = expect(VERSION, fields).map_or(fields, |(_, rest)| rest);
        let (_serial, fields) = expect(INTEGER, fields)?;
        let (_signature, fields) = expect(SEQUENCE, fields)?;
        let (issuer, fields) = expect(SEQUENCE, fields)?;
        let (validity, fields) = expect(SEQUENCE, fields)?;
        let (subject, _) = expect(SEQUENCE, fields)?;
        Some(Self { issuer, subject, validity })
    }
}

/// The life of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its begin.
    pub not_before: SystemTime,
    /// Its end.
    pub not_after: SystemTime,
}

impl Validity {
    /// Returns a certificate's life; `None` if unreadable. A begin before 1970 is 1970.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (not_before, not_after) = life(certificate)?;
        let time = |seconds| u64::try_from(seconds).ok().map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        Some(Self { not_before: time(not_before.max(0))?, not_after: time(not_after)? })
    }
}

/// Returns the certificate's `notAfter`, seconds since 1970; `None` if unreadable.
pub(super) fn not_after(certificate: &CertificateDer<'_>) -> Option<i64> {
    life(certificate).map(|(_, not_after)| not_after)
}

/// Returns the certificate's `notBefore` and `notAfter`, seconds since 1970; `None` if unreadable.
fn life(certificate: &CertificateDer<'_>) -> Option<(i64, i64)> {
    let (tag, not_before, validity) = element(Fields::read(certificate)?.validity)?;
    let not_before = time(tag, str::from_utf8(not_before).ok()?)?;
    let (tag, not_after, _) = element(validity)?;
    Some((not_before, time(tag, str::from_utf8(not_after).ok()?)?))
}

/// Returns the content of an element with that tag, and the rest.
fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// Returns an element's tag and content, and the rest (X.690, sections 8.1 and 10.1).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, bytes) = bytes.split_first()?;
    let (&first, bytes) = bytes.split_first()?;
    let (length, bytes) = match first {
        0..=0x7f => (usize::from(first), bytes),
        0x81..=0x83 => {
            let (digits, rest) = bytes.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Reads a time (RFC 5280, section 4.1.2.5). Two digits mean a year from 1950 to 2049.
fn time(tag: u8, text: &str) -> Option<i64> {
    let full = match tag {
        GENERALIZED_TIME => text.to_owned(),
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        _ => return None,
    };
    NaiveDateTime::parse_from_str(&full, "%Y%m%d%H%M%SZ").ok().map(|time| time.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn certificate(year: i32) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["relay.test".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(1975, 1, 1), date_time_ymd(year, 3, 1));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_forms() {
        for (year, seconds) in
            [(1999, 920_246_400), (2027, 1_803_859_200), (2049, 2_498_169_600), (2050, 2_529_705_600)]
        {
            assert_eq!(life(&certificate(year)), Some((157_766_400, seconds)), "{year}");
        }
    }

    #[test]
    fn what_is_cut_or_changed_is_no_panic() {
        let whole = certificate(2027).to_vec();
        for at in 0..whole.len() {
            assert!(not_after(&whole[..at].to_vec().into()).is_none_or(|end| end == 1_803_859_200), "cut at {at}");
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            let _ = not_after(&changed.into());
        }
        assert_eq!(not_after(&b"not a certificate".to_vec().into()), None);
    }
}
