//! One example of a document as a running program.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use tests::harness::PATIENCE;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, timeout, timeout_at};

use crate::blocks::root;

/// The languages of the examples, each with the program and the name of the file.
const LANGUAGES: [(&str, &[&str], &str); 4] = [
    ("bash", &["bash"], "example.sh"),
    ("javascript", &["node", "--experimental-websocket", "--no-warnings"], "example.mjs"),
    ("php", &["php"], "example.php"),
    ("python", &["python3"], "example.py"),
];

/// A started example, ended by the drop.
pub(crate) struct Example {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Example {
    /// Starts a code block with these variables.
    pub(crate) fn start(language: &str, code: &str, variables: &[(&str, &str)]) -> Result<Self> {
        let (_, command, file) =
            LANGUAGES.into_iter().find(|(name, ..)| *name == language).context("no such language")?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join(file);
        std::fs::write(&file, code)?;
        // Where Node.js looks for the packages that an example imports.
        symlink(root().join("tests/documents/node_modules"), folder.path().join("node_modules"))?;
        let mut child = Command::new(program(command[0]))
            .args(&command[1..])
            .arg(&file)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{}: tests/setup documents installs it", command[0]))?;
        let lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        Ok(Self { child, lines, said: Vec::new(), _folder: folder })
    }

    /// Waits for a `wanted` line.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let Ok(line) = timeout_at(deadline, self.lines.next_line()).await else {
                bail!("{what}: not within {PATIENCE:?}; it said:\n{}", self.said.join("\n"));
            };
            let Some(line) = line? else {
                let error = self.errors().await;
                bail!("{what}: it ended; it said:\n{}\n{error}", self.said.join("\n"));
            };
            if wanted(&line) {
                return Ok(line);
            }
            self.said.push(line);
        }
    }

    /// Waits for the end.
    pub(crate) async fn ends(&mut self) -> Result<ExitStatus> {
        Ok(timeout(PATIENCE, self.child.wait()).await.context("it does not end")??)
    }

    async fn errors(&mut self) -> String {
        let mut text = String::new();
        if let Some(stderr) = self.child.stderr.as_mut() {
            let _read = timeout(PATIENCE, stderr.read_to_string(&mut text)).await;
        }
        text
    }
}

/// Returns a language's program: Python is that of `.venv`, which has the packages of the examples.
fn program(name: &str) -> PathBuf {
    let own = root().join(".venv/bin").join(name);
    if name.starts_with("python") && own.exists() { own } else { name.into() }
}

impl Drop for Example {
    /// Ends the example's children too, such as the curl of a pipe.
    fn drop(&mut self) {
        if let Some(group) = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
            let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// Runs a code block to the end. Returns the output without the last line break.
pub(crate) async fn run(language: &str, code: &str, variables: &[(&str, &str)]) -> Result<String> {
    let mut example = Example::start(language, code, variables)?;
    let mut lines = Vec::new();
    while let Some(line) = timeout(PATIENCE, example.lines.next_line()).await.context("it does not end")?? {
        lines.push(line);
    }
    let status = example.ends().await?;
    if !status.success() {
        bail!("{language}: {status}: {}\n{}", lines.join("\n"), example.errors().await);
    }
    Ok(lines.join("\n"))
}
