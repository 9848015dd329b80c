//! The scripting language's syntax, read as RouterOS reads: an unknown menu, command or property is an error of the whole text,
//! before anything runs.
//!
//! Stricter than RouterOS in known traps: operators of different kinds need brackets, comparisons inside `where` need quotes, and
//! a variable may not have a property's name.

mod expression;
mod tree;

use std::rc::Rc;

use super::schema::{Menu, Schema};
use super::value::Value;

pub use tree::{Block, Command, Expression, Piece, Position, Statement, SyntaxError};

/// Reads a script for a version.
///
/// # Errors
/// [`SyntaxError`] at the first word unknown to the version.
pub fn parse(text: &str, schema: &Schema) -> Result<Block, SyntaxError> {
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
    let lines = std::iter::once(0).chain(ends).collect();
    Parser { text: text.as_bytes(), at: 0, lines, schema }.block(None)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    /// The first byte of each line.
    lines: Vec<usize>,
    schema: &'a Schema,
}

type Read<T> = Result<T, SyntaxError>;

const BUILTINS: [(&str, usize, usize); 11] = [
    ("put", 1, 1),
    ("error", 1, 1),
    ("return", 1, 1),
    ("delay", 1, 1),
    ("len", 1, 1),
    ("typeof", 1, 1),
    ("tostr", 1, 1),
    ("toarray", 1, 1),
    ("parse", 1, 1),
    ("find", 2, 2),
    ("pick", 2, 3),
];

