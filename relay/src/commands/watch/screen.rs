//! The output of a readout: a terminal shows one block and redraws it, any other output gets a line for each change.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use super::draw;
use super::readout::Readout;

/// The output of a readout.
pub(super) enum Screen {
    /// A terminal, with its currently visible rows.
    Terminal(Vec<String>),
    /// A file or a pipe.
    Lines,
}

/// A terminal's size, in columns and rows.
#[derive(Debug, Clone, Copy)]
struct Size {
    columns: usize,
    rows: usize,
}

impl Screen {
    /// Returns the kind of standard output.
    pub(super) fn of_stdout() -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if io::stdout().is_terminal() && !is_dumb { Self::Terminal(Vec::new()) } else { Self::Lines }
    }

    /// Shows a readout in place of the one before.
    pub(super) fn show(&mut self, readout: &Readout, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Lines => writeln!(out, "{}", draw::line(readout))?,
            Self::Terminal(drawn) => {
                let size = size();
                let mut rows = draw::rows(readout, size.columns);
                rows.truncate(size.rows);
                out.write_all(redrawn(drawn, &rows, size.columns).as_bytes())?;
                *drawn = rows;
            }
        }
        out.flush()
    }

    /// Keeps the last readout on the terminal, and puts the cursor below it.
    pub(super) fn leave(&mut self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Terminal(drawn) if !drawn.is_empty() => writeln!(out),
            _ => Ok(()),
        }
    }
}

/// Returns the text that erases the rows `before` from a terminal and writes `rows`. The cursor stands at the end of
/// the last old row.
///
/// A terminal wraps the old rows when it becomes narrower; the cursor goes up by the wrapped number of rows.
fn redrawn(before: &[String], rows: &[String], columns: usize) -> String {
    let height = |row: &String| draw::width(row).div_ceil(columns.max(1)).max(1);
    let up = before.iter().map(height).sum::<usize>().saturating_sub(1);
    let mut out = String::from("\r");
    if up > 0 {
        // Writing to a String has no way to fail.
        let _ = write!(out, "\x1b[{up}A");
    }
    out.push_str("\x1b[J");
    out.push_str(&rows.join("\n"));
    out
}

/// Returns the size of the terminal at standard output, without the last column: some terminals begin a new row as soon
/// as a character fills it.
fn size() -> Size {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
    let or = |size: Option<u16>, usual: usize| size.filter(|size| *size > 0).map_or(usual, usize::from);
    let columns = or(size.map(|size| size.ws_col), 80).saturating_sub(1);
    Size { columns, rows: or(size.map(|size| size.ws_row), 24) }
}

#[cfg(test)]
mod tests {
    use super::super::readout::tests::{after, golden};
    use super::*;

    /// An emulator of a terminal with the control sequences of `redrawn`, without wide characters.
    struct Emulator {
        columns: usize,
        lines: Vec<Vec<char>>,
        row: usize,
        column: usize,
    }

    impl Emulator {
        fn new(columns: usize) -> Self {
            Self { columns, lines: vec![vec![]], row: 0, column: 0 }
        }

        fn write(&mut self, text: &str) {
            let mut rest = text;
            while let Some(c) = rest.chars().next() {
                rest = &rest[c.len_utf8()..];
                match c {
                    '\r' => self.column = 0,
                    '\n' => (self.row, self.column) = (self.row + 1, 0),
                    '\x1b' => {
                        let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap();
                        match rest.as_bytes()[end] {
                            b'A' => self.row = self.row.saturating_sub(rest[1..end].parse().unwrap()),
                            b'J' => {
                                self.lines.truncate(self.row + 1);
                                self.lines[self.row].truncate(self.column);
                            }
                            other => panic!("{other}"),
                        }
                        rest = &rest[end + 1..];
                    }
                    c => self.put(c),
                }
                self.lines.resize_with(self.lines.len().max(self.row + 1), Vec::new);
            }
        }

        fn put(&mut self, c: char) {
            if self.column == self.columns {
                (self.row, self.column) = (self.row + 1, 0);
                self.lines.resize_with(self.lines.len().max(self.row + 1), Vec::new);
            }
            let line = &mut self.lines[self.row];
            line.resize(line.len().max(self.column + 1), ' ');
            line[self.column] = c;
            self.column += 1;
        }

        /// Wraps the lines for another width, as terminals do; each line here is a row of its own.
        fn resize(&mut self, columns: usize) {
            let broken = self.lines.iter().flat_map(|line| {
                let parts: Vec<Vec<char>> = line.chunks(columns).map(<[char]>::to_vec).collect();
                if parts.is_empty() { vec![vec![]] } else { parts }
            });
            self.lines = broken.collect();
            self.columns = columns;
            self.row = self.lines.len() - 1;
            self.column = self.lines[self.row].len();
        }

        fn text(&self) -> Vec<String> {
            self.lines.iter().map(|line| line.iter().collect()).collect()
        }
    }

    const PROMPT: &str = "$ linelight-relay watch 4446@karoo.example";

    #[test]
    fn a_block_is_redrawn_without_rubbish_at_any_width() {
        let mut readout = after(&["snapshot-running"]);
        let mut emulator = Emulator::new(50);
        emulator.write(&format!("{PROMPT}\n"));
        let mut drawn: Vec<String> = Vec::new();
        for (frame, columns) in
            [("sample", 50), ("samples", 50), ("state-offline", 30), ("sample", 22), ("snapshot-running", 50)]
        {
            readout.take(&golden(frame));
            emulator.resize(columns);
            let rows = draw::rows(&readout, columns - 1);
            emulator.write(&redrawn(&drawn, &rows, columns));
            drawn = rows;
            let text = emulator.text();
            assert!(text.ends_with(&drawn), "{columns} columns: {drawn:?} is not at the end of {text:?}");
            let above = text[..text.len() - drawn.len()].concat();
            assert_eq!(above, PROMPT, "rubbish in {text:?}");
        }
    }
}
