//! Accounts in the store: one suite on SQLite and on PostgreSQL, and the command `operator`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;
mod postgresql;

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use common::{TestRelay, eventually, initialised};
use relay::clock::UnixMillis;
use relay::operators::audit::query::{self, Filter};
use relay::operators::audit::{self, Actor, Deed, What};
use relay::operators::people::Role;
use relay::operators::people::book::{self, AccountChange, AccountError, FirstSignIn, Removal};
use relay::operators::secret::Hash;
use relay::operators::sessions::{self, Step, Way};
use relay::operators::tickets::{self, Found, Kind, Ticket};
use relay::store::data_directory::DataDirectory;
use relay::store::database::location::Location;
use relay::store::database::{Database, Topic};

use self::postgresql::PostgreSql;

const NOW: UnixMillis = UnixMillis::from_millis(1_800_000_000_000);

#[tokio::test]
async fn on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    suite(&Location::File(directory.path().join("linelight.db"))).await;
}

#[tokio::test]
async fn on_postgresql() {
    let server = PostgreSql::start();
    suite(&Location::from_address(&server.address(), None).unwrap()).await;
}

/// What holds on every database.
async fn suite(location: &Location) {
    let database = Database::open(location).await.unwrap();
    people_are_added_changed_and_removed(&database).await;
    of_two_admins_one_stays(&database).await;
    a_ticket_opens_once(&database).await;
    a_removed_person_leaves_nothing_but_the_log(&database).await;
    a_code_is_used_once_by_two_at_once(&database).await;
    the_log_is_numbered_filtered_and_forgotten(&database).await;
    a_deed_and_its_entry_are_one(&database).await;
}

async fn add(database: &Database, name: &str, role: Role) {
    let first = FirstSignIn::Password("$argon2id$…");
    book::add(database, &Actor::command(), (name, role), first, NOW).await.unwrap();
}

async fn begin<'a>(database: &Database, actor: &'a Actor) -> AccountChange<'a> {
    AccountChange::begin(database, actor, NOW).await.unwrap()
}

async fn people_are_added_changed_and_removed(database: &Database) {
    let actor = Actor::command();
    add(database, "admin", Role::Admin).await;
    add(database, "thandi", Role::Support).await;
    let again = book::add(database, &actor, ("thandi", Role::Admin), FirstSignIn::Password("x"), NOW).await;
    assert!(matches!(again, Err(AccountError::Taken)));
    let people = book::all(database).await.unwrap();
    let thandi = people.iter().find(|person| person.name == "thandi").unwrap();
    assert_eq!((thandi.role, thandi.made, thandi.last_seen, thandi.invited_until), (Role::Support, NOW, None, None));
    let mut account = begin(database, &actor).await;
    account.begin_session("thandi", (Way::Password, Step::In)).await.unwrap();
    account.commit_quietly().await.unwrap();
    assert_eq!(sessions::book::all(database).await.unwrap().len(), 1);
    book::set_role(database, &actor, ("thandi", Role::Admin), NOW).await.unwrap();
    assert!(sessions::book::all(database).await.unwrap().is_empty(), "a new role signs out everywhere");
    let people = book::all(database).await.unwrap();
    assert!(people.iter().all(|person| person.role == Role::Admin), "{people:?}");
    let unknown = book::set_role(database, &actor, ("nobody", Role::Admin), NOW).await;
    assert!(matches!(unknown, Err(AccountError::Unknown)));
}

/// Two admins take each other's role away at once.
async fn of_two_admins_one_stays(database: &Database) {
    let changes = ["admin", "thandi"].map(|name| {
        let database = database.clone();
        tokio::spawn(
            async move { book::set_role(&database, &Actor::command(), (name, Role::Support), NOW).await.is_ok() },
        )
    });
    let mut done = 0;
    for change in changes {
        done += usize::from(change.await.unwrap());
    }
    assert_eq!(done, 1);
    let people = book::all(database).await.unwrap();
    let admin = people.iter().find(|person| person.role == Role::Admin).unwrap();
    let removed = book::remove(database, &Actor::command(), &admin.name, Removal::MayClose, NOW).await;
    assert!(matches!(removed, Err(AccountError::LastAdmin)), "while others are left");
}

