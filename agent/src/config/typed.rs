//! The configuration as typed: one table of flags and variables, read by clap.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::limits::{AgentLimits, TableTiming};

const AFTER_HELP: &str = "\
Secrets are never flags. Each is read from the file that its …_FILE names or, second best (RouterOS shows variables in its \
exports), from a variable:
  LINELIGHT_ROUTER_PASSWORD  the API user's password
  LINELIGHT_TOKEN            the agent's token, as `linelight-relay agent add` printed it
  LINELIGHT_PROXY            http://[user:password@]host:port of a proxy; else HTTPS_PROXY; NO_PROXY is heeded

In a container on the router LINELIGHT_RELAY, the password and the token are enough. As process 1, or with --supervise=always, \
a supervisor restarts the agent after a crash.

Exit codes: 0 stopped, 1 a check failed or the agent is not well, 2 wrong flags or variables, 78 a file or a route is missing (retried when supervised).";

/// Reads PPPoE lines' rates from a RouterOS API and streams them to a Linelight relay.
#[derive(Debug, Parser)]
#[command(name = "linelight-agent", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags, the same for each command.
    #[command(flatten)]
    pub typed: Typed,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the agent (the default)
    Run,
    /// Try the whole way to the router and to the relay, and say what is wrong
    Check,
    /// Ask the agent that runs here with the same settings whether all is well: 0 if so, 1 if not
    Health,
}

/// Every flag with its variable.
#[derive(Debug, Args)]
pub struct Typed {
    /// The router's API, host or host:port; by default the container's gateway
    #[arg(long, global = true, env = "LINELIGHT_ROUTER", value_name = "HOST")]
    pub router: Option<String>,
    /// The API user
    #[arg(long, global = true, env = "LINELIGHT_ROUTER_USER", value_name = "NAME", default_value = "linelight")]
    pub router_user: String,
    /// A file with the API user's password
    #[arg(long, global = true, env = "LINELIGHT_ROUTER_PASSWORD_FILE", value_name = "FILE", value_parser = path())]
    pub router_password_file: Option<PathBuf>,
    /// Use api-ssl (port 8729); implied by a CA file or a pin
    #[arg(long, global = true, env = "LINELIGHT_ROUTER_TLS", value_parser = parse_switch)]
    pub router_tls: bool,
    /// A file with the certificates (PEM) that may sign api-ssl's
    #[arg(long, global = true, env = "LINELIGHT_ROUTER_CA", value_name = "FILE", value_parser = path())]
    pub router_ca: Option<PathBuf>,
    /// The SHA-256 of api-ssl's public key, sha256//BASE64 or hex; several with commas
    #[arg(long, global = true, env = "LINELIGHT_ROUTER_PIN", value_name = "PIN", value_delimiter = ',')]
    pub router_pin: Vec<String>,
    /// Allow the plain API across a network
    #[arg(long, global = true, env = "LINELIGHT_ROUTER_PLAINTEXT", value_parser = parse_switch)]
    pub router_plaintext: bool,

    /// The relay, as wss://host or wss://host:port/path; several with commas: the first that answers is used
    #[arg(long, global = true, env = "LINELIGHT_RELAY", value_name = "URL", value_delimiter = ',')]
    pub relay: Vec<String>,
    /// A file with the agent's token
    #[arg(long, global = true, env = "LINELIGHT_TOKEN_FILE", value_name = "FILE", value_parser = path())]
    pub token_file: Option<PathBuf>,
    /// A file with the certificates (PEM) that may sign the relay's, instead of the built-in roots
    #[arg(long, global = true, env = "LINELIGHT_RELAY_CA", value_name = "FILE", value_parser = path())]
    pub relay_ca: Option<PathBuf>,
    /// The SHA-256 of the relay's public key, sha256//BASE64 or hex; two or more with commas, for the next key too
    #[arg(long, global = true, env = "LINELIGHT_RELAY_PIN", value_name = "PIN", value_delimiter = ',')]
    pub relay_pin: Vec<String>,
    /// Allow ws:// across a network
    #[arg(long, global = true, env = "LINELIGHT_RELAY_PLAINTEXT", value_parser = parse_switch)]
    pub relay_plaintext: bool,
    /// A file with the URL of an HTTP proxy
    #[arg(long, global = true, env = "LINELIGHT_PROXY_FILE", value_name = "FILE", value_parser = path())]
    pub proxy_file: Option<PathBuf>,

