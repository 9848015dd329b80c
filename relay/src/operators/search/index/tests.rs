use std::sync::Arc;

use proptest::prelude::*;

use super::*;

/// A line of a test, with its own values.
#[derive(Debug, Clone)]
struct Line {
    username: Username,
    customer: Option<String>,
    package: Option<String>,
    further: Vec<Further>,
}

impl Line {
    fn entry(&self) -> Entry<'_> {
        let Self { username, customer, package, further } = self;
        Entry { username, customer: customer.as_deref(), package: package.as_deref(), further }
    }
}

fn line(username: &str, customer: Option<&str>, package: Option<&str>, further: &[(&str, &str)]) -> Line {
    let further = further.iter().map(|(column, text)| Further { column: Arc::from(*column), text: Box::from(*text) });
    Line {
        username: Username::from_bytes(username.as_bytes()).unwrap(),
        customer: customer.map(str::to_owned),
        package: package.map(str::to_owned),
        further: further.collect(),
    }
}

fn found(lines: &[Line], query: &str) -> Vec<String> {
    let index = Index::new(lines.iter().map(Line::entry).collect());
    let Hits { main, other } = index.find(&Query::read(query));
    main.iter().chain(&other).map(|line| String::from_utf8(index.name(*line).unwrap().to_vec()).unwrap()).collect()
}

/// The same answer from every line, one after the other.
fn scanned(lines: &[Line], query: &str) -> Vec<String> {
    let query = Query::read(query);
    let mut lines: Vec<&Line> = lines.iter().collect();
    lines.sort_by_cached_key(|line| line.entry().order());
    let mut ranked: Vec<(bool, String)> = Vec::new();
    for line in lines {
        let EntryWords { main, other } = line.entry().words();
        let by_main = query.matches(&main);
        if by_main || query.matches(&[main, other].concat()) {
            ranked.push((!by_main, line.username.to_text()));
        }
    }
    ranked.sort_by_key(|(is_other, _)| *is_other);
    ranked.into_iter().map(|(_, username)| username).collect()
}

fn karoo() -> Vec<Line> {
    vec![
        line("4446@karoo.example", Some("Protea Motors"), Some("Fibre 50/10"), &[("phone", "082 555 0199")]),
        line("4447@karoo.example", Some("Fibonacci Ltd"), Some("Fibre 50/10"), &[("reference", "PM-1042")]),
        line(
            "4448@karoo.example",
            None,
            Some("Wireless 10"),
            &[("address", "12 Protea Street"), ("Notes", "gate 4446")],
        ),
        line("zoë", Some("Zoë Müller"), None, &[("phone", "+27 83 555 0100")]),
    ]
}

#[test]
fn what_a_line_is_called_comes_before_what_is_said_of_it() {
    let lines = karoo();
    for (query, expected) in [
        ("pro", &["4446@karoo.example", "4448@karoo.example"][..]),
        ("fib", &["4447@karoo.example", "4446@karoo.example"]),
        ("4446", &["4446@karoo.example", "4448@karoo.example"]),
        ("mot 444", &["4446@karoo.example"]),
        ("pm 1042", &["4447@karoo.example"]),
        ("0825550199", &["4446@karoo.example"]),
        ("+27825550199", &["4446@karoo.example"]),
        ("083 555 0100", &["zo\u{eb}"]),
        ("MULLER zoe", &["zo\u{eb}"]),
        ("karoo", &["4448@karoo.example", "4447@karoo.example", "4446@karoo.example"]),
        ("nobody", &[]),
    ] {
        assert_eq!(found(&lines, query), expected, "{query}");
        assert_eq!(scanned(&lines, query), expected, "{query}");
    }
}

#[test]
fn an_empty_index_answers() {
    assert!(found(&[], "x").is_empty() && Index::default().is_empty());
}

#[test]
fn the_bytes_are_those_of_the_memory() {
    let lines: Vec<Line> = (0..5_000)
        .map(|at| {
            line(&format!("line-{at}@karoo.example"), Some(&format!("Customer {}", at * 7919)), Some("Fibre"), &[])
        })
        .collect();
    let mut kept = Index::default();
    let measured = allocation_counter::measure(|| kept = Index::new(lines.iter().map(Line::entry).collect()));
    let (bytes, text) = kept.bytes();
    assert_eq!(i64::try_from(bytes).unwrap(), measured.bytes_current);
    assert!(text > 5_000 * "line-0@karoo.example".len() && text < bytes);
}

fn texts() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[aábBß10+ .@-]{0,9}").unwrap()
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let name = proptest::string::string_regex("[abé1@]{1,5}").unwrap();
    let further = (prop::sample::select(vec!["phone", "reference", "address"]), "[01+ ]{0,9}");
    let one = (name, prop::option::of(texts()), prop::option::of(texts()), prop::option::of(further));
    let one = one.prop_map(|(username, customer, package, further)| {
        let further: Vec<_> = further.iter().map(|(column, text)| (*column, text.as_str())).collect();
        line(&username, customer.as_deref(), package.as_deref(), &further)
    });
    prop::collection::vec(one, 0..80).prop_map(|mut lines| {
        lines.sort_by(|one, other| one.username.cmp(&other.username));
        lines.dedup_by(|one, other| one.username == other.username);
        lines
    })
}

proptest! {
    #[test]
    fn the_index_finds_what_a_scan_finds(lines in lines(), query in "[aábBß10+ ]{0,7}") {
        prop_assert_eq!(found(&lines, &query), scanned(&lines, &query));
    }
}
