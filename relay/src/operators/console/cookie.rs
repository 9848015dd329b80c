//! The session's cookie. Browsers take a name with `__Host-` only with Secure, without a domain, for the whole host.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::operators::secret::{Hash, Secret};
use crate::operators::sessions::LONGEST_MS;

/// The cookie's name.
const NAME: &str = "__Host-linelight";

/// Returns the header that gives a browser its session.
pub(super) fn set(secret: &Secret) -> Option<(HeaderName, HeaderValue)> {
    header(&format!("{NAME}={}; Max-Age={}", secret.as_str(), LONGEST_MS / 1_000))
}

/// Returns the header that takes a browser its session.
pub(super) fn cleared() -> Option<(HeaderName, HeaderValue)> {
    header(&format!("{NAME}=; Max-Age=0"))
}

fn header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(&format!("{pair}; Path=/; Secure; HttpOnly; SameSite=Strict")).ok()?;
    value.set_sensitive(true);
    Some((SET_COOKIE, value))
}

/// Returns the hash of the request's session.
pub(super) fn shown(headers: &HeaderMap) -> Option<Hash> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == NAME)?;
    Hash::of_shown(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_among_other_cookies() {
        let of = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, HeaderValue::from_static(line));
            }
            shown(&headers)
        };
        let hash = Some(Hash::of(b"abc"));
        assert_eq!(of(&["__Host-linelight=abc"]), hash);
        assert_eq!(of(&["a=b; __Host-linelight=abc; c"]), hash);
        assert_eq!(of(&["a=b", "__Host-linelight=abc"]), hash);
        for other in ["", "__Host-linelight", "__Host-linelight=", "linelight=abc", "x__Host-linelight=abc"] {
            assert_eq!(of(&[other]), None, "{other}");
        }
    }

    #[test]
    fn a_line_with_other_bytes_than_letters_holds_no_session() {
        for byte in 0x80..=0xff {
            let mut headers = HeaderMap::new();
            let line = [b"__Host-linelight=abc; a=", &[byte][..]].concat();
            headers.append(COOKIE, HeaderValue::from_bytes(&line).unwrap());
            assert_eq!(shown(&headers), None, "{byte:x}");
        }
    }

    #[test]
    fn the_cookie_is_for_this_host_alone_and_for_no_script() {
        let (_, value) = set(&Secret::fresh().unwrap()).unwrap();
        let value = value.to_str().unwrap();
        assert!(value.starts_with("__Host-linelight="), "{value}");
        assert!(value.ends_with("; Max-Age=604800; Path=/; Secure; HttpOnly; SameSite=Strict"), "{value}");
    }
}
