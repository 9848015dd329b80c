//! The commands of `linelight-relay`, one file each.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{self, ConfigError, ServeArguments};
use crate::store::data_directory::DataDirectory;

mod agent;
mod backup;
mod check_subscribers;
mod duration;
mod explain;
mod init;
mod key;
mod link;
mod links;
mod operator;
mod password;
mod private;
pub mod router_script;
mod serve;
mod share;
mod store;
mod times;
mod watch;

/// The exit code for wrong arguments; every other failure exits with 1.
const WRONG_USE: u8 = 2;

/// Serves the monitor page and fans the samples of PPPoE lines out to their viewers.
#[derive(Debug, Parser)]
#[command(name = "linelight-relay", version, arg_required_else_help = true)]
struct Cli {
    /// The directory of the relay's keys and agents
    #[arg(
        long,
        global = true,
        env = "LINELIGHT_SERVER_DATA",
        value_name = "DIRECTORY",
        default_value = "/var/lib/linelight"
    )]
    data: PathBuf,

    /// What is logged, to standard error: error, warn, info or debug (debug names usernames and addresses)
    #[arg(long, global = true, env = "LINELIGHT_SERVER_LOG", value_name = "LEVEL", default_value = "info")]
    log: tracing_subscriber::filter::LevelFilter,

    /// The address under which browsers reach the relay, such as https://monitor.example or https://monitor.example/folder/: links begin with it
    #[arg(long, global = true, env = "LINELIGHT_SERVER_PUBLIC_URL", value_name = "URL", value_parser = config::public_url)]
    public_url: Option<http::Uri>,

    #[command(flatten)]
    store: store::StoreArguments,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes the data directory, with fresh keys for links; never overwrites any
    Init,
    /// Runs the relay
    Serve(Box<ServeArguments>),
    /// Prints the link of a line
    Link(link::LinkArguments),
    /// Lists and revokes links
    #[command(subcommand)]
    Links(links::LinksCommand),
    /// Adds, lists and removes people of the staff, who sign in at the console
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// Writes a copy of the store to a file, also while the relay runs
    Backup(backup::BackupArguments),
    /// Puts a backup in the store's place, while no relay runs
    Restore(backup::RestoreArguments),
    /// Adds, lists and revokes agents, the programs that report lines
    #[command(subcommand)]
    Agent(agent::AgentCommand),
    /// Puts this directory's keys or agents into the database that relays share, in place of what is there
    Share(share::ShareArguments),
    /// Adds, lists and revokes keys of the API, for billing systems and portals
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Prints a script for one paste that puts an agent on a RouterOS router as a container
    RouterScript(Box<router_script::RouterScriptArguments>),
    /// Prints how each row of a subscribers file is read; fails where something in it is refused
    CheckSubscribers(check_subscribers::CheckSubscribersArguments),
    /// Says what the running relay knows of a line, and which names may be meant instead
    Explain(explain::ExplainArguments),
    /// Shows a line's live figures in the terminal, as its viewer
    Watch(watch::WatchArguments),
}

impl Command {
    /// True for a command that reads keys or agents from the data directory, and changes none.
    fn reads_shared_files(&self) -> bool {
        matches!(
            self,
            Self::Serve(_)
                | Self::Link(_)
                | Self::Links(_)
                | Self::Operator(_)
                | Self::Watch(_)
                | Self::Agent(agent::AgentCommand::List { .. })
        )
    }
}

/// Why a command failed.
enum Failure {
    /// The arguments are wrong.
    Use(ConfigError),
    /// Everything else.
    Run(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Run(error.into())
    }
}

/// Runs the command in the arguments. The exit code is 0, 1 for a failure, or 2 for wrong arguments.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = match Cli::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return usage(error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(error),
    };
    match config::check_variables(&known_variables(), std::env::vars_os().map(|(name, _)| name)) {
        Ok(()) => {}
        Err(error) => return report(&Failure::Use(error)),
    }
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

