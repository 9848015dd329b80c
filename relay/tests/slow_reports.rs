//! The book of slow reports: one suite on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod postgresql;

use relay::clock::UnixMillis;
use relay::store::database::Database;
use relay::store::database::location::Location;
use relay::viewers::slow_reports::{self, A_DAY_OF_A_LINE, AN_HOUR, Filter, MOST, NewReport, Refusal};
use shared::Username;

use self::postgresql::PostgreSql;

const NOW: i64 = 1_800_000_000_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

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
    a_report_is_entered_answered_and_closed(&database).await;
    a_line_has_three_a_day_one_at_a_time(&database).await;
    old_reports_are_forgotten(&database).await;
    many_at_once_are_so_many_an_hour(&database).await;
    the_newest_come_first_and_the_older_ones_after(&database).await;
}

async fn enter(database: &Database, line: &str, words: &str, at: i64) -> Result<i64, Refusal> {
    let username = Username::from_text(line).unwrap();
    let report = NewReport { username: &username, maker: None, words, snapshot: "{}" };
    let (mut change, number) = slow_reports::begin(database).await.unwrap();
    let entered = slow_reports::enter(&mut change, number, &report, UnixMillis::from_millis(at)).await.unwrap();
    change.commit().await.unwrap();
    entered.map(|()| number)
}

async fn close(database: &Database, number: i64) -> Option<String> {
    let (mut change, _) = slow_reports::begin(database).await.unwrap();
    let line = slow_reports::close(&mut change, number, "thandi", UnixMillis::from_millis(NOW + 2)).await.unwrap();
    change.commit().await.unwrap();
    line
}

async fn answer(database: &Database, number: i64, words: &str) -> Option<String> {
    let (mut change, _) = slow_reports::begin(database).await.unwrap();
    let said = (words, "thandi");
    let line = slow_reports::answer(&mut change, number, said, UnixMillis::from_millis(NOW + 1)).await.unwrap();
    change.commit().await.unwrap();
    line
}

async fn a_report_is_entered_answered_and_closed(database: &Database) {
    let number = enter(database, "caf%E9", "films stop 'today'", NOW).await.unwrap();
    assert_eq!(answer(database, number, "first").await.as_deref(), Some("caf%E9"));
    answer(database, number, "We are on it.").await.unwrap();
    let (report, snapshot) = slow_reports::one(database, number).await.unwrap().unwrap();
    assert_eq!(
        (report.username.as_str(), report.words.as_str(), snapshot.as_str()),
        ("caf%E9", "films stop 'today'", "{}")
    );
    assert_eq!((report.answer.as_deref(), report.closed), (Some("We are on it."), None));
    assert_eq!(close(database, number).await.as_deref(), Some("caf%E9"));
    assert_eq!((close(database, number).await, answer(database, number, "late").await), (None, None));
    let (report, _) = slow_reports::one(database, number).await.unwrap().unwrap();
    let ended = (report.answer.as_deref(), report.closed_by.as_deref(), report.closed.map(UnixMillis::as_millis));
    assert_eq!(ended, (Some("We are on it."), Some("thandi"), Some(NOW + 2)));
    assert!(slow_reports::one(database, number + 1_000).await.unwrap().is_none());
}

async fn a_line_has_three_a_day_one_at_a_time(database: &Database) {
    for _ in 0..A_DAY_OF_A_LINE {
        let number = enter(database, "ali", "", NOW).await.unwrap();
        assert_eq!(enter(database, "ali", "", NOW).await, Err(Refusal::Open));
        close(database, number).await.unwrap();
    }
    assert_eq!(enter(database, "ali", "", NOW + DAY).await, Err(Refusal::LineHadEnough));
    let number = enter(database, "ali", "", NOW + DAY + 1).await.unwrap();
    assert!(enter(database, "Ali", "", NOW).await.is_ok(), "another line");
    close(database, number).await.unwrap();
}

async fn old_reports_are_forgotten(database: &Database) {
    let old = enter(database, "old", "", NOW - 90 * DAY).await.unwrap();
    assert!(slow_reports::one(database, old).await.unwrap().is_some());
    assert!(enter(database, "old", "", NOW + 1).await.is_ok(), "an open one of so long ago is none");
    assert!(slow_reports::one(database, old).await.unwrap().is_none());
}

async fn many_at_once_are_so_many_an_hour(database: &Database) {
    let at = NOW + 10 * DAY;
    for number in 0..AN_HOUR {
        enter(database, &format!("outage-{number}"), "", at).await.unwrap();
    }
    assert_eq!(enter(database, "one-more", "", at + HOUR).await, Err(Refusal::RelayHadEnough));
    assert!(enter(database, "one-more", "", at + HOUR + 1).await.is_ok());
}

async fn the_newest_come_first_and_the_older_ones_after(database: &Database) {
    let most = usize::try_from(MOST).unwrap();
    let first = slow_reports::find(database, &Filter::default()).await.unwrap();
    let numbers: Vec<i64> = first.reports.iter().map(|report| report.number).collect();
    assert!(first.more && numbers.len() == most && numbers.windows(2).all(|two| two[0] > two[1]));
    let before = Filter { before: numbers.last().copied(), ..Filter::default() };
    let second = slow_reports::find(database, &before).await.unwrap();
    assert!(second.reports.iter().all(|report| report.number < numbers[most - 1]));
    let of_line = Filter { line: Some("ali".to_owned()), ..Filter::default() };
    let all = slow_reports::find(database, &of_line).await.unwrap();
    assert_eq!((all.reports.len(), all.more), (4, false));
    let open = slow_reports::find(database, &Filter { open: true, ..of_line }).await.unwrap();
    assert_eq!((open.reports.len(), open.open), (0, first.open));
}
