//! Process 1 of a container: runs the agent as a child of the same binary and restarts the agent after each end.
//!
//! RouterOS before 7.20 restarts no container, and after an out-of-memory kill of the child this process is still
//! there. The supervisor has no configuration and no connection, passes the word to stop on, and reaps orphans.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, set_parent_process_death_signal, wait};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use crate::backoff::{self, Backoff};
use crate::config::Supervise;

/// Wrong flags or variables: they do not change while this process lives.
pub const EXIT_USAGE: u8 = 2;

/// A file or a route is missing and may still appear (EX_CONFIG of sysexits.h).
pub const EXIT_CONFIG: u8 = 78;

const BACKOFF_BASE: Duration = Duration::from_secs(1);
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// Between two looks whether a missing file has come.
const CONFIG_PAUSE: Duration = Duration::from_secs(60);
/// After a child of this age the waits begin at the base again.
const SETTLED_AFTER: Duration = Duration::from_secs(60);
/// For the child to end after the word to stop; RouterOS kills everything after 10 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// True if this process is to supervise an agent and not to be one.
pub fn is_wanted(when: Supervise) -> bool {
    match when {
        Supervise::Auto => std::process::id() == 1,
        Supervise::Always => true,
        Supervise::Never | Supervise::Child => false,
    }
}

/// Makes a supervised agent end with the supervisor: two agents must never report under one token.
pub fn follow_parent(when: Supervise) {
    if when == Supervise::Child
        && let Err(error) = set_parent_process_death_signal(Some(Signal::TERM))
    {
        warn!(%error, "this agent will not notice the end of its supervisor");
    }
}

/// Runs this process's own command line as a child until told to stop, and returns the code to exit with.
///
/// # Errors
/// When signals cannot be listened for, or this binary cannot be found.
pub async fn run() -> io::Result<ExitCode> {
    let program = std::env::current_exe()?;
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let mut supervisor = Supervisor {
        program: program.into_os_string(),
        arguments,
        signals: Heard::listen()?,
        policy: Policy::new(backoff::seed()),
    };
    Ok(ExitCode::from(supervisor.run().await))
}

/// The supervisor's reaction to the end of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Exit(u8),
    Restart(Duration),
}

/// The supervisor's reaction to a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    GoOn,
    Stop,
}

/// The end of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Exited(u8),
    Killed(i32),
}

/// When to start the next child.
#[derive(Debug)]
struct Policy {
    backoff: Backoff,
}

impl Policy {
    const fn new(seed: u64) -> Self {
        Self { backoff: Backoff::new(BACKOFF_BASE, BACKOFF_CAP, seed) }
    }

    fn after(&mut self, end: End, ran_for: Duration) -> Next {
        if ran_for >= SETTLED_AFTER {
            self.backoff.reset();
        }
        match end {
            End::Exited(EXIT_USAGE) => Next::Exit(EXIT_USAGE),
            End::Exited(EXIT_CONFIG) => Next::Restart(CONFIG_PAUSE),
            End::Exited(_) | End::Killed(_) => Next::Restart(self.backoff.wait()),
        }
    }
}

/// The signals of a supervisor.
struct Heard {
    terminate: Signals,
    interrupt: Signals,
    child: Signals,
}

