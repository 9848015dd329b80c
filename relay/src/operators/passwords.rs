//! Passwords: Argon2id (RFC 9106), a few at once, so that a flood of guesses cannot take the machine.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::net::address_group::AddressGroup;
use crate::net::turns::Turns;
use crate::store::random::fill_random;

/// The memory of one hash, in KiB: 32 MiB. With [`PASSES`] some 60 to 120 ms of one processor, and more than OWASP's least.
const MEMORY: u32 = 32 * 1024;
/// The passes over the memory.
const PASSES: u32 = 3;
/// The processors of one hash.
const LANES: u32 = 1;
/// Hashes at once, of the whole relay: 64 MiB, and two processors.
const AT_ONCE: usize = 2;
/// The length of a salt, in bytes.
const SALT: usize = 16;
/// The longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(30);
/// The fewest characters of a password.
const LEAST: usize = 10;
/// The longest password, in bytes.
const LONGEST: usize = 1024;
/// The fewest different characters of a password.
const DIFFERENT: usize = 5;
/// Stands for the hash of a name without a password, so that an answer takes the same time. No password fits.
const NOBODY: &str =
    "$argon2id$v=19$m=32768,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Refuses a password that a guesser tries early.
///
/// # Errors
/// The rule in words.
pub fn check(password: &str, name: &str) -> Result<()> {
    let mut letters: Vec<char> = password.chars().collect();
    ensure!(letters.len() >= LEAST, "a password has at least {LEAST} characters");
    ensure!(password.len() <= LONGEST, "a password has at most {LONGEST} bytes");
    ensure!(!password.to_lowercase().contains(&name.to_lowercase()), "a password does not hold the name");
    letters.sort_unstable();
    letters.dedup();
    ensure!(letters.len() >= DIFFERENT, "a password has at least {DIFFERENT} different characters");
    Ok(())
}

/// Returns the hash of a password in the PHC string format.
///
/// # Errors
/// The system gives no randomness.
pub fn hash(password: &str) -> Result<String> {
    let mut salt = [0; SALT];
    fill_random(&mut salt)?;
    let hashed = argon2()?.hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hashed.map_err(|error| anyhow::anyhow!("a password cannot be hashed: {error}"))?.to_string())
}

/// True for a hash of other parameters than those of today: at the next sign-in the password gets a new hash.
pub(crate) fn is_outdated(hash: &str) -> bool {
    !hash.starts_with(&format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}$"))
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY, PASSES, LANES, None);
    let params = params.map_err(|error| anyhow::anyhow!("a password cannot be hashed: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hashing of a running relay.
pub(crate) struct Passwords {
    /// Whose turn it is: address groups one after another.
    turns: Turns,
    /// Held by the work itself, also where its client has gone.
    work: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Turns::new(AT_ONCE), work: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Passwords {
    /// Returns the hash of a password.
    ///
    /// # Errors
    /// Too many wait, or the system gives no randomness.
    pub(crate) async fn hash(&self, group: AddressGroup, password: String) -> Result<String> {
        self.in_turn(group, move || hash(&password)).await?
    }

    /// True if the password is the hash's. Without a hash it is not, in the same time.
    ///
    /// # Errors
    /// Too many wait.
    pub(crate) async fn verify(&self, group: AddressGroup, password: String, hash: Option<String>) -> Result<bool> {
        self.in_turn(group, move || {
            let hash = hash.as_deref().unwrap_or(NOBODY);
            Argon2::default().verify_password(password.as_bytes(), hash).is_ok()
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        group: AddressGroup,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let waited = timeout(PATIENCE, async {
            let turn = self.turns.take(group).await;
            (turn, Arc::clone(&self.work).acquire_owned().await)
        });
        let Ok((_turn, permit)) = waited.await else { bail!("too many passwords wait for their turn") };
        let permit = permit.context("the relay stops")?;
        let worked = spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        worked.await.context("a password was not hashed")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let hashed = hash("correct horse").unwrap();
        let prefix = format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}$");
        assert!(hashed.starts_with(&prefix) && hashed.len() == NOBODY.len(), "{hashed}");
        assert!(NOBODY.starts_with(&prefix), "a name without a password costs the same");
        assert_ne!(hashed, hash("correct horse").unwrap(), "each has a salt of its own");
        let is = |password: &str, hash: &str| Argon2::default().verify_password(password.as_bytes(), hash).is_ok();
        assert!(is("correct horse", &hashed) && !is("correct horsf", &hashed) && !is("", &hashed));
        assert!(!is("", NOBODY) && !is("correct horse", NOBODY));
    }

    #[test]
    fn a_hash_of_other_parameters_is_outdated() {
        assert!(!is_outdated(&hash("correct horse").unwrap()));
        for other in ["$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA", "$argon2i$v=19$m=32768,t=3,p=1$AAAA$AAAA", ""] {
            assert!(is_outdated(other), "{other}");
        }
    }

    #[test]
    fn early_guesses_are_no_passwords() {
        for (password, refused) in [
            ("short", true),
            ("aaaaaaaaaaaa", true),
            ("thandi12345", true),
            ("my-Thandi-99", true),
            (&"x1y2z".repeat(300), true),
            ("correct horse", false),
            ("Größe-ß-😀-1", false),
        ] {
            assert_eq!(check(password, "thandi").is_err(), refused, "{password}");
        }
    }

    #[tokio::test]
    async fn a_name_without_a_password_takes_the_same_time() {
        let (passwords, hashed) = (Passwords::default(), hash("correct horse").unwrap());
        let mut fastest = [Duration::MAX; 2];
        for round in 0..6 {
            let of = [Some(hashed.clone()), None][round % 2].clone();
            let start = Instant::now();
            assert!(!passwords.verify(AddressGroup::Unknown, "wrong horse".to_owned(), of).await.unwrap());
            fastest[round % 2] = fastest[round % 2].min(start.elapsed());
        }
        let [somebody, nobody] = fastest.map(|time| time.as_secs_f64());
        assert!((somebody / nobody - 1.0).abs() < 0.5, "{somebody} s and {nobody} s");
    }

    #[tokio::test]
    async fn two_are_hashed_at_once_also_where_clients_go() {
        let passwords = Passwords::default();
        for _ in 0..3 {
            let hashing = passwords.hash(AddressGroup::Unknown, "correct horse".to_owned());
            // The client goes when the work has begun.
            tokio::select! {
                biased;
                _ = hashing => {}
                () = async {
                    while passwords.work.available_permits() == AT_ONCE {
                        tokio::task::yield_now().await;
                    }
                } => {}
            }
        }
        assert!(passwords.verify(AddressGroup::Unknown, "x".to_owned(), None).await.is_ok());
    }
}
