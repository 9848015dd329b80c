//! `linelight-relay operator`: the people of the staff. A running relay takes each change within a second.

use std::io::Write;
use std::time::SystemTime;

use anyhow::{Context, Result};
use clap::Subcommand;
use http::Uri;

use super::store::with_store;
use super::{password, times};
use crate::clock::UnixMillis;
use crate::operators::audit::{Actor, Deed, What};
use crate::operators::passwords;
use crate::operators::people::book::{self, AccountChange, FirstSignIn, Removal};
use crate::operators::people::{self, Person, Role};
use crate::operators::tickets::{Kind, Ticket};
use crate::store::data_directory::DataDirectory;
use crate::store::database::Database;
use crate::store::database::location::Location;

#[derive(Debug, Subcommand)]
pub(super) enum OperatorCommand {
    /// Adds a person, and prints an address, good once within 24 h, where the person chooses a password
    Add {
        /// The name: letters, digits and - _ . @ +; large and small letters are the same
        name: String,

        /// What the person may do: support sees lines and makes links; admin besides changes routers, people and subscribers
        #[arg(long, value_enum)]
        role: Role,

        /// Asks for the password here, in place of an address
        #[arg(long)]
        ask_password: bool,
    },
    /// Lists the people
    List,
    /// Removes a person; sessions and open streams end within a second
    Remove {
        /// The name
        name: String,
    },
    /// Gives a person another role, and signs the person out everywhere
    Role {
        /// The name
        name: String,

        /// The new role
        #[arg(value_enum)]
        role: Role,
    },
    /// Prints an address, good once within 24 h, where a person chooses a new password
    Invite {
        /// The name
        name: String,
    },
    /// Prints an address, good once within 24 h, that signs a person in without password and second factor
    SignIn {
        /// The name
        name: String,
    },
    /// Signs a person out everywhere
    SignOut {
        /// The name
        name: String,
    },
    /// Removes a person's second factor, after the loss of a phone
    TotpOff {
        /// The name
        name: String,
    },
}

pub(super) fn run(
    command: &OperatorCommand,
    data: &DataDirectory,
    store: &Location,
    public_url: Option<&Uri>,
    out: &mut impl Write,
) -> Result<()> {
    // A store in a directory that is none would be made in vain.
    data.present_keys()?;
    let actor = Actor::command();
    match command {
        OperatorCommand::Add { name, role, ask_password } => {
            let name = people::name(name)?;
            if !ask_password {
                let ticket = fresh(Kind::Invitation)?;
                let address = address(&ticket, public_url)?;
                with_store(store, async |database| {
                    add(database, &actor, (&name, *role), FirstSignIn::Invitation(&ticket)).await
                })?;
                writeln!(out, "{address}")?;
                return Ok(());
            }
            let chosen = password::ask(&name)?;
            passwords::check(&chosen, &name)?;
            let hash = passwords::hash(&chosen)?;
            with_store(store, async |database| {
                add(database, &actor, (&name, *role), FirstSignIn::Password(&hash)).await
            })
        }
        OperatorCommand::List => list(&with_store(store, async |database| book::all(database).await)?, out),
        OperatorCommand::Remove { name } => with_store(store, async |database| {
            Ok(book::remove(database, &actor, &people::name(name)?, Removal::MayClose, now()).await?)
        }),
        OperatorCommand::Role { name, role } => with_store(store, async |database| {
            Ok(book::set_role(database, &actor, (&people::name(name)?, *role), now()).await?)
        }),
        OperatorCommand::Invite { name } => issue(name, Kind::Invitation, store, public_url, out),
        OperatorCommand::SignIn { name } => issue(name, Kind::SignIn, store, public_url, out),
        OperatorCommand::SignOut { name } => {
            with_store(store, async |database| Ok(book::sign_out(database, &actor, &people::name(name)?, now()).await?))
        }
        OperatorCommand::TotpOff { name } => {
            with_store(store, async |database| totp_off(database, &actor, &people::name(name)?).await)
        }
    }
}

async fn add(database: &Database, actor: &Actor, person: (&str, Role), first: FirstSignIn<'_>) -> Result<()> {
    Ok(book::add(database, actor, person, first, now()).await?)
}

async fn totp_off(database: &Database, actor: &Actor, name: &str) -> Result<()> {
    let mut account = AccountChange::begin(database, actor, now()).await?;
    account.role(name).await?;
    account.remove_totp(name).await?;
    account.commit(&Deed::new(What::TotpOff).detail(name)).await
}

fn issue(name: &str, kind: Kind, store: &Location, public_url: Option<&Uri>, out: &mut impl Write) -> Result<()> {
    let (name, ticket) = (people::name(name)?, fresh(kind)?);
    let address = address(&ticket, public_url)?;
    with_store(store, async |database| Ok(book::invite(database, &Actor::command(), &name, &ticket, now()).await?))?;
    // The address stands alone on standard output, as a link does.
    writeln!(out, "{address}")?;
    Ok(())
}

fn fresh(kind: Kind) -> Result<Ticket> {
    Ticket::fresh(kind, now())
}

fn address(ticket: &Ticket, public_url: Option<&Uri>) -> Result<String> {
    let remedy = "the address begins with the relay's: give --public-url or LINELIGHT_SERVER_PUBLIC_URL";
    Ok(ticket.address(&public_url.context(remedy)?.to_string()))
}

fn list(people: &[Person], out: &mut impl Write) -> Result<()> {
    if people.is_empty() {
        writeln!(out, "nobody has an account; `linelight-relay operator add NAME --role admin` makes the first one")?;
        return Ok(());
    }
    let mut people: Vec<_> = people.iter().collect();
    people.sort_by(|one, other| one.name.cmp(&other.name));
    let width = people.iter().map(|person| person.name.len()).chain(["NAME".len()]).max().unwrap_or_default();
    writeln!(out, "{:width$}  {:7}  {:20}  {:20}  SIGNS IN BY", "NAME", "ROLE", "ADDED", "LAST SEEN")?;
    for person in people {
        let seen = person.last_seen.map_or_else(|| "never".to_owned(), minute);
        let (name, role, made) = (&person.name, person.role.as_str(), minute(person.made));
        writeln!(out, "{name:width$}  {role:7}  {made:20}  {seen:20}  {}", ways(person))?;
    }
    Ok(())
}

/// Returns how a person signs in, in words.
fn ways(person: &Person) -> String {
    let invited = person.invited_until.filter(|until| *until > now());
    match (&person.password, &person.totp, invited) {
        (Some(_), Some(_), _) => "password and code".to_owned(),
        (Some(_), None, _) => "password".to_owned(),
        (None, _, Some(until)) => format!("nothing yet: invited until {}", minute(until)),
        (None, _, None) if person.last_seen.is_some() => "the company's sign-in".to_owned(),
        (None, _, None) => "nothing: the invitation has ended".to_owned(),
    }
}

fn minute(at: UnixMillis) -> String {
    times::minute(crate::clock::unix_seconds(at.into()))
}

fn now() -> UnixMillis {
    SystemTime::now().into()
}
