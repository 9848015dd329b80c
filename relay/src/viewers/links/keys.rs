//! The keys of links, as a JSON Web Key Set (RFC 7517). The first key signs, and all keys verify. Each key has an id
//! (`kid`), so that operators can rotate keys. The keys serve links alone. They never leave their file, except in a
//! billing portal's copy, and in the database of relays that share one.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail, ensure};
use data_encoding::BASE64URL_NOPAD;
use jwt_compact::alg::Hs256Key;
use serde::{Deserialize, Serialize};

use crate::store::data_directory::{self, DataDirectory};
use crate::store::database::Topic;
use crate::store::random::fill_random;
use crate::store::shared_file::{Content, SharedFile};

/// The minimum length of a key, in bytes: HS256's own output (RFC 7518, section 3.2).
const MIN_KEY: usize = 32;
/// The maximum length of a key, in bytes. HMAC hashes every key above its block of 64 bytes first.
const MAX_KEY: usize = 1024;
/// Keys in the file: a rotation needs two; a token without a `kid` is tried against each.
const MAX_KEYS: usize = 8;
/// The largest keys file, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// The file's note on `k`. The commonest mistake of portals is to sign with the text of `k`.
const NOTE: &str = "k is base64url without padding (RFC 7515): decode it, and sign with the bytes, not with the text. \
                    Whoever has this file can open every line.";

/// All keys; the first one signs.
#[derive(Clone)]
pub struct Keys(Vec<Key>);

/// One key.
#[derive(Clone)]
pub struct Key {
    /// The key's id, the `kid` of its links.
    pub id: String,
    /// The key itself; wiped when dropped.
    pub secret: Hs256Key,
    /// True after the operator removed the key from its file.
    pub(super) ended: Arc<AtomicBool>,
}

#[derive(Serialize, Deserialize)]
struct KeySet {
    /// A note for the person who copies the file to a portal; the relay does not read it.
    #[serde(default, skip_deserializing)]
    note: &'static str,
    keys: Vec<WebKey>,
}

#[derive(Serialize, Deserialize)]
struct WebKey {
    kty: String,
    alg: String,
    kid: String,
    k: String,
}

/// Returns the keys file as relays share it.
pub fn shared_file(data: &DataDirectory) -> SharedFile {
    SharedFile::new(data, Topic::LinkKeys, data.keys(), MAX_FILE, |content| {
        Keys::parse(content).map(|_| Content::Something)
    })
}

impl Keys {
    /// Makes the content of a keys file with one fresh key.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn generate_file() -> Result<String> {
        let mut secret = [0; MIN_KEY];
        let mut id = [0; 6];
        fill_random(&mut secret)?;
        fill_random(&mut id)?;
        let key = WebKey {
            kty: "oct".to_owned(),
            alg: "HS256".to_owned(),
            kid: BASE64URL_NOPAD.encode(&id),
            k: BASE64URL_NOPAD.encode(&secret),
        };
        let mut text = serde_json::to_string_pretty(&KeySet { note: NOTE, keys: vec![key] })?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a keys file, which only its owner may be able to read.
    ///
    /// # Errors
    /// The file is missing, open to others, or not a set of HS256 keys of 32 bytes or more. No error contains a part of
    /// a key.
    pub fn load(path: &Path) -> Result<Self> {
        let content = data_directory::read_secret(path, MAX_FILE)?;
        Self::parse(&content).with_context(|| format!("{} is not a file of link keys", path.display()))
    }

