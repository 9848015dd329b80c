//! The shapes of subscribers in requests and answers.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::Username;
use shared::control::Plan;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};

use super::import::{Bad, Note};
use crate::operators::api::answers::ProblemAnswer;
use crate::subscribers::{Subscriber, Table};

/// A subscriber that was entered.
#[derive(Serialize, ToSchema)]
#[schema(as = Subscriber)]
pub(super) struct SubscriberAnswer {
    /// The username's text form.
    username: String,
    /// The customer's name.
    customer: Option<String>,
    /// The package's name.
    package: Option<String>,
    /// The plan's limit towards the subscriber, bits per second; `null` is unknown or none.
    download: Option<u64>,
    /// The plan's limit from the subscriber, likewise.
    upload: Option<u64>,
    /// What else the provider knows, by name. `reference`, `phone` and `address` are known to the console.
    further: BTreeMap<String, String>,
    /// True where the relay's subscribers file has the username too: then the file's row is in use, and this one is not.
    file_wins: bool,
}

/// The values of a subscriber. What is absent or `null` is unknown.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubscriberValues)]
#[allow(dead_code, reason = "for the document")]
pub(super) struct Values {
    /// The customer's name; cut after 256 bytes.
    customer: Option<String>,
    /// The package's name, likewise.
    package: Option<String>,
    /// The plan's limit towards the subscriber.
    #[schema(schema_with = limit, required = false)]
    download: Option<serde_json::Value>,
    /// The plan's limit from the subscriber.
    #[schema(schema_with = limit, required = false)]
    upload: Option<serde_json::Value>,
    /// What else the provider knows, by name: support sees it, subscribers do not. At most 24; no passwords.
    #[schema(schema_with = further, required = false)]
    further: Option<serde_json::Value>,
}

/// A subscriber among all.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSubscriber)]
#[allow(dead_code, reason = "for the document")]
pub(super) struct Row {
    /// The username's text form.
    #[schema(min_length = 1)]
    username: String,
    /// The customer's name; cut after 256 bytes.
    customer: Option<String>,
    /// The package's name, likewise.
    package: Option<String>,
    /// The plan's limit towards the subscriber.
    #[schema(schema_with = limit, required = false)]
    download: Option<serde_json::Value>,
    /// The plan's limit from the subscriber.
    #[schema(schema_with = limit, required = false)]
    upload: Option<serde_json::Value>,
    /// What else the provider knows, by name: support sees it, subscribers do not. At most 24; no passwords.
    #[schema(schema_with = further, required = false)]
    further: Option<serde_json::Value>,
}

/// A page of subscribers, by username.
#[derive(Serialize, ToSchema)]
#[schema(as = SubscribersPage)]
pub(super) struct Page {
    pub(super) subscribers: Vec<SubscriberAnswer>,
    /// The parameter `after` of the next page; `null` on the last one.
    pub(super) next: Option<String>,
    /// How many subscribers were entered in all.
    pub(super) total: usize,
}

/// What a replacement did, or would do.
#[derive(Serialize, ToSchema)]
pub(super) struct Replaced {
    /// True if nothing was changed, as asked.
    pub(super) dry_run: bool,
    /// The rows of the body.
    pub(super) rows: usize,
    /// Rows that were not there.
    pub(super) added: usize,
    /// Rows that were there with other values.
    pub(super) changed: usize,
    /// Rows that were there with the same values.
    pub(super) unchanged: usize,
    /// Rows that are there no longer.
    pub(super) removed: usize,
    /// How many of the rows are not in use, for the relay's subscribers file has their usernames.
    pub(super) file_wins: usize,
    /// Rows that are used, and about which something is to be known.
    pub(super) notes: Vec<Note>,
}

/// A replacement with bad rows. Nothing was changed.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "for the document")]
pub(super) struct BadRows {
    #[serde(flatten)]
    problem: ProblemAnswer,
    /// How many rows are bad.
    #[schema(nullable = false)]
    bad_rows: Option<usize>,
    /// The bad rows, the first 10,000.
    #[schema(nullable = false)]
    rows: Option<Vec<Bad>>,
}

impl SubscriberAnswer {
    /// Returns the answer for a row.
    pub(super) fn new(username: &Username, row: &Subscriber, table: &Table) -> Self {
        let Plan { download, upload } = row.plan;
        Self {
            username: username.to_text(),
            customer: row.customer.clone(),
            package: row.package.clone(),
            download,
            upload,
            further: row.further.iter().map(|each| (each.column.to_string(), each.text.to_string())).collect(),
            file_wins: table.is_in_file(username),
        }
    }
}

/// Further values: texts by their names; `null` removes one.
fn further() -> Schema {
    let text = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
    let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9]{1,12}$"));
    let values = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .property_names(Some(name))
        .additional_properties(Some(text));
    values.into()
}

/// A limit of a plan: a number of bits per second, or a text with a unit.
fn limit() -> Schema {
    let rate = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(0))
        .maximum(Some(shared::sample::MAX_RATE))
        .description(Some("Bits per second; 0 is none."));
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[1-9][0-9]{0,2} ?[kMG]$"))
        .description(Some("With a unit. Other spellings are read as in the subscribers file."))
        .examples(["50M"]);
    let none = ObjectBuilder::new().schema_type(Type::Null);
    OneOfBuilder::new().item(rate).item(text).item(none).into()
}
