//! The enrolment of an agent: its entry in the registry's file, its token, and what its installation script needs.

use anyhow::{Context, Result};
use data_encoding::BASE64URL_NOPAD;
use http::Uri;

use super::registry::{Entries, shared_file};
use super::script::RelayUrl;
use crate::net::folder::Folder;
use crate::store::data_directory::DataDirectory;
use crate::store::database::Change;
use crate::store::random::fill_random;

/// Reads, changes and replaces the registry while no other command does.
///
/// # Errors
/// The change's own, or those of the disk; the file then stays as it was.
pub(crate) fn change<T>(data: &DataDirectory, change: impl FnOnce(&mut Entries) -> Result<T>) -> Result<T> {
    let _lock = data.lock()?;
    let mut entries = Entries::load(&data.agents())?;
    let outcome = change(&mut entries)?;
    entries.save(&data.agents())?;
    Ok(outcome)
}

/// Changes the registry that relays share, within a change of [`Topic::Agents`](crate::store::database::Topic::Agents). Each relay takes the
/// change within a second of its end.
///
/// # Errors
/// The change's own, or the store takes no change.
pub(crate) async fn change_shared<T>(
    data: &DataDirectory,
    in_store: &mut Change,
    change: impl FnOnce(&mut Entries) -> Result<T>,
) -> Result<T> {
    let shared = shared_file(data);
    let mut entries = Entries::parse(&shared.read(in_store).await?)?;
    let outcome = change(&mut entries)?;
    shared.write(in_store, entries.to_text()?.as_bytes()).await?;
    Ok(outcome)
}

/// Returns the relays that were named, or else the relay at the public URL.
///
/// # Errors
/// Neither is there, or the public URL is without TLS.
pub(crate) fn relays(typed: Vec<RelayUrl>, public_url: Option<&Uri>) -> Result<Vec<RelayUrl>> {
    if !typed.is_empty() {
        return Ok(typed);
    }
    let secure = public_url.filter(|url| url.scheme_str() == Some("https"));
    let (url, authority) = secure
        .and_then(|url| url.authority().map(|authority| (url, authority)))
        .context("an agent needs the relay's address: give --relay-url wss://relay.example")?;
    Ok(vec![format!("wss://{authority}{}", Folder::of(url).as_str()).parse()?])
}

/// Returns a password for every password rule of a router: 35 characters, of all four kinds.
///
/// # Errors
/// The system gives no randomness.
pub(crate) fn password() -> Result<String> {
    loop {
        let mut random = [0; 24];
        fill_random(&mut random)?;
        let text = BASE64URL_NOPAD.encode(&random);
        let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
        if has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit) {
            let parts: Vec<_> = text.as_bytes().chunks(8).map(String::from_utf8_lossy).collect();
            return Ok(parts.join("-"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relays_address_is_the_pages_unless_told() {
        let of = |url: &str| relays(vec![], Some(&url.parse().unwrap())).map(|relays| format!("{relays:?}"));
        assert!(of("https://monitor.example:8443").unwrap().contains("wss://monitor.example:8443"));
        assert!(of("http://monitor.example").is_err());
        assert!(relays(vec![], None).is_err());
    }

    #[test]
    fn passwords_are_long_mixed_and_never_twice_the_same() {
        let one = password().unwrap();
        assert_eq!(one.len(), 35);
        assert!(one.contains('-'));
        assert_ne!(one, password().unwrap());
    }
}
