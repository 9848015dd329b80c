//! docs/configuration.md: clap's knowledge of both programs, written by `make configuration`.

use std::fmt::Write;
use std::fs;

use clap::{Arg, ArgAction, Command};

use crate::blocks::{document, root};

/// With this variable the test writes the document before the comparison.
const REWRITE: &str = "LINELIGHT_TEST_WRITE_CONFIGURATION";
const DOCUMENT: &str = "docs/configuration.md";

const INTRODUCTION: &str = "\
# Configuration

Every flag and every variable of both programs. `make configuration` writes this file from the programs themselves, and a test
fails when it is out of date.

A flag wins over its variable, and a variable over the default. A switch's variable is `true` or `false`. A variable that begins
with a program's prefix and is not in this list is an error, with the name that was probably meant. No secret is a flag: flags are
seen by everybody on the machine.

The relay's variables begin with `LINELIGHT_SERVER_`, the agent's with `LINELIGHT_`, so that both can run in one environment.
";

#[test]
fn the_configuration_in_the_document_is_that_of_the_programs() {
    let written = written();
    if std::env::var_os(REWRITE).is_some() {
        fs::write(root().join(DOCUMENT), &written).unwrap();
    }
    let document = document(DOCUMENT);
    let first = written.lines().zip(document.lines()).find(|(written, there)| written != there);
    assert_eq!(first, None, "{DOCUMENT} is out of date (left: as it should be); run `make configuration`");
    assert_eq!(document, written, "{DOCUMENT} is out of date; run `make configuration`");
}

#[test]
fn the_document_holds_flags_of_every_command() {
    let document = written();
    for part in ["`--listen ADDRESS:PORT`", "`LINELIGHT_SERVER_TLS_KEY`", "`--expires TIME`", "`LINELIGHT_ROUTER_PIN`"]
    {
        assert!(document.contains(part), "{part} is not in {DOCUMENT}");
    }
    for heading in ["## `linelight-relay agent add NAME`", "## `linelight-relay serve`", "## `linelight-agent`"] {
        assert!(document.lines().any(|line| line == heading), "{heading} is not in {DOCUMENT}");
    }
}

fn written() -> String {
    let mut out = INTRODUCTION.to_owned();
    write_command(&mut out, &relay::commands::command_line(), "linelight-relay", "Every command takes these flags.");
    let agent = agent::config::command_line();
    write_command(
        &mut out,
        &agent,
        "linelight-agent",
        "`run` is the default; `check` and `health` take the same flags.",
    );
    let after = agent.get_after_help().unwrap().to_string();
    writeln!(out, "\n```text\n{}\n```", after.trim()).unwrap();
    out
}

/// Writes a command, and the commands below it; one without arguments has a sentence.
fn write_command(out: &mut String, command: &Command, path: &str, remark: &str) {
    let arguments: Vec<&Arg> = command.get_arguments().filter(|arg| is_ours(arg)).collect();
    let positional: String =
        arguments.iter().filter(|arg| arg.is_positional()).map(|arg| format!(" {}", value(arg))).collect();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let remark = if remark.is_empty() { String::new() } else { format!(" {remark}") };
    writeln!(out, "\n## `{path}{positional}`\n\n{about}.{remark}").unwrap();
    if !arguments.is_empty() {
        out.push_str("\n| flag | variable | default | is |\n|---|---|---|---|\n");
    }
    for argument in arguments {
        write_row(out, argument);
    }
    // The agent's commands have no flags of their own.
    let has_own = |below: &&Command| below.get_arguments().any(is_ours) || below.has_subcommands();
    for below in command.get_subcommands().filter(has_own) {
        write_command(out, below, &format!("{path} {}", below.get_name()), "");
    }
}

fn is_ours(argument: &Arg) -> bool {
    !argument.is_hide_set() && !matches!(argument.get_id().as_str(), "help" | "version")
}

fn write_row(out: &mut String, argument: &Arg) {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let (help, in_help) = match help.split_once(" [default: ") {
        Some((help, default)) => (help.to_owned(), Some(default.trim_end_matches(']').to_owned())),
        None => (help, None),
    };
    let set: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default =
        in_help.or_else(|| (!set.is_empty() && takes_value(argument)).then(|| format!("`{}`", set.join(","))));
    let variable = argument.get_env().map(|name| format!("`{}`", name.to_string_lossy()));
    writeln!(
        out,
        "| `{}` | {} | {} | {} |",
        name(argument),
        variable.unwrap_or_default(),
        default.unwrap_or_default(),
        cell(&format!("{help}{}", choices(argument)))
    )
    .unwrap();
}

fn name(argument: &Arg) -> String {
    match argument.get_long() {
        Some(long) if takes_value(argument) => format!("--{long} {}", value(argument)),
        Some(long) => format!("--{long}"),
        None => value(argument),
    }
}

fn value(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    names.first().map_or_else(|| argument.get_id().as_str().to_uppercase(), ToString::to_string)
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
        && argument.get_num_args().is_none_or(|n| n.takes_values())
}

/// Returns the possible values, each with the meaning.
fn choices(argument: &Arg) -> String {
    let possible = argument.get_possible_values();
    let shown: Vec<String> = possible
        .iter()
        .filter(|value| !value.is_hide_set() && takes_value(argument) && !matches!(value.get_name(), "true" | "false"))
        .map(|value| {
            let help = value.get_help().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("`{}`{help}", value.get_name())
        })
        .collect();
    if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
