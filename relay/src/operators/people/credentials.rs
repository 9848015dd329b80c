//! How people prove who they are: passwords, second factors and recovery codes in the store, and the sessions that follow.

use anyhow::Result;

use super::Role;
use super::book::{AccountChange, AccountError, insert};
use crate::operators::audit::{self, Deed, What};
use crate::operators::secret::{Hash, Secret};
use crate::operators::sessions::{Row, Step, Way, book as sessions};
use crate::operators::tickets::{self, Kind};
use crate::store::database::Database;

impl AccountChange<'_> {
    /// Begins a session. Returns the secret for its cookie.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn begin_session(&mut self, name: &str, (way, step): (Way, Step)) -> Result<Secret> {
        let secret = Secret::fresh()?;
        let (hash, now) = (secret.hash(), self.now);
        let row = Row { hash, name: name.to_owned(), way, step, made: now, last_used: now };
        sessions::add(&mut self.change, &row).await?;
        Ok(secret)
    }

    /// Ends a session. False if it had ended.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn end_session(&mut self, hash: Hash) -> Result<bool> {
        sessions::remove(&mut self.change, hash).await
    }

    /// True while the person has this password's hash and this second factor: neither was changed since it was looked at.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn has_password(&mut self, name: &str, hash: &str, totp: Option<&str>) -> Result<bool> {
        let found = sqlx::query_scalar::<_, i64>(
            "SELECT COUNT(*) FROM people WHERE name = $1 AND password = $2 AND COALESCE(totp, '') = $3",
        );
        let found = found.bind(name).bind(hash).bind(totp.unwrap_or_default());
        Ok(found.fetch_one(self.change.connection()).await? > 0)
    }

    /// Replaces the hash of a password by another hash of the same password. Sessions go on.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn renew_hash(&mut self, name: &str, old: &str, new: &str) -> Result<()> {
        let renewed = sqlx::query("UPDATE people SET password = $1 WHERE name = $2 AND password = $3");
        renewed.bind(new).bind(name).bind(old).execute(self.change.connection()).await?;
        Ok(())
    }

    /// True if the person has a second factor.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn has_totp(&mut self, name: &str) -> Result<bool> {
        let found = sqlx::query_scalar::<_, i64>("SELECT COUNT(totp) FROM people WHERE name = $1");
        Ok(found.bind(name).fetch_one(self.change.connection()).await? > 0)
    }

    /// Gives a person a new password. All sessions and single-use addresses of the person end.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn set_password(&mut self, name: &str, hash: &str) -> Result<(), AccountError> {
        let set = sqlx::query("UPDATE people SET password = $1 WHERE name = $2").bind(hash).bind(name);
        if set.execute(self.change.connection()).await?.rows_affected() == 0 {
            return Err(AccountError::Unknown);
        }
        for kind in [Kind::Invitation, Kind::SignIn] {
            tickets::void(&mut self.change, name, kind, self.now).await?;
        }
        sessions::remove_all_of(&mut self.change, name).await?;
        Ok(())
    }

    /// Uses a single-use address. Returns its person, or `None` for one that was used meanwhile.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn take_ticket(&mut self, hash: Hash, kind: Kind) -> Result<Option<String>> {
        tickets::take(&mut self.change, hash, kind, self.now).await
    }

    /// Uses up a time step of a second factor. False for a step that is not later than the last one, or another secret: of two
    /// uses of one code, one is refused.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn use_step(&mut self, name: &str, secret: &str, step: i64) -> Result<bool> {
        let used = sqlx::query("UPDATE people SET totp_step = $1 WHERE name = $2 AND totp = $3 AND totp_step < $1");
        let used = used.bind(step).bind(name).bind(secret).execute(self.change.connection()).await?;
        Ok(used.rows_affected() > 0)
    }

    /// Uses up a recovery code. False for one that is none.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn use_recovery_code(&mut self, name: &str, hash: Hash) -> Result<bool> {
        let used = sqlx::query("DELETE FROM recovery_codes WHERE name = $1 AND hash = $2");
        let used = used.bind(name).bind(hash.to_text()).execute(self.change.connection()).await?;
        Ok(used.rows_affected() > 0)
    }

    /// Keeps a new second factor's secret with the session until its first code. False for a session that has ended.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn keep_pending(&mut self, session: Hash, secret: &str) -> Result<bool> {
        let kept = sqlx::query("UPDATE sessions SET pending_totp = $1 WHERE hash = $2");
        let kept = kept.bind(secret).bind(session.to_text()).execute(self.change.connection()).await?;
        Ok(kept.rows_affected() > 0)
    }

    /// Sets up a second factor with its recovery codes; `step` is that of its first code. All sessions of the person end.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn set_totp(&mut self, name: &str, secret: &str, step: i64, recovery: &[Hash]) -> Result<()> {
        self.remove_totp(name).await?;
        let set = sqlx::query("UPDATE people SET totp = $1, totp_step = $2 WHERE name = $3");
        set.bind(secret).bind(step).bind(name).execute(self.change.connection()).await?;
        for hash in recovery {
            let added = sqlx::query("INSERT INTO recovery_codes (name, hash) VALUES ($1, $2)");
            added.bind(name).bind(hash.to_text()).execute(self.change.connection()).await?;
        }
        sessions::remove_all_of(&mut self.change, name).await
    }

    /// Removes a second factor and its recovery codes. False where there was none.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn remove_totp(&mut self, name: &str) -> Result<bool> {
        sqlx::query("DELETE FROM recovery_codes WHERE name = $1").bind(name).execute(self.change.connection()).await?;
        let removed = sqlx::query("UPDATE people SET totp = NULL, totp_step = 0 WHERE name = $1 AND totp IS NOT NULL");
        Ok(removed.bind(name).execute(self.change.connection()).await?.rows_affected() > 0)
    }

    /// Adds a missing person, for the company's sign-in. The log gets an entry of its own.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn ensure(&mut self, name: &str, role: Role) -> Result<(), AccountError> {
        match insert(&mut self.change, (name, role), None, self.now).await {
            Ok(()) => {
                let deed = Deed::new(What::PersonAdded).detail(format!("{name}, {role}, by the company's sign-in"));
                Ok(audit::enter(&mut self.change, self.actor, &deed, self.now).await?)
            }
            Err(AccountError::Taken) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The second factor that a session is setting up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// The new second factor's secret.
    Secret(String),
    /// The session has not begun to set one up.
    Nothing,
    /// The session has ended.
    NoSession,
}

/// Returns the second factor that a session is setting up.
///
/// # Errors
/// The store does not answer.
pub async fn pending(database: &Database, session: Hash) -> Result<Pending> {
    let pending = sqlx::query_scalar::<_, Option<String>>("SELECT pending_totp FROM sessions WHERE hash = $1");
    Ok(match pending.bind(session.to_text()).fetch_optional(database.pool()).await? {
        Some(Some(secret)) => Pending::Secret(secret),
        Some(None) => Pending::Nothing,
        None => Pending::NoSession,
    })
}

/// Returns the last used time step of a person's second factor.
///
/// # Errors
/// The store does not answer.
pub async fn used_step(database: &Database, name: &str) -> Result<i64> {
    let step = sqlx::query_scalar("SELECT totp_step FROM people WHERE name = $1").bind(name);
    Ok(step.fetch_optional(database.pool()).await?.unwrap_or(i64::MAX))
}
