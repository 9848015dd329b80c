//! What the console's search costs: 100,000 subscribers, the queries of a support desk, and a plain scan of the same words beside.
//!
//! Prints times of one query, and the memory of the index for a subscriber. Fails above what was promised.

#![allow(clippy::unwrap_used, clippy::panic, reason = "whoever runs it wants to know where it failed")]
#![expect(clippy::print_stdout, reason = "it is what the program is for")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use relay::operators::search::{Entry, EntryWords, Index, Query};
use relay::subscribers::parse::parse;

const SUBSCRIBERS: usize = 100_000;
/// Queries of each kind.
const QUERIES: usize = 400;
/// Lines of an answer.
const LIMIT: usize = 50;
/// What was promised: the 99th percentile of a search, and the index beyond its text for a subscriber.
const MUST: (Duration, usize) = (Duration::from_millis(20), 150);

const FIRST: [&str; 16] = [
    "Thandi", "Ali", "Zoë", "Jürgen", "Maria", "Siphiwe", "Aoife", "Łukasz", "Nomvula", "Pieter", "Fatima", "José",
    "Anna", "Björn", "Lerato", "Chloé",
];
const LAST: [&str; 20] = [
    "van der Merwe",
    "Dlamini",
    "Müller",
    "Naidoo",
    "Botha",
    "Nkosi",
    "O'Brien",
    "Kowalski",
    "Mahlangu",
    "Pretorius",
    "Khumalo",
    "Fourie",
    "Mokoena",
    "Señorita",
    "Venter",
    "Smith",
    "Zulu",
    "Coetzee",
    "Protea Motors",
    "Öztürk",
];
const STREETS: [&str; 8] = ["Long", "Church", "Voortrekker", "Main", "Nelson Mandela", "Kerk", "Loop", "Oxford"];
const PACKAGES: [&str; 5] = ["Fibre 50/10", "Fibre 100/50", "Wireless 20", "Wireless 10", "Business Fibre 200"];

/// A table of subscribers as a provider exports them.
fn table() -> String {
    let mut chance = Chance(7);
    let mut csv = String::from("username,customer,package,reference,phone,address\n");
    for at in 0..SUBSCRIBERS {
        let (first, last) = (chance.of(&FIRST), chance.of(&LAST));
        let (package, street, house) = (chance.of(&PACKAGES), chance.of(&STREETS), chance.below(900));
        let phone = format!("0{}{:07}", 60 + chance.below(25), chance.below(10_000_000));
        csv.push_str(&format!(
            "{}{at:05}@karoo.example,{first} {last},{package},KW-{:06},{phone},{house} {street} Street\n",
            initial(last),
            at * 7 % 1_000_000
        ));
    }
    csv
}

/// Numbers that are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// The letter that a username begins with.
fn initial(name: &str) -> char {
    name.chars().next().filter(char::is_ascii).map_or('x', |letter| letter.to_ascii_lowercase())
}

/// What people type: the first letters of a name, two beginnings, a username, a number, a street.
fn queries() -> Vec<String> {
    let mut chance = Chance(11);
    let begin = |text: &str, letters: usize| text.chars().take(letters).collect::<String>();
    let mut queries = Vec::new();
    for _ in 0..QUERIES {
        let (first, last) = (chance.of(&FIRST), chance.of(&LAST));
        let letters = 1 + chance.below(4);
        queries.push(begin(last, letters));
        queries.push(format!("{} {}", begin(last, letters), begin(first, 1 + letters)));
        queries.push(format!("{}{:03}", initial(last), chance.below(1_000)));
        queries.push(format!("0{} {:03}", 60 + chance.below(25), chance.below(1_000)));
        queries.push(format!("{} {}", chance.below(900), begin(chance.of(&STREETS), letters)));
        queries.push(format!("f {} k", letters));
    }
    queries
}

fn main() -> ExitCode {
    let csv = table();
    let table = parse(csv.as_bytes(), None).unwrap().table;
    assert_eq!(table.len(), SUBSCRIBERS);
    let entries = || -> Vec<Entry<'_>> { table.rows().map(|(username, row)| Entry::of(username, row)).collect() };
    let mut index = Index::default();
    let began = Instant::now();
    let measured = allocation_counter::measure(|| index = Index::new(entries()));
    println!("built in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    let (bytes, text) = index.bytes();
    assert_eq!(i64::try_from(bytes).unwrap(), measured.bytes_current);
    let beyond = (bytes - text).div_ceil(SUBSCRIBERS);
    println!("index: {} bytes a subscriber: {} of text, {beyond} beyond", bytes / SUBSCRIBERS, text / SUBSCRIBERS);
    let queries = queries();
    let indexed = times(&queries, |query| index.first(query, LIMIT).count());
    let words: Vec<EntryWords> = entries().iter().map(Entry::words).collect();
    let scanned = times(&queries[..120], |query| scan(&words, query));
    print("index", &indexed);
    print("plain scan", &scanned);
    let is_met = percentile(&indexed, 99) <= MUST.0 && beyond <= MUST.1;
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The number of lines that a query means, looked for in every line.
fn scan(lines: &[EntryWords], query: &Query) -> usize {
    lines
        .iter()
        .filter(|line| query.matches(&line.main) || query.matches(&[&line.main[..], &line.other].concat()))
        .count()
}

fn times(queries: &[String], search: impl Fn(&Query) -> usize) -> Vec<Duration> {
    let mut times: Vec<Duration> = queries
        .iter()
        .map(|text| {
            let began = Instant::now();
            black_box(search(&Query::read(black_box(text))));
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times
}

fn percentile(times: &[Duration], percent: usize) -> Duration {
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

fn print(what: &str, times: &[Duration]) {
    let [median, high, worst] = [50, 99, 100].map(|percent| percentile(times, percent).as_secs_f64() * 1e3);
    println!(
        "{what}: median {median:.3} ms, 99th percentile {high:.3} ms, worst {worst:.3} ms, queries {}",
        times.len()
    );
}
