//! Reads subscribers from JSON, as the API takes them: one object, or an array of objects.
//!
//! A limit is a number of bits per second, or a text as in the file: `"50M"`. Texts are read as the file's.

use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;

use serde::de::{self, DeserializeSeed, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use shared::Username;
use shared::control::MAX_TEXT;
use shared::sample::MAX_RATE;
use shared::username::UsernameError;

use super::further::{self, MAX_COLUMNS};
use super::limit::{self, LimitError};
use super::subscriber::{Further, Subscriber};
use super::table::{Entered, MAX_ROWS};

/// The fields of an object.
const FIELDS: [&str; 6] = ["username", "customer", "package", "download", "upload", "further"];
/// The longest part of an unknown field's name in an error, in bytes.
const SHOWN: usize = 60;

/// Why an object is no subscriber. No message quotes a value: these are customers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// The value is no object.
    #[error("it is not a JSON object")]
    NoObject,
    /// The object has no username.
    #[error("it has no \"username\"")]
    NoUsername,
    /// The username is no text, or not in text form.
    #[error("its {0}")]
    Username(#[from] UsernameError),
    /// A username with a byte that is zero, which PostgreSQL cannot keep.
    #[error("its username has a zero byte")]
    Zero,
    /// An earlier object has the same username.
    #[error("its username stands in an earlier row too")]
    Repeated,
    /// A field with a name that means nothing.
    #[error("it has an unknown field {0:?}; there are username, customer, package, download, upload and further")]
    UnknownField(String),
    /// A field with a value of another kind.
    #[error("its {field} is not {wanted}")]
    Kind {
        /// The field.
        field: &'static str,
        /// The kind that is wanted.
        wanted: &'static str,
    },
    /// A limit as text without one reading.
    #[error("its {field} {reason}")]
    Limit {
        /// The field.
        field: &'static str,
        /// The reason.
        reason: LimitError,
    },
    /// Further values that cannot be kept.
    #[error(
        "its further values have an unfit name, or are more than {MAX_COLUMNS}: a name has 1 to 60 bytes and means no password"
    )]
    Further,
    /// Past the most rows.
    #[error("there are more than {MAX_ROWS} rows; this one and all that follow are not read")]
    TooManyRows,
}

/// Why a text holds no subscribers at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is no JSON.
    #[error("the body is not JSON: line {line}, column {column}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// The JSON is no array.
    #[error("the body is not a JSON array of subscribers")]
    NoArray,
}

/// A refused object of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadObject {
    /// The place in the array, counted from 1.
    pub row: u64,
    /// The username, if readable.
    pub username: Option<Username>,
    /// Why the object is not used.
    pub reason: ObjectError,
}

/// The content of an array.
#[derive(Debug, Default)]
pub struct Objects {
    /// The good ones.
    pub rows: Entered,
    /// The others, in order.
    pub bad: Vec<BadObject>,
    count: u64,
}

/// Reads an array, one object after the other.
///
/// # Errors
/// [`JsonError`], if the text is no array in JSON.
pub fn array(content: &[u8]) -> Result<Objects, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(content);
    let mut objects = Objects::default();
    let read = objects.seed().deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match read {
        Ok(()) => Ok(objects),
        Err(error) if error.is_data() => Err(JsonError::NoArray),
        // The error's own words may quote a value.
        Err(error) => Err(JsonError::Syntax { line: error.line(), column: error.column() }),
    }
}

/// Returns a row with the fields of an object changed; a field that is `null` is removed (RFC 7396).
///
/// # Errors
/// [`ObjectError`]. A username in the object must be `username`.
pub fn patched(before: Subscriber, object: &Map<String, Value>) -> Result<Subscriber, ObjectError> {
    let unknown = object.keys().find(|name| !FIELDS.contains(&name.as_str()));
    if let Some(name) = unknown {
        let shown = name.get(..name.floor_char_boundary(SHOWN)).unwrap_or_default();
        return Err(ObjectError::UnknownField(shown.to_owned()));
    }
    let mut row = before;
    if let Some(value) = object.get("customer") {
        row.customer = text("customer", value)?;
    }
    if let Some(value) = object.get("package") {
        row.package = text("package", value)?;
    }
    if let Some(value) = object.get("download") {
        row.plan.download = rate("download", value)?;
    }
    if let Some(value) = object.get("upload") {
        row.plan.upload = rate("upload", value)?;
    }
    if let Some(value) = object.get("further") {
        row.further = further(&row.further, value)?;
    }
    Ok(row)
}

