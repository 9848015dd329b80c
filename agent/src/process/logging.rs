//! Log lines to standard error: without colour, and with a time only on a terminal: RouterOS, systemd and Docker add one.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;

use crate::config::LogLevel;

/// Starts logging for the rest of the process; a second call changes nothing.
pub fn start(level: LogLevel) {
    let builder =
        tracing_subscriber::fmt().with_max_level(LevelFilter::from(level)).with_target(false).with_writer(io::stderr);
    let started = if io::stderr().is_terminal() { builder.try_init() } else { builder.without_time().try_init() };
    // An earlier subscriber stays.
    drop(started);
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}