    /// Lines watched at once, at most
    #[arg(long, global = true, env = "LINELIGHT_MAX_WATCHED", value_name = "LINES", default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub max_watched: u32,
    /// monitor-traffic streams on the router at once, at most
    #[arg(long, global = true, env = "LINELIGHT_STREAMS", value_name = "STREAMS", default_value_t = 8,
        value_parser = clap::value_parser!(u32).range(2..=16))]
    pub streams: u32,
    /// Interfaces in one stream, at most
    #[arg(long, global = true, env = "LINELIGHT_INTERFACES_PER_STREAM", value_name = "INTERFACES", default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=200))]
    pub interfaces_per_stream: u32,
    /// PPPoE sessions known at once, at most
    #[arg(long, global = true, env = "LINELIGHT_MAX_SESSIONS", value_name = "SESSIONS", default_value_t = 20_000,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_sessions: u32,
    /// Between two full readings of the router's tables
    #[arg(long, global = true, env = "LINELIGHT_REREAD_SECONDS", value_name = "SECONDS", default_value_t = 60,
        value_parser = clap::value_parser!(u32).range(15..=3_600))]
    pub reread_seconds: u32,
    /// Between two readings of every line's byte counters, for the recent past of a page that opens; 0 or off for none
    #[arg(long, global = true, env = "LINELIGHT_AVERAGES_SECONDS", value_name = "SECONDS", default_value = "30",
        value_parser = parse_averages)]
    pub averages_seconds: u32,
    /// Memory for the last two minutes' samples, for a relay that was away
    #[arg(long, global = true, env = "LINELIGHT_BACKLOG_KIB", value_name = "KIB", default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(16..=16_384))]
    pub backlog_kib: u32,
    /// Report the comments of PPP secrets, which often hold the customer's name
    #[arg(long, global = true, env = "LINELIGHT_REPORT_COMMENTS", value_parser = parse_switch)]
    pub report_comments: bool,

    /// How much to log
    #[arg(long, global = true, env = "LINELIGHT_LOG", value_name = "LEVEL", value_enum, default_value_t = LogLevel::Info)]
    pub log: LogLevel,
    /// Whether to run the agent as a child and restart it after a crash
    #[arg(long, global = true, env = "LINELIGHT_SUPERVISE", value_name = "WHEN", value_enum,
        default_value_t = Supervise::Auto, overrides_with = "supervise")]
    pub supervise: Supervise,
}

/// How much to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What does not work
    Error,
    /// And what is doubtful
    Warn,
    /// And what changed: a few lines a minute at most
    Info,
    /// And usernames, addresses and each exchange
    Debug,
    /// And everything
    Trace,
}

/// Whether to run the agent as a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Supervise {
    /// As process 1, as in a container
    Auto,
    /// Always
    Always,
    /// Never
    Never,
    /// Never, and end with the parent: what a supervisor tells its child
    #[value(hide = true)]
    Child,
}

impl Typed {
    pub(super) const fn limits(&self) -> AgentLimits {
        AgentLimits {
            max_watched: self.max_watched as usize,
            streams: self.streams as usize,
            interfaces_per_stream: self.interfaces_per_stream as usize,
            sessions: self.max_sessions as usize,
            backlog_bytes: self.backlog_kib as usize * 1024,
            report_comments: self.report_comments,
        }
    }

    pub(super) fn tables(&self) -> TableTiming {
        let seconds = |count: u32| Duration::from_secs(count.into());
        TableTiming {
            reread_interval: seconds(self.reread_seconds),
            averages_interval: (self.averages_seconds > 0).then(|| seconds(self.averages_seconds)),
            ..TableTiming::default()
        }
    }
}

/// Seconds between two readings of the counters, 0 for none.
fn parse_averages(text: &str) -> Result<u32, &'static str> {
    match text.trim() {
        "off" => Ok(0),
        seconds => seconds.parse().ok().filter(|n| matches!(n, 0 | 2..=300)).ok_or("write 2 to 300, or off"),
    }
}

/// A path, which clap would otherwise not take empty, as a variable can be.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A switch as people write it; an empty variable is off.
fn parse_switch(text: &str) -> Result<bool, &'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "" | "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("write true or false"),
    }
}

/// The command line, as [`Cli`] reads it; the help names each variable and shows no values.
pub fn command_line() -> clap::Command {
    Cli::command().mut_args(|arg| arg.hide_env_values(true))
}
