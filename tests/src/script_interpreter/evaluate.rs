//! Runs a parsed script against the model of a router.

use std::collections::HashMap;
use std::rc::Rc;

use super::model::RouterModel;
use super::pattern;
use super::syntax::{Block, Command, Expression, Piece, Position, Statement, parse};
use super::value::Value;

/// Rounds after which a loop counts as endless; the scripts wait 300 seconds at most.
const MAX_ROUNDS: usize = 1000;

/// Why a script stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// What `on-error` catches.
    Trap(String),
    /// Doubtful: no script here may rely on this, for nobody knows RouterOS's behaviour.
    Doubt(String),
}

type Run<T> = Result<T, Stop>;

pub(super) fn trap<T>(message: impl Into<String>) -> Run<T> {
    Err(Stop::Trap(message.into()))
}

pub(super) fn doubt<T>(message: impl Into<String>) -> Run<T> {
    Err(Stop::Doubt(message.into()))
}

/// Whether the statements go on.
enum Flow {
    Next(Value),
    Return(Value),
}

/// One function's variables, the innermost scope last.
#[derive(Default)]
struct Frame {
    scopes: Vec<HashMap<String, Value>>,
}

/// Runs text on a router as a terminal does.
pub(super) fn run(router: &mut RouterModel, text: &str) -> Run<()> {
    let block = parse(text, router.schema()).or_else(|error| trap(error.to_string()))?;
    Interpreter { router }.function(&block, &[]).map(|_| ())
}

struct Interpreter<'a> {
    router: &'a mut RouterModel,
}

