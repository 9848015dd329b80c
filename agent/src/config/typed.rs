//! The configuration as typed: one table of flags and variables, read by clap.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::limits::{AgentLimits, TableTiming};

const AFTER_HELP: &str = "\
Secrets are never flags. Write each into a file, and name the file in …_FILE. A variable works too, but RouterOS shows variables \
in its exports:
  LINELIGHT_ROUTER_PASSWORD  password of the API user
  LINELIGHT_TOKEN            the agent's token, printed by `linelight-relay agent add`
  LINELIGHT_PROXY            URL of an HTTP proxy, http://[user:password@]host:port; without it HTTPS_PROXY; NO_PROXY lists exceptions

In a container on the router, LINELIGHT_RELAY, the password and the token are enough. A supervisor restarts the agent after a \
crash: as process 1, or with --supervise=always.

Exit codes: 0 stopped, 1 a check failed or the agent is not well, 2 a flag or a variable is wrong, 78 a file or a route is missing (a supervisor tries again).";

/// Reads PPPoE lines' rates from a RouterOS API and streams them to a Linelight relay.
#[derive(Debug, Parser)]
#[command(name = "linelight-agent", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub struct Cli {
    /// A command of the program.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags, the same for each command.
    #[command(flatten)]
    pub typed: Typed,
}

/// A command of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the agent (the default)
    Run,
    /// Test the way to the router and to the relay, and print a line for each step
    Check,
    /// Print the state of the running agent with the same settings; exit code 0 if well, 1 if not
    Health,
}

/// Every flag, with a variable of the same name.
#[derive(Debug, Args)]
pub struct Typed {
    /// The flags of the router.
    #[command(flatten)]
    pub router: RouterFlags,
    /// The flags of the relay and the way there.
    #[command(flatten)]
    pub relay: RelayFlags,
    /// The flags for the agent's limits and intervals.
    #[command(flatten)]
    pub limits: LimitFlags,
    /// Least severe level to log
    #[arg(long, global = true, env = "LINELIGHT_LOG", value_name = "LEVEL", value_enum, default_value_t = LogLevel::Info)]
    pub log: LogLevel,
    /// When to run the agent under a supervisor, for a restart after a crash
    #[arg(long, global = true, env = "LINELIGHT_SUPERVISE", value_name = "WHEN", value_enum,
        default_value_t = Supervise::Auto, overrides_with = "supervise")]
    pub supervise: Supervise,
}

/// The flags of the router.
#[derive(Debug, Args)]
pub struct RouterFlags {
    /// Address of the router's API: host or host:port [default: the container's gateway]
    #[arg(id = "router", long = "router", global = true, env = "LINELIGHT_ROUTER", value_name = "HOST")]
    pub address: Option<String>,
    /// Name of the API user on the router
    #[arg(
        id = "router_user",
        long = "router-user",
        global = true,
        env = "LINELIGHT_ROUTER_USER",
        value_name = "NAME",
        default_value = "linelight"
    )]
    pub user: String,
    /// File with the API user's password
    #[arg(id = "router_password_file", long = "router-password-file", global = true, env = "LINELIGHT_ROUTER_PASSWORD_FILE", value_name = "FILE", value_parser = path())]
    pub password_file: Option<PathBuf>,
    /// Use api-ssl (port 8729); a CA file or a pin implies this
    #[arg(id = "router_tls", long = "router-tls", global = true, env = "LINELIGHT_ROUTER_TLS", value_parser = parse_switch)]
    pub tls: bool,
    /// File with the CA certificates (PEM) for api-ssl
    #[arg(id = "router_ca", long = "router-ca", global = true, env = "LINELIGHT_ROUTER_CA", value_name = "FILE", value_parser = path())]
    pub ca: Option<PathBuf>,
    /// SHA-256 of api-ssl's public key, as sha256//BASE64 or hex; several separated by commas
    #[arg(
        id = "router_pin",
        long = "router-pin",
        global = true,
        env = "LINELIGHT_ROUTER_PIN",
        value_name = "PIN",
        value_delimiter = ','
    )]
    pub pins: Vec<String>,
    /// Allow the unencrypted API to a router across a network
    #[arg(id = "router_plaintext", long = "router-plaintext", global = true, env = "LINELIGHT_ROUTER_PLAINTEXT", value_parser = parse_switch)]
    pub plaintext: bool,
}

