//! The columns beside name, package and plan: for support to search and to see.

use std::sync::Arc;

use super::unit::plain;

/// The most further columns of a file; those behind are not used.
pub(super) const MAX_COLUMNS: usize = 24;
/// The longest name of a column, in bytes.
const MAX_NAME: usize = 60;

/// The further columns that are known by name, with the names of exports.
const KNOWN: [(&str, &[&str]); 3] = [
    (
        "reference",
        &[
            "reference",
            "ref",
            "account",
            "accountnumber",
            "accountno",
            "accountid",
            "customernumber",
            "customerno",
            "customerid",
            "customercode",
            "clientnumber",
            "clientid",
            "subscriberid",
            "contract",
            "contractnumber",
            "contractno",
        ],
    ),
    (
        "phone",
        &[
            "phone",
            "phonenumber",
            "telephone",
            "telephonenumber",
            "tel",
            "mobile",
            "mobilenumber",
            "mobilephone",
            "cell",
            "cellphone",
            "cellnumber",
            "contactnumber",
            "msisdn",
            "whatsapp",
        ],
    ),
    (
        "address",
        &[
            "address",
            "streetaddress",
            "street",
            "physicaladdress",
            "installationaddress",
            "serviceaddress",
            "customeraddress",
        ],
    ),
];

/// Words in the names of columns whose values nobody is to see. A router's export of PPP secrets has a `password`.
const SECRET: [&str; 8] = ["password", "passwd", "passwort", "passphrase", "secret", "senha", "parol", "пароль"];

/// One further column.
#[derive(Debug)]
pub(super) struct FurtherColumn {
    pub(super) at: usize,
    pub(super) name: Arc<str>,
    /// The use in words.
    pub(super) used: &'static str,
}

/// Finds the further columns among those that are not `taken`.
pub(super) fn find(names: &[String], taken: impl Fn(usize) -> bool) -> Vec<FurtherColumn> {
    let mut found: Vec<FurtherColumn> = Vec::new();
    for (at, name) in names.iter().enumerate().filter(|(at, _)| !taken(*at)) {
        let word = plain(name);
        if is_secret(&word) || found.len() == MAX_COLUMNS {
            continue;
        }
        let is_named = |name: &str| found.iter().any(|column| &*column.name == name);
        let known = KNOWN.iter().find(|(known, names)| names.contains(&&*word) && !is_named(known));
        found.push(match known {
            Some((known, _)) => FurtherColumn { at, name: (*known).into(), used: known },
            None => FurtherColumn { at, name: own_name(at, name, is_named), used: "further, for support" },
        });
    }
    found
}

/// True for a name that a further value may have.
pub(super) fn is_fit(name: &str) -> bool {
    let is_plain = name == name.trim() && !name.chars().any(char::is_control);
    (1..=MAX_NAME).contains(&name.len()) && is_plain && !is_secret(&plain(name))
}

fn is_secret(word: &str) -> bool {
    word == "pass" || SECRET.iter().any(|secret| word.contains(secret))
}

/// Returns a column's name as the file has it, or with its number where that is empty or another column's.
fn own_name(at: usize, name: &str, is_named: impl Fn(&str) -> bool) -> Arc<str> {
    let name = name.replace(char::is_control, " ");
    let name = name.trim();
    let name = name.get(..name.floor_char_boundary(MAX_NAME)).unwrap_or_default();
    let is_known = KNOWN.iter().any(|(known, _)| *known == name);
    match name {
        "" => format!("column {}", at + 1).into(),
        name if is_known || is_named(name) => format!("{name} (column {})", at + 1).into(),
        name => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &str) -> Vec<String> {
        let names: Vec<String> = names.split('|').map(str::to_owned).collect();
        find(&names, |at| at == 0).iter().map(|column| format!("{} {}", column.at, column.name)).collect()
    }

    #[test]
    fn columns_of_exports_are_known_by_name() {
        assert_eq!(found("login|Account No.|Mobile|Street address"), ["1 reference", "2 phone", "3 address"]);
        assert_eq!(found("login|Phone|Cell|Notes"), ["1 phone", "2 Cell", "3 Notes"]);
    }

    #[test]
    fn every_column_has_a_name_of_its_own() {
        let names = found("login||Notes|Notes|Telephone|phone|a\u{1b}b");
        let expected = ["1 column 2", "2 Notes", "3 Notes (column 4)", "4 phone", "5 phone (column 6)", "6 a b"];
        assert_eq!(names, expected);
    }

    #[test]
    fn passwords_are_never_taken() {
        assert_eq!(found("name|Password|PPPoE password|radius_secret|pass|WiFi-Passwort|compass"), ["6 compass"]);
    }

    #[test]
    fn the_columns_are_few() {
        assert_eq!(found(&vec!["x"; 100].join("|")).len(), MAX_COLUMNS);
    }
}
