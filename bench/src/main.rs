//! Compares Tenantry with what a good engineer would write by hand for one database without tenancy. `cargo xtask
//! bench` builds it together with the real binary and runs it. Both sides run in the same minutes on the same machine,
//! in alternating rounds; every written figure has been measured.

mod baseline;
mod home;
mod load;
#[cfg(feature = "mongodb")]
mod mongo;
mod postgres;
mod process;
mod report;
mod rounds;
mod suite;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

// The measured binary uses it too, so that the allocator makes no difference.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Benchmarks of Tenantry.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run benchmarks, print the table, write bench.json.
    Run(suite::Options),
    /// Compare records on a PostgreSQL server with statements by hand.
    Postgres(postgres::Options),
    /// Reads of many tenants with a database each on one PostgreSQL server, within a budget of connections.
    PostgresMany(postgres::many::Options),
    /// Compare records on a MongoDB deployment with documents by hand.
    #[cfg(feature = "mongodb")]
    Mongo(mongo::Options),
    /// Requests for many tenants with a database each on one MongoDB deployment, with few places open.
    #[cfg(feature = "mongodb")]
    MongoMany(mongo::many::Options),
    /// The hand-written server of one database, for the harness to start.
    Baseline {
        /// The database file, made if absent.
        #[arg(long)]
        database: PathBuf,
        /// Port on 127.0.0.1.
        #[arg(long)]
        port: u16,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(options) => suite::run(&options),
        Command::Postgres(options) => postgres::run(&options),
        Command::PostgresMany(options) => postgres::many::run(&options),
        #[cfg(feature = "mongodb")]
        Command::Mongo(options) => mongo::run(&options),
        #[cfg(feature = "mongodb")]
        Command::MongoMany(options) => mongo::many::run(&options),
        Command::Baseline { database, port } => baseline::server::serve(&database, port),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