/// Returns the further values with those of an object changed.
fn further(before: &[Further], value: &Value) -> Result<Box<[Further]>, ObjectError> {
    const WANTED: &str = "an object of texts";
    let kind = || ObjectError::Kind { field: "further", wanted: WANTED };
    let values = match value {
        Value::Null => return Ok(Box::default()),
        Value::Object(values) => values,
        _ => return Err(kind()),
    };
    let mut further: Vec<Further> = before.iter().filter(|each| !values.contains_key(&*each.column)).cloned().collect();
    for (column, value) in values {
        if !further::is_fit(column) {
            return Err(ObjectError::Further);
        }
        match value {
            Value::Null => {}
            Value::String(text) => {
                let text = display(text).map(String::into_boxed_str);
                further.extend(text.map(|text| Further { column: column.as_str().into(), text }));
            }
            _ => return Err(kind()),
        }
    }
    if further.len() > MAX_COLUMNS { Err(ObjectError::Further) } else { Ok(further.into_boxed_slice()) }
}

/// Reads the username of an object, in text form.
///
/// # Errors
/// [`ObjectError`].
pub fn username(object: &Map<String, Value>) -> Result<Username, ObjectError> {
    match object.get("username") {
        None | Some(Value::Null) => Err(ObjectError::NoUsername),
        Some(Value::String(text)) => keepable(Username::from_text(text)?),
        Some(_) => Err(ObjectError::Kind { field: "username", wanted: "a text" }),
    }
}

/// Returns a username that every database can keep.
///
/// # Errors
/// [`ObjectError::Zero`].
pub fn keepable(username: Username) -> Result<Username, ObjectError> {
    if username.as_bytes().contains(&0) { Err(ObjectError::Zero) } else { Ok(username) }
}

/// Returns a text for display: without control characters, trimmed and cut; empty is none.
pub(super) fn display(text: &str) -> Option<String> {
    let text = text.replace(char::is_control, " ");
    let text = text.trim();
    let cut = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text).trim_end();
    (!cut.is_empty()).then(|| cut.to_owned())
}

fn text(field: &'static str, value: &Value) -> Result<Option<String>, ObjectError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(display(text)),
        _ => Err(ObjectError::Kind { field, wanted: "a text" }),
    }
}

/// Reads a limit; 0 is none.
fn rate(field: &'static str, value: &Value) -> Result<Option<u64>, ObjectError> {
    const WANTED: &str = "a whole number of bits per second up to 1000000000000, or a text such as \"50M\"";
    match value {
        Value::Null => Ok(None),
        Value::String(text) => limit::single(text, None).map_err(|reason| ObjectError::Limit { field, reason }),
        Value::Number(number) => match whole(number) {
            Some(rate) if rate <= MAX_RATE => Ok((rate > 0).then_some(rate)),
            _ => Err(ObjectError::Kind { field, wanted: WANTED }),
        },
        _ => Err(ObjectError::Kind { field, wanted: WANTED }),
    }
}

/// Returns a whole number, also one that is written as `5e7` or `1.0`.
pub fn whole(number: &Number) -> Option<u64> {
    // Up to 2^53 a fraction of zero is exact.
    let exact = |number: &f64| number.fract() == 0.0 && (0.0..=9e15).contains(number);
    number.as_u64().or_else(|| number.as_f64().filter(exact).map(|number| number as u64))
}

impl Objects {
    fn seed(&mut self) -> Elements<'_> {
        Elements(self)
    }

    fn add(&mut self, value: &Value) {
        self.count += 1;
        if let Err((username, reason)) = self.row(value) {
            self.bad.push(BadObject { row: self.count, username, reason });
        }
    }

    fn row(&mut self, value: &Value) -> Result<(), (Option<Username>, ObjectError)> {
        if self.count > MAX_ROWS as u64 {
            return Err((None, ObjectError::TooManyRows));
        }
        let object = value.as_object().ok_or((None, ObjectError::NoObject))?;
        let username = username(object).map_err(|error| (None, error))?;
        let row = patched(Subscriber::default(), object).map_err(|error| (Some(username.clone()), error))?;
        match self.rows.entry(username) {
            Entry::Vacant(place) => drop(place.insert(Arc::new(row))),
            Entry::Occupied(taken) => return Err((Some(taken.key().clone()), ObjectError::Repeated)),
        }
        Ok(())
    }
}

