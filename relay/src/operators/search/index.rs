//! The index: sorted words, each with the lines that have it. A beginning of words is then one stretch of the table.
//!
//! For 100,000 lines the table is a few flat vectors, without an allocation for each line.

use std::collections::HashMap;

use shared::Username;

use super::fold::{phones, words};
use super::query::{Query, Wanted};
use crate::subscribers::{Further, Subscriber};
use crate::wire::viewer_frame::display;

/// The further values by which a line is found as by its name.
const MAIN: [&str; 2] = ["reference", "phone"];

/// A line, as far as it is searched.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The line.
    pub username: &'a Username,
    /// The customer's name.
    pub customer: Option<&'a str>,
    /// The package's name.
    pub package: Option<&'a str>,
    /// The row's other values.
    pub further: &'a [Further],
}

/// The words of a line.
#[derive(Debug, Default)]
pub struct EntryWords {
    /// Of username, customer, reference and phone.
    pub main: Vec<String>,
    /// Of everything else.
    pub other: Vec<String>,
}

impl EntryWords {
    /// Returns all words together.
    pub fn all(self) -> Vec<String> {
        [self.main, self.other].concat()
    }
}

impl<'a> Entry<'a> {
    /// Returns the words of a further value.
    pub fn words_of(text: &str) -> Vec<String> {
        value_words(text)
    }

    /// Returns the entry of a row.
    pub fn of(username: &'a Username, row: &'a Subscriber) -> Self {
        Self { username, customer: row.customer.as_deref(), package: row.package.as_deref(), further: &row.further }
    }

    /// Returns the words of the line, each once.
    pub fn words(&self) -> EntryWords {
        let mut main = words(&display(self.username.as_bytes()));
        main.extend(self.customer.map(words).unwrap_or_default());
        let mut other = self.package.map(words).unwrap_or_default();
        for further in self.further {
            let part = if MAIN.contains(&&*further.column) { &mut main } else { &mut other };
            part.extend(value_words(&further.text));
        }
        for part in [&mut main, &mut other] {
            part.sort_unstable();
            part.dedup();
        }
        other.retain(|word| main.binary_search(word).is_err());
        EntryWords { main, other }
    }

    /// What lines are sorted by: the customer, and the username of a line without one.
    fn order(&self) -> (String, Vec<u8>) {
        let shown = self.customer.map(words).filter(|words| !words.is_empty());
        (
            shown.unwrap_or_else(|| words(&display(self.username.as_bytes()))).join(" "),
            self.username.as_bytes().to_vec(),
        )
    }
}

/// Returns the words of a further value.
fn value_words(text: &str) -> Vec<String> {
    let mut words = words(text);
    words.extend(phones(text));
    words
}

/// Lines by the beginnings of their words.
#[derive(Debug, Default)]
pub struct Index {
    names: Texts,
    main: Words,
    other: Words,
}

/// The lines that a query means.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hits {
    /// By username, customer, reference and phone alone.
    pub(super) main: Vec<u32>,
    /// By other values too.
    pub(super) other: Vec<u32>,
}

impl Index {
    /// Builds the index of lines.
    pub fn new(mut entries: Vec<Entry<'_>>) -> Self {
        entries.sort_by_cached_key(Entry::order);
        let (mut main, mut other) = (Draft::default(), Draft::default());
        let mut names = Texts::default();
        for (entry, at) in entries.iter().zip(0..) {
            names.push(entry.username.as_bytes());
            let words = entry.words();
            words.main.into_iter().for_each(|word| main.add(word, at));
            words.other.into_iter().for_each(|word| other.add(word, at));
        }
        names.shrink();
        Self { names, main: main.finish(), other: other.finish() }
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True without any line.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of the index, and how many of them are text: the lines' usernames, and each word once.
    pub fn bytes(&self) -> (usize, usize) {
        let parts = [self.names.bytes(), self.main.bytes(), self.other.bytes()];
        let text = [&self.names, &self.main.words, &self.other.words].iter().map(|texts| texts.text.len()).sum();
        (parts.iter().sum(), text)
    }

    /// Returns the usernames' bytes of the first lines that a query means.
    pub fn first(&self, query: &Query, limit: usize) -> impl Iterator<Item = &[u8]> {
        let Hits { main, other } = self.find(query);
        main.into_iter().chain(other).take(limit).filter_map(|line| self.name(line))
    }

    /// Returns the username of a line.
    pub(super) fn name(&self, line: u32) -> Option<&[u8]> {
        self.names.get(line as usize)
    }

    /// Returns the lines that a query means, sorted by customer.
    pub(super) fn find(&self, query: &Query) -> Hits {
        let mut found = Sets::all(self.len());
        for part in query.parts() {
            found.and(&self.sets(part));
        }
        let Sets { main, mut all } = found;
        all.iter_mut().zip(&main).for_each(|(all, main)| *all &= !main);
        Hits { main: members(&main), other: members(&all) }
    }

    fn sets(&self, wanted: &Wanted) -> Sets {
        match wanted {
            Wanted::Begins(beginning) => {
                let mut main = none(self.len());
                self.main.mark(beginning, &mut main);
                let mut all = main.clone();
                self.other.mark(beginning, &mut all);
                Sets { main, all }
            }
            Wanted::All(parts) => {
                let mut sets = Sets::all(self.len());
                parts.iter().for_each(|part| sets.and(&self.sets(part)));
                sets
            }
            Wanted::Any(parts) => {
                let mut sets = Sets { main: none(self.len()), all: none(self.len()) };
                parts.iter().for_each(|part| sets.or(&self.sets(part)));
                sets
            }
        }
    }
}

/// Two sets of lines, a bit for each.
struct Sets {
    /// By the main words alone.
    main: Vec<u64>,
    /// By all words.
    all: Vec<u64>,
}

impl Sets {
    fn all(lines: usize) -> Self {
        let mut all = vec![u64::MAX; lines.div_ceil(64)];
        if let Some(last) = all.last_mut().filter(|_| !lines.is_multiple_of(64)) {
            *last = (1 << (lines % 64)) - 1;
        }
        Self { main: all.clone(), all }
    }

