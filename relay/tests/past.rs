//! The days behind lines: the book on SQLite and on PostgreSQL, and a relay that stops.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod postgresql;

use relay::clock::UnixMillis;
use relay::lines::past::book::{self, Sheet};
use relay::lines::past::{COLUMN_MS, Column};
use relay::store::database::Database;
use relay::store::database::location::Location;
use shared::Username;

use self::postgresql::PostgreSql;

const DAY_MS: i64 = 86_400_000;

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

/// The behaviour on every database.
async fn suite(location: &Location) {
    let database = Database::open(location).await.unwrap();
    a_line_has_its_own_columns_and_gaps(&database).await;
    what_two_runs_wrote_of_one_column_is_joined(&database).await;
    a_sheet_that_is_not_written_never_was(&database).await;
    old_columns_and_their_names_go(&database).await;
}

fn name(text: &str) -> Username {
    Username::from_text(text).unwrap()
}

fn at(column: i64) -> UnixMillis {
    UnixMillis::from_millis(1_800_000_000_000 + column * COLUMN_MS)
}

fn column(parts: u8, down: u64) -> Column {
    Column { parts, down, down_most: down, up: 1, up_most: 1, response: Some(12_000), lost: Some(0) }
}

async fn write(database: &Database, writer: i64, begin: UnixMillis, lines: &[(&str, Column)]) {
    let mut sheet = Sheet::begin(database, begin).await.unwrap();
    let mut columns = Vec::new();
    for (line, column) in lines {
        columns.push((sheet.number(&name(line)).await.unwrap(), *column));
    }
    sheet.write(writer, columns, 8 * DAY_MS).await.unwrap();
}

async fn down(database: &Database, line: &str, from: i64, to: i64) -> Vec<Option<u64>> {
    book::read(database, &name(line), at(from), at(to)).await.unwrap().down
}

async fn a_line_has_its_own_columns_and_gaps(database: &Database) {
    write(database, 1, at(0), &[("ali", column(10, 100)), ("caf%E9", column(10, 7))]).await;
    write(database, 1, at(2), &[("caf%E9", column(10, 8)), ("ali", column(10, 300))]).await;
    assert_eq!(down(database, "ali", 0, 3).await, [Some(100), None, Some(300), None]);
    assert_eq!(down(database, "caf%E9", 0, 2).await, [Some(7), None, Some(8)]);
    assert_eq!(down(database, "nobody", 0, 1).await, [None, None]);
    let past = book::read(database, &name("ali"), at(0), at(0)).await.unwrap();
    assert_eq!(
        (past.interval, past.start, &past.rtt[..], &past.lost[..]),
        (COLUMN_MS, at(0), &[Some(12_000)][..], &[Some(0)][..])
    );
}

async fn what_two_runs_wrote_of_one_column_is_joined(database: &Database) {
    write(database, 1, at(10), &[("ali", column(4, 100))]).await;
    write(database, 2, at(10), &[("ali", column(6, 200))]).await;
    assert_eq!(down(database, "ali", 10, 10).await, [Some(160)]);
    // A run that writes a column again, as at its end, replaces its own.
    write(database, 2, at(10), &[("ali", column(4, 200))]).await;
    assert_eq!(down(database, "ali", 10, 10).await, [Some(150)]);
}

async fn a_sheet_that_is_not_written_never_was(database: &Database) {
    let mut sheet = Sheet::begin(database, at(20)).await.unwrap();
    let number = sheet.number(&name("carl")).await.unwrap();
    drop(sheet);
    let mut sheet = Sheet::begin(database, at(20)).await.unwrap();
    assert_eq!(sheet.number(&name("dora")).await.unwrap(), number, "the number was nobody's");
}

async fn old_columns_and_their_names_go(database: &Database) {
    let later = at(0) + 10 * DAY_MS;
    // Rows are removed in turns: each part of them with one column of eight.
    for nth in 0..8 {
        write(database, 1, later + nth * COLUMN_MS, &[("new", column(10, 1))]).await;
    }
    assert_eq!(down(database, "ali", 0, 10).await, [None; 11]);
    let mut sheet = Sheet::begin(database, later).await.unwrap();
    let (new, ali) = (sheet.number(&name("new")).await.unwrap(), sheet.number(&name("ali")).await.unwrap());
    assert!(ali > new, "its name was removed, and it has a new number");
}
