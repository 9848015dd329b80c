//! The store's people: adding, removing, roles and invitations. Each change is in the audit log.

use anyhow::Result;
use sqlx::Row as _;

use super::{Person, Role};
use crate::clock::UnixMillis;
use crate::operators::audit::{self, Actor, Deed, What};
use crate::operators::sessions::book as sessions;
use crate::operators::tickets::{self, Ticket};
use crate::store::database::{Change, Database, Topic};

/// Why an account does not change.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Nobody has the name.
    #[error("there is nobody of this name")]
    Unknown,
    /// Somebody has the name.
    #[error("there is somebody of this name already")]
    Taken,
    /// Nobody could change people any more.
    #[error("at least one admin stays: make somebody else an admin first")]
    LastAdmin,
    /// The store.
    #[error(transparent)]
    Store(#[from] anyhow::Error),
}

impl From<sqlx::Error> for AccountError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A change of people or sessions under way, with whoever makes it.
pub struct AccountChange<'a> {
    pub(in crate::operators) change: Change,
    pub(in crate::operators) actor: &'a Actor,
    pub(in crate::operators) now: UnixMillis,
}

impl<'a> AccountChange<'a> {
    /// Begins a change of people and sessions.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn begin(database: &Database, actor: &'a Actor, now: UnixMillis) -> Result<Self> {
        let mut change = database.change(Topic::People).await?;
        change.raise(Topic::Sessions).await?;
        Ok(Self { change, actor, now })
    }

    /// Enters the deed, and makes the change last.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn commit(self, deed: &Deed) -> Result<()> {
        audit::commit(self.change, self.actor, deed, self.now).await
    }

    /// Makes the change last, without an entry: the deed is not done yet.
    ///
    /// # Errors
    /// The store takes no change.
    pub async fn commit_quietly(self) -> Result<()> {
        self.change.commit().await
    }

    /// Returns a person's role.
    ///
    /// # Errors
    /// [`AccountError::Unknown`], or the store does not answer.
    pub async fn role(&mut self, name: &str) -> Result<Role, AccountError> {
        let role = sqlx::query_scalar::<_, String>("SELECT role FROM people WHERE name = $1").bind(name);
        let role = role.fetch_optional(self.change.connection()).await?.ok_or(AccountError::Unknown)?;
        Ok(role.parse::<Role>()?)
    }

    async fn others(&mut self, name: &str, role: Option<Role>) -> Result<i64> {
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM people WHERE name <> $1 AND (role = $2 OR $2 = '')");
        let count = count.bind(name).bind(role.map_or("", Role::as_str));
        Ok(count.fetch_one(self.change.connection()).await?)
    }
}

/// Returns everybody.
///
/// # Errors
/// The store does not answer.
pub async fn all(database: &Database) -> Result<Vec<Person>> {
    let rows = sqlx::query(
        "SELECT name, role, password, totp, made, last_seen,
                (SELECT MAX(expires) FROM tickets
                 WHERE tickets.name = people.name AND kind = 'invitation' AND used IS NULL) AS invited_until
         FROM people",
    );
    let rows = rows.fetch_all(database.pool()).await?;
    let time = |row: &sqlx::any::AnyRow, column| {
        Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(column)?.map(UnixMillis::from_millis))
    };
    rows.iter()
        .map(|row| {
            Ok(Person {
                name: row.try_get("name")?,
                role: row.try_get::<String, _>("role")?.parse()?,
                password: row.try_get("password")?,
                totp: row.try_get("totp")?,
                made: UnixMillis::from_millis(row.try_get("made")?),
                last_seen: time(row, "last_seen")?,
                invited_until: time(row, "invited_until")?,
            })
        })
        .collect()
}

