//! The router's task: keeps one connection to the API for ever, asks for tables and streams, and hands over lines and
//! samples. `tables` decides when to read, and [`monitor`](crate::monitor) which streams to open.

mod conversation;
mod dial;
mod intake;
mod left_out;
mod probe;
mod purpose;
mod refusals;
mod tables;

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::backoff::{Backoff, seed};
use crate::batch::Batcher;
use crate::config::{AgentLimits, ConnectionTiming, RouterConfig, SecretSource, Timing};
use crate::handover::Handover;
use crate::reach::Wanted;
use crate::routeros::connection::{Connection, ConnectionError, Transport};
use conversation::Conversation;
use dial::Dialer;
pub use probe::{Reach, probe};
use purpose::Purpose;

/// After a connection of this length, the waits between attempts start anew.
const SETTLED: Duration = Duration::from_secs(60);

/// Keeps a connection to the router for ever, and hands over lines and samples. Never ends: a failure is told in the
/// status, and the router is tried again.
pub async fn run(
    config: &RouterConfig,
    limits: &AgentLimits,
    timing: &Timing,
    batcher: Batcher,
    handover: &Handover,
) -> Infallible {
    let connect = async || {
        // Made anew each time: the CA file may have changed.
        Dialer::new(config, timing.connection.connect_timeout)?.dial(Wanted::First).await.map(|dialed| dialed.stream)
    };
    let login = Login { user: &config.user, password: &config.password };
    Router::new(limits, timing, batcher, handover).keep(connect, login).await
}

/// The user and the password for the login.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The API user.
    pub user: &'a str,
    /// The user's password, read anew at each login.
    pub password: &'a SecretSource,
}

/// The router's task, from one connection to the next.
pub struct Router<'a> {
    timing: &'a ConnectionTiming,
    conversation: Conversation<'a>,
}

impl<'a> Router<'a> {
    /// Begins without a connection.
    pub fn new(limits: &AgentLimits, timing: &'a Timing, batcher: Batcher, handover: &'a Handover) -> Self {
        Self { timing: &timing.connection, conversation: Conversation::new(limits, timing, batcher, handover) }
    }

    /// Connects with `connect` again and again, and serves each connection until its end.
    pub async fn keep<S: Transport>(
        mut self,
        connect: impl AsyncFn() -> Result<S, ConnectionError>,
        login: Login<'_>,
    ) -> Infallible {
        let mut backoff = Backoff::new(self.timing.backoff_base, self.timing.backoff_cap, seed());
        loop {
            let began = Instant::now();
            let error = match self.log_in(&connect, login).await {
                Ok(connection) => self.conversation.serve(connection).await,
                Err(error) => error,
            };
            self.conversation.lost(&error);
            if began.elapsed() >= SETTLED {
                backoff.reset();
            }
            let refused = error.is_refusal();
            sleep(if refused { backoff.at_least(self.timing.login_pause) } else { backoff.wait() }).await;
        }
    }

    async fn log_in<S: Transport>(
        &self,
        connect: &impl AsyncFn() -> Result<S, ConnectionError>,
        login: Login<'_>,
    ) -> Result<Connection<S, Purpose>, ConnectionError> {
        let password = login.password.read();
        let password = password.map_err(|error| ConnectionError::Configuration(error.to_string()))?;
        let mut connection = Connection::new(connect().await?, self.timing.cancel_timeout);
        connection.login(login.user, password.expose(), Purpose::Login, self.timing.command_timeout).await?;
        Ok(connection)
    }
}
