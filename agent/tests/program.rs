//! The program as a whole, as a router's container runs it: flags, variables, exit codes, supervisor, check.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the functions around the tests are tests too")]

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The built program, or another build of it, such as the static one, that the variable names.
const PROGRAM: &str = env!("CARGO_BIN_EXE_linelight-agent");
const OTHER_PROGRAM: &str = "LINELIGHT_TEST_AGENT";
/// Generous: the machine may be busy. A test that meets its condition does not wait for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program with nothing of this process's own variables.
fn program() -> Command {
    let mut command = Command::new(std::env::var_os(OTHER_PROGRAM).unwrap_or_else(|| PROGRAM.into()));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The program with a router and a relay that refuse connections.
fn configured(command: &mut Command) -> &mut Command {
    command
        .env("LINELIGHT_ROUTER", format!("127.0.0.1:{}", refusing_port()))
        .env("LINELIGHT_ROUTER_PASSWORD", "hunter2")
        .env("LINELIGHT_RELAY", format!("ws://127.0.0.1:{}", refusing_port()))
        .env("LINELIGHT_TOKEN", "hunter3")
}

fn refusing_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// A running program whose log is read line by line, and which ends with the test.
struct Running {
    child: Child,
    log: Receiver<String>,
    said: Vec<String>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, log, said: Vec::new() }
    }

    fn wait_for(&mut self, words: &str) {
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => self.said.push(line),
                Err(_) => panic!("never said {words:?}, but {:#?}", self.said),
            }
            if self.said.last().is_some_and(|line| line.contains(words)) {
                return;
            }
        }
    }

    fn signal(pid: u32, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
    }

    /// The agent that this supervisor runs, once there is one.
    fn agent(&self) -> u32 {
        let path = format!("/proc/{0}/task/{0}/children", self.child.id());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let children = std::fs::read_to_string(&path).unwrap();
            if let Some(child) = children.split_ascii_whitespace().next() {
                return child.parse().unwrap();
            }
            assert!(Instant::now() < deadline, "no child");
            std::thread::yield_now();
        }
    }

    /// Waits for its end, and returns how long that took and the exit code.
    fn end(mut self) -> (Duration, Option<i32>) {
        let began = Instant::now();
        let code = self.child.wait().unwrap().code();
        (began.elapsed(), code)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_gone(pid: u32) -> bool {
    let Ok(mut file) = std::fs::File::open(format!("/proc/{pid}/stat")) else { return true };
    let mut stat = String::new();
    let _ = file.read_to_string(&mut stat);
    stat.is_empty() || stat.contains(") Z ")
}

#[test]
fn the_help_shows_variables_and_none_of_their_values() {
    let shown = output(configured(&mut program()).arg("--help").env("LINELIGHT_ROUTER_USER", "somebody"));
    assert!(shown.status.success());
    let help = text(&shown.stdout);
    for variable in
        ["LINELIGHT_RELAY", "LINELIGHT_TOKEN_FILE", "LINELIGHT_ROUTER_PASSWORD", "LINELIGHT_SUPERVISE", "NO_PROXY"]
    {
        assert!(help.contains(variable), "{variable}");
    }
    assert!(!help.contains("hunter") && !help.contains("somebody") && !help.contains("127.0.0.1"), "{help}");
    assert_eq!(
        text(&output(program().arg("--version")).stdout),
        format!("linelight-agent {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn no_secret_can_be_given_by_flag() {
    for flag in ["--token=hunter2", "--router-password=hunter2", "--password=hunter2", "--proxy=http://u:hunter2@p"] {
        let refused = output(configured(&mut program()).arg(flag));
        assert_eq!(refused.status.code(), Some(2), "{flag}");
    }
}

#[test]
fn variables_are_read_and_what_is_wrong_with_them_is_said_once_without_secrets() {
    let flag = |name: &str, value: &str| output(configured(&mut program()).arg("check").env(name, value));
    for (name, value, words) in [
        ("LINELIGHT_TOKENS", "hunter4", "did you mean LINELIGHT_TOKEN"),
        ("LINELIGHT_RELAY", "https://relay.example", "wss://"),
        ("LINELIGHT_ROUTER", "router.example", "LINELIGHT_ROUTER_TLS"),
        ("LINELIGHT_STREAMS", "many", "many"),
        ("LINELIGHT_ROUTER_TLS", "perhaps", "true or false"),
        ("LINELIGHT_TOKEN", "", "LINELIGHT_TOKEN_FILE"),
    ] {
        let refused = flag(name, value);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(words) && !said.contains("hunter"), "{said}");
        assert!(!said.contains('\u{1b}'), "no colour on a router: {said:?}");
    }
    let late = flag("LINELIGHT_RELAY_CA", "/nonexistent/ca.pem");
    assert_eq!(late.status.code(), Some(78), "a file may be mounted later");
    assert_eq!(flag("LINELIGHT_ROUTER_TLS", "").status.code(), Some(1), "an empty switch is off");
}

#[test]
fn check_says_each_step_with_its_remedy() {
    let checked = output(configured(&mut program()).arg("check"));
    assert_eq!(checked.status.code(), Some(1));
    let steps = text(&checked.stdout);
    assert!(steps.starts_with("ok    configuration"), "{steps}");
    let failed: Vec<_> = steps.lines().filter(|line| line.starts_with("FAIL  ")).collect();
    assert!(
        failed.iter().any(|line| line.contains("relay reachable") && line.contains("is the relay running")),
        "{steps}"
    );
    assert!(!steps.contains("hunter"), "{steps}");
}

#[test]
fn an_agent_without_router_and_relay_goes_on_trying_and_stops_when_told() {
    let mut agent = Running::start(configured(&mut program()).arg("run"));
    agent.wait_for("no uplink");
    Running::signal(agent.child.id(), rustix::process::Signal::TERM);
    let (took, code) = agent.end();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_killed_agent_comes_back_and_the_word_to_stop_reaches_it() {
    let mut supervisor = Running::start(configured(&mut program()).arg("--supervise=always"));
    supervisor.wait_for("agent starts");
    let first = supervisor.agent();
    Running::signal(first, rustix::process::Signal::KILL);
    supervisor.wait_for("was killed and is started again");
    supervisor.wait_for("agent starts");
    let second = supervisor.agent();
    assert_ne!(first, second);
    Running::signal(supervisor.child.id(), rustix::process::Signal::TERM);
    let (took, code) = supervisor.end();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(is_gone(second));
}

#[test]
fn an_agent_ends_with_its_supervisor() {
    let mut supervisor = Running::start(configured(&mut program()).env("LINELIGHT_SUPERVISE", "always"));
    supervisor.wait_for("agent starts");
    let agent = supervisor.agent();
    Running::signal(supervisor.child.id(), rustix::process::Signal::KILL);
    supervisor.wait_for("agent stops");
    let deadline = Instant::now() + PATIENCE;
    while !is_gone(agent) {
        assert!(Instant::now() < deadline, "two agents would report under one token");
        std::thread::yield_now();
    }
}

#[test]
fn a_supervisor_ends_with_wrong_flags_and_waits_for_missing_files() {
    let wrong = output(configured(&mut program()).arg("--supervise=always").env("LINELIGHT_RELAY", "nonsense"));
    assert_eq!(wrong.status.code(), Some(2));
    let mut command = program();
    configured(&mut command).arg("--supervise=always").env("LINELIGHT_RELAY_CA", "/nonexistent/ca.pem");
    let mut waiting = Running::start(&mut command);
    waiting.wait_for("/nonexistent/ca.pem");
    waiting.wait_for("tried again");
    Running::signal(waiting.child.id(), rustix::process::Signal::TERM);
    assert_eq!(waiting.end().1, Some(0));
}
