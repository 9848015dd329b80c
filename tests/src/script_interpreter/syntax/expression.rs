//! Values and expressions.

use std::rc::Rc;

use super::{Expression, Parser, Piece, Read};
use crate::script_interpreter::schema::Menu;
use crate::script_interpreter::value::Value;

/// Operators by how they are grouped; between different groups, but for these pairs, brackets are needed.
const COMPARISONS: [&str; 6] = ["!=", "<=", ">=", "=", "<", ">"];
const ARITHMETIC: [&str; 3] = [".", "+", "-"];

impl Parser<'_> {
    /// One value as an argument has it.
    pub(super) fn value(&mut self) -> Read<Expression> {
        match self.peek() {
            Some(b'"') => self.text(),
            Some(b'$') => {
                self.at += 1;
                self.variable().map(Expression::Variable)
            }
            Some(b'[') => {
                self.at += 1;
                Ok(Expression::Substitution(Rc::new(self.block(Some(b']'))?)))
            }
            Some(b'(') => {
                self.at += 1;
                let value = self.expression(None)?;
                self.gap_in_brackets();
                self.expect(b')')?;
                Ok(value)
            }
            Some(b'{') => self.array(),
            _ => self.bare_word(),
        }
    }

    fn gap_in_brackets(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn bare_word(&mut self) -> Read<Expression> {
        let from = self.at;
        while self.peek().is_some_and(|byte| !b" \t\r\n;]})(\"$[{".contains(&byte)) {
            self.at += 1;
        }
        if matches!(self.peek(), Some(b'"' | b'$' | b'[' | b'(' | b'{')) {
            return self.fail("a value begins as a bare word and goes on as something else: write it as one string");
        }
        if from == self.at {
            return self.fail("expected a value");
        }
        Ok(Expression::Literal(Value::from_word(&String::from_utf8_lossy(&self.text[from..self.at]))))
    }

    fn array(&mut self) -> Read<Expression> {
        self.expect(b'{')?;
        let mut items = Vec::new();
        loop {
            self.gap();
            if self.eat(b'}') {
                break;
            }
            items.push(self.value()?);
            self.gap_in_brackets();
            if !matches!(self.peek(), Some(b';' | b'}')) {
                return self.fail("expected a semicolon between the array's values");
            }
        }
        if items.len() < 2 {
            return self.fail("an array of fewer than two values is not written in braces: use :toarray");
        }
        Ok(Expression::Array(items))
    }

    fn text(&mut self) -> Read<Expression> {
        self.expect(b'"')?;
        let mut pieces = Vec::new();
        let mut plain = Vec::new();
        loop {
            let Some(byte) = self.peek() else { return self.fail("missing closing quote") };
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => self.escape(&mut plain)?,
                b'$' => {
                    pieces.push(Piece::Plain(String::from_utf8_lossy(&std::mem::take(&mut plain)).into_owned()));
                    pieces.push(Piece::Variable(self.variable()?));
                }
                byte => plain.push(byte),
            }
        }
        pieces.push(Piece::Plain(String::from_utf8_lossy(&plain).into_owned()));
        Ok(Expression::Text(pieces))
    }

    fn escape(&mut self, plain: &mut Vec<u8>) -> Read<()> {
        let Some(byte) = self.peek() else { return self.fail("missing closing quote") };
        self.at += 1;
        match byte {
            b'n' => plain.push(b'\n'),
            b'r' => plain.push(b'\r'),
            b't' => plain.push(b'\t'),
            b'"' | b'\\' | b'$' | b'?' => plain.push(byte),
            // A continued line: its indent does not count.
            b'\n' => {
                while self.peek() == Some(b' ') {
                    self.at += 1;
                }
            }
            other => return self.fail(format!("unknown escape \\{}", char::from(other))),
        }
        Ok(())
    }

    /// The condition behind `where`.
    pub(super) fn where_expression(&mut self, menu: &Menu) -> Read<Expression> {
        self.expression(Some(menu))
    }

    /// Alternatives, conjunctions or one comparison; two kinds side by side need brackets.
    fn expression(&mut self, menu: Option<&Menu>) -> Read<Expression> {
        let mut left = self.comparison(menu)?;
        let mut kind = None;
        loop {
            self.spaces();
            let Some(operator) = self.connective() else { return Ok(left) };
            if kind.is_some_and(|kind| kind != operator) {
                return self.fail("and and or side by side: use brackets");
            }
            kind = Some(operator);
            self.spaces();
            let right = self.comparison(menu)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn connective(&mut self) -> Option<&'static str> {
        let rest = &self.text[self.at..];
        let (length, operator) = match rest {
            [b'&', b'&', ..] => (2, "and"),
            [b'|', b'|', ..] => (2, "or"),
            _ if rest.starts_with(b"and ") => (3, "and"),
            _ if rest.starts_with(b"or ") => (2, "or"),
            _ => return None,
        };
        self.at += length;
        Some(operator)
    }

    fn comparison(&mut self, menu: Option<&Menu>) -> Read<Expression> {
        let bracketed = self.peek() == Some(b'(');
        let left = self.sum(menu)?;
        self.spaces();
        let rest = &self.text[self.at..];
        let Some(operator) = COMPARISONS.iter().chain(&["~"]).find(|operator| rest.starts_with(operator.as_bytes()))
        else {
            return Ok(left);
        };
        let operator: &'static str = operator;
        self.at += operator.len();
        self.spaces();
        let bare = !matches!(self.peek(), Some(b'"' | b'$' | b'[' | b'('));
        let bracketed_right = self.peek() == Some(b'(');
        let right = self.sum(None)?;
        if menu.is_some() && bare && !matches!(right, Expression::Literal(Value::Bool(_))) {
            return self.fail("quote what is compared: inside where RouterOS takes a bare word for a variable");
        }
        let is_sum =
            |side: &Expression| matches!(side, Expression::Binary(operator, ..) if ARITHMETIC.contains(operator));
        if (is_sum(&right) && !bracketed_right) || (is_sum(&left) && !bracketed) {
            return self.fail("a sum beside a comparison: use brackets");
        }
        Ok(Expression::Binary(operator, Box::new(left), Box::new(right)))
    }

    fn sum(&mut self, menu: Option<&Menu>) -> Read<Expression> {
        let mut left = self.operand(menu)?;
        let mut kind = None;
        loop {
            let before = self.at;
            self.spaces();
            let rest = &self.text[self.at..];
            if rest.starts_with(b"->") {
                self.at += 2;
                let right = self.operand(None)?;
                left = Expression::Binary("->", Box::new(left), Box::new(right));
                continue;
            }
            let found =
                ARITHMETIC.iter().find(|operator| rest.starts_with(operator.as_bytes()) && rest.get(1) == Some(&b' '));
            let Some(operator) = found.filter(|_| menu.is_none()) else {
                self.at = before;
                return Ok(left);
            };
            let operator: &'static str = operator;
            if kind.is_some_and(|kind| kind != operator) {
                return self.fail("different operators side by side: use brackets");
            }
            kind = Some(operator);
            self.at += 1;
            self.spaces();
            let right = self.operand(None)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn operand(&mut self, menu: Option<&Menu>) -> Read<Expression> {
        self.gap_in_brackets();
        if self.eat(b'!') {
            return Ok(Expression::Not(Box::new(self.operand(menu)?)));
        }
        let Some(menu) = menu else { return self.value() };
        if self.eat(b'(') {
            let inner = self.expression(Some(menu))?;
            self.expect(b')')?;
            return Ok(inner);
        }
        let name = self.word();
        if name.is_empty() {
            return self.fail("missing value for where");
        }
        let known = menu.property(&name).is_some_and(|property| !property.argument);
        Ok(if known { Expression::Property(name) } else { Expression::Unknown })
    }
}
