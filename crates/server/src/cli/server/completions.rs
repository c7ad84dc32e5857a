//! `tenantry completions`: prints the completion script of a shell.

use crate::cli::parse;
use anyhow::Result;
use clap_complete::Shell;
use std::process::ExitCode;

/// Prints the script.
pub(in crate::cli) fn run(shell: Shell) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut parse::command(), "tenantry", &mut script);
    say!("{}", String::from_utf8(script)?.trim_end());
    Ok(ExitCode::SUCCESS)
}
