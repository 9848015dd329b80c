//! The two logins of the API, new (6.43 and later) and old, as a decision without I/O.

use md5::{Digest, Md5};

use super::sentence::{Sentence, Trap};

/// The router's kind of login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Login {
    /// Name and password in one sentence: 6.43 and later.
    #[default]
    New,
    /// A challenge and its MD5 response: before 6.43. Name and password in one sentence are answered with the challenge.
    Old,
}

/// The result of a `/login`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Welcome,
    Challenge([u8; 16]),
    Refused(Trap),
}

/// Judges one `/login`. `pending` is this connection's last challenge, `fresh` the next one.
pub(crate) fn judge(
    style: Login,
    sentence: &Sentence,
    (user, password): (&[u8], &[u8]),
    pending: Option<[u8; 16]>,
    fresh: [u8; 16],
) -> Outcome {
    let given = |name| sentence.attribute(name).unwrap_or_default();
    match style {
        Login::New if given("name") == user && given("password") == password => Outcome::Welcome,
        Login::New => Outcome::Refused(Trap::login("invalid user name or password (6)")),
        Login::Old if sentence.attribute("response").is_none() => Outcome::Challenge(fresh),
        Login::Old => {
            let expected = pending.map(|challenge| response(password, &challenge));
            if given("name") == user && expected.is_some_and(|expected| expected.as_bytes() == given("response")) {
                return Outcome::Welcome;
            }
            Outcome::Refused(Trap::login("cannot log in"))
        }
    }
}

/// `00` and the MD5 of a zero byte, the password and the challenge, in hexadecimal.
pub(crate) fn response(password: &[u8], challenge: &[u8; 16]) -> String {
    let digest = Md5::new().chain_update([0]).chain_update(password).chain_update(challenge).finalize();
    format!("00{}", hex(&digest))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(words: &[&str]) -> Sentence {
        Sentence { words: ["/login"].iter().chain(words).map(|word| word.as_bytes().to_vec()).collect() }
    }

    const ACCOUNT: (&[u8], &[u8]) = (b"admin", b"secret");

    #[test]
    fn the_response_is_that_of_a_known_exchange() {
        // Worked out with Python's hashlib from the formula on MikroTik's page.
        let challenge = *b"\x0f\x1e\x2d\x3c\x4b\x5a\x69\x78\x87\x96\xa5\xb4\xc3\xd2\xe1\xf0";
        assert_eq!(response(b"secret", &challenge), "00f13b79c11d18c58684b7a680cb9cf462");
    }

    #[test]
    fn the_new_login_takes_name_and_password() {
        let judge = |words: &[&str]| judge(Login::New, &login(words), ACCOUNT, None, [0; 16]);
        assert_eq!(judge(&["=name=admin", "=password=secret"]), Outcome::Welcome);
        for words in [&["=name=admin", "=password=wrong"][..], &["=name=Admin", "=password=secret"], &[]] {
            let Outcome::Refused(trap) = judge(words) else { panic!("{words:?} was let in") };
            assert_eq!(trap.message, "invalid user name or password (6)");
        }
    }

    #[test]
    fn the_old_login_takes_the_response_to_its_own_challenge_only() {
        let judge = |words: &[&str], pending| judge(Login::Old, &login(words), ACCOUNT, pending, [7; 16]);
        assert_eq!(judge(&[], None), Outcome::Challenge([7; 16]));
        assert_eq!(judge(&["=name=admin", "=password=secret"], None), Outcome::Challenge([7; 16]));
        let answer = format!("=response={}", response(b"secret", &[9; 16]));
        assert_eq!(judge(&["=name=admin", &answer], Some([9; 16])), Outcome::Welcome);
        for pending in [None, Some([8; 16])] {
            let Outcome::Refused(trap) = judge(&["=name=admin", &answer], pending) else { panic!("let in") };
            assert_eq!(trap.message, "cannot log in");
        }
    }
}
