//! Tasks of the project, run as `cargo xtask TASK`. Developers and `.ci/run` call it. It drives cargo and reads files.
//! It never links the crates that it checks, so it runs on a machine where they do not build yet, and can say why.

mod bench;
mod bugs;
mod servers;
mod test;
mod tidy;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tasks of the project.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test and doctest of the workspace and print what each suite tried.
    Test(test::Options),
    /// Check what the compiler does not: crate edges, lengths, module headers, links, the list of known bugs.
    Tidy(tidy::Options),
    /// Measure against hand-written baselines and write bench.json.
    Bench(bench::Options),
    /// Put known bugs into a copy of the sources and expect a test to fail for each.
    Bugs(bugs::Options),
}

fn main() -> ExitCode {
    let root = root();
    let done = match Cli::parse().task {
        Task::Test(options) => test::run(&root, &options),
        Task::Tidy(options) => tidy::run(&root, &options),
        Task::Bench(options) => bench::run(&root, &options),
        Task::Bugs(options) => bugs::run(&root, &options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Print no debug form of the error: a backtrace of this program is of no use.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the workspace: the folder above this crate if cargo runs this program, otherwise the current folder.
fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|dir| PathBuf::from(dir).parent().map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from("."))
}

/// Returns cargo's target directory.
fn target_dir(root: &std::path::Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// Returns a command for the cargo that runs this program.
fn cargo(root: &std::path::Path) -> std::process::Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = std::process::Command::new(program);
    command.current_dir(root);
    command
}
