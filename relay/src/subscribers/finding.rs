//! Faults of a subscribers file, of a row, or of one value. No message quotes a row: these are customers.

use shared::username::UsernameError;

use super::limit::LimitError;
use super::table::MAX_ROWS;

/// A refused row.
#[derive(Debug)]
pub struct BadRow {
    /// The line of the file, counted from 1.
    pub line: u64,
    /// Why the row is not used.
    pub reason: RowError,
}

/// A row in use, with something for the operator to know or to mend.
#[derive(Debug)]
pub struct Doubt {
    /// The line of the file, counted from 1.
    pub line: u64,
    /// The fact.
    pub about: Matter,
}

/// A fact about a row in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Matter {
    /// A limit has no reading or two.
    #[error("its {column} {reason}; the limit counts as unknown")]
    Limit {
        /// The column: `download`, `upload` or both.
        column: &'static str,
        /// The reason.
        reason: LimitError,
    },
    /// The username has a spreadsheet's marks for text, blanks around, or decimals.
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

/// The fault of a row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The username is missing or too long.
    #[error("its {0}")]
    Username(#[from] UsernameError),
    /// An earlier row has the same username.
    #[error("its username stands in an earlier row, which counts")]
    Repeated,
    /// The row has more values than the first row has names: some may have shifted.
    #[error("it has {found} values for {expected} columns; a value that holds the separator goes in double quotes")]
    TooManyValues {
        /// How many there are.
        found: usize,
        /// How many there may be.
        expected: usize,
    },
    /// Quotes or line breaks leave the row without a reading, or with two.
    #[error(transparent)]
    Line(#[from] Fault),
    /// Two rows differ only by blanks, marks or decimals around the username.
    #[error("without blanks, marks and decimals its username is that of line {line} too; neither row is used")]
    Collides {
        /// The other row.
        line: u64,
    },
    /// Past the most rows of a file.
    #[error("the file has more than {MAX_ROWS} rows; this one and all that follow are not used")]
    TooManyRows,
}

/// The reason why a line is not surely a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A quote opens a value and none closes the value.
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
    /// A carriage return stands inside a line.
    #[error("a carriage return stands in it, which can end a row or be part of a value")]
    CarriageReturn,
    /// The line can belong to a value of an earlier line.
    #[error("it can be a row, or belong to a value with a quote or a line break that begins in line {line}")]
    Within {
        /// The line at the beginning of the value.
        line: u64,
    },
    /// Short lines; together they make one full row.
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
    /// The first row holds zero bytes.
    #[error("its first row holds zero bytes, so it is UTF-32 or no text; save it as UTF-8")]
    NoText,
    /// The first row names no username.
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
