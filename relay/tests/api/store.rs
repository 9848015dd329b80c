//! The book of subscribers on both databases, and the API while the store is gone.

use std::sync::Arc;

use relay::store::database::location::Location;
use relay::store::database::{Database, Topic};
use relay::subscribers::book::{self, Difference, EnteredCopy};
use relay::subscribers::{Entered, Further, Subscriber, Subscribers};
use shared::Username;
use shared::control::Plan;

use super::Api;
use crate::common::{TestRelay, eventually, get};
use crate::postgresql::PostgreSql;

fn name(text: &str) -> Username {
    Username::from_text(text).unwrap()
}

fn row(customer: &str, download: u64) -> Subscriber {
    let plan = Plan { download: Some(download), upload: None };
    let further = [("phone", "+27 51 555 0142"), ("Notes \"1\"", customer)];
    let further = further.map(|(column, text)| Further { column: column.into(), text: text.into() });
    Subscriber { customer: Some(customer.to_owned()), plan, further: Box::new(further), ..Subscriber::default() }
}

fn rows(all: &[(&str, &str)]) -> Entered {
    all.iter().map(|(username, customer)| (name(username), Arc::new(row(customer, 1_000_000)))).collect()
}

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

/// What holds on every database: a copy that follows changes is the same as one that is read anew.
async fn suite(location: &Location) {
    let database = Database::open(location).await.unwrap();
    let subscribers = Subscribers::none();
    let copy = EnteredCopy::new(subscribers.clone());
    let is = async |expected: &Entered| {
        copy.follow(&database).await.unwrap();
        let anew = Subscribers::none();
        EnteredCopy::new(anew.clone()).follow(&database).await.unwrap();
        assert_eq!(**subscribers.table().entered(), *expected);
        assert_eq!(**anew.table().entered(), *expected);
    };
    is(&Entered::new()).await;
    let first = rows(&[("ali", "Ali"), ("caf%E9", "Café \"x\" 'y'"), ("zoë", "Zoë")]);
    let whole = async |rows: &Entered| {
        let mut change = database.begin().await.unwrap();
        let version = change.raise(Topic::Subscribers).await.unwrap();
        let difference = book::replace(&mut change, version, rows).await.unwrap();
        change.commit().await.unwrap();
        difference
    };
    assert_eq!(whole(&first).await, Difference { added: 3, ..Difference::default() });
    is(&first).await;
    let second = rows(&[("ali", "Ali Baba"), ("zoë", "Zoë"), ("new", "New")]);
    let difference = Difference { added: 1, changed: 1, unchanged: 1, removed: 1 };
    assert_eq!(book::would_replace(&database, &second).await.unwrap(), difference);
    is(&first).await;
    assert_eq!(whole(&second).await, difference);
    is(&second).await;

    let mut expected = second.clone();
    for step in 0..4 {
        let mut change = database.begin().await.unwrap();
        let version = change.raise(Topic::Subscribers).await.unwrap();
        match step {
            0 => book::remove(&mut change, version, &name("ali")).await.unwrap(),
            1 => {
                book::put(&mut change, version, &name("ali"), &row("back", u64::from(u32::MAX) * 1_000)).await.unwrap()
            }
            2 => book::remove(&mut change, version, &name("new")).await.unwrap(),
            _ => book::put(&mut change, version, &name("zoë"), &Subscriber::default()).await.unwrap(),
        }
        change.commit().await.unwrap();
    }
    // All four at once: a row that came back is there, and one that went is not.
    expected.insert(name("ali"), Arc::new(row("back", u64::from(u32::MAX) * 1_000)));
    expected.remove(&name("new"));
    expected.insert(name("zoë"), Arc::new(Subscriber::default()));
    is(&expected).await;

    let mut change = database.begin().await.unwrap();
    let version = change.raise(Topic::Subscribers).await.unwrap();
    book::replace(&mut change, version, &rows(&[("half", "Half")])).await.unwrap();
    drop(change);
    is(&expected).await;
}

#[tokio::test]
async fn without_the_store_reads_go_on_and_changes_are_refused_in_words() {
    let api = Api::start("subscribers").await;
    assert_eq!(api.json("PUT", "/api/v1/subscribers/ali", r#"{"customer":"Ali"}"#).await.status, 200);
    // Another program holds the file, as a full disk or a lost server would keep every change out.
    let location = Location::in_directory(&api.relay.data());
    let other = Database::open(&location).await.unwrap();
    let held = other.begin().await.unwrap();
    let refused = api.json("PUT", "/api/v1/subscribers/bob", "{}").await;
    assert_eq!(refused.reason(), (503, "store"), "{refused:?}");
    assert!(refused.body["detail"].as_str().unwrap().contains("Nothing was changed"), "{refused:?}");
    let all = api.json("PUT", "/api/v1/subscribers", r#"[{"username":"bob"}]"#).await;
    assert_eq!(all.reason(), (503, "store"));
    assert_eq!(api.get("/api/v1/subscribers/ali").await.body["customer"], "Ali");
    assert_eq!(api.get("/api/v1/subscribers/bob").await.status, 404);
    drop(held);
    eventually("changes are taken again", async || {
        api.json("PUT", "/api/v1/subscribers/bob", "{}").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_relay_that_never_had_its_store_refuses_every_key_and_says_degraded() {
    let relay = TestRelay::start(|config| std::fs::create_dir(config.data.database()).unwrap());
    let answer = super::call(&relay, "GET", "/api/v1/subscribers", "authorization: Bearer x\r\n", b"").await;
    assert_eq!(answer.reason(), (401, "key"));
    assert!(get(relay.addresses.private, "/readyz", "").await.text().contains("the store cannot be used"));
}
