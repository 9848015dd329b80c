//! The built binary on an operator's command line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod links;
mod running;
mod start;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::SystemTime;

use common::{bearer, get};
use relay::store::data_directory::DataDirectory;
use relay::viewers::links::keys::Keys;
use relay::viewers::links::{Access, Mode, WatchRequest};
use rustix::process::{Pid, Signal, kill_process};

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linelight-relay"));
    command.env_clear().arg("--data").arg(data).args(arguments);
    command
}

fn run(data: &Path, arguments: &[&str]) -> Output {
    command(data, arguments).output().unwrap()
}

fn good(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A command's exit code and messages.
fn bad(data: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(data, arguments);
    assert!(output.stdout.is_empty(), "nothing is on standard output but what was asked for");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A relay as a separate process, ended when dropped.
struct Served {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    text: String,
    viewers: SocketAddr,
    private: SocketAddr,
}

impl Served {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0", "--private-listen", "127.0.0.1:0", "--log", "debug"];
        all.extend(arguments);
        let mut child = command(data, &all).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut text = String::new();
        while !text.contains("the relay is ready") {
            assert_ne!(log.read_line(&mut text).unwrap(), 0, "the relay ended: {text}");
        }
        let address = |name: &str| text.split(name).nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
        let (viewers, private) = (address(" viewers="), address(" private="));
        Self { child, log, text, viewers, private }
    }

    /// Ends the relay by SIGTERM. Returns the exit code and the whole log.
    fn terminate(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.log.read_to_string(&mut self.text).unwrap();
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.text))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
