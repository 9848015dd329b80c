//! The built programs as child processes: started with a folder of their own, ended when dropped.

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use super::viewer::PATIENCE;

/// The path of a built program: beside the running one, or one folder up from a test.
///
/// # Errors
/// When the program is missing, with the command to build it.
pub fn built(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let beside = here.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    beside.with_context(|| format!("{name} is not built: run cargo build --workspace --bins"))
}

/// One running program and its log.
pub struct Program {
    child: Child,
    log: watch::Receiver<Vec<String>>,
}

impl Program {
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {:?}", command.as_std().get_program()))?;
        let stderr = child.stderr.take().context("the child has no standard error")?;
        let (lines, log) = watch::channel(Vec::new());
        let name = Path::new(command.as_std().get_program()).file_name().unwrap_or_default().to_owned();
        tokio::spawn(async move {
            let mut reader = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = reader.next_line().await {
                show(&name, &line);
                lines.send_modify(|lines| lines.push(line));
            }
        });
        Ok(Self { child, log })
    }

    /// Waits for a log line that answers `wanted`, and returns the line.
    ///
    /// # Errors
    /// When none does in time, or the program ends; the error holds the log.
    pub async fn logged(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let found = |lines: &Vec<String>| lines.iter().find(|line| wanted(line)).cloned();
        let waiting = self.log.wait_for(|lines| found(lines).is_some());
        let line = timeout(PATIENCE, waiting).await.ok().and_then(Result::ok).and_then(|lines| found(&lines));
        line.with_context(|| format!("{what} was not logged; the log:\n{}", self.log().join("\n")))
    }

    /// The log so far, one entry a line.
    pub fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// The process id, while the program runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills the program at once, as in a crash.
    ///
    /// # Errors
    /// When the program has ended already.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// When the program does not end in time.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        let id = self.child.id().context("it has ended already")?;
        signal(id, "TERM").await?;
        Ok(timeout(PATIENCE, self.child.wait()).await.context("it did not end after SIGTERM")??)
    }
}

/// Shows a program's line; a test runner keeps the line for the report of a failure.
#[expect(clippy::print_stderr, reason = "a test's output, kept by nextest unless the test fails")]
fn show(program: &OsStr, line: &str) {
    if std::env::var_os("NEXTEST").is_some() {
        eprintln!("{}: {line}", program.display());
    }
}

/// Sends a signal to a process.
///
/// # Errors
/// When `kill` refuses.
pub async fn signal(process: u32, signal: &str) -> Result<()> {
    let status = Command::new("kill").arg(format!("-{signal}")).arg(process.to_string()).status().await?;
    ensure!(status.success(), "kill -{signal} {process}: {status}");
    Ok(())
}

/// How a relay is to run.
#[derive(Debug, Clone, Default)]
pub struct RelaySetup {
    /// The page's port; 0 for a free one.
    pub port: u16,
    /// The page's address; default 127.0.0.1.
    pub address: Option<IpAddr>,
    /// More flags of `serve`.
    pub flags: Vec<String>,
    /// The subscribers file.
    pub subscribers: Option<String>,
    /// The registry of agents; default empty.
    pub registry: Option<String>,
}

/// A running relay with a folder of its own.
pub struct Relay {
    /// The process.
    pub program: Program,
    /// The address for viewers and agents.
    pub address: SocketAddr,
    /// Where agents connect: the same, unless the flags say otherwise.
    pub agents: SocketAddr,
    /// The address for metrics, health and `explain`.
    pub private: SocketAddr,
    folder: tempfile::TempDir,
    setup: RelaySetup,
}

