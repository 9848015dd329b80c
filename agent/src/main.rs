//! The agent's program: reads the configuration, starts logging, runs, returns an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use agent::check;
use agent::config::{Cli, Command, Config, ConfigError, Environment, Typed, command_line};
use agent::process::{health, logging, supervisor};
use agent::stop::{Stopper, stop};
use clap::FromArgMatches;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::error;

fn main() -> ExitCode {
    let cli = match command_line().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // For clap, help and version are errors with exit code 0. A broken pipe has no reader left to tell.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(supervisor::EXIT_USAGE));
        }
    };
    logging::start(cli.typed.log);
    let done = runtime().and_then(|runtime| match cli.command {
        Some(Command::Check) => runtime.block_on(run_check(&cli.typed)),
        Some(Command::Health) => runtime.block_on(run_health(&cli.typed)),
        _ if supervisor::is_wanted(cli.typed.supervise) => runtime.block_on(supervisor::run()),
        _ => runtime.block_on(run_agent(&cli.typed)),
    });
    done.unwrap_or_else(|error| {
        error!(%error, "cannot run");
        ExitCode::FAILURE
    })
}

/// Returns a runtime of one thread; names are resolved on a second one, which ends when idle.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().max_blocking_threads(2).build()
}

async fn run_agent(typed: &Typed) -> io::Result<ExitCode> {
    supervisor::follow_parent(typed.supervise);
    let config = match Config::check(typed, &Environment::of_process()) {
        Ok(config) => config,
        Err(error) => return Ok(refuse(&error)),
    };
    let signals = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
    let (stopper, stop) = stop();
    tokio::select! {
        () = agent::run(config, stop) => {}
        () = pass_on(signals, stopper) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells the agent to stop at SIGTERM or SIGINT, and then waits for ever: the agent ends by itself.
async fn pass_on([mut terminate, mut interrupt]: [Signal; 2], stopper: Stopper) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stopper.stop();
    std::future::pending().await
}

async fn run_check(typed: &Typed) -> io::Result<ExitCode> {
    match Config::check(typed, &Environment::of_process()) {
        Ok(config) => {
            let all_well = check::print(&config, &mut io::stdout()).await?;
            Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(error) => Ok(refuse(&error)),
    }
}

async fn run_health(typed: &Typed) -> io::Result<ExitCode> {
    let config = match Config::check(typed, &Environment::of_process()) {
        Ok(config) => config,
        Err(error) => return Ok(refuse(&error)),
    };
    let health = health::ask(&config).await;
    // A health check's log keeps the line. A broken pipe has no reader left to tell.
    let _ = writeln!(io::stdout(), "{health}");
    Ok(if health.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn refuse(error: &ConfigError) -> ExitCode {
    error!("configuration: {error}");
    ExitCode::from(if error.may_pass() { supervisor::EXIT_CONFIG } else { supervisor::EXIT_USAGE })
}
