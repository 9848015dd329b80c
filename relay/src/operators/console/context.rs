//! The state of the console's requests.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Uri;

use crate::clock::UnixMillis;
use crate::metrics::Metrics;
use crate::net::origin::Origins;
use crate::net::problem::Problem;
use crate::net::site::Site;
use crate::operators::attempts::Attempts;
use crate::operators::audit::Audit;
use crate::operators::company::Company;
use crate::operators::desk::wall_token::WallToken;
use crate::operators::passwords::Passwords;
use crate::operators::people::{People, book as people_book};
use crate::operators::sessions::{Sessions, book as sessions_book};
use crate::operators::slow_hook::HookSettings;
use crate::store::database::copies::{Copies, Load};
use crate::store::database::handle::Store;
use crate::store::database::{Database, Topic};

/// What `serve` is told about staff.
#[derive(Debug, Clone)]
pub struct OperatorSettings {
    /// How long entries of the audit log are kept.
    pub audit_kept: Duration,
    /// How long the days behind lines are kept; zero keeps none.
    pub history_kept: Duration,
    /// True if everybody who signs in by password needs a second factor.
    pub require_totp: bool,
    /// True if viewers of a line are told while staff watch the line too.
    pub announce_support: bool,
    /// The company's sign-in.
    pub company: Option<Company>,
    /// The ticket system that is told of slow reports.
    pub hook: Option<HookSettings>,
}

impl Default for OperatorSettings {
    fn default() -> Self {
        Self {
            audit_kept: Duration::from_secs(365 * 86_400),
            history_kept: Duration::from_secs(8 * 86_400),
            require_totp: false,
            announce_support: true,
            company: None,
            hook: None,
        }
    }
}

/// The people and sessions in memory.
#[derive(Debug, Default)]
pub struct Accounts {
    /// Everybody with an account.
    pub people: People,
    /// Who is signed in.
    pub sessions: Sessions,
}

impl Accounts {
    /// Returns the loaders of the copies in memory.
    pub fn copies(self: &Arc<Self>) -> Vec<(Topic, Load)> {
        let (people, sessions) = (Arc::clone(self), Arc::clone(self));
        let load_people: Load = Box::new(move |database| {
            let accounts = Arc::clone(&people);
            Box::pin(async move {
                accounts.people.replace(people_book::all(database).await?);
                Ok(())
            })
        });
        let load_sessions: Load = Box::new(move |database| {
            let accounts = Arc::clone(&sessions);
            Box::pin(async move {
                accounts.sessions.replace(sessions_book::all(database).await?);
                Ok(())
            })
        });
        vec![(Topic::People, load_people), (Topic::Sessions, load_sessions)]
    }
}

/// The state of the console's requests.
pub(crate) struct ConsoleContext {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) store: Arc<Store>,
    pub(crate) copies: Arc<Copies>,
    pub(crate) site: Arc<Site>,
    /// The wallboard's token.
    pub(crate) wall: Arc<WallToken>,
    pub(crate) origins: Origins,
    pub(crate) settings: OperatorSettings,
    pub(crate) passwords: Passwords,
    /// Attempts with passwords and recovery codes.
    pub(crate) passwords_tried: Attempts,
    /// Attempts with codes of second factors.
    pub(crate) codes_tried: Attempts,
    /// The provider's name.
    pub(crate) brand: Option<String>,
    /// The address under which browsers reach the relay.
    pub(crate) public_url: Option<Uri>,
    pub(crate) metrics: Arc<Metrics>,
}

impl ConsoleContext {
    /// Returns the open store.
    ///
    /// # Errors
    /// 503, if the store cannot be used.
    pub(crate) async fn database(&self) -> Result<Database, Problem> {
        Ok(self.store.database().await?)
    }

    /// True if somebody has an account, or gets one by the company's sign-in.
    pub(crate) fn can_be_entered(&self) -> bool {
        let gives_accounts = self.settings.company.as_ref().is_some_and(|company| company.default_role.is_some());
        gives_accounts || !self.accounts.people.is_empty()
    }

    /// Says in the log how the first account is made, while there is none.
    pub(crate) fn tell_if_nobody_has_an_account(&self) {
        if !self.can_be_entered() && self.metrics.store_unusable.get() == 0 {
            tracing::info!(
                command = "linelight-relay operator add NAME --role admin",
                "there is no console for staff yet: the command makes the first account"
            );
        }
    }

    /// Takes a committed change into memory: it is in force before its answer is.
    pub(crate) async fn changed(&self) {
        self.copies.refresh().await;
    }
}

/// Returns the wall clock's time.
pub(crate) fn now() -> UnixMillis {
    SystemTime::now().into()
}