impl Relay {
    /// Makes the keys and starts the relay, on free ports of 127.0.0.1 unless the setup says otherwise.
    ///
    /// # Errors
    /// When the program is not built or does not come up.
    pub async fn start(setup: RelaySetup) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        relay_command(folder.path(), ["init"]).await?;
        if let Some(subscribers) = &setup.subscribers {
            std::fs::write(folder.path().join("subscribers.csv"), subscribers)?;
        }
        if let Some(registry) = &setup.registry {
            std::fs::write(folder.path().join("data/agents.json"), registry)?;
        }
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let listen = SocketAddr::new(setup.address.unwrap_or(loopback), setup.port);
        let private = SocketAddr::new(loopback, 0);
        let (program, [address, agents, private]) = serve(folder.path(), &setup, listen, private).await?;
        Ok(Self { program, address, agents, private, folder, setup })
    }

    /// Starts another relay with a copy of the keys and agents, as the second of a pair.
    ///
    /// # Errors
    /// As [`Relay::start`].
    pub async fn start_twin(&self) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (from, to) = (self.folder.path().join("data"), folder.path().join("data"));
        std::fs::create_dir(&to)?;
        for file in std::fs::read_dir(&from)? {
            let file = file?;
            match std::fs::copy(file.path(), to.join(file.file_name())) {
                // The store's own files beside it come and go while the relay runs.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                copied => drop(copied?),
            }
        }
        let setup = RelaySetup { port: 0, ..self.setup.clone() };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (program, [address, agents, private]) = serve(folder.path(), &setup, any, any).await?;
        Ok(Self { program, address, agents, private, folder, setup })
    }

    /// Stops the relay with SIGTERM, until [`Relay::resume`].
    ///
    /// # Errors
    /// When the relay does not end.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.program.terminate().await
    }

    /// Starts the relay again with the same folder and ports.
    ///
    /// # Errors
    /// When the relay does not come up.
    pub async fn resume(&mut self) -> Result<()> {
        (self.program, _) = serve(self.folder.path(), &self.setup, self.address, self.private).await?;
        Ok(())
    }

    /// Makes an agent's token.
    ///
    /// # Errors
    /// What `agent add` reports.
    pub async fn add_agent(&self, name: &str, patterns: &[&str]) -> Result<String> {
        let arguments = ["agent", "add", name, "--lines"].into_iter().chain(patterns.iter().copied());
        let output = relay_command(self.folder.path(), arguments).await?;
        last_word(&output)
    }

    /// Revokes an agent's token.
    ///
    /// # Errors
    /// What `agent revoke` reports.
    pub async fn revoke_agent(&self, name: &str) -> Result<()> {
        relay_command(self.folder.path(), ["agent", "revoke", name]).await.map(drop)
    }

    /// Makes a link to a line; the link expires after a time such as `90d` or `5s`.
    ///
    /// # Errors
    /// What `link` reports.
    pub async fn link(&self, username: &str, expires: &str) -> Result<String> {
        let url = format!("--public-url=http://{}", self.address);
        let output = relay_command(self.folder.path(), ["link", &url, "--expires", expires, "--", username]).await?;
        last_word(&output)
    }

    /// Adds a person of the staff, and gives the address of the invitation.
    ///
    /// # Errors
    /// What `operator add` reports.
    pub async fn add_operator(&self, name: &str, role: &str) -> Result<String> {
        let url = format!("--public-url=http://{}", self.address);
        last_word(&relay_command(self.folder.path(), ["operator", "add", &url, "--role", role, name]).await?)
    }

    /// Gives an address that signs a person of the staff in once.
    ///
    /// # Errors
    /// What `operator sign-in` reports.
    pub async fn sign_in_once(&self, name: &str) -> Result<String> {
        let url = format!("--public-url=http://{}", self.address);
        last_word(&relay_command(self.folder.path(), ["operator", "sign-in", &url, name]).await?)
    }

    /// Makes a link for a day and returns its token, the part behind `#`.
    ///
    /// # Errors
    /// What `link` reports.
    pub async fn token(&self, username: &str) -> Result<String> {
        self.token_for(username, "1d").await
    }

    /// The same for another time.
    ///
    /// # Errors
    /// What `link` reports.
    pub async fn token_for(&self, username: &str, expires: &str) -> Result<String> {
        let link = self.link(username, expires).await?;
        Ok(link.split_once('#').with_context(|| format!("{link} has no token"))?.1.to_owned())
    }

    /// The data directory, with the keys of links.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Replaces the subscribers file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_subscribers(&self, text: &str) -> Result<()> {
        Ok(std::fs::write(self.folder.path().join("subscribers.csv"), text)?)
    }

    /// Runs a command of the relay's program, and returns the output.
    ///
    /// # Errors
    /// The command's own error.
    pub async fn command(&self, arguments: &[&str]) -> Result<String> {
        relay_command(self.folder.path(), arguments).await
    }

    /// What `agent list` prints.
    ///
    /// # Errors
    /// What `agent list` reports.
    pub async fn agent_list(&self) -> Result<String> {
        let private = format!("--private-listen={}", self.private);
        relay_command(self.folder.path(), ["agent", "list", &private]).await
    }

    /// Returns `explain` of a line, as JSON.
    ///
    /// # Errors
    /// When the private listener does not answer.
    pub async fn explain(&self, username_in_url: &str) -> Result<Value> {
        let body = self.get(&format!("/explain/{username_in_url}")).await?;
        serde_json::from_str(&body).with_context(|| format!("explain is not JSON: {body}"))
    }

    /// The body of a page of the private listener.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub async fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.private).await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
            self.private
        );
        stream.write_all(request.as_bytes()).await?;
        let mut response = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut response)).await.context("no answer in time")??;
        let (head, body) = response.split_once("\r\n\r\n").context("the answer has no header")?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        Ok(body.to_owned())
    }

    /// One figure of `/metrics`.
    ///
    /// # Errors
    /// When there is no such figure.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let text = self.get("/metrics").await?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.with_context(|| format!("no metric {name} in:\n{text}"))
    }
}

