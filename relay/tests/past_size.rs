//! What the days behind 20,000 lines take on the disk, and how long a column's writing and a week's reading take. `--nocapture`
//! prints the figures; only the size is asserted.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::time::Instant;

use relay::clock::UnixMillis;
use relay::lines::past::book::{self, Sheet};
use relay::lines::past::{COLUMN_MS, Column};
use relay::store::database::Database;
use relay::store::database::location::Location;
use shared::Username;

const LINES: u32 = 20_000;
const COLUMNS: i64 = 96;
const A_DAY: u64 = 288;
const WEEK: i64 = 7 * 288;
const MEGABYTE: u64 = 1_000_000;

fn at(column: i64) -> UnixMillis {
    UnixMillis::from_millis(1_800_000_000_000 + column * COLUMN_MS)
}

fn column(line: u32) -> Column {
    let down = u64::from(line) * 1_009;
    // One line in a hundred is watched.
    let response = line.is_multiple_of(100).then_some(12_345);
    Column {
        parts: 10,
        down,
        down_most: 3 * down,
        up: down / 9,
        up_most: down / 3,
        response,
        lost: response.map(|_| 0),
    }
}

#[tokio::test]
async fn twenty_thousand_lines_take_less_than_eighty_megabytes_a_day() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("linelight.db");
    let database = Database::open(&Location::File(file.clone())).await.unwrap();
    let mut sheet = Sheet::begin(&database, at(0)).await.unwrap();
    let mut columns = Vec::new();
    for line in 0..LINES {
        let username = Username::from_text(&format!("{line}@karoo.example")).unwrap();
        columns.push((sheet.number(&username).await.unwrap(), column(line)));
    }
    sheet.write(1, columns.clone(), i64::MAX).await.unwrap();
    let size = || {
        // SQLite's log is as large as the largest change, and stays so.
        std::fs::metadata(&file).unwrap().len()
    };
    let (before, began) = (size(), Instant::now());
    for nth in 1..=COLUMNS {
        Sheet::begin(&database, at(nth)).await.unwrap().write(1, columns.clone(), i64::MAX).await.unwrap();
    }
    let written = began.elapsed() / COLUMNS as u32;
    let a_day = (size() - before) / COLUMNS as u64 * A_DAY;
    // The lines of one shard for a week: as many rows as a line's week is read from.
    let shard: Vec<_> = columns.iter().copied().filter(|(number, _)| number % 1_024 == 1).collect();
    for nth in COLUMNS + 1..=WEEK {
        Sheet::begin(&database, at(nth)).await.unwrap().write(1, shard.clone(), i64::MAX).await.unwrap();
    }
    let (one, began) = (Username::from_text("0@karoo.example").unwrap(), Instant::now());
    let past = book::read(&database, &one, at(0), at(WEEK)).await.unwrap();
    let read = began.elapsed();
    assert!(past.down.iter().flatten().count() >= 336, "{}", past.down.len());
    println!(
        "{LINES} lines: {} MB a day; a column is written in {written:?}, a week is read in {read:?}",
        a_day / MEGABYTE
    );
    assert!(a_day < 80 * MEGABYTE, "{a_day} bytes");
}
