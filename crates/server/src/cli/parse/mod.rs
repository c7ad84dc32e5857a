//! From the words of a command line to [`Cli`]: old names are replaced, and help pages group their commands.

mod aliases;
mod groups;

use super::args::Cli;
use clap::{Command, CommandFactory, FromArgMatches};
use std::ffi::OsString;

/// Parses a command line, the name of the program first. Ends the process with a message if it is not valid, or after
/// printing the help that it asks for.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Cli {
    let matches = command().get_matches_from(aliases::replaced(words.into_iter().collect()));
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Returns the tree of commands, for parsing and for completions.
pub(super) fn command() -> Command {
    groups::grouped(Cli::command(), groups::ROOT)
        .mut_subcommand("tenant", |c| groups::grouped(c, groups::TENANT))
}
