//! The store: one suite on SQLite and on PostgreSQL, revocations at a running relay, backups, and sudden deaths.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;
mod postgresql;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use common::{TestRelay, bearer, eventually, get, initialised};
use relay::store::data_directory::DataDirectory;
use relay::store::database::location::Location;
use relay::store::database::{Database, Topic};
use relay::viewers::links::book::{self, LineLinks};
use relay::viewers::links::keys::Keys;
use relay::viewers::links::revocations::Table;
use relay::viewers::links::{self, identify};
use shared::Username;

use self::postgresql::PostgreSql;

const NOW: u64 = 1_800_000_000;

fn name(text: &str) -> Username {
    Username::from_text(text).unwrap()
}

fn in_an_hour() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3600)
}

#[tokio::test]
async fn on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let location = Location::File(directory.path().join("linelight.db"));
    suite(&location).await;
    let mode = fs::metadata(directory.path().join("linelight.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn on_postgresql() {
    let server = PostgreSql::start();
    suite(&Location::from_address(&server.address(), None).unwrap()).await;
}

/// The behaviour on every database.
async fn suite(location: &Location) {
    let database = Database::open(location).await.unwrap();
    assert_eq!(database.version(Topic::Links).await.unwrap(), 0);
    a_link_is_entered_listed_and_revoked(&database).await;
    a_change_that_is_not_committed_never_was(&database).await;
    older_links_become_void_and_the_next_one_is_newer(&database).await;
    links_that_ended_long_ago_are_forgotten(&database).await;
    changes_at_once_wait_for_each_other(&database).await;
    let before = book::of_line(&database, &name("ali")).await.unwrap();
    database.close().await;
    let again = Database::open(location).await.unwrap();
    assert_eq!(book::of_line(&again, &name("ali")).await.unwrap(), before);
    a_newer_releases_database_is_refused_in_words(location, &again).await;
}

async fn a_link_is_entered_listed_and_revoked(database: &Database) {
    assert_eq!(book::enter(database, &name("ali"), "one", NOW, NOW + 100).await.unwrap(), NOW);
    assert_eq!(database.version(Topic::Links).await.unwrap(), 1);
    // A billing portal's link is known only after the revocation.
    assert!(book::revoke(database, &name("ali"), "portal's", NOW + 200, NOW + 1).await.unwrap());
    assert!(book::revoke(database, &name("ali"), "one", NOW + 100, NOW + 2).await.unwrap());
    assert!(!book::revoke(database, &name("ali"), "one", NOW + 100, NOW + 3).await.unwrap(), "it was before");
    let LineLinks { links, void_before } = book::of_line(database, &name("ali")).await.unwrap();
    let listed: Vec<_> = links.iter().map(|link| (link.id.as_str(), link.made, link.revoked)).collect();
    assert_eq!(listed, [("portal's", None, Some(NOW + 1)), ("one", Some(NOW), Some(NOW + 2))]);
    assert_eq!(void_before, None);
    let mut expected = Table::default();
    expected.revoke("ali", "one");
    expected.revoke("ali", "portal's");
    assert_eq!(book::revocations(database, at(NOW + 3)).await.unwrap(), expected);
    let mut later = Table::default();
    later.revoke("ali", "portal's");
    assert_eq!(book::revocations(database, at(NOW + 150)).await.unwrap(), later, "an ended link needs no revocation");
}

async fn a_change_that_is_not_committed_never_was(database: &Database) {
    let before = database.version(Topic::Links).await.unwrap();
    drop(database.change(Topic::Links).await.unwrap());
    assert_eq!(database.version(Topic::Links).await.unwrap(), before);
}

async fn older_links_become_void_and_the_next_one_is_newer(database: &Database) {
    book::void(database, &name("zoë%25"), NOW).await.unwrap();
    let issued = book::enter(database, &name("zoë%25"), "two", NOW, NOW + 100).await.unwrap();
    assert_eq!(issued, NOW + 1, "made in the same second, and good");
    book::void(database, &name("zoë%25"), NOW - 50).await.unwrap();
    assert_eq!(
        book::of_line(database, &name("zoë%25")).await.unwrap().void_before,
        Some(NOW + 1),
        "never back in time"
    );
}

async fn links_that_ended_long_ago_are_forgotten(database: &Database) {
    let month = 31 * 86_400;
    book::enter(database, &name("old"), "three", NOW, NOW + 100).await.unwrap();
    book::enter(database, &name("old"), "four", NOW + 100 + month, NOW + 200 + month).await.unwrap();
    assert_eq!(book::of_line(database, &name("old")).await.unwrap().links.len(), 1);
    book::enter(database, &name("ali"), "five", NOW, NOW + 100).await.unwrap();
}

async fn changes_at_once_wait_for_each_other(database: &Database) {
    let before = database.version(Topic::Links).await.unwrap();
    let changes = (0..20).map(|number| {
        let database = database.clone();
        tokio::spawn(async move {
            book::revoke(&database, &name("busy"), &number.to_string(), NOW + 100, NOW).await.unwrap();
        })
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap();
    }
    assert_eq!(database.version(Topic::Links).await.unwrap(), before + 20);
    assert_eq!(book::of_line(database, &name("busy")).await.unwrap().links.len(), 20);
}

async fn a_newer_releases_database_is_refused_in_words(location: &Location, database: &Database) {
    let mut change = database.change(Topic::Links).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 SELECT 999, 'newer', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    change.execute(newer).await.unwrap();
    change.commit().await.unwrap();
    let error = format!("{:#}", Database::open(location).await.unwrap_err());
    assert!(error.contains("newer release"), "{error}");
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_revoked_links_stream_ends_in_words_and_its_neighbour_goes_on() {
    let relay = TestRelay::start(|_| {});
    let database = Database::open(&Location::in_directory(&relay.data())).await.unwrap();
    let (one, other) = (relay.token("ali", in_an_hour()), relay.token("bob", in_an_hour()));
    let stream = |token: &str, username: &'static str| {
        let (address, header) = (relay.addresses.viewers, bearer(token));
        tokio::spawn(async move { get(address, &format!("/api/v1/lines/{username}/live"), &header).await })
    };
    let (ended, mut going_on) = (stream(&one, "ali"), stream(&other, "bob"));
    relay.metric_reaches("linelight_viewers", 2).await;

    let keys = Keys::load(&relay.data().keys()).unwrap();
    let identity = identify(&keys, &format!("https://monitor.example/#{one}.")).unwrap();
    book::revoke(&database, &identity.username, &identity.id, identity.expires, NOW).await.unwrap();
    let answer = ended.await.unwrap();
    assert!(answer.status == 200 && answer.text().contains("link_refused"), "{}", answer.text());
    assert_eq!(relay.request("/api/v1/lines/ali/live", &bearer(&one)).await.status, 401);
    let explained = get(relay.addresses.private, "/explain/ali", "").await.text();
    assert!(explained.contains("the link was revoked"), "{explained}");

    assert!(!going_on.is_finished());
    book::void(&database, &name("bob"), SystemTime::now().duration_since(at(0)).unwrap().as_secs()).await.unwrap();
    assert!((&mut going_on).await.unwrap().text().contains("link_refused"));
}

#[tokio::test]
async fn without_the_store_links_go_on_and_readiness_says_so() {
    // A directory stands in the file's place.
    let relay = TestRelay::start(|config| fs::create_dir(config.data.database()).unwrap());
    let ready = async || get(relay.addresses.private, "/readyz", "").await;
    eventually("degraded", async || ready().await.text().contains("the store cannot be used")).await;
    assert_eq!(ready().await.status, 200);
    let mut stream = tokio::net::TcpStream::connect(relay.addresses.viewers).await.unwrap();
    let token = bearer(&relay.token("ali", in_an_hour()));
    assert_eq!(common::head(&mut stream, "/api/v1/lines/ali/live", &token).await.status, 200);
    let output = linelight(&relay.data(), &["links", "void", "ali"]);
    assert!(!output.status.success() && said(&output).contains("linelight.db"), "{}", said(&output));
    fs::remove_dir(relay.data().database()).unwrap();
    eventually("ready", async || ready().await.text() == "ready\n").await;
}

#[tokio::test]
async fn a_revocation_from_before_the_start_is_in_force_at_the_first_request() {
    let relay = TestRelay::start(|config| {
        good(&config.data, &["links", "void", "ali"]);
    });
    let before = links::mint(
        &Keys::load(&relay.data().keys()).unwrap(),
        &name("ali"),
        "old",
        SystemTime::now() - Duration::from_secs(60),
        in_an_hour(),
    );
    assert_eq!(relay.request("/api/v1/lines/ali/live", &bearer(&before.unwrap())).await.status, 401);
}

fn linelight(data: &DataDirectory, arguments: &[&str]) -> Output {
    command(data).args(arguments).output().unwrap()
}

fn command(data: &DataDirectory) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linelight-relay"));
    command.env_clear().arg("--data").arg(data.path()).args(["--public-url", "https://monitor.example"]);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn good(data: &DataDirectory, arguments: &[&str]) -> String {
    let output = linelight(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn bad(data: &DataDirectory, arguments: &[&str]) -> String {
    let output = linelight(data, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", said(&output));
    said(&output)
}

#[test]
fn an_operator_lists_and_revokes_links() {
    let (_directory, data) = initialised();
    assert!(good(&data, &["links", "list", "ali"]).contains("no link of ali is known"));
    let link = good(&data, &["link", "ali"]);
    let listed = good(&data, &["links", "list", "ali"]);
    assert!(listed.lines().nth(1).unwrap().ends_with("opens its line"), "{listed}");
    assert!(!listed.contains(link.trim().split('#').nth(1).unwrap()), "no list shows a token");
    let id = listed.lines().nth(1).unwrap().split(' ').next().unwrap();
    assert!(bad(&data, &["links", "revoke", "--id", "other", "--username", "ali"]).contains("links list"));
    assert_eq!(good(&data, &["links", "revoke", "--id", id, "--username", "ali"]), format!("ali {id} revoked\n"));
    assert!(good(&data, &["links", "list", "ali"]).contains(" revoked "));
    // One id in 64 begins so: an id is base64 for URLs.
    assert!(bad(&data, &["links", "revoke", "--id", "-hiNpmdgHPsmo_K8", "--username", "-ali"]).contains("links list"));

    let file = data.path().join("links.txt");
    let other = good(&data, &["link", "bob"]);
    fs::write(&file, format!("{link}\n{other}not a link\n")).unwrap();
    let output = linelight(&data, &["links", "revoke", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("line 4: no signed link: it holds no token"), "{}", said(&output));
    let done = String::from_utf8(output.stdout).unwrap();
    assert!(done.starts_with(&format!("ali {id} was revoked before\nbob ")) && done.ends_with(" revoked\n"), "{done}");

    good(&data, &["link", "eve"]);
    good(&data, &["links", "void", "eve"]);
    let listed = good(&data, &["links", "list", "eve"]);
    assert!(listed.contains("are void\n") && listed.trim_end().ends_with(" void"), "{listed}");
    good(&data, &["link", "eve"]);
    let listed = good(&data, &["links", "list", "eve"]);
    assert!(listed.contains(" void\n") && listed.contains("opens its line"), "{listed}");
}

#[test]
fn a_backup_is_restored_and_nothing_is_overwritten_unasked() {
    let (_directory, data) = initialised();
    good(&data, &["link", "ali"]);
    let before = good(&data, &["links", "list", "ali"]);
    let file = data.path().join("backup");
    let file = file.to_str().unwrap();
    good(&data, &["backup", file]);
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(bad(&data, &["backup", file]).contains("exists"));
    good(&data, &["links", "void", "ali"]);
    assert!(bad(&data, &["restore", file]).contains("--force"));
    good(&data, &["restore", file, "--force"]);
    assert_eq!(good(&data, &["links", "list", "ali"]), before);

    for (what, content) in
        [("nothing", b"".to_vec()), ("text", b"SQLite format 3\0 and no more".to_vec()), ("half", half(file))]
    {
        let broken = data.path().join(what);
        fs::write(&broken, content).unwrap();
        let error = bad(&data, &["restore", broken.to_str().unwrap(), "--force"]);
        assert!(error.contains("is no backup of a store"), "{what}: {error}");
        assert_eq!(good(&data, &["links", "list", "ali"]), before, "{what}: the store is as it was");
    }
    let left: Vec<_> = fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains(".new")), "{left:?}");
    let held = data.hold().unwrap();
    assert!(bad(&data, &["restore", file, "--force"]).contains("another relay"));
    drop(held);
}

fn half(file: &str) -> Vec<u8> {
    let mut content = fs::read(file).unwrap();
    content.truncate(content.len() / 2);
    content
}

/// Revokes links by a program, killed after each few, two hundred times.
#[tokio::test]
async fn nothing_acknowledged_is_lost_to_a_sudden_death() {
    let (_directory, data) = initialised();
    let keys = Keys::load(&data.keys()).unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..200 {
        let links = (0..50).map(|number| {
            let id = format!("{round}-{number}");
            links::mint(&keys, &name("ali"), &id, SystemTime::now(), in_an_hour()).unwrap() + "\n"
        });
        acknowledged.extend(revoke_until_killed(&data, &links.collect::<String>(), 1 + round % 7));
    }
    let database = Database::open(&Location::in_directory(&data)).await.unwrap();
    let links = book::of_line(&database, &name("ali")).await.unwrap().links;
    let revoked: std::collections::HashSet<_> =
        links.iter().filter(|link| link.revoked.is_some()).map(|link| &link.id).collect();
    for id in &acknowledged {
        assert!(revoked.contains(id), "{id} was acknowledged");
    }
    let version = usize::try_from(database.version(Topic::Links).await.unwrap()).unwrap();
    assert_eq!(version, links.len(), "each change is whole: its link and its version");
}

/// Returns the acknowledged ids of the killed program, at least `after`.
fn revoke_until_killed(data: &DataDirectory, links: &str, after: usize) -> Vec<String> {
    let mut child =
        command(data).args(["links", "revoke", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(links.as_bytes()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines.by_ref().take(after) {
        acknowledged.push(line.unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Acknowledgements until the death count too, but no cut line.
    acknowledged.extend(lines.map_while(Result::ok).filter(|line| line.ends_with(" revoked")));
    acknowledged.iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
}

#[test]
fn a_password_is_never_an_argument() {
    let (_directory, data) = initialised();
    let output = linelight(&data, &["--store", "postgres://me:s3cret@127.0.0.1/linelight", "links", "list", "ali"]);
    assert!(!output.status.success() && said(&output).contains("--store-password-file"), "{}", said(&output));
    assert!(!said(&output).contains("s3cret"));
    let output = linelight(&data, &["--store", "postgres://me@127.0.0.1:1/linelight", "links", "void", "ali"]);
    assert!(
        said(&output).contains("the store postgres://me@127.0.0.1:1/linelight cannot be used"),
        "{}",
        said(&output)
    );
    assert!(!Path::new(&data.database()).exists());
}