/// The flags of the relay and the way there.
#[derive(Debug, Args)]
pub struct RelayFlags {
    /// Address of the relay: wss://host, wss://host:port or wss://host/folder; several separated by commas, in order of preference
    #[arg(
        id = "relay",
        long = "relay",
        global = true,
        env = "LINELIGHT_RELAY",
        value_name = "URL",
        value_delimiter = ','
    )]
    pub addresses: Vec<String>,
    /// File with the agent's token
    #[arg(long, global = true, env = "LINELIGHT_TOKEN_FILE", value_name = "FILE", value_parser = path())]
    pub token_file: Option<PathBuf>,
    /// File with the CA certificates (PEM) for the relay, in place of the built-in ones
    #[arg(id = "relay_ca", long = "relay-ca", global = true, env = "LINELIGHT_RELAY_CA", value_name = "FILE", value_parser = path())]
    pub ca: Option<PathBuf>,
    /// SHA-256 of the relay's public key, as sha256//BASE64 or hex; separated by commas, with the next key's pin too
    #[arg(
        id = "relay_pin",
        long = "relay-pin",
        global = true,
        env = "LINELIGHT_RELAY_PIN",
        value_name = "PIN",
        value_delimiter = ','
    )]
    pub pins: Vec<String>,
    /// Allow ws:// (unencrypted) to a relay across a network
    #[arg(id = "relay_plaintext", long = "relay-plaintext", global = true, env = "LINELIGHT_RELAY_PLAINTEXT", value_parser = parse_switch)]
    pub plaintext: bool,
    /// File with the URL of an HTTP proxy
    #[arg(long, global = true, env = "LINELIGHT_PROXY_FILE", value_name = "FILE", value_parser = path())]
    pub proxy_file: Option<PathBuf>,
}

/// The flags for the agent's limits and intervals.
#[derive(Debug, Args)]
pub struct LimitFlags {
    /// Most lines to watch at once
    #[arg(long, global = true, env = "LINELIGHT_MAX_WATCHED", value_name = "LINES", default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub max_watched: u32,
    /// Most monitor-traffic streams on the router at once
    #[arg(long, global = true, env = "LINELIGHT_STREAMS", value_name = "STREAMS", default_value_t = 8,
        value_parser = clap::value_parser!(u32).range(2..=16))]
    pub streams: u32,
    /// Most interfaces in one stream
    #[arg(long, global = true, env = "LINELIGHT_INTERFACES_PER_STREAM", value_name = "INTERFACES", default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=200))]
    pub interfaces_per_stream: u32,
    /// Most PPPoE sessions to report
    #[arg(long, global = true, env = "LINELIGHT_MAX_SESSIONS", value_name = "SESSIONS", default_value_t = 20_000,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_sessions: u32,
    /// Seconds between two full readings of the router's tables
    #[arg(long, global = true, env = "LINELIGHT_REREAD_SECONDS", value_name = "SECONDS", default_value_t = 60,
        value_parser = clap::value_parser!(u32).range(15..=3_600))]
    pub reread_seconds: u32,
    /// Seconds between two readings of all byte counters, for the history on a new page: 2 to 300, or off
    #[arg(long, global = true, env = "LINELIGHT_AVERAGES_SECONDS", value_name = "SECONDS", default_value = "30",
        value_parser = parse_averages)]
    pub averages_seconds: u32,
    /// Memory for the samples of the last two minutes, to send after a lost connection
    #[arg(long, global = true, env = "LINELIGHT_BACKLOG_KIB", value_name = "KIB", default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(16..=16_384))]
    pub backlog_kib: u32,
    /// Report the comments of PPP secrets; they often hold the customer's name
    #[arg(long, global = true, env = "LINELIGHT_REPORT_COMMENTS", value_parser = parse_switch)]
    pub report_comments: bool,
    /// Most probes (ICMP echo) a second to measure how watched lines answer, all lines together; 0 for none
    #[arg(long, global = true, env = "LINELIGHT_PROBES_PER_SECOND", value_name = "PROBES", default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub probes_per_second: u32,
}

/// How much to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Faults
    Error,
    /// Also warnings
    Warn,
    /// Also changes, a few lines a minute at most
    Info,
    /// Also usernames, addresses and each exchange
    Debug,
    /// Everything
    Trace,
}

/// When to run the agent as a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Supervise {
    /// As process 1, the case in a container
    Auto,
    /// Always
    Always,
    /// Never
    Never,
    /// Never, and end with the parent: for a supervisor's child
    #[value(hide = true)]
    Child,
}

impl LimitFlags {
    pub(super) const fn to_agent_limits(&self) -> AgentLimits {
        AgentLimits {
            max_watched: self.max_watched as usize,
            streams: self.streams as usize,
            interfaces_per_stream: self.interfaces_per_stream as usize,
            sessions: self.max_sessions as usize,
            backlog_bytes: self.backlog_kib as usize * 1024,
            report_comments: self.report_comments,
            probes_per_second: self.probes_per_second,
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

/// Parses the seconds between two readings of the counters, 0 for none.
fn parse_averages(text: &str) -> Result<u32, &'static str> {
    match text.trim() {
        "off" => Ok(0),
        seconds => seconds.parse().ok().filter(|n| matches!(n, 0 | 2..=300)).ok_or("write 2 to 300, or off"),
    }
}

/// Parses a path, also the empty one of an empty variable.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Parses a switch; an empty variable is off.
fn parse_switch(text: &str) -> Result<bool, &'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "" | "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("write true or false"),
    }
}

/// Returns the command line of [`Cli`]; the help names each variable and shows no values.
pub fn command_line() -> clap::Command {
    Cli::command().mut_args(|arg| arg.hide_env_values(true))
}
