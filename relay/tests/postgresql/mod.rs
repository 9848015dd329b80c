//! A PostgreSQL server of the tests' own, on loopback, with a folder of its own.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running server with an empty database `linelight`; ended when dropped.
pub(crate) struct PostgreSql {
    server: Child,
    port: u16,
    folder: TempDir,
}

impl PostgreSql {
    /// Starts a server. `tests/setup postgresql` installs PostgreSQL.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let account = account();
        if let Some((user, group)) = account {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let data = folder.path().join("data");
        run(program("initdb", account).arg("--pgdata").arg(&data).args([
            "--auth=trust",
            "--username=linelight",
            "--no-sync",
        ]));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = serve(folder.path(), port);
        let started = Self { server, port, folder };
        started.wait();
        run(program("createdb", account).args([
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-U",
            "linelight",
            "linelight",
        ]));
        started
    }

    /// Kills the server at once, as a loss of power does.
    #[allow(dead_code, reason = "each test binary uses a part")]
    pub(crate) fn kill(&mut self) {
        // SIGQUIT is PostgreSQL's immediate shutdown: no connection is told, and the next start recovers.
        let server = rustix::process::Pid::from_child(&self.server);
        rustix::process::kill_process(server, rustix::process::Signal::QUIT).unwrap();
        self.server.wait().unwrap();
    }

    /// Starts the server again.
    #[allow(dead_code, reason = "each test binary uses a part")]
    pub(crate) fn start_again(&mut self) {
        self.server = serve(self.folder.path(), self.port);
        self.wait();
    }

    fn wait(&self) {
        while !self.answers() {
            std::thread::yield_now();
        }
    }

    /// Returns the server's port on loopback.
    #[allow(dead_code, reason = "each test binary uses a part")]
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address of the database.
    pub(crate) fn address(&self) -> String {
        format!("postgres://linelight@127.0.0.1:{}/linelight", self.port)
    }

    fn answers(&self) -> bool {
        let asked = Command::new(installed("pg_isready"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q"])
            .status();
        asked.unwrap().success()
    }
}

impl Drop for PostgreSql {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown, with all children.
        let _ =
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.server), rustix::process::Signal::INT);
        let _ = self.server.wait();
    }
}

fn serve(folder: &Path, port: u16) -> Child {
    program("postgres", account())
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap()
}

/// Returns the account for the server: PostgreSQL refuses to run as root.
fn account() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let line = accounts.lines().find(|line| line.starts_with("postgres:")).expect("tests/setup postgresql was run");
    let numbers: Vec<u32> = line.split(':').skip(2).take(2).map(|number| number.parse().unwrap()).collect();
    Some((numbers[0], numbers[1]))
}

fn program(name: &str, account: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(installed(name));
    if let Some((user, group)) = account {
        use std::os::unix::process::CommandExt;
        command.uid(user).gid(group).current_dir("/");
    }
    command
}

/// Returns the path of a program of the newest installed PostgreSQL. Debian keeps them outside of PATH.
fn installed(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("tests/setup postgresql was run");
    let newest = versions.map(|version| version.unwrap().path()).max().expect("tests/setup postgresql was run");
    Path::new(&newest).join("bin").join(name)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
