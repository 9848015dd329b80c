//! The callers: what each one shows.

/// Whose session a caller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Person {
    Support,
    Admin,
    SignedOut,
    /// The second factor's code is missing.
    Half,
}

/// A kind of caller.
pub struct Caller {
    pub name: &'static str,
    /// What the caller shows, for the document.
    pub shows: &'static str,
    /// A token, in the header `Authorization` and in a viewer's first frame.
    pub token: Option<String>,
    pub person: Option<Person>,
    /// The header `Origin`.
    pub origin: Option<&'static str>,
    /// Further headers, whole lines.
    pub headers: String,
}

impl Caller {
    /// A caller from the relay's own page who shows nothing.
    pub fn nobody(name: &'static str, shows: &'static str) -> Self {
        let origin = Some(crate::stage::PUBLIC);
        Self { name, shows, token: None, person: None, origin, headers: String::new() }
    }

    /// A caller with a token.
    pub fn with_token(name: &'static str, shows: &'static str, token: String) -> Self {
        Self { token: Some(token), ..Self::nobody(name, shows) }
    }

    /// A caller with a session.
    pub fn with_session(name: &'static str, shows: &'static str, person: Person) -> Self {
        Self { person: Some(person), ..Self::nobody(name, shows) }
    }

    /// True if the console lets the caller change what only admins change.
    pub fn is_admin(&self) -> bool {
        self.person == Some(Person::Admin) && self.origin == Some(crate::stage::PUBLIC)
    }
}
