//! docs/billing.md and docs/openapi.json: the requests of the API as the relay has them.

use std::collections::BTreeSet;

use relay::operators::api::document;
use serde_json::Value;

use crate::blocks::{document as text_of, root, rows};

const BILLING: &str = "docs/billing.md";
const OPENAPI: &str = "docs/openapi.json";

/// `LINELIGHT_TEST_WRITE_OPENAPI=1` writes the file.
#[test]
fn the_openapi_document_is_that_of_the_code() {
    if std::env::var_os("LINELIGHT_TEST_WRITE_OPENAPI").is_some() {
        std::fs::write(root().join(OPENAPI), document()).unwrap();
    }
    let wanted =
        "run: LINELIGHT_TEST_WRITE_OPENAPI=1 cargo nextest run --locked -p linelight-tests --test documents openapi";
    assert!(text_of(OPENAPI) == document(), "{OPENAPI} is out of date; {wanted}");
}

#[test]
fn every_request_is_in_the_table_with_its_scopes() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    let mut expected = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let security = operation["security"].as_array().map_or(&[][..], Vec::as_slice);
            let scopes: Vec<String> =
                security.iter().map(|each| format!("`{}`", each["key"][0].as_str().unwrap())).collect();
            let scopes = if scopes.is_empty() { "none".to_owned() } else { scopes.join(" or ") };
            expected.insert((format!("`{} {path}`", method.to_uppercase()), scopes));
        }
    }
    assert!(expected.len() > 10, "{expected:?}");
    let rows = rows(&text_of(BILLING));
    let shown: BTreeSet<_> =
        rows.iter().filter(|row| row[0].contains("/api/v1/")).map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(shown, expected);
}