impl Parser<'_> {
    fn fail<T>(&self, message: impl Into<String>) -> Read<T> {
        Err(SyntaxError { message: message.into(), position: self.position() })
    }

    fn position(&self) -> Position {
        let line = self.lines.partition_point(|begin| *begin <= self.at);
        let begin = line.checked_sub(1).and_then(|line| self.lines.get(line)).copied().unwrap_or_default();
        Position { line, column: self.at - begin + 1 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Read<()> {
        if self.eat(byte) { Ok(()) } else { self.fail(format!("expected {:?}", char::from(byte))) }
    }

    /// Spaces, and a line continued after a backslash.
    fn spaces(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\\') if self.text.get(self.at + 1) == Some(&b'\n') => self.at += 2,
                _ => return,
            }
        }
    }

    /// Spaces, ends of lines and of statements, and comments.
    fn gap(&mut self) {
        loop {
            self.spaces();
            match self.peek() {
                Some(b'\n' | b';') => self.at += 1,
                Some(b'#') => {
                    while self.peek().is_some_and(|byte| byte != b'\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Whether the statement ends here.
    fn at_end(&self) -> bool {
        matches!(self.peek(), None | Some(b'\n' | b';' | b']' | b'}'))
    }

    fn end_of_statement(&mut self) -> Read<()> {
        self.spaces();
        if self.at_end() { Ok(()) } else { self.fail("expected end of command") }
    }

    /// Statements up to the closing byte, which is consumed, or to the end of the text.
    fn block(&mut self, closing: Option<u8>) -> Read<Block> {
        let mut statements = Vec::new();
        loop {
            self.gap();
            match (self.peek(), closing) {
                (None, None) => return Ok(Block(statements)),
                (None, Some(_)) => return self.fail("missing closing brace"),
                (Some(byte), Some(closing)) if byte == closing => {
                    self.at += 1;
                    return Ok(Block(statements));
                }
                _ => {
                    let position = self.position();
                    statements.push((position, self.statement()?));
                    self.end_of_statement()?;
                }
            }
        }
    }

    fn statement(&mut self) -> Read<Statement> {
        match self.peek() {
            Some(b':') => {
                self.at += 1;
                self.keyword()
            }
            Some(b'/') => self.command().map(Statement::Command),
            Some(b'$') => self.call(),
            Some(b'{') => {
                self.at += 1;
                Ok(Statement::Block(Rc::new(self.block(Some(b'}'))?)))
            }
            _ => self.fail("bad command name: a statement begins with a colon, a slash or a variable"),
        }
    }

    fn word(&mut self) -> String {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.text[from..self.at]).into_owned()
    }

    /// A variable's name behind `$` or `:local`; positional arguments have a number.
    fn variable(&mut self) -> Read<String> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        if from == self.at {
            return self.fail("expected a variable's name");
        }
        Ok(String::from_utf8_lossy(&self.text[from..self.at]).into_owned())
    }

    fn new_variable(&mut self) -> Read<String> {
        self.spaces();
        let name = self.variable()?;
        if Schema::is_property(&name) {
            return self.fail(format!(
                "the variable {name} has a property's name: inside where, ${name} would be the property"
            ));
        }
        Ok(name)
    }

    fn keyword(&mut self) -> Read<Statement> {
        let name = self.word();
        self.spaces();
        match name.as_str() {
            "local" => self.local(),
            "set" => self.assignment(),
            "if" => self.condition(),
            "while" => {
                let condition = self.value()?;
                Ok(Statement::While(condition, self.named_block("do")?))
            }
            "for" => {
                let name = self.new_variable()?;
                let from = self.named_value("from")?;
                let to = self.named_value("to")?;
                Ok(Statement::For(name, from, to, self.named_block("do")?))
            }
            "foreach" => {
                let name = self.new_variable()?;
                let list = self.named_value("in")?;
                Ok(Statement::Foreach(name, list, self.named_block("do")?))
            }
            "do" => {
                self.expect(b'{')?;
                let body = Rc::new(self.block(Some(b'}'))?);
                Ok(Statement::Do(body, self.optional_block("on-error")?))
            }
            _ => self.builtin(name),
        }
    }

    fn local(&mut self) -> Read<Statement> {
        let name = self.new_variable()?;
        self.spaces();
        if self.text[self.at..].starts_with(b"do={") {
            return Ok(Statement::Local(name, Some(Expression::Code(self.named_block("do")?))));
        }
        let value = if self.at_end() { None } else { Some(self.value()?) };
        Ok(Statement::Local(name, value))
    }

    fn assignment(&mut self) -> Read<Statement> {
        let target = Expression::Variable(self.variable()?);
        self.spaces();
        let value = self.value()?;
        Ok(Statement::Set(target, value))
    }

    fn condition(&mut self) -> Read<Statement> {
        let condition = self.value()?;
        let then = self.named_block("do")?;
        Ok(Statement::If(condition, then, self.optional_block("else")?))
    }

    fn builtin(&mut self, name: String) -> Read<Statement> {
        let Some((_, least, most)) = BUILTINS.iter().find(|(known, ..)| *known == name) else {
            return self.fail(format!("bad command name :{name}"));
        };
        let mut arguments = Vec::new();
        self.spaces();
        while !self.at_end() {
            arguments.push(self.value()?);
            self.spaces();
        }
        if !(*least..=*most).contains(&arguments.len()) {
            return self.fail(format!(":{name} takes {least} to {most} values"));
        }
        Ok(Statement::Builtin(name, arguments))
    }

    fn call(&mut self) -> Read<Statement> {
        self.expect(b'$')?;
        let name = self.variable()?;
        let mut arguments = Vec::new();
        self.spaces();
        while !self.at_end() {
            arguments.push(self.value()?);
            self.spaces();
        }
        Ok(Statement::Call(name, arguments))
    }

    fn named_value(&mut self, name: &str) -> Read<Expression> {
        self.spaces();
        if self.word() != name {
            return self.fail(format!("expected {name}="));
        }
        self.expect(b'=')?;
        self.value()
    }

    fn named_block(&mut self, name: &str) -> Read<Rc<Block>> {
        self.spaces();
        if self.word() != name {
            return self.fail(format!("expected {name}={{"));
        }
        self.expect(b'=')?;
        self.expect(b'{')?;
        Ok(Rc::new(self.block(Some(b'}'))?))
    }

    fn optional_block(&mut self, name: &str) -> Read<Option<Rc<Block>>> {
        let before = self.at;
        self.spaces();
        if self.text[self.at..].starts_with(format!("{name}=").as_bytes()) {
            return self.named_block(name).map(Some);
        }
        self.at = before;
        Ok(None)
    }

    fn command(&mut self) -> Read<Command> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-/".contains(&byte)) {
            self.at += 1;
        }
        let path = String::from_utf8_lossy(&self.text[from..self.at]).into_owned();
        let (menu, name) = path.rsplit_once('/').unwrap_or_default();
        let schema = self.schema;
        let Some(known) = schema.menu(menu) else {
            return self.fail(format!("bad command name {path}"));
        };
        if !known.has_command(name) {
            return self.fail(format!("bad command name {name} in {menu}"));
        }
        let mut command = Command {
            menu: menu.to_owned(),
            name: name.to_owned(),
            arguments: Vec::new(),
            named: Vec::new(),
            condition: None,
        };
        self.spaces();
        while !self.at_end() {
            self.argument(known, &mut command)?;
            self.spaces();
        }
        Ok(command)
    }

    fn argument(&mut self, menu: &Menu, command: &mut Command) -> Read<()> {
        let from = self.at;
        let word = self.word();
        if word == "where" {
            self.spaces();
            command.condition = Some(self.where_expression(menu)?);
            return Ok(());
        }
        if !word.is_empty() && self.eat(b'=') {
            self.check_name(menu, &command.name, &word, from)?;
            let value = self.value()?;
            command.named.push((word, value));
            return Ok(());
        }
        self.at = from;
        if command.name == "get" && !word.is_empty() && menu.property(&word).is_some() {
            self.at += word.len();
            command.arguments.push(Expression::Literal(Value::Text(word)));
            return Ok(());
        }
        if command.name == "find" {
            return self.fail("expected where: conditions without it are read in more than one way");
        }
        let value = self.value()?;
        if command.name == "get" && matches!(&value, Expression::Literal(_)) && !command.arguments.is_empty() {
            return self.fail(format!("{word} is no property of {}", command.menu));
        }
        command.arguments.push(value);
        Ok(())
    }

    fn check_name(&mut self, menu: &Menu, command: &str, name: &str, from: usize) -> Read<()> {
        let allowed = match (command, name) {
            ("print", "file") | ("repull", "file" | "remote-image") => true,
            ("print" | "repull" | "find" | "get" | "remove" | "start" | "stop" | "run", _) => false,
            _ => menu
                .property(name)
                .is_some_and(|property| !property.read_only && (!property.argument || command == "add")),
        };
        if allowed {
            return Ok(());
        }
        self.at = from;
        self.fail(format!("expected end of command: {name} is unknown to {command}"))
    }
}
