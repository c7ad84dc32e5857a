//! The binary `tenantry`. It chooses the allocator, the crypto provider and the log format, and runs the command line.

use std::{io::IsTerminal, process::ExitCode};
use tenantry_server::cli;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::parse(std::env::args_os());
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // A line that cannot be written is dropped. Otherwise the library reports it with `eprintln!`, which panics
        // when standard error is closed or its disk is full.
        .log_internal_errors(false)
        // Colours only on a terminal; a file or a log collector gets plain text.
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let lines = tracing_subscriber::registry().with(levels());
    match std::env::var("TENANTRY_LOG_FORMAT").as_deref() {
        Ok("json") => lines.with(log.json()).init(),
        _ => lines.with(log).init(),
    }
    cli::main(cli)
}

/// Returns the levels that `TENANTRY_LOG` names, such as `warn` or `info,hyper=debug`; `info` if it is absent or cannot be
/// parsed.
fn levels() -> Targets {
    let named = std::env::var("TENANTRY_LOG").ok().and_then(|named| named.parse().ok());
    named.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO))
}