/// How a new person will sign in.
#[derive(Debug, Clone, Copy)]
pub enum FirstSignIn<'a> {
    /// By an invitation, where the password is chosen.
    Invitation(&'a Ticket),
    /// By a password, of which this is the hash.
    Password(&'a str),
}

/// Adds a person.
///
/// # Errors
/// [`AccountError`].
pub async fn add(
    database: &Database,
    actor: &Actor,
    (name, role): (&str, Role),
    first: FirstSignIn<'_>,
    now: UnixMillis,
) -> Result<(), AccountError> {
    let mut account = AccountChange::begin(database, actor, now).await?;
    let password = match first {
        FirstSignIn::Password(hash) => Some(hash),
        FirstSignIn::Invitation(_) => None,
    };
    insert(&mut account.change, (name, role), password, now).await?;
    if let FirstSignIn::Invitation(ticket) = first {
        tickets::issue(&mut account.change, name, ticket, now).await?;
    }
    account.commit(&Deed::new(What::PersonAdded).detail(format!("{name}, {role}"))).await?;
    Ok(())
}

/// Inserts a person.
pub(in crate::operators) async fn insert(
    change: &mut Change,
    (name, role): (&str, Role),
    password: Option<&str>,
    now: UnixMillis,
) -> Result<(), AccountError> {
    let inserted = sqlx::query(
        "INSERT INTO people (name, role, password, totp_step, made) VALUES ($1, $2, $3, 0, $4) ON CONFLICT DO NOTHING",
    );
    let inserted = inserted.bind(name).bind(role.as_str()).bind(password).bind(now.as_millis());
    match inserted.execute(change.connection()).await?.rows_affected() {
        0 => Err(AccountError::Taken),
        _ => Ok(()),
    }
}

/// Who may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Not the last admin.
    AdminStays,
    /// The last admin too, where nobody else is left: there is no console any more.
    MayClose,
}

/// Removes a person, with sessions and streams.
///
/// # Errors
/// [`AccountError`].
pub async fn remove(
    database: &Database,
    actor: &Actor,
    name: &str,
    removal: Removal,
    now: UnixMillis,
) -> Result<(), AccountError> {
    let mut account = AccountChange::begin(database, actor, now).await?;
    let role = account.role(name).await?;
    let closes = removal == Removal::MayClose && account.others(name, None).await? == 0;
    if role == Role::Admin && !closes && account.others(name, Some(Role::Admin)).await? == 0 {
        return Err(AccountError::LastAdmin);
    }
    sqlx::query("DELETE FROM people WHERE name = $1").bind(name).execute(account.change.connection()).await?;
    account.commit(&Deed::new(What::PersonRemoved).detail(name)).await?;
    Ok(())
}

/// Gives a person another role. The person is signed out everywhere.
///
/// # Errors
/// [`AccountError`].
pub async fn set_role(
    database: &Database,
    actor: &Actor,
    (name, role): (&str, Role),
    now: UnixMillis,
) -> Result<(), AccountError> {
    let mut account = AccountChange::begin(database, actor, now).await?;
    let before = account.role(name).await?;
    if before == role {
        return Ok(());
    }
    if before == Role::Admin && account.others(name, Some(Role::Admin)).await? == 0 {
        return Err(AccountError::LastAdmin);
    }
    sqlx::query("UPDATE people SET role = $1 WHERE name = $2")
        .bind(role.as_str())
        .bind(name)
        .execute(account.change.connection())
        .await?;
    sessions::remove_all_of(&mut account.change, name).await?;
    account.commit(&Deed::new(What::RoleChanged).detail(format!("{name}: {before} to {role}"))).await?;
    Ok(())
}

/// Enters a single-use address for a person.
///
/// # Errors
/// [`AccountError`].
pub async fn invite(
    database: &Database,
    actor: &Actor,
    name: &str,
    ticket: &Ticket,
    now: UnixMillis,
) -> Result<(), AccountError> {
    let mut account = AccountChange::begin(database, actor, now).await?;
    account.role(name).await?;
    tickets::issue(&mut account.change, name, ticket, now).await?;
    let detail = format!("{name}, {}", ticket.kind.as_str());
    account.commit(&Deed::new(What::PersonInvited).detail(detail)).await?;
    Ok(())
}

/// Signs a person out everywhere.
///
/// # Errors
/// [`AccountError`].
pub async fn sign_out(database: &Database, actor: &Actor, name: &str, now: UnixMillis) -> Result<(), AccountError> {
    let mut account = AccountChange::begin(database, actor, now).await?;
    account.role(name).await?;
    sessions::remove_all_of(&mut account.change, name).await?;
    account.commit(&Deed::new(What::SignedOut).detail(format!("{name}, everywhere"))).await?;
    Ok(())
}
