//! The lines of a file, judged: a row is a line with one reading. A line that can belong to an earlier row's value is refused. A row
//! made of such a line would show one customer's text to another.

use std::collections::HashMap;

use super::finding::Fault;
use super::quotes::{self, End, Style, Value};
use super::table::MAX_ROWS;

/// One line with text.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: u64,
    pub(super) bytes: &'a [u8],
    /// The reason why the line is no row.
    pub(super) fault: Option<Fault>,
    /// The number of values, up to and with a faulty one.
    values: usize,
    quotes: Quotes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    /// Only around values.
    Orderly,
    /// Inside a value without quotes around, or at fault.
    Disorderly,
}

/// Parts a content into lines, without blank ones, up to the most rows of a file.
pub(super) fn lines(content: &[u8]) -> Vec<(u64, &[u8])> {
    let end = if content.contains(&b'\n') { b'\n' } else { b'\r' };
    let lines = content.split(move |byte| *byte == end).zip(1..);
    let lines = lines.map(|(line, number)| (number, without_line_end(line)));
    lines.filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace)).take(MAX_ROWS + 2).collect()
}

/// Judges all lines below a first row with `columns` names.
pub(super) fn judge<'a>(lines: &[(u64, &'a [u8])], separator: u8, columns: usize) -> Vec<Line<'a>> {
    let mut values = Vec::new();
    let mut judged: Vec<Line<'a>> =
        lines.iter().map(|&(number, bytes)| Line::new(number, bytes, separator, &mut values)).collect();
    for style in [Style::Doubled, Style::Backslash, Style::Unescaped] {
        refuse_what_a_quote_may_reach(&mut judged, separator, style);
    }
    refuse_what_may_be_one_row(&mut judged, columns);
    judged
}

impl<'a> Line<'a> {
    fn new(number: u64, bytes: &'a [u8], separator: u8, values: &mut Vec<Value<'a>>) -> Self {
        let fault = match quotes::split(bytes, separator, values) {
            Ok(()) if bytes.contains(&b'\r') => Some(Fault::CarriageReturn),
            outcome => outcome.err(),
        };
        let quotes = match fault {
            _ if !bytes.contains(&b'"') => Quotes::None,
            None if !quotes::has_stray_quote(values) => Quotes::Orderly,
            _ => Quotes::Disorderly,
        };
        Self { number, bytes, fault, values: values.len(), quotes }
    }

    fn refuse(&mut self, fault: Fault) {
        self.fault = self.fault.or(Some(fault));
    }
}

/// A value may open in one line and close in a later one: all lines in between are doubtful then, and the last one too.
fn refuse_what_a_quote_may_reach(lines: &mut [Line<'_>], separator: u8, style: Style) {
    // Up to here the lines are read already from inside a value: another start there would end in the same line.
    let mut read = 0;
    for at in 0..lines.len() {
        let Some(line) = lines.get(at) else { return };
        let opens = line.fault.is_some() && quotes::end(line.bytes, false, separator, style) == End::Inside;
        if at < read || !opens {
            continue;
        }
        let first = line.number;
        match reach(lines.get(at + 1..).unwrap_or_default(), separator, style) {
            Reach::Never(count) => read = at + 1 + count,
            Reach::Closes(count) => {
                // The last line, read as a row, may open a value too.
                read = at + count;
                let concerned = lines.iter_mut().skip(at + 1).take(count);
                concerned.for_each(|line| line.refuse(Fault::Within { line: first }));
            }
        }
    }
}

/// The number of lines up to the end of an open value.
enum Reach {
    Closes(usize),
    Never(usize),
}

fn reach(lines: &[Line<'_>], separator: u8, style: Style) -> Reach {
    for (line, count) in lines.iter().zip(1..) {
        // A line with orderly quotes is more likely a row than the end of an unescaped value.
        if style == Style::Unescaped && line.quotes == Quotes::Orderly {
            return Reach::Never(count - 1);
        }
        match quotes::end(line.bytes, true, separator, style) {
            End::Inside => {}
            End::Outside => return Reach::Closes(count),
            End::Broken => return Reach::Never(count - 1),
        }
    }
    Reach::Never(lines.len())
}

/// An export without quotes breaks a row in two at a line break in a value. Short lines are doubtful if they have exactly the
/// values of one row together, unless most lines of the file are as short.
fn refuse_what_may_be_one_row(lines: &mut [Line<'_>], columns: usize) {
    let usual = usual_count(lines);
    for at in 0..lines.len() {
        let Some(count) = one_row(lines.get(at..).unwrap_or_default(), columns, usual) else { continue };
        let numbers = |at: usize| lines.get(at).map_or(0, |line| line.number);
        let fault = Fault::Joined { from: numbers(at), to: numbers(at + count - 1) };
        lines.iter_mut().skip(at).take(count).for_each(|line| line.refuse(fault));
    }
}

/// The number of first lines that may be one row: two or more, or none.
fn one_row(lines: &[Line<'_>], columns: usize, usual: usize) -> Option<usize> {
    let first = lines.first()?;
    // MySQL writes a line break in a value as a backslash and the break.
    if quotes::ends_in_backslash(first.bytes) {
        let second = lines.get(1)?;
        return (first.values + second.values <= columns + 1).then_some(2);
    }
    if !(2..columns).contains(&first.values) {
        return None;
    }
    let mut joined = first.values;
    let mut unusual = first.values != usual;
    for (line, count) in lines.iter().skip(1).zip(2..) {
        joined += line.values.saturating_sub(1);
        unusual |= line.values != usual;
        if joined > columns || line.values >= columns {
            return None;
        }
        if joined == columns {
            return unusual.then_some(count);
        }
    }
    None
}

/// The number of values in most lines.
fn usual_count(lines: &[Line<'_>]) -> usize {
    let mut counts = HashMap::<usize, usize>::new();
    lines.iter().for_each(|line| *counts.entry(line.values).or_default() += 1);
    counts.into_iter().max_by_key(|&(values, lines)| (lines, values)).map_or(0, |(values, _)| values)
}

/// Lines of a text file converted twice end in two carriage returns.
fn without_line_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rev().take_while(|byte| **byte == b'\r').count();
    line.get(..line.len() - end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
