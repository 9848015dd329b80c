//! Company sign-in: a reverse proxy names the person in a header, and is believed from its own addresses alone.

use http::{HeaderMap, HeaderName};

use super::people::{self, Role};

/// How the company's sign-in is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// The header with the person's name.
    pub header: HeaderName,
    /// The role of whoever comes for the first time; `None` lets those in alone who have an account.
    pub default_role: Option<Role>,
}

impl Company {
    /// True if a request has the header at all.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(&self.header)
    }

    /// Returns the person whom a request of the proxy names. Two values name nobody: one may be the sender's.
    pub(crate) fn name(&self, headers: &HeaderMap) -> Option<String> {
        let mut values = headers.get_all(&self.header).into_iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        value.to_str().ok().and_then(|value| people::name(value).ok())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn one_legible_name_counts() {
        let company = Company { header: HeaderName::from_static("x-forwarded-user"), default_role: None };
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-forwarded-user", HeaderValue::from_static(value));
            }
            company.name(&headers)
        };
        assert_eq!(of(&["Anna@karoo.example"]).as_deref(), Some("anna@karoo.example"));
        for none in [&[][..], &[""], &["anna", "bob"], &["anna, bob"], &["(command)"]] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