async fn a_ticket_opens_once(database: &Database) {
    let actor = Actor::command();
    let (older, newer) = (Ticket::fresh(Kind::Invitation, NOW).unwrap(), Ticket::fresh(Kind::Invitation, NOW).unwrap());
    book::invite(database, &actor, "thandi", &older, NOW).await.unwrap();
    book::invite(database, &actor, "thandi", &newer, NOW).await.unwrap();
    let look =
        async |ticket: &Ticket, kind, now| tickets::look(database, ticket.secret.hash(), kind, now).await.unwrap();
    let over = Found::Over("thandi".to_owned());
    assert_eq!(look(&older, Kind::Invitation, NOW).await, over);
    assert_eq!(look(&newer, Kind::Invitation, NOW).await, Found::Good("thandi".to_owned()));
    assert_eq!(look(&newer, Kind::Invitation, newer.expires).await, over);
    assert_eq!(look(&newer, Kind::SignIn, NOW).await, Found::Unknown);
    let people = book::all(database).await.unwrap();
    assert!(people.iter().any(|person| person.invited_until == Some(newer.expires)));
    let uses = [0, 1].map(|_| {
        let (database, hash) = (database.clone(), newer.secret.hash());
        tokio::spawn(async move {
            let actor = Actor::command();
            let mut account = begin(&database, &actor).await;
            let taken = account.take_ticket(hash, Kind::Invitation).await.unwrap().is_some();
            account.commit_quietly().await.unwrap();
            taken
        })
    });
    let mut taken = 0;
    for one in uses {
        taken += usize::from(one.await.unwrap());
    }
    assert_eq!(taken, 1);
    assert_eq!(look(&newer, Kind::Invitation, NOW).await, over);
}

async fn a_removed_person_leaves_nothing_but_the_log(database: &Database) {
    let actor = Actor::command();
    add(database, "eve", Role::Support).await;
    let ticket = Ticket::fresh(Kind::SignIn, NOW).unwrap();
    book::invite(database, &actor, "eve", &ticket, NOW).await.unwrap();
    let mut account = begin(database, &actor).await;
    account.set_totp("eve", "SECRET", 7, &[Hash::of(b"one"), Hash::of(b"two")]).await.unwrap();
    account.begin_session("eve", (Way::Company, Step::In)).await.unwrap();
    account.commit_quietly().await.unwrap();
    book::remove(database, &actor, "eve", Removal::AdminStays, NOW).await.unwrap();
    assert!(sessions::book::all(database).await.unwrap().is_empty());
    assert_eq!(tickets::look(database, ticket.secret.hash(), Kind::SignIn, NOW).await.unwrap(), Found::Unknown);
    add(database, "eve", Role::Support).await;
    let mut account = begin(database, &actor).await;
    assert!(!account.use_recovery_code("eve", Hash::of(b"one")).await.unwrap(), "the codes went with the person");
}

async fn a_code_is_used_once_by_two_at_once(database: &Database) {
    let actor = Actor::command();
    let mut account = begin(database, &actor).await;
    account.set_totp("eve", "SECRET", 7, &[Hash::of(b"one")]).await.unwrap();
    account.commit_quietly().await.unwrap();
    for recovery in [false, true] {
        let uses = [0, 1].map(|_| {
            let database = database.clone();
            tokio::spawn(async move {
                let actor = Actor::command();
                let mut account = begin(&database, &actor).await;
                let used = match recovery {
                    true => account.use_recovery_code("eve", Hash::of(b"one")).await.unwrap(),
                    false => account.use_step("eve", "SECRET", 8).await.unwrap(),
                };
                account.commit_quietly().await.unwrap();
                used
            })
        });
        let mut used = 0;
        for one in uses {
            used += usize::from(one.await.unwrap());
        }
        assert_eq!(used, 1);
    }
    let mut account = begin(database, &actor).await;
    assert!(
        !account.use_step("eve", "SECRET", 7).await.unwrap() && !account.use_step("eve", "OTHER", 9).await.unwrap()
    );
}

