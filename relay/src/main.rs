//! The command `linelight-relay`.

use std::process::ExitCode;

fn main() -> ExitCode {
    relay::commands::main(std::env::args_os())
}
