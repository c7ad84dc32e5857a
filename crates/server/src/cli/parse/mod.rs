//! Parses the words of a command line to [`Cli`]: replaces old names, and groups the commands on help pages.

mod aliases;
mod groups;

use super::args::Cli;
use clap::{Command, CommandFactory, FromArgMatches};
use std::ffi::OsString;

/// Parses a command line, which begins with the name of the program. If it is invalid, or requests help, prints the
/// message or the help and ends the process.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Cli {
    let matches = command().get_matches_from(aliases::replaced(words.into_iter().collect()));
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Returns the tree of commands, for parsing and for completions.
pub(super) fn command() -> Command {
    groups::grouped(Cli::command(), groups::ROOT)
        .mut_subcommand("tenant", |c| groups::grouped(c, groups::TENANT))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Verbs that need no `--json`, because they always print JSON, or a text that another program reads.
    const NO_JSON: [&str; 3] = ["tenant settings", "licence public-key", "licence revoked"];

    #[test]
    fn every_list_and_every_show_has_json() {
        let root = command();
        let verbs =
            root.get_subcommands().flat_map(|noun| noun.get_subcommands().map(move |verb| (noun, verb)));
        let mut found = 0;
        for (noun, verb) in verbs {
            let name = format!("{} {}", noun.get_name(), verb.get_name());
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            let is_shown = ["List ", "Show ", "Print "].iter().any(|start| about.starts_with(start));
            if is_shown && !NO_JSON.contains(&&*name) {
                found += 1;
                assert!(verb.get_arguments().any(|argument| argument.get_id() == "json"), "{name}: {about}");
            }
        }
        assert!(found >= 17, "{found}");
    }
}
