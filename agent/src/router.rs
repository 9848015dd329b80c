//! The router's task: keeps one connection to the API for ever, asks for tables and streams, and hands over lines and
//! samples. `tables` decides when to read, and [`monitor`](crate::monitor) which streams to open.

mod conversation;
mod dial;
mod left_out;
mod probe;
mod refusals;
mod tables;

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::averages::Averages;
use crate::backoff::{Backoff, seed};
use crate::batch::Batcher;
use crate::clock::milliseconds;
use crate::config::{AgentLimits, RouterConfig, SecretSource, Timing};
use crate::handover::Handover;
use crate::monitor::Monitor;
use crate::reach::Wanted;
use crate::routeros::connection::{Connection, ConnectionError, Transport};
use crate::sampler::Sampler;
use conversation::{Purpose, Streams};
use dial::Dialer;
use left_out::LeftOut;
pub use probe::{Reach, probe};
use refusals::Refusals;
use tables::Tables;

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
    timing: &'a Timing,
    report_comments: bool,
    handover: &'a Handover,
    batcher: Batcher,
    tables: Tables,
    monitor: Monitor,
    sampler: Sampler,
    averages: Averages,
    streams: Streams,
    refusals: Refusals,
    left_out: LeftOut,
    /// The last time that the router was lost or found.
    turned: Instant,
    /// The start of the last whole reading of the session tables.
    read: Option<Instant>,
    load_due: Instant,
    asked: Option<Instant>,
}

impl<'a> Router<'a> {
    /// Begins without a connection.
    pub fn new(limits: &AgentLimits, timing: &'a Timing, batcher: Batcher, handover: &'a Handover) -> Self {
        let now = Instant::now();
        Self {
            timing,
            report_comments: limits.report_comments,
            handover,
            batcher,
            tables: Tables::new(timing),
            monitor: Monitor::new(limits, timing),
            sampler: Sampler::default(),
            averages: Averages::new(timing.tables.averages_interval),
            streams: Streams::new(),
            refusals: Refusals::default(),
            left_out: LeftOut::default(),
            turned: now,
            read: None,
            load_due: now,
            asked: None,
        }
    }

    /// Connects again and again by `connect`, and serves each connection until it ends.
    pub async fn keep<S: Transport>(
        mut self,
        connect: impl AsyncFn() -> Result<S, ConnectionError>,
        login: Login<'_>,
    ) -> Infallible {
        let mut backoff = Backoff::new(self.timing.connection.backoff_base, self.timing.connection.backoff_cap, seed());
        loop {
            let began = Instant::now();
            let error = match self.log_in(&connect, login).await {
                Ok(connection) => self.serve(connection).await,
                Err(error) => error,
            };
            self.lost(&error);
            if began.elapsed() >= SETTLED {
                backoff.reset();
            }
            let refused = error.is_refusal();
            sleep(if refused { backoff.at_least(self.timing.connection.login_pause) } else { backoff.wait() }).await;
        }
    }

    async fn log_in<S: Transport>(
        &self,
        connect: &impl AsyncFn() -> Result<S, ConnectionError>,
        login: Login<'_>,
    ) -> Result<Connection<S, Purpose>, ConnectionError> {
        let password = login.password.read();
        let password = password.map_err(|error| ConnectionError::Configuration(error.to_string()))?;
        let mut connection = Connection::new(connect().await?, self.timing.connection.cancel_timeout);
        connection.login(login.user, password.expose(), Purpose::Login, self.timing.connection.command_timeout).await?;
        Ok(connection)
    }

    /// Notes that the router answers.
    fn found(&mut self, now: Instant) {
        self.turned = now;
        {
            let mut status = self.handover.status.borrow_mut();
            (status.router_reachable, status.fault) = (true, None);
        }
        self.note_status(now);
        self.handover.to_uplink.notify_one();
        tracing::info!("router's API answers");
    }

    /// Notes that the router does not answer. Only a change of the fault is logged.
    fn lost(&mut self, error: &ConnectionError) {
        let now = Instant::now();
        let fault = error.explain();
        let (was_reachable, was) = {
            let mut status = self.handover.status.borrow_mut();
            let before = (status.router_reachable, status.fault.replace(fault.clone()));
            status.router_reachable = false;
            before
        };
        if was_reachable {
            self.turned = now;
        }
        if was.as_ref() != Some(&fault) {
            tracing::warn!("{fault}");
        }
        let readings = self.handover.lines.borrow().readings();
        self.monitor.disconnected(readings);
        self.tables.disconnected();
        self.sampler.clear();
        self.averages.disconnected();
        self.streams.clear();
        self.refusals.clear();
        self.left_out.clear();
        self.note_status(now);
        self.handover.to_uplink.notify_one();
    }

    /// Brings the figures of the status up to now; the texts change elsewhere.
    fn note_status(&self, now: Instant) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut status = self.handover.status.borrow_mut();
        status.uptime_ms = self.handover.uptime_ms(now);
        status.router_age_ms = milliseconds(now.saturating_duration_since(self.turned));
        status.table_age_ms = self.read.map(|read| milliseconds(now.saturating_duration_since(read)));
        status.interval_ms = u32::from(self.monitor.interval().seconds()) * 1_000;
        status.watched = count(self.monitor.lines().count());
        status.streams = count(self.monitor.streams());
    }
}