async fn the_log_is_numbered_filtered_and_forgotten(database: &Database) {
    audit::forget(database, UnixMillis::from_millis(i64::MAX)).await.unwrap();
    let anna = Actor { who: "anna".to_owned(), role: "support", address: Some([203, 0, 113, 7].into()) };
    for (number, (line, what)) in
        [("ali", What::Watched), ("bob", What::Watched), ("ali", What::LinkMade)].into_iter().enumerate()
    {
        let at = NOW.as_millis() + i64::try_from(number).unwrap();
        let change = database.begin().await.unwrap();
        let deed = Deed::new(what).line(line).detail("=\"odd\"\n");
        audit::commit(change, &anna, &deed, UnixMillis::from_millis(at)).await.unwrap();
    }
    let find = async |filter: Filter, limit| query::find(database, &filter, limit).await.unwrap();
    let all = find(Filter::default(), 2).await;
    assert!(all.more && all.entries.len() == 2 && all.entries[0].id > all.entries[1].id);
    let rest = find(Filter { before: Some(all.entries[1].id), ..Filter::default() }, 2).await;
    assert!(!rest.more && rest.entries.len() == 1);
    let entry = &rest.entries[0];
    assert_eq!((entry.at, entry.who.as_str(), entry.role.as_str()), (NOW, "anna", "support"));
    assert_eq!((entry.address.as_deref(), entry.line.as_deref()), (Some("203.0.113.7"), Some("ali")));
    assert_eq!((entry.what.as_str(), entry.detail.as_str()), ("watched", "=\"odd\"\n"));
    let text = |text: &str| Some(text.to_owned());
    let filter = Filter { who: text("anna"), line: text("ali"), what: text("link-made"), before: None };
    assert_eq!(find(filter, 9).await.entries.len(), 1);
    assert!(find(Filter { who: text("bob"), ..Filter::default() }, 9).await.entries.is_empty());
    audit::forget(database, UnixMillis::from_millis(NOW.as_millis() + 2)).await.unwrap();
    assert_eq!(find(Filter::default(), 9).await.entries.len(), 1);
}

async fn a_deed_and_its_entry_are_one(database: &Database) {
    let before = database.version(Topic::Audit).await.unwrap();
    let actor = Actor::command();
    let mut account = begin(database, &actor).await;
    account.set_password("eve", "new").await.unwrap();
    drop(account);
    assert_eq!(database.version(Topic::Audit).await.unwrap(), before);
    let people = book::all(database).await.unwrap();
    assert!(people.iter().all(|person| person.password.as_deref() != Some("new")));
}