    fn parse(content: &[u8]) -> Result<Self> {
        // serde_json's message may quote a value, and the values here are keys. So the error gives only the position.
        let set: KeySet = serde_json::from_slice(content)
            .map_err(|error| anyhow::anyhow!("not a JSON Web Key Set, line {}", error.line()))?;
        ensure!(!set.keys.is_empty(), "it holds no key");
        ensure!(set.keys.len() <= MAX_KEYS, "it holds {} keys; at most {MAX_KEYS} are taken", set.keys.len());
        let mut keys: Vec<Key> = Vec::with_capacity(set.keys.len());
        for (at, web_key) in set.keys.iter().enumerate() {
            let key = Key::from_web_key(web_key).with_context(|| format!("key {}", at + 1))?;
            ensure!(keys.iter().all(|other| other.id != key.id), "two keys have the kid {:?}", key.id);
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// Returns the signing key.
    pub fn current(&self) -> Option<&Key> {
        self.0.first()
    }

    /// The keys with this id or, without one, all.
    pub fn candidates<'a>(&'a self, id: Option<&'a str>) -> impl Iterator<Item = &'a Key> {
        self.0.iter().filter(move |key| id.is_none_or(|id| key.id == id))
    }

    /// Returns all keys, the signing key first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// Takes over the leases of the remaining keys from `before`, and ends the leases of the removed keys.
    pub(super) fn succeed(&mut self, before: &Self) {
        for old in &before.0 {
            let is_same = |key: &&mut Key| key.id == old.id && key.secret.as_ref() == old.secret.as_ref();
            match self.0.iter_mut().find(is_same) {
                Some(key) => key.ended = Arc::clone(&old.ended),
                None => old.ended.store(true, Ordering::Release),
            }
        }
    }
}

impl Key {
    fn from_web_key(key: &WebKey) -> Result<Self> {
        ensure!(key.kty == "oct" && key.alg == "HS256", "kty must be \"oct\" and alg \"HS256\"");
        ensure!(!key.kid.is_empty() && key.kid.len() <= 64, "its kid must have 1 to 64 bytes");
        let Ok(secret) = BASE64URL_NOPAD.decode(key.k.as_bytes()) else {
            bail!("its k is not base64url without padding")
        };
        ensure!(secret.len() >= MIN_KEY, "it has {} bytes; {MIN_KEY} or more are needed", secret.len());
        ensure!(secret.len() <= MAX_KEY, "it has {} bytes; at most {MAX_KEY} are taken", secret.len());
        Ok(Self { id: key.kid.clone(), secret: Hs256Key::new(secret), ended: Arc::default() })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(keys: &[(&str, usize)]) -> Vec<u8> {
        let keys = keys
            .iter()
            .map(|(kid, length)| WebKey {
                kty: "oct".into(),
                alg: "HS256".into(),
                kid: (*kid).into(),
                k: BASE64URL_NOPAD.encode(&vec![7; *length]),
            })
            .collect();
        serde_json::to_vec(&KeySet { note: "", keys }).unwrap()
    }

    #[test]
    fn a_generated_file_is_read_back_and_no_two_are_alike() {
        let (one, two) = (Keys::generate_file().unwrap(), Keys::generate_file().unwrap());
        let (one, two) = (Keys::parse(one.as_bytes()).unwrap(), Keys::parse(two.as_bytes()).unwrap());
        assert_ne!(one.current().unwrap().id, two.current().unwrap().id);
        assert_ne!(one.current().unwrap().secret.as_ref(), two.current().unwrap().secret.as_ref());
        assert_eq!(one.current().unwrap().secret.as_ref().len(), 32);
    }

    #[test]
    fn the_first_signs_and_each_is_found_by_its_id() {
        let keys = Keys::parse(&set(&[("new", 32), ("old", 64)])).unwrap();
        assert_eq!(keys.current().unwrap().id, "new");
        assert_eq!(keys.candidates(Some("old")).map(|key| key.id.as_str()).collect::<Vec<_>>(), ["old"]);
        assert_eq!(keys.candidates(Some("other")).count(), 0);
        assert_eq!(keys.candidates(None).count(), 2);
    }

    #[test]
    fn what_is_not_a_good_key_set_is_refused() {
        for (content, reason) in [
            (set(&[]), "no key"),
            (set(&[("short", 31)]), "31 bytes"),
            (set(&[("a", 32), ("a", 33)]), "two keys"),
            (set(&[("", 32)]), "kid"),
            (set(&["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|kid| (kid, 32))), "at most 8"),
            (br#"{"keys":[{"kty":"oct","alg":"HS512","kid":"a","k":"AA"}]}"#.to_vec(), "HS256"),
            (br#"{"keys":"topsecret"}"#.to_vec(), "line 1"),
        ] {
            let error = format!("{:#}", Keys::parse(&content).unwrap_err());
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains("topsecret"), "{error}");
        }
    }

    #[test]
    fn no_key_is_ever_printed() {
        let keys = Keys::parse(&set(&[("id", 32)])).unwrap();
        assert_eq!(format!("{keys:?}"), r#"["id"]"#);
    }
}