/// Reads the elements of an array without keeping them.
struct Elements<'a>(&'a mut Objects);

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(value) = elements.next_element::<Value>()? {
            self.0.add(&value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::control::Plan;

    use super::*;

    fn read(value: &Value) -> Objects {
        array(value.to_string().as_bytes()).unwrap()
    }

    fn name(text: &str) -> Username {
        Username::from_text(text).unwrap()
    }

    #[test]
    fn limits_are_bits_per_second_or_texts_of_the_file() {
        let rows = read(&json!([
            {"username": "ali", "customer": " Ali\u{7}Baba ", "package": "Fibre", "download": 50_000_000, "upload": "10 Mbps"},
            {"username": "caf%E9", "download": 0, "upload": null},
            {"username": "eve", "download": 5e7, "upload": 20000000.0},
        ]));
        assert_eq!(rows.bad, []);
        let plan = Plan { download: Some(50_000_000), upload: Some(10_000_000) };
        let ali = Subscriber {
            customer: Some("Ali Baba".into()),
            package: Some("Fibre".into()),
            plan,
            ..Subscriber::default()
        };
        assert_eq!(*rows.rows[&name("ali")], ali);
        assert_eq!(*rows.rows[&name("caf%E9")], Subscriber::default());
        assert_eq!(rows.rows[&name("eve")].plan, Plan { download: Some(50_000_000), upload: Some(20_000_000) });
    }

    #[test]
    fn every_bad_row_is_named_with_its_reason() {
        let bad = read(&json!([
            {"username": "good"},
            7,
            {"customer": "Ali"},
            {"username": 4446},
            {"username": ""},
            {"username": "50%"},
            {"username": "a\u{0}b"},
            {"username": "good", "download": 1},
            {"username": "ali", "dowload": 1},
            {"username": "ali", "customer": 7},
            {"username": "ali", "download": -1},
            {"username": "ali", "download": 1.5},
            {"username": "ali", "upload": MAX_RATE + 1},
            {"username": "ali", "upload": true},
            {"username": "ali", "upload": "fast"},
            {"username": "ali", "upload": "10,240k"},
            {"username": "ali", "further": 7},
            {"username": "ali", "further": {"phone": 7}},
            {"username": "ali", "further": {"WiFi password": "secret"}},
            {"username": "ali", "further": {"": "x"}},
        ]))
        .bad;
        let reasons: Vec<_> = bad.iter().map(|bad| (bad.row, bad.reason.to_string())).collect();
        for ((row, reason), (expected, (at, is_named))) in reasons.iter().zip(
            [
                "not a JSON object",
                "no \"username\"",
                "its username is not a text",
                "its username is empty",
                "write it as \"50%25\"",
                "zero byte",
                "an earlier row",
                "unknown field \"dowload\"",
                "its customer is not a text",
                "its download is not a whole number",
                "its download is not a whole number",
                "its upload is not a whole number",
                "its upload is not a whole number",
                "its upload is not a limit",
                "its upload can be",
                "its further is not an object of texts",
                "its further is not an object of texts",
                "means no password",
                "1 to 60 bytes",
            ]
            .into_iter()
            .zip((2..).map(|at| (at, at >= 8))),
        ) {
            assert_eq!(*row, at);
            assert!(reason.contains(expected), "{row}: {reason}");
            assert_eq!(bad[at as usize - 2].username.is_some(), is_named, "{reason}");
        }
        assert_eq!(bad.len(), 19);
    }

    #[test]
    fn what_is_no_array_is_refused_with_the_place_and_no_value() {
        assert_eq!(array(b"{}").unwrap_err(), JsonError::NoArray);
        assert_eq!(array(b"7").unwrap_err(), JsonError::NoArray);
        assert_eq!(array(b"[] []").unwrap_err(), JsonError::Syntax { line: 1, column: 4 });
        assert_eq!(array(b"").unwrap_err(), JsonError::Syntax { line: 1, column: 0 });
        let error = array(b"[{\"username\":\n\"secret\"").unwrap_err();
        assert!(matches!(error, JsonError::Syntax { line: 2, .. }) && !error.to_string().contains("secret"), "{error}");
        assert!(array(b"[{\"username\":\"\xE9\"}]").is_err(), "no UTF-8");
    }

    #[test]
    fn a_patch_changes_what_it_names_and_null_removes() {
        let plan = Plan { download: Some(50_000_000), upload: Some(10_000_000) };
        let kept = Further { column: "phone".into(), text: "051 555".into() };
        let gone = Further { column: "reference".into(), text: "A-1".into() };
        let further = Box::new([kept.clone(), gone]);
        let before = Subscriber { customer: Some("Ali".into()), package: Some("Fibre".into()), plan, further };
        let object = json!({"package": null, "upload": "20M", "further": {"reference": null, "Notes": "x"}});
        let after = patched(before, object.as_object().unwrap()).unwrap();
        assert_eq!((after.customer.as_deref(), after.package.as_deref()), (Some("Ali"), None));
        assert_eq!(after.plan, Plan { download: Some(50_000_000), upload: Some(20_000_000) });
        assert_eq!(*after.further, [kept, Further { column: "Notes".into(), text: "x".into() }]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(content in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
            let _ = array(&content);
        }
    }
}