    fn and(&mut self, other: &Self) {
        self.main.iter_mut().zip(&other.main).for_each(|(one, other)| *one &= other);
        self.all.iter_mut().zip(&other.all).for_each(|(one, other)| *one &= other);
    }

    fn or(&mut self, other: &Self) {
        self.main.iter_mut().zip(&other.main).for_each(|(one, other)| *one |= other);
        self.all.iter_mut().zip(&other.all).for_each(|(one, other)| *one |= other);
    }
}

fn none(lines: usize) -> Vec<u64> {
    vec![0; lines.div_ceil(64)]
}

fn members(set: &[u64]) -> Vec<u32> {
    let mut members = Vec::with_capacity(set.iter().map(|bits| bits.count_ones() as usize).sum());
    for (bits, base) in set.iter().zip((0..).step_by(64)) {
        let mut left = *bits;
        while left != 0 {
            members.push(base + left.trailing_zeros());
            left &= left - 1;
        }
    }
    members
}

/// Sorted words, and the lines of each.
#[derive(Debug, Default)]
struct Words {
    words: Texts,
    /// Where each word's lines end in `lines`.
    ends: Vec<u32>,
    lines: Vec<u32>,
}

impl Words {
    /// Adds the lines with a word of this beginning to a set.
    fn mark(&self, beginning: &str, set: &mut [u64]) {
        let beginning = beginning.as_bytes();
        let first = self.words.first_where(|word| word >= beginning);
        let behind = self.words.first_where(|word| word >= beginning && !word.starts_with(beginning));
        let end =
            |words: usize| words.checked_sub(1).and_then(|last| self.ends.get(last)).map_or(0, |end| *end as usize);
        for line in self.lines.get(end(first)..end(behind)).unwrap_or_default() {
            if let Some(bits) = set.get_mut(*line as usize / 64) {
                *bits |= 1 << (line % 64);
            }
        }
    }

    fn bytes(&self) -> usize {
        self.words.bytes() + (self.ends.capacity() + self.lines.capacity()) * size_of::<u32>()
    }
}

/// Words in the making.
#[derive(Default)]
struct Draft(HashMap<String, Vec<u32>>);

impl Draft {
    fn add(&mut self, word: String, line: u32) {
        self.0.entry(word).or_default().push(line);
    }

    fn finish(self) -> Words {
        let mut words: Vec<(String, Vec<u32>)> = self.0.into_iter().collect();
        words.sort_unstable();
        let mut finished = Words::default();
        finished.lines.reserve_exact(words.iter().map(|(_, lines)| lines.len()).sum());
        finished.ends.reserve_exact(words.len());
        for (word, lines) in words {
            finished.words.push(word.as_bytes());
            finished.lines.extend(lines);
            finished.ends.push(small(finished.lines.len()));
        }
        finished.words.shrink();
        finished
    }
}

/// Texts, one behind the other.
#[derive(Debug, Default)]
struct Texts {
    text: Vec<u8>,
    ends: Vec<u32>,
}

impl Texts {
    fn push(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
        self.ends.push(small(self.text.len()));
    }

    fn get(&self, at: usize) -> Option<&[u8]> {
        let begin = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        self.text.get(begin..*self.ends.get(at)? as usize)
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the place of the first text for which `is_behind` holds, as it does for all that follow.
    fn first_where(&self, is_behind: impl Fn(&[u8]) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.get(middle).is_some_and(&is_behind) { high = middle } else { low = middle + 1 }
        }
        low
    }

    fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>()
    }
}

/// A subscribers file has 64 MiB at most, and so has no part of its index 4 billion places.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
