//! The values of RouterOS variables.

use std::fmt;
use std::rc::Rc;

use super::syntax::Block;

/// A value of the scripting language.
#[derive(Debug, Clone)]
pub enum Value {
    /// The value of an unset property or variable.
    Nothing,
    /// `true` or `yes`, `false` or `no`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A text; addresses and prefixes are texts here, as they are in what `find` compares.
    Text(String),
    /// An object's internal number, `*A`.
    Id(u32),
    /// A list.
    Array(Vec<Value>),
    /// A value of `do={…}` or `:parse`.
    Code(Rc<Block>),
}

impl Value {
    /// The type's name in `:typeof`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Bool(_) => "bool",
            Self::Number(_) => "num",
            Self::Text(_) => "str",
            Self::Id(_) => "id",
            Self::Array(_) => "array",
            Self::Code(_) => "code",
        }
    }

    /// What `:len` says.
    pub fn length(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Array(items) => items.len(),
            other => other.to_string().len(),
        }
    }

    /// The value of a bare word in a script.
    pub fn from_word(word: &str) -> Self {
        match word {
            "true" | "yes" => Self::Bool(true),
            "false" | "no" => Self::Bool(false),
            _ => match (word.parse(), word.strip_prefix('*').and_then(|hex| u32::from_str_radix(hex, 16).ok())) {
                (Ok(number), _) => Self::Number(number),
                (_, Some(id)) => Self::Id(id),
                _ => Self::Text(word.to_owned()),
            },
        }
    }
}

impl fmt::Display for Value {
    /// The text of `:tostr`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::Id(value) => write!(f, "*{value:X}"),
            Self::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { ";" })?;
                }
                Ok(())
            }
            Self::Code(_) => f.write_str("(code)"),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
