use std::collections::HashMap;

use shared::control::Plan;

use super::*;
use crate::subscribers::Subscriber;
use crate::subscribers::parse::parse;
use crate::tests::stage::{Stage, eventually, live, name};

fn texts(found: &Found) -> Vec<String> {
    found.lines.iter().map(Username::to_text).collect()
}

#[tokio::test(start_paused = true)]
async fn rows_and_reported_lines_are_found_and_follow_their_changes() {
    let stage = Stage::new();
    let search = Search::new(Arc::clone(&stage.hub));
    let (_stop, drain) = watch::channel(false);
    tokio::spawn(Arc::clone(&search).run(drain));
    search.ready().await;
    stage.subscribe("ali", "Ali Baba", 50_000_000);
    eventually(|| texts(&search.find("bab", 50)) == ["ali"]).await;

    let _agent = stage.agent("a", 1, vec![live(1, "ali"), live(2, "bab-2")]).await;
    eventually(|| texts(&search.find("bab", 50)) == ["ali", "bab-2"]).await;
    let found = search.find("ba", 1);
    assert_eq!((found.total, found.hits, found.lines.len()), (2, 2, 1));
    assert_eq!(stage.hub.metrics.searched_lines.get(), 2);

    stage.subscribe("bab-2", "Cassim", 50_000_000);
    eventually(|| texts(&search.find("cas", 50)) == ["bab-2"]).await;
    eventually(|| texts(&search.find("ba", 50)) == ["bab-2"] && search.find("ba", 50).total == 2).await;
}

#[tokio::test(start_paused = true)]
async fn exactly_a_username_comes_first_and_at_once() {
    let stage = Stage::new();
    let search = Search::new(Arc::clone(&stage.hub));
    assert!(search.find("ali", 50).lines.is_empty());
    let _agent = stage.agent("a", 1, vec![live(1, "ali"), live(2, "@@")]).await;
    let found = search.find(" ali ", 50);
    assert_eq!((found.hits, texts(&found)), (1, vec!["ali".to_owned()]));
    assert_eq!(texts(&search.find("@@", 50)), ["@@"], "a username without a letter");
    assert_eq!(search.find("--", 50).hits, 0);

    search.put(&search.reported, Index::new(vec![]));
    let row = |customer: &str| {
        Arc::new(Subscriber {
            customer: Some(customer.into()),
            package: None,
            plan: Plan::default(),
            further: Box::default(),
        })
    };
    let rows = HashMap::from([(name("ali"), row("Zoë")), (name("b"), row("Ali Baba"))]);
    stage.hub.subscribers().replace(rows);
    search.clone().index_rows().await;
    let found = search.find("ali", 50);
    assert_eq!((found.hits, texts(&found)), (2, vec!["ali".to_owned(), "b".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_row_in_a_spreadsheets_spelling_is_one_line() {
    let stage = Stage::new();
    let search = Search::new(Arc::clone(&stage.hub));
    stage.hub.subscribers().replace(parse(b"username,customer\n4446.0,Ali\n'4447,Bob\n", None).unwrap().table);
    search.index_rows().await;
    assert_eq!(texts(&search.find("444", 50)), ["4446", "4447"]);
    let _agent = stage.agent("a", 1, vec![live(1, "'4447")]).await;
    assert_eq!(texts(&search.find("444", 50)), ["4446", "'4447"]);
}
