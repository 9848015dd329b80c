//! The second factor: time-based one-time passwords (RFC 6238) of six digits, 30 s each, by HMAC-SHA-1 as every app has it; and
//! recovery codes. Pure: time is an argument.

use anyhow::Result;
use data_encoding::BASE32_NOPAD;
use ring::hmac;

use super::secret::Hash;
use crate::store::random::fill_random;
use crate::viewers::routes::path_segment;

/// The seconds of one code.
const PERIOD: i64 = 30;
/// A code is good so many steps before and behind its own, for clocks that differ.
const DRIFT: i64 = 1;
/// The length of a secret, in bytes (RFC 4226, section 4).
const SECRET: usize = 20;
/// The digits of a code.
const DIGITS: usize = 6;
/// The recovery codes of a person.
const RECOVERY_CODES: usize = 10;
/// The length of a recovery code, in bytes: nobody can guess it, and its hash needs no salt.
const RECOVERY: usize = 10;

/// Returns a fresh secret in base32.
///
/// # Errors
/// The system gives no randomness.
pub(crate) fn fresh() -> Result<String> {
    let mut secret = [0; SECRET];
    fill_random(&mut secret)?;
    Ok(BASE32_NOPAD.encode(&secret))
}

/// Returns the address of a secret for an app's camera.
pub(crate) fn uri(secret: &str, issuer: &str, name: &str) -> String {
    let (issuer, name) = (path_segment(issuer), path_segment(name));
    format!(
        "otpauth://totp/{issuer}:{name}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={PERIOD}"
    )
}

/// True for a text of the form of a code.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the time step of a code at a time (Unix seconds), if it is right and later than the last used step.
pub(crate) fn step(secret: &str, code: &str, now: i64, used: i64) -> Option<i64> {
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).ok()?;
    if !is_code(code) {
        return None;
    }
    let (current, shown) = (now.div_euclid(PERIOD), code.parse::<u32>().ok()?);
    let mut steps = (current - DRIFT)..=(current + DRIFT);
    steps.find(|step| *step > used && truncated(&secret, *step) % 10_u32.pow(6) == shown)
}

/// Returns the number of which a code is the last digits (RFC 4226, section 5.3).
fn truncated(secret: &[u8], step: i64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0xf);
    let four = bytes.iter().skip(offset).take(4);
    four.fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff
}

/// Returns fresh recovery codes, as `ABCD-EFGH-JKLM-NPQR`.
///
/// # Errors
/// The system gives no randomness.
pub(crate) fn recovery_codes() -> Result<Vec<String>> {
    (0..RECOVERY_CODES)
        .map(|_| {
            let mut bytes = [0; RECOVERY];
            fill_random(&mut bytes)?;
            let text = BASE32_NOPAD.encode(&bytes);
            let groups: Vec<_> = text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
            Ok(groups.join("-"))
        })
        .collect()
}

/// Returns the hash of a recovery code, however it is typed.
pub(crate) fn recovery_hash(typed: &str) -> Hash {
    let letters: String = typed.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    Hash::of(letters.to_ascii_uppercase().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: eight digits by SHA-1.
    #[test]
    fn the_test_vectors_of_the_rfc_hold() {
        for (time, code) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(truncated(b"12345678901234567890", time / PERIOD) % 100_000_000, code, "{time}");
        }
    }

    #[test]
    fn a_code_is_good_a_step_before_and_behind_and_never_twice() {
        let secret = BASE32_NOPAD.encode(b"12345678901234567890");
        for (now, good) in [(29, true), (30, true), (59, true), (60, true), (89, true), (90, false), (-1, false)] {
            assert_eq!(step(&secret, "287082", now, 0), good.then_some(1), "{now}");
        }
        assert_eq!(step(&secret, "287082", 59, 1), None, "used");
        for wrong in ["287083", "94287082", "28708", "", "28708a", "+28708", " 28708"] {
            assert_eq!(step(&secret, wrong, 59, 0), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_for_an_app_is_escaped() {
        let uri = uri("ABC", "Karoo & Co", "a@b.example");
        assert_eq!(
            uri,
            "otpauth://totp/Karoo%20%26%20Co:a%40b.example?secret=ABC&issuer=Karoo%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn recovery_codes_are_known_however_they_are_typed() {
        let codes = recovery_codes().unwrap();
        assert_eq!((codes.len(), codes[0].len()), (RECOVERY_CODES, 19));
        let hash = recovery_hash(&codes[0]);
        assert_eq!(recovery_hash(&codes[0].to_lowercase().replace('-', " ")), hash);
        assert_ne!(recovery_hash(&codes[1]), hash);
    }
}
