//! The binary `tenantry`. It chooses the allocator, the crypto provider and the log format, and runs the command line.

use std::{io::IsTerminal, process::ExitCode};
use tenantry_server::cli;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::parse(std::env::args_os());
    let filter = EnvFilter::try_from_env("TENANTRY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A line that cannot be written is dropped. Otherwise the library reports it with `eprintln!`, which panics
        // when standard error is closed or its disk is full.
        .log_internal_errors(false)
        // Colours only on a terminal; a file or a log collector gets plain text.
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match std::env::var("TENANTRY_LOG_FORMAT").as_deref() {
        Ok("json") => log.json().init(),
        _ => log.init(),
    }
    cli::main(cli)
}
