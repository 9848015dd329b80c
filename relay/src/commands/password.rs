//! Asks for a new password: twice on a terminal, without showing it; otherwise the first line of standard input.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result, ensure};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Returns a new password for somebody.
///
/// # Errors
/// Two different ones, or none.
pub(super) fn ask(name: &str) -> Result<String> {
    if !io::stdin().is_terminal() {
        return line();
    }
    let first = hidden(&format!("A password for {name}: "))?;
    ensure!(first == hidden("The same again: ")?, "the two are different");
    Ok(first)
}

fn hidden(question: &str) -> Result<String> {
    write!(io::stderr(), "{question}")?;
    let silence = Silence::begin()?;
    let typed = line();
    drop(silence);
    writeln!(io::stderr())?;
    typed
}

fn line() -> Result<String> {
    let mut text = String::new();
    let read = io::stdin().lock().read_line(&mut text).context("cannot read the password")?;
    ensure!(read > 0, "no password was typed");
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A terminal that does not show what is typed, until the drop.
struct Silence(Termios);

impl Silence {
    fn begin() -> Result<Self> {
        let before = tcgetattr(io::stdin()).context("cannot ask the terminal")?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent).context("cannot silence the terminal")?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