fn linelight(data: &DataDirectory, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linelight-relay"));
    command.env_clear().arg("--data").arg(data.path()).args(arguments);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    // A command that asks nothing may have ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn good(data: &DataDirectory, arguments: &[&str], input: &str) -> String {
    let output = linelight(data, arguments, input);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn bad(data: &DataDirectory, arguments: &[&str], input: &str) -> String {
    let output = linelight(data, arguments, input);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn people_come_and_go_by_the_command() {
    let (_directory, data) = initialised();
    let url = ["--public-url", "https://monitor.example/folder"];
    let with_url = |arguments: &[&'static str]| [&url[..], arguments].concat();
    assert!(good(&data, &["operator", "list"], "").contains("operator add NAME --role admin"));
    assert!(bad(&data, &["operator", "add", "anna", "--role", "admin"], "").contains("--public-url"));
    assert!(
        good(&data, &["operator", "list"], "").contains("nobody has an account"),
        "without an address nobody is added"
    );
    let address = good(&data, &with_url(&["operator", "add", "Anna", "--role", "admin"]), "");
    assert!(
        address.starts_with("https://monitor.example/folder/console/invitation#") && address.trim().len() == 93,
        "{address}"
    );
    assert!(bad(&data, &with_url(&["operator", "add", "anna", "--role", "support"]), "").contains("already"));
    let ask = ["operator", "add", "bob", "--role", "support", "--ask-password"];
    assert!(bad(&data, &ask, "short\n").contains("at least 10 characters"));
    assert!(bad(&data, &ask, "").contains("no password"));
    good(&data, &ask, "correct horse battery\n");
    let listed = good(&data, &["operator", "list"], "");
    let row = |name: &str| listed.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(row("anna").contains("admin") && row("anna").contains("invited until"), "{listed}");
    assert!(row("bob").contains("support") && row("bob").ends_with("password"), "{listed}");

    let address = good(&data, &with_url(&["operator", "sign-in", "bob"]), "");
    assert!(address.starts_with("https://monitor.example/folder/console/sign-in#"), "{address}");
    assert!(good(&data, &with_url(&["operator", "invite", "bob"]), "").contains("/console/invitation#"));
    assert!(bad(&data, &["operator", "remove", "anna"], "").contains("at least one admin stays"));
    assert!(bad(&data, &["operator", "role", "anna", "support"], "").contains("at least one admin stays"));
    assert!(bad(&data, &["operator", "role", "eve", "support"], "").contains("nobody of this name"));
    good(&data, &["operator", "role", "bob", "admin"], "");
    good(&data, &["operator", "totp-off", "bob"], "");
    good(&data, &["operator", "sign-out", "bob"], "");
    good(&data, &["operator", "remove", "anna"], "");
    good(&data, &["operator", "remove", "bob"], "");
    assert!(
        good(&data, &["operator", "list"], "").contains("nobody has an account"),
        "the last one may close the console"
    );
    for name in ["a b", "(command)", ""] {
        assert!(bad(&data, &["operator", "invite", name], "").contains("a person's name has"), "{name}");
    }
}

#[tokio::test]
async fn what_commands_do_is_entered() {
    let (_directory, data) = initialised();
    // Before there is a store, nobody has an account, and no entry is missed.
    good(&data, &["agent", "add", "early", "--lines", "*"], "");
    assert!(!data.database().exists());
    let link = ["--public-url", "https://monitor.example", "link", "ali"];
    good(&data, &link, "");
    let id = good(&data, &["links", "list", "ali"], "").lines().last().unwrap().split(' ').next().unwrap().to_owned();
    for _ in 0..2 {
        good(&data, &["links", "revoke", "--username", "ali", "--id", &id], "");
    }
    good(&data, &["links", "void", "bob"], "");
    good(&data, &["agent", "add", "north", "--lines", "*"], "");
    good(&data, &["agent", "revoke", "north"], "");
    bad(&data, &["agent", "revoke", "north"], "");
    let database = Database::open(&Location::in_directory(&data)).await.unwrap();
    let entries = query::find(&database, &Filter::default(), 9).await.unwrap().entries;
    assert!(entries.iter().all(|entry| entry.who == "(command)"));
    let deeds: Vec<_> =
        entries.iter().rev().map(|entry| (&*entry.what, entry.line.as_deref(), &*entry.detail)).collect();
    let made = format!("command {id}");
    assert_eq!(
        deeds,
        [
            ("link-made", Some("ali"), &*made),
            ("link-revoked", Some("ali"), &*id),
            ("links-void", Some("bob"), ""),
            ("router-added", None, "north"),
            ("router-revoked", None, "north"),
        ]
    );
}

#[tokio::test]
async fn a_running_relay_takes_a_first_account_within_a_second() {
    let relay = TestRelay::start(|_| {});
    let accounts = async || {
        let answer = relay.get("/console/api/me").await;
        serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap()["accounts"].clone()
    };
    assert_eq!(accounts().await, false);
    good(&relay.data(), &["operator", "add", "anna", "--role", "admin", "--ask-password"], "correct horse battery\n");
    eventually("the account is known", async || accounts().await == true).await;
}

#[tokio::test]
async fn entries_wait_for_a_store_that_is_gone() {
    // A directory stands in the file's place.
    let (directory, data) = initialised();
    fs::create_dir(data.database()).unwrap();
    let store = std::sync::Arc::new(relay::store::database::handle::Store::new(Location::in_directory(&data)));
    let metrics = std::sync::Arc::new(relay::metrics::Metrics::default());
    let log = audit::Audit::new(store, std::time::Duration::from_secs(86_400), metrics);
    log.note(&Actor::command(), Deed::new(What::Watched).line("ali"));
    assert!(log.write().await.is_err());
    fs::remove_dir(data.database()).unwrap();
    log.write().await.unwrap();
    log.write().await.unwrap();
    let database = Database::open(&Location::in_directory(&data)).await.unwrap();
    let entries = query::find(&database, &Filter::default(), 9).await.unwrap().entries;
    assert_eq!(entries.iter().map(|entry| entry.line.as_deref()).collect::<Vec<_>>(), [Some("ali")], "once");
    drop(directory);
}
