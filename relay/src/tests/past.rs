//! A column of a line's days, from the averages that its agent reports.

use super::*;
use crate::lines::past::COLUMN_MS;

#[tokio::test(start_paused = true)]
async fn five_minutes_of_averages_are_a_column_watched_or_not() {
    let stage = Stage::new();
    let mut agent = stage.agent("a", 1, vec![live(1, "ali"), live(2, "bob")]).await;
    let began = stage.hub.now().unix;
    for nth in 1..=12_u64 {
        seconds(30).await;
        agent.averages(&[(1, nth * 100, nth)]).await;
    }
    // The tenth average ends with the column; the two after it are the next one's.
    let span = (began.saturating_add(1_000), began.saturating_add(1_000 + COLUMN_MS));
    let columns = stage.hub.columns(span);
    let [(line, column)] = columns.as_slice() else { panic!("{} lines", columns.len()) };
    assert_eq!(line.username().to_text(), "ali");
    assert_eq!((column.parts, column.down, column.down_most, column.up, column.up_most), (10, 550, 1_000, 5, 10));
    assert_eq!((column.response, column.lost), (None, None), "nobody watched");
    let before = (began.saturating_add(-COLUMN_MS), began);
    assert!(stage.hub.columns(before).is_empty());
}