impl Heard {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            child: signal(SignalKind::child())?,
        })
    }

    async fn told_to_stop(terminate: &mut Signals, interrupt: &mut Signals) {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

struct Supervisor {
    program: OsString,
    arguments: Vec<OsString>,
    signals: Heard,
    policy: Policy,
}

impl Supervisor {
    async fn run(&mut self) -> u8 {
        loop {
            let began = Instant::now();
            let (end, order) = match self.spawn() {
                Ok(child) => self.attend(child).await,
                Err(error) => {
                    error!(%error, "the agent cannot be started");
                    (End::Exited(EXIT_CONFIG), Order::GoOn)
                }
            };
            if order == Order::Stop {
                return code(end);
            }
            match self.policy.after(end, began.elapsed()) {
                Next::Exit(code) => return code,
                Next::Restart(pause) => {
                    say(end, pause);
                    if self.pause(pause).await == Order::Stop {
                        return 0;
                    }
                }
            }
        }
    }

    fn spawn(&self) -> io::Result<Pid> {
        let mut command = Command::new(&self.program);
        command.arg0("linelight-agent").args(&self.arguments).arg("--supervise=child");
        let child = command.spawn()?;
        // Waited for by number, among all other processes to reap.
        Pid::from_raw(child.id().cast_signed()).ok_or_else(|| io::Error::other("the child has no number"))
    }

    /// Waits for the child's end; returns the end, and whether the supervisor was told to stop.
    async fn attend(&mut self, child: Pid) -> (End, Order) {
        let mut kill_at = None;
        loop {
            if let Some(end) = reap(child) {
                return (end, if kill_at.is_some() { Order::Stop } else { Order::GoOn });
            }
            let Heard { terminate, interrupt, child: ended } = &mut self.signals;
            tokio::select! {
                _ = ended.recv() => {}
                () = Heard::told_to_stop(terminate, interrupt) => kill_at = Some(pass_on(child)),
                () = until(kill_at) => kill(child),
            }
        }
    }

    /// Waits before the next start and reaps meanwhile; returns early if told to stop.
    async fn pause(&mut self, pause: Duration) -> Order {
        let until = Instant::now() + pause;
        loop {
            let Heard { terminate, interrupt, child } = &mut self.signals;
            tokio::select! {
                _ = child.recv() => while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {},
                () = Heard::told_to_stop(terminate, interrupt) => return Order::Stop,
                () = sleep_until(until) => return Order::GoOn,
            }
        }
    }
}

/// Reaps every ended process, and returns the child's end if the child is among them.
fn reap(child: Pid) -> Option<End> {
    let mut found = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == child {
            found = end(status);
        }
    }
    found
}

fn end(status: WaitStatus) -> Option<End> {
    let exited = status.exit_status().map(|code| End::Exited(u8::try_from(code).unwrap_or(u8::MAX)));
    exited.or_else(|| status.terminating_signal().map(End::Killed))
}

fn pass_on(child: Pid) -> Instant {
    if let Err(error) = kill_process(child, Signal::TERM) {
        warn!(%error, "the agent cannot be told to stop");
    }
    Instant::now() + STOP_TIMEOUT
}

fn kill(child: Pid) {
    warn!("the agent does not stop and is killed");
    // The loop reaps a child that ends at this very moment.
    let _ = kill_process(child, Signal::KILL);
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn say(end: End, pause: Duration) {
    let again_in_ms = crate::clock::milliseconds(pause);
    match end {
        End::Exited(EXIT_CONFIG) => info!(again_in_ms, "the configuration is tried again"),
        End::Exited(code) => warn!(code, again_in_ms, "the agent ended and is started again"),
        End::Killed(9) => {
            warn!(
                again_in_ms,
                "the agent was killed and is started again; if that repeats, give the container more memory"
            );
        }
        End::Killed(signal) => warn!(signal, again_in_ms, "the agent crashed and is started again"),
    }
}

/// Returns the exit code for an ended child, with signals as shells count them.
fn code(end: End) -> u8 {
    match end {
        End::Exited(code) => code,
        End::Killed(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_change_ends_it_and_what_can_is_tried_again_slowly() {
        let mut policy = Policy::new(1);
        assert_eq!(policy.after(End::Exited(EXIT_USAGE), Duration::ZERO), Next::Exit(EXIT_USAGE));
        assert_eq!(policy.after(End::Exited(EXIT_CONFIG), Duration::ZERO), Next::Restart(CONFIG_PAUSE));
    }

    #[test]
    fn a_child_that_crashes_at_once_is_started_ever_more_slowly_until_it_settles() {
        let mut policy = Policy::new(1);
        let mut waits = |ran_for: u64| {
            (0..20)
                .map(|_| match policy.after(End::Killed(9), Duration::from_secs(ran_for)) {
                    Next::Restart(pause) => pause,
                    Next::Exit(_) => unreachable!("a crash is never the end"),
                })
                .max()
        };
        assert!(waits(0) > Some(Duration::from_secs(20)));
        assert!(waits(3_600) <= Some(BACKOFF_BASE));
    }

    #[test]
    fn a_signal_is_told_as_shells_tell_it() {
        assert_eq!([code(End::Exited(3)), code(End::Killed(15))], [3, 143]);
    }
}
