//! What is wrong with a subscribers file, one of its rows, or one value of a row. No message quotes a row: these are customers.

use shared::username::UsernameError;

use super::MAX_ROWS;
use super::limit::LimitError;

/// A row that is not used.
#[derive(Debug)]
pub struct BadRow {
    /// The line of the file, counted from 1.
    pub line: u64,
    /// Why the row is not used.
    pub reason: RowError,
}

/// A row that is used, with something for the operator to know or to mend.
#[derive(Debug)]
pub struct Doubt {
    /// The line of the file, counted from 1.
    pub line: u64,
    /// What is to be known.
    pub about: Matter,
}

/// What is to be known of a row that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Matter {
    /// A limit has no reading or two.
    #[error("its {column} {reason}; the limit counts as unknown")]
    Limit {
        /// The column: `download`, `upload` or both.
        column: &'static str,
        /// Why it has no reading.
        reason: LimitError,
    },
    /// The username is written as a spreadsheet writes text, with blanks around it, or with decimals.
    #[error(
        "its username is taken as it is written, and also without the blanks, marks or decimals that a spreadsheet adds"
    )]
    AlsoPlain,
    /// As [`Self::AlsoPlain`], but another row has the plain username.
    #[error(
        "its username is taken as it is written only: without the blanks, marks or decimals it is that of another row"
    )]
    PlainTaken,
    /// A spreadsheet shortened a long number: `2.78312E+10`.
    #[error(
        "its username looks like a number that a spreadsheet has rounded; format the column as text and export again"
    )]
    Rounded,
}

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The username is missing or too long.
    #[error("its {0}")]
    Username(#[from] UsernameError),
    /// An earlier row has the same username.
    #[error("its username stands in an earlier row, which counts")]
    Repeated,
    /// The row has more values than the first row has names, so that they may have shifted.
    #[error("it has {found} values for {expected} columns; a value that holds the separator goes in double quotes")]
    TooManyValues {
        /// How many there are.
        found: usize,
        /// How many there may be.
        expected: usize,
    },
    /// Its quotes or line breaks leave it without a reading, or with two.
    #[error(transparent)]
    Line(#[from] Fault),
    /// Two rows differ only by blanks, marks or decimals around the username.
    #[error("without blanks, marks and decimals its username is that of line {line} too; neither row is used")]
    Collides {
        /// The other row.
        line: u64,
    },
    /// Past the most rows that are taken.
    #[error("the file has more than {MAX_ROWS} rows; this one and all that follow are not used")]
    TooManyRows,
}

/// Why a line is not a row, or not surely one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A quote opens a value and none closes it.
    #[error(
        "a quote opens in it and does not close: a value may not hold a line break, and a quote in a value is written twice"
    )]
    OpenQuote,
    /// Text stands between a closing quote and the separator.
    #[error("text follows a closing quote: a quote in a value is written twice")]
    TextBehindQuote,
    /// A backslash stands before a quote or a separator.
    #[error(
        "a backslash stands before a quote or a separator and can be part of the value or not; write a quote twice"
    )]
    Backslash,
    /// A carriage return stands in a line that ends in a line feed.
    #[error("a carriage return stands in it, which can end a row or be part of a value")]
    CarriageReturn,
    /// The line can belong to a value that an earlier line begins.
    #[error("it can be a row, or belong to a value with a quote or a line break that begins in line {line}")]
    Within {
        /// The line in which the value begins.
        line: u64,
    },
    /// Lines without all their separators, which together are one full row.
    #[error(
        "lines {from} to {to} can be rows without their last values, or one row with a line break in a value; write all separators"
    )]
    Joined {
        /// The first of them.
        from: u64,
        /// The last of them.
        to: u64,
    },
}

/// Why a file is not used at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file holds nothing.
    #[error("it is empty; the first row must hold the columns' names")]
    Empty,
    /// The first row does not say which column is the username.
    #[error("its first row names no column \"username\"; the first row must hold the columns' names")]
    NoUsername,
    /// The first row has no one reading.
    #[error("its first row, with the columns' names, cannot be read: {0}")]
    FirstRow(Fault),
    /// Two columns mean the same.
    #[error("two of its columns are the {what}: {first} and {second}; rename one of them in the first row")]
    Twice {
        /// What both mean.
        what: &'static str,
        /// The first column, by number and name.
        first: String,
        /// The second one.
        second: String,
    },
}