impl Interpreter<'_> {
    fn function(&mut self, block: &Block, arguments: &[Value]) -> Run<Value> {
        let mut frame = Frame::default();
        let named = arguments.iter().enumerate().map(|(at, value)| ((at + 1).to_string(), value.clone()));
        frame.scopes.push(named.collect());
        match self.block(block, &mut frame)? {
            Flow::Return(value) => Ok(value),
            Flow::Next(_) => Ok(Value::Nothing),
        }
    }

    fn block(&mut self, block: &Block, frame: &mut Frame) -> Run<Flow> {
        frame.scopes.push(HashMap::new());
        let result = self.statements(block, frame);
        frame.scopes.pop();
        result
    }

    fn statements(&mut self, block: &Block, frame: &mut Frame) -> Run<Flow> {
        let mut last = Value::Nothing;
        for (position, statement) in &block.0 {
            match self.statement(statement, frame).map_err(|stop| at(stop, *position))? {
                Flow::Next(value) => last = value,
                Flow::Return(value) => return Ok(Flow::Return(value)),
            }
        }
        Ok(Flow::Next(last))
    }

    fn statement(&mut self, statement: &Statement, frame: &mut Frame) -> Run<Flow> {
        let value = match statement {
            Statement::Local(name, value) => {
                let value = value.as_ref().map_or(Ok(Value::Nothing), |value| self.value(value, frame))?;
                frame.declare(name, value)?;
                Value::Nothing
            }
            Statement::Set(Expression::Variable(name), value) => {
                let value = self.value(value, frame)?;
                frame.set(name, value)?;
                Value::Nothing
            }
            Statement::Set(..) => return doubt("only a variable is set"),
            Statement::If(condition, then, other) => {
                return match (self.truth(condition, frame)?, other) {
                    (true, _) => self.block(then, frame),
                    (false, Some(other)) => self.block(other, frame),
                    (false, None) => Ok(Flow::Next(Value::Nothing)),
                };
            }
            Statement::While(condition, body) => return self.loop_while(condition, body, frame),
            Statement::For(name, from, to, body) => {
                let (Value::Number(from), Value::Number(to)) = (self.value(from, frame)?, self.value(to, frame)?)
                else {
                    return doubt(":for goes from a number to a number");
                };
                return self.each(name, (from..=to).map(Value::Number).collect(), body, frame);
            }
            Statement::Foreach(name, list, body) => {
                let Value::Array(items) = self.value(list, frame)? else {
                    return doubt(":foreach goes through an array");
                };
                return self.each(name, items, body, frame);
            }
            Statement::Do(body, on_error) => return self.guarded(body, on_error.as_deref(), frame),
            Statement::Builtin(name, arguments) => {
                let arguments = self.values(arguments, frame)?;
                return self.builtin(name, &arguments);
            }
            Statement::Call(name, arguments) => {
                let Value::Code(code) = frame.get(name)? else { return doubt(format!("${name} is no function")) };
                let arguments = self.values(arguments, frame)?;
                self.function(&code, &arguments)?
            }
            Statement::Command(command) => self.command(command, frame)?,
            Statement::Block(block) => return self.block(block, frame),
        };
        Ok(Flow::Next(value))
    }

    fn loop_while(&mut self, condition: &Expression, body: &Block, frame: &mut Frame) -> Run<Flow> {
        for _ in 0..MAX_ROUNDS {
            if !self.truth(condition, frame)? {
                return Ok(Flow::Next(Value::Nothing));
            }
            if let Flow::Return(value) = self.block(body, frame)? {
                return Ok(Flow::Return(value));
            }
        }
        doubt("a loop that does not end")
    }

    fn each(&mut self, name: &str, items: Vec<Value>, body: &Block, frame: &mut Frame) -> Run<Flow> {
        for item in items {
            frame.scopes.push(HashMap::from([(name.to_owned(), item)]));
            let result = self.block(body, frame);
            frame.scopes.pop();
            if let Flow::Return(value) = result? {
                return Ok(Flow::Return(value));
            }
        }
        Ok(Flow::Next(Value::Nothing))
    }

    fn guarded(&mut self, body: &Block, on_error: Option<&Block>, frame: &mut Frame) -> Run<Flow> {
        let depth = frame.scopes.len();
        match (self.block(body, frame), on_error) {
            (Ok(Flow::Return(_)), Some(_)) => doubt("a :return inside :do is itself caught by on-error"),
            (Err(Stop::Trap(_)), Some(on_error)) => {
                frame.scopes.truncate(depth);
                self.block(on_error, frame)
            }
            (result, _) => result,
        }
    }

    fn builtin(&mut self, name: &str, arguments: &[Value]) -> Run<Flow> {
        let value = match (name, arguments) {
            ("return", [value]) => return Ok(Flow::Return(value.clone())),
            ("put", [value]) => {
                self.router.print(&value.to_string());
                Value::Nothing
            }
            ("error", [value]) => return trap(value.to_string()),
            ("delay", [value]) => {
                let text = value.to_string();
                let seconds = text.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
                let Some(seconds) = seconds else { return doubt(format!("a delay of {text}")) };
                self.router.wait(seconds);
                Value::Nothing
            }
            ("len", [value]) => number(value.length()),
            ("typeof", [value]) => value.kind().into(),
            ("tostr", [value]) => Value::Text(value.to_string()),
            ("toarray", [Value::Array(items)]) => Value::Array(items.clone()),
            ("toarray", [value]) => {
                let text = value.to_string();
                let items = text.split(',').filter(|item| !item.is_empty());
                Value::Array(items.map(Value::from).collect())
            }
            ("find", [Value::Text(text), Value::Text(part)]) => text.find(part.as_str()).map_or(Value::Nothing, number),
            ("pick", [Value::Text(text), Value::Number(from), Value::Number(to)]) => {
                let (from, to) = (usize::try_from(*from), usize::try_from(*to));
                let picked = from.ok().zip(to.ok()).and_then(|(from, to)| text.get(from..to.min(text.len())));
                Value::Text(picked.unwrap_or_default().to_owned())
            }
            ("parse", [Value::Text(text)]) => {
                let block = parse(text, self.router.schema()).or_else(|error| trap(format!("{error} of {text:?}")))?;
                Value::Code(Rc::new(block))
            }
            _ => {
                return doubt(format!(
                    ":{name} of {}",
                    arguments.iter().map(Value::kind).collect::<Vec<_>>().join(", ")
                ));
            }
        };
        Ok(Flow::Next(value))
    }

    fn values(&mut self, expressions: &[Expression], frame: &mut Frame) -> Run<Vec<Value>> {
        expressions.iter().map(|expression| self.value(expression, frame)).collect()
    }

    fn truth(&mut self, expression: &Expression, frame: &mut Frame) -> Run<bool> {
        match self.value(expression, frame)? {
            Value::Bool(value) => Ok(value),
            other => doubt(format!("a condition of the type {}", other.kind())),
        }
    }

    fn value(&mut self, expression: &Expression, frame: &mut Frame) -> Run<Value> {
        Ok(match expression {
            Expression::Literal(value) => value.clone(),
            Expression::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Plain(plain) => text.push_str(plain),
                        Piece::Variable(name) => text.push_str(&self.plain(frame.get(name)?)?),
                    }
                }
                Value::Text(text)
            }
            Expression::Variable(name) => frame.get(name)?,
            Expression::Property(name) => return doubt(format!("{name} outside of an object")),
            Expression::Unknown => Value::Nothing,
            Expression::Substitution(block) => match self.block(block, frame)? {
                Flow::Next(value) => value,
                Flow::Return(_) => return doubt("a :return in brackets"),
            },
            Expression::Array(items) => Value::Array(self.values(items, frame)?),
            Expression::Code(block) => Value::Code(Rc::clone(block)),
            Expression::Not(inner) => Value::Bool(!self.truth(inner, frame)?),
            Expression::Binary("and", left, right) => {
                Value::Bool(self.truth(left, frame)? && self.truth(right, frame)?)
            }
            Expression::Binary("or", left, right) => Value::Bool(self.truth(left, frame)? || self.truth(right, frame)?),
            Expression::Binary(operator, left, right) => {
                let (left, right) = (self.value(left, frame)?, self.value(right, frame)?);
                operate(operator, left, right)?
            }
        })
    }

    /// A value as a part of a text; an array there would repeat the text.
    fn plain(&self, value: Value) -> Run<String> {
        match value {
            Value::Array(_) | Value::Code(_) | Value::Nothing => doubt(format!("a {} inside a text", value.kind())),
            other => Ok(other.to_string()),
        }
    }

    fn command(&mut self, command: &Command, frame: &mut Frame) -> Run<Value> {
        let arguments = self.values(&command.arguments, frame)?;
        let mut named = Vec::with_capacity(command.named.len());
        for (name, value) in &command.named {
            named.push((name.clone(), self.value(value, frame)?));
        }
        match (command.name.as_str(), &command.condition) {
            ("find", condition) => {
                let mut found = Vec::new();
                for id in self.router.ids(&command.menu) {
                    let fits =
                        condition.as_ref().map_or(Ok(true), |where_| self.fits(where_, &command.menu, id, frame))?;
                    found.extend(fits.then_some(Value::Id(id)));
                }
                Ok(Value::Array(found))
            }
            ("run", None) if command.menu == "/system/script" => {
                let source = self.router.script_source(&arguments)?;
                run(self.router, &source)?;
                Ok(Value::Nothing)
            }
            (_, None) => self.router.execute(&command.menu, &command.name, &arguments, named),
            (name, Some(_)) => doubt(format!("{name} with where")),
        }
    }

    /// Whether an object fits the condition behind `where`.
    fn fits(&mut self, condition: &Expression, menu: &str, id: u32, frame: &mut Frame) -> Run<bool> {
        Ok(match condition {
            Expression::Binary("and", left, right) => {
                self.fits(left, menu, id, frame)? && self.fits(right, menu, id, frame)?
            }
            Expression::Binary("or", left, right) => {
                self.fits(left, menu, id, frame)? || self.fits(right, menu, id, frame)?
            }
            Expression::Not(inner) => !self.fits(inner, menu, id, frame)?,
            Expression::Binary(operator, left, right) => {
                let left = self.side(left, menu, id);
                let right = self.value(right, frame)?;
                matches!(operate(operator, left, right)?, Value::Bool(true))
            }
            other => match self.side(other, menu, id) {
                Value::Bool(value) => value,
                Value::Nothing => false,
                value => return doubt(format!("{} as a condition", value.kind())),
            },
        })
    }

    fn side(&self, expression: &Expression, menu: &str, id: u32) -> Value {
        match expression {
            Expression::Property(name) => self.router.property(menu, id, name),
            _ => Value::Nothing,
        }
    }
}