async fn serve(
    folder: &Path,
    setup: &RelaySetup,
    listen: SocketAddr,
    private: SocketAddr,
) -> Result<(Program, [SocketAddr; 3])> {
    let mut command = Command::new(built("linelight-relay")?);
    command.env_clear().arg("serve").arg("--data").arg(folder.join("data"));
    command.args(["--listen", &listen.to_string(), "--private-listen", &private.to_string()]);
    if setup.subscribers.is_some() {
        command.arg("--subscribers").arg(folder.join("subscribers.csv"));
    }
    let mut program = Program::start(command.args(&setup.flags))?;
    let line = program.logged("that it is ready", |line| line.contains("the relay is ready")).await?;
    let address = |listener: &str| {
        let value = line.split(' ').find_map(|word| word.strip_prefix(listener)?.strip_prefix('=')?.parse().ok());
        value.with_context(|| format!("no address of {listener} in: {line}"))
    };
    Ok((program, [address("viewers")?, address("agents")?, address("private")?]))
}

async fn relay_command<I, S>(folder: &Path, arguments: I) -> Result<String>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(built("linelight-relay")?);
    command.env_clear().args(arguments).env("LINELIGHT_SERVER_DATA", folder.join("data"));
    let output = command.output().await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{:?}: {text}{}", command.as_std(), String::from_utf8_lossy(&output.stderr));
    Ok(text)
}

fn last_word(output: &str) -> Result<String> {
    Ok(output.split_whitespace().last().context("no output")?.to_owned())
}

/// How an agent is to run.
#[derive(Debug, Clone)]
pub struct AgentSetup {
    /// The router's API.
    pub router: SocketAddr,
    /// The relay's URL, or several with commas.
    pub relay: String,
    /// Its token.
    pub token: String,
    /// The API user's password.
    pub password: String,
    /// More flags.
    pub flags: Vec<String>,
}

impl AgentSetup {
    /// No probes, unless a flag says otherwise: the simulated router's addresses may be somebody's on this machine's network.
    fn variables(&self, folder: &Path) -> [(&'static str, OsString); 5] {
        [
            ("LINELIGHT_PROBES_PER_SECOND", "0".into()),
            ("LINELIGHT_ROUTER", self.router.to_string().into()),
            ("LINELIGHT_ROUTER_PASSWORD_FILE", folder.join("password").into()),
            ("LINELIGHT_RELAY", self.relay.clone().into()),
            ("LINELIGHT_TOKEN_FILE", folder.join("token").into()),
        ]
    }
}

/// A running agent.
pub struct Agent {
    /// The process.
    pub program: Program,
    setup: AgentSetup,
    folder: tempfile::TempDir,
}

impl Agent {
    /// Starts the agent. `LINELIGHT_TEST_AGENT` may name another command than the built one, such as an emulator and its binary.
    ///
    /// # Errors
    /// When the program is not built.
    pub fn start(setup: &AgentSetup) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("password"), format!("{}\n", setup.password))?;
        std::fs::write(folder.path().join("token"), format!("{}\n", setup.token))?;
        let mut command = match std::env::var("LINELIGHT_TEST_AGENT") {
            Ok(other) => {
                let mut words = other.split_whitespace();
                let mut command = Command::new(words.next().context("LINELIGHT_TEST_AGENT is empty")?);
                command.args(words);
                command
            }
            Err(_) => Command::new(built("linelight-agent")?),
        };
        command.env_clear().args(&setup.flags).envs(setup.variables(folder.path()));
        Ok(Self { program: Program::start(&mut command)?, setup: setup.clone(), folder })
    }

    /// Returns the answer of `linelight-agent health`, and whether the agent is well.
    ///
    /// # Errors
    /// When the command cannot be run.
    pub async fn health(&self) -> Result<(bool, String)> {
        let mut command = Command::new(built("linelight-agent")?);
        command.env_clear().arg("health").envs(self.setup.variables(self.folder.path()));
        let output = command.output().await?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    }
}