impl Cli {
    fn run(self) -> Result<(), Failure> {
        let data = DataDirectory::new(self.data);
        let store = self.store.location(&data)?;
        let out = &mut io::stdout().lock();
        if self.command.reads_shared_files() {
            store::fetch_shared(&data, &store);
        }
        match self.command {
            Command::Init => init::run(&data, &store, out)?,
            Command::Share(arguments) => share::run(&arguments, &data, &store)?,
            Command::Serve(arguments) => {
                let mut config = arguments.check(data).map_err(Failure::Use)?;
                config.provider.public_url = self.public_url;
                config.store = store;
                serve::run(config, self.log)?;
            }
            Command::Link(arguments) => link::run(&arguments, &data, &store, self.public_url.as_ref(), out)?,
            Command::Links(command) => links::run(&command, &data, &store, out)?,
            Command::Operator(command) => operator::run(&command, &data, &store, self.public_url.as_ref(), out)?,
            Command::Backup(arguments) => backup::backup(&arguments, &store, out)?,
            Command::Restore(arguments) => backup::restore(&arguments, &data, &store, out)?,
            Command::Agent(command) => agent::run(command, &data, &store, out)?,
            Command::Key(command) => key::run(command, &store, out)?,
            Command::RouterScript(arguments) => {
                router_script::run(*arguments, (&data, &store), self.public_url.as_ref(), out)?;
            }
            Command::CheckSubscribers(arguments) => check_subscribers::run(arguments, out)?,
            Command::Explain(arguments) => explain::run(&arguments, out)?,
            Command::Watch(arguments) => watch::run(&arguments, &data, self.public_url.as_ref(), out)?,
        }
        Ok(())
    }
}

/// Returns the command line with every command, for [`main`] and for the documentation.
pub fn command_line() -> clap::Command {
    Cli::command()
}

/// Returns the variables of all arguments of all commands.
fn known_variables() -> Vec<&'static str> {
    fn collect(command: &clap::Command, known: &mut Vec<&'static str>) {
        let names = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned));
        known.extend(names.map(|name| &*name.leak()));
        for subcommand in command.get_subcommands() {
            collect(subcommand, known);
        }
    }
    let mut known = Vec::new();
    collect(&Cli::command(), &mut known);
    known
}

fn usage(mut error: clap::Error) -> ExitCode {
    conceal(&mut error);
    // If even standard error is closed, there is no place for a message.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(WRONG_USE))
}

/// Removes typed URLs from an error: a password or a token can be in a URL.
fn conceal(error: &mut clap::Error) {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let (argument, value, command) =
        (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue), text(ContextKind::InvalidSubcommand));
    let hidden = || ContextValue::String("…".to_owned());
    if argument.contains("URL>") || value.contains("://") {
        error.insert(ContextKind::InvalidValue, hidden());
    }
    if argument.contains("://") {
        error.insert(ContextKind::InvalidArg, hidden());
    }
    if command.contains("://") {
        error.insert(ContextKind::InvalidSubcommand, hidden());
    }
}

fn report(failure: &Failure) -> ExitCode {
    let (code, text) = match failure {
        Failure::Use(error) => (WRONG_USE, error.to_string()),
        Failure::Run(error) if is_closed_pipe(error) => return ExitCode::SUCCESS,
        Failure::Run(error) => (1, format!("{error:#}")),
    };
    let _ = writeln!(io::stderr(), "linelight-relay: {text}");
    ExitCode::from(code)
}

/// True if the reader of the output closed the pipe early, as `head` does.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_of_serve_has_a_variable_of_the_same_name() {
        let command = Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        for argument in serve.get_arguments().chain(command.get_arguments()) {
            let Some(long) = argument.get_long().filter(|long| !matches!(*long, "help" | "version")) else { continue };
            let expected = format!("{}{}", config::VARIABLE_PREFIX, long.to_uppercase().replace('-', "_"));
            assert_eq!(argument.get_env().and_then(|name| name.to_str()), Some(expected.as_str()), "--{long}");
        }
        assert!(known_variables().contains(&"LINELIGHT_SERVER_LISTEN"));
    }

    #[test]
    fn no_secret_is_an_argument() {
        let command = Cli::command();
        let all = command.get_subcommands().flat_map(clap::Command::get_arguments).chain(command.get_arguments());
        for long in all.filter_map(clap::Arg::get_long) {
            assert!(
                !["token", "password", "secret", "link"].contains(&long),
                "--{long} shows its value to every process list"
            );
        }
    }
}