impl Frame {
    fn declare(&mut self, name: &str, value: Value) -> Run<()> {
        let Some(scope) = self.scopes.last_mut() else { return doubt("no scope") };
        scope.insert(name.to_owned(), value);
        Ok(())
    }

    fn set(&mut self, name: &str, value: Value) -> Run<()> {
        match self.scopes.iter_mut().rev().find_map(|scope| scope.get_mut(name)) {
            Some(place) => *place = value,
            None => return doubt(format!("the variable {name} is set and was not declared")),
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Run<Value> {
        let found = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        found.cloned().map_or_else(|| doubt(format!("the variable {name} was not declared")), Ok)
    }
}

fn number(value: usize) -> Value {
    Value::Number(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Adds the place to a message without one.
fn at(stop: Stop, position: Position) -> Stop {
    let place = |message: String| if message.contains("(line ") { message } else { format!("{message} ({position})") };
    match stop {
        Stop::Trap(message) => Stop::Trap(place(message)),
        Stop::Doubt(message) => Stop::Doubt(place(message)),
    }
}

fn operate(operator: &str, left: Value, right: Value) -> Run<Value> {
    Ok(match (operator, left, right) {
        (".", Value::Array(_) | Value::Code(_), _) | (".", _, Value::Array(_) | Value::Code(_)) => {
            return doubt("a list or code beside a dot");
        }
        (".", Value::Nothing, _) | (".", _, Value::Nothing) => return doubt("nothing beside a dot"),
        (".", left, right) => Value::Text(format!("{left}{right}")),
        ("+", Value::Number(left), Value::Number(right)) => Value::Number(left + right),
        ("-", Value::Number(left), Value::Number(right)) => Value::Number(left - right),
        ("<", Value::Number(left), Value::Number(right)) => Value::Bool(left < right),
        (">", Value::Number(left), Value::Number(right)) => Value::Bool(left > right),
        ("<=", Value::Number(left), Value::Number(right)) => Value::Bool(left <= right),
        (">=", Value::Number(left), Value::Number(right)) => Value::Bool(left >= right),
        ("=", left, right) => Value::Bool(same(left, right)?),
        ("!=", left, right) => Value::Bool(!same(left, right)?),
        ("~", Value::Nothing, Value::Text(_)) => Value::Bool(false),
        ("~", Value::Text(text), Value::Text(pattern)) => {
            Value::Bool(pattern::matches(&pattern, &text).or_else(doubt)?)
        }
        ("->", Value::Array(items), Value::Number(at)) => {
            let item = usize::try_from(at).ok().and_then(|at| items.get(at).cloned());
            item.unwrap_or(Value::Nothing)
        }
        (operator, left, right) => return doubt(format!("{} {operator} {}", left.kind(), right.kind())),
    })
}

/// Equality of one type; RouterOS converts between types in ways that differ from one version to the next.
fn same(left: Value, right: Value) -> Run<bool> {
    Ok(match (&left, &right) {
        (Value::Nothing, Value::Nothing) => true,
        (Value::Nothing, _) | (_, Value::Nothing) => false,
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Number(left), Value::Number(right)) => left == right,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Id(left), Value::Id(right)) => left == right,
        _ => return doubt(format!("a {} compared with a {}", left.kind(), right.kind())),
    })
}
