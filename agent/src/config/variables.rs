//! The environment of the agent, and the one list of known variables.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::address::default_gateway;
use super::error::ConfigError;
use super::typed::command_line;

/// The variables for secrets; there is no flag for them.
pub(super) const SECRET_VARIABLES: [&str; 3] = ["LINELIGHT_ROUTER_PASSWORD", "LINELIGHT_TOKEN", "LINELIGHT_PROXY"];

const PREFIX: &str = "LINELIGHT_";

/// Variables of the relay's program and of the tests: an agent may be started from the same shell.
const OTHERS: [&str; 2] = ["LINELIGHT_SERVER_", "LINELIGHT_TEST_"];

/// Variables, and the default gateway: the input of the checks.
#[derive(Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    gateway: Option<Ipv4Addr>,
}

impl Environment {
    /// This process's variables, and the kernel's routes.
    pub fn of_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
        Self::new(variables, default_gateway(&routes))
    }

    /// Variables and a gateway as given.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>, gateway: Option<Ipv4Addr>) -> Self {
        Self { variables: variables.into_iter().collect(), gateway }
    }

    pub(super) const fn gateway(&self) -> Option<Ipv4Addr> {
        self.gateway
    }

    /// Returns the first value of these variables that is not empty.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().filter_map(|name| self.variables.get(*name)).map(String::as_str).find(|value| !value.is_empty())
    }

    /// Refuses a misspelled variable: otherwise the default would silently apply.
    pub(super) fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let known = known_variables();
        let ours = |name: &str| name.starts_with(PREFIX) && !OTHERS.iter().any(|prefix| name.starts_with(prefix));
        let unknown = |name: &&String| ours(name) && !known.contains(name);
        let Some(name) = self.variables.keys().find(unknown) else { return Ok(()) };
        let nearest = known.into_iter().min_by_key(|known| distance(known, name)).unwrap_or_default();
        Err(ConfigError::Unknown { name: name.clone(), nearest })
    }
}

/// Returns every variable of the agent.
pub(super) fn known_variables() -> Vec<String> {
    let command = command_line();
    let flags = command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned()));
    flags.chain(SECRET_VARIABLES.map(str::to_owned)).collect()
}

/// Returns Levenshtein's distance: the count of letters to insert, remove or change.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (above, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (at, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            let cheapest = changed.min(row[at] + 1).min(row[at + 1] + 1);
            diagonal = std::mem::replace(&mut row[at + 1], cheapest);
        }
    }
    row[b.len()]
}
