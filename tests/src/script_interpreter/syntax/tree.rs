//! A parsed script.

use std::fmt;
use std::rc::Rc;

use crate::script_interpreter::value::Value;

/// A sequence of statements.
#[derive(Debug)]
pub struct Block(pub Vec<(Position, Statement)>);

/// A place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

/// The reason why a text is no script for this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({position})")]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub position: Position,
}

/// One statement.
#[derive(Debug)]
pub enum Statement {
    /// `:local name value`
    Local(String, Option<Expression>),
    /// `:set target value`
    Set(Expression, Expression),
    /// `:if (…) do={…} else={…}`
    If(Expression, Rc<Block>, Option<Rc<Block>>),
    /// `:while (…) do={…}`
    While(Expression, Rc<Block>),
    /// `:for name from=… to=… do={…}`
    For(String, Expression, Expression, Rc<Block>),
    /// `:foreach name in=… do={…}`
    Foreach(String, Expression, Rc<Block>),
    /// `:do {…} on-error={…}`
    Do(Rc<Block>, Option<Rc<Block>>),
    /// `:put`, `:error`, `:return`, `:delay`, and the functions `:len`, `:pick`, `:find`, `:tostr`, `:toarray`, `:typeof`, `:parse`
    Builtin(String, Vec<Expression>),
    /// `$function arguments`
    Call(String, Vec<Expression>),
    /// A command of a menu.
    Command(Command),
    /// `{ … }`
    Block(Rc<Block>),
}

/// A command of a menu.
#[derive(Debug)]
pub struct Command {
    /// The menu, `/ip/address`.
    pub menu: String,
    /// The command, `add`.
    pub name: String,
    /// The arguments without a name: the objects, or the property for `get`.
    pub arguments: Vec<Expression>,
    /// `name=value`
    pub named: Vec<(String, Expression)>,
    /// The condition behind `where`.
    pub condition: Option<Expression>,
}

/// Something with a value.
#[derive(Debug)]
pub enum Expression {
    /// A bare word or a number.
    Literal(Value),
    /// A string with its variables.
    Text(Vec<Piece>),
    /// `$name`
    Variable(String),
    /// A property of the object looked at, inside `where`.
    Property(String),
    /// A word inside `where` that this version does not know: RouterOS takes such a word for a variable.
    Unknown,
    /// `[…]`
    Substitution(Rc<Block>),
    /// `{…; …}`
    Array(Vec<Expression>),
    /// `{…}` behind `do=`
    Code(Rc<Block>),
    /// `!…`
    Not(Box<Expression>),
    /// Two with an operator.
    Binary(&'static str, Box<Expression>, Box<Expression>),
}

/// A part of a string.
#[derive(Debug)]
pub enum Piece {
    /// Itself.
    Plain(String),
    /// `$name`
    Variable(String),
}
