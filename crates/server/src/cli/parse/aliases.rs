//! Old names of commands, and the names in the products' documents, as hidden aliases.
//!
//! An alias replaces words of the command line before it is parsed, so every command has only one definition. Words may
//! be written with `_` or `-`.

use crate::cli::args::Cli;
use clap::{Command, CommandFactory};
use std::ffi::{OsStr, OsString};

/// Options that may stand before and between the words of a command. Each has a value.
const GLOBAL: [&str; 2] = ["--config", "--data"];

/// An old form of a command.
struct Alias {
    /// First words of the old form.
    old: &'static str,
    /// What must follow the words of the old form.
    then: Then,
    /// Words that replace the old ones. An option among them replaces the option of [`Then::Option`].
    new: &'static str,
}

/// What must follow the words of an old form.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Anything,
    Nothing,
    Something,
    /// This option must follow, at any place. Its value, if any, becomes an argument.
    Option(&'static str),
}

const fn renamed(old: &'static str, new: &'static str) -> Alias {
    Alias { old, then: Then::Anything, new }
}

const fn alone(old: &'static str, new: &'static str) -> Alias {
    Alias { old, then: Then::Nothing, new }
}

const fn without_verb(old: &'static str, new: &'static str) -> Alias {
    Alias { old, then: Then::Something, new }
}

const fn option(old: &'static str, option: &'static str, new: &'static str) -> Alias {
    Alias { old, then: Then::Option(option), new }
}

/// All aliases. The first one that matches is used. If its first word is a noun of today, it matches only without a
/// verb.
const ALIASES: &[Alias] = &[
    // Apps and migrations.
    renamed("startapp", "app new"),
    renamed("makemigrations", "migrate make"),
    renamed("migrate-tenants", "migrate tenants"),
    alone("migrate", "migrate system"),
    // Tenants.
    renamed("list-tenants", "tenant list"),
    renamed("show-tenant", "tenant show"),
    renamed("create-tenant", "tenant create"),
    renamed("suspend-tenant", "tenant suspend"),
    renamed("resume-tenant", "tenant resume"),
    renamed("rename", "tenant rename"),
    renamed("settings", "tenant settings"),
    renamed("add-owner", "tenant add-owner"),
    renamed("maintenance", "tenant maintenance"),
    renamed("clone", "tenant clone"),
    renamed("export", "tenant export"),
    renamed("import", "tenant import"),
    renamed("move", "tenant move"),
    renamed("promote", "tenant promote"),
    renamed("demote", "tenant demote"),
    renamed("release", "tenant release"),
    renamed("retire", "tenant cancel"),
    renamed("keep", "tenant revoke-cancellation"),
    renamed("purge", "tenant purge"),
    renamed("certificate", "tenant certificate"),
    option("create-db", "--company", "tenant create-database"),
    option("create-tenant-db", "--company", "tenant create-database"),
    renamed("create-db", "tenant create-database"),
    renamed("create-tenant-db", "tenant create-database"),
    renamed("attach-tenant-db", "tenant attach-database"),
    // Plans and people.
    renamed("init-plans", "plan init"),
    renamed("initialize-plans", "plan init"),
    renamed("set-plan", "plan set"),
    renamed("create-superuser", "user create-superuser"),
    renamed("createsuperuser", "user create-superuser"),
    renamed("set-password", "user set-password"),
    renamed("changepassword", "user set-password"),
    renamed("unlock-user", "user unlock"),
    // Backups and restores.
    without_verb("backup", "backup create"),
    renamed("backups show", "backup show --json"),
    renamed("backups", "backup"),
    option("restore", "--as", "restore clone --as"),
    option("restore", "--all", "restore all"),
    option("restore", "--system", "restore system"),
    option("restore", "--pool", "restore pool"),
    option("restore", "--undo", "restore undo"),
    option("restore", "--discard", "restore discard"),
    option("restore", "--compare", "restore show"),
    option("restore", "--swap", "restore swap"),
    without_verb("restore", "restore create"),
    // The rest.
    renamed("operations", "operation"),
    alone("clock", "clock show"),
];

/// Returns the command line with an old form replaced by its current form.
pub(super) fn replaced(words: Vec<OsString>) -> Vec<OsString> {
    let (globals, rest) = parted(&words);
    let root = Cli::command();
    match ALIASES.iter().find_map(|alias| alias.apply(&root, &rest)) {
        Some(now) => words.into_iter().take(1).chain(globals).chain(now).collect(),
        None => words,
    }
}

/// Splits the words after the program's name into the global options and the rest.
fn parted(words: &[OsString]) -> (Vec<OsString>, Vec<OsString>) {
    let (mut globals, mut rest) = (Vec::new(), Vec::new());
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        if GLOBAL.iter().any(|name| word == name) {
            globals.push(word.clone());
            globals.extend(words.next().cloned());
        } else if GLOBAL.iter().any(|name| value_of(word, name).is_some()) {
            globals.push(word.clone());
        } else {
            rest.push(word.clone());
        }
    }
    (globals, rest)
}

/// Returns the value of an option that is written as `--name=value`.
fn value_of<'a>(word: &'a OsStr, name: &str) -> Option<&'a str> {
    word.to_str()?.strip_prefix(name)?.strip_prefix('=')
}

impl Alias {
    /// Returns the replacement of `words`, if they have this old form.
    fn apply(&self, root: &Command, words: &[OsString]) -> Option<Vec<OsString>> {
        let old: Vec<_> = self.old.split(' ').collect();
        let fits =
            |(word, old): (&OsString, &&str)| word.to_str().is_some_and(|w| w.replace('_', "-") == **old);
        if words.len() < old.len() || !words.iter().zip(&old).all(fits) {
            return None;
        }
        let mut rest = words[old.len()..].to_vec();
        if root.find_subcommand(old[0]).is_some_and(|noun| has_verb(noun, rest.first())) {
            return None;
        }
        let mut new: Vec<_> = self.new.split(' ').map(OsString::from).collect();
        match self.then {
            Then::Nothing if !rest.is_empty() => return None,
            Then::Something if rest.is_empty() => return None,
            Then::Option(name) => {
                let at = rest.iter().position(|word| word == name || value_of(word, name).is_some())?;
                let option = new.iter().position(|word| word == name).map(|index| new.remove(index));
                let value = value_of(&rest[at], name).map(OsString::from);
                rest.splice(at..=at, option.into_iter().chain(value));
            }
            _ => {}
        }
        new.extend(rest);
        Some(new)
    }
}

/// Returns true if the word after a noun is one of its verbs, or asks for help.
fn has_verb(noun: &Command, word: Option<&OsString>) -> bool {
    let Some(word) = word.and_then(|word| word.to_str()) else { return false };
    ["-h", "--help", "help"].contains(&word) || noun.find_subcommand(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn now(line: &str) -> String {
        let now = replaced(words(&format!("tenantry {line}")));
        let now: Vec<_> = now.iter().skip(1).map(|word| word.to_string_lossy()).collect();
        now.join(" ")
    }

    #[test]
    fn every_alias_is_a_command_of_today() {
        for alias in ALIASES {
            let mut command = Cli::command();
            for word in alias.new.split(' ').filter(|word| !word.starts_with("--")) {
                let next = command.find_subcommand(word).cloned();
                command = next.unwrap_or_else(|| panic!("{} stands for {}: no {word}", alias.old, alias.new));
            }
            let is_noun = command.has_subcommands();
            let renames_noun = alias.then == Then::Anything && alias.old.split(' ').count() == 1;
            assert!(!is_noun || renames_noun, "{} stands for no verb", alias.old);
            let first = alias.old.split(' ').next().unwrap_or_default();
            let hides = Cli::command().find_subcommand(first).is_some() && alias.then == Then::Anything;
            assert!(!hides, "{first} is a command of today");
        }
    }

    #[test]
    fn old_forms_are_replaced() {
        for (old, new) in [
            ("list_tenants", "tenant list"),
            ("create-tenant acme --email a@b.example", "tenant create acme --email a@b.example"),
            ("create_tenant_db --company acme", "tenant create-database acme"),
            ("create_tenant_db --company=acme", "tenant create-database acme"),
            ("create-db acme", "tenant create-database acme"),
            ("migrate_tenants --company acme", "migrate tenants --company acme"),
            ("migrate", "migrate system"),
            ("--data d migrate", "--data d migrate system"),
            ("migrate --data=d", "--data=d migrate system"),
            ("clock", "clock show"),
            ("backup acme beta", "backup create acme beta"),
            ("backup --all", "backup create --all"),
            ("backup --data d --all", "--data d backup create --all"),
            ("backups list --json", "backup list --json"),
            ("backups show 20261121-102345-6f2a9c01d3", "backup show --json 20261121-102345-6f2a9c01d3"),
            ("backups", "backup"),
            ("restore acme", "restore create acme"),
            ("restore acme latest --swap", "restore swap acme latest"),
            ("restore acme --compare", "restore show acme"),
            ("restore acme --undo", "restore undo acme"),
            ("restore acme --discard", "restore discard acme"),
            ("restore --all --server b", "restore all --server b"),
            ("restore --system latest", "restore system latest"),
            ("restore --pool=tenant", "restore pool tenant"),
            ("restore acme --as new --owner o@b.example", "restore clone acme --as new --owner o@b.example"),
            ("restore acme --as=new", "restore clone acme --as new"),
            ("operations watch 4", "operation watch 4"),
            ("maintenance off acme", "tenant maintenance off acme"),
        ] {
            assert_eq!(now(old), new);
            let parsed = super::super::command().try_get_matches_from(words(&format!("tenantry {new}")));
            let help = clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            assert!(parsed.is_ok() || parsed.is_err_and(|e| e.kind() == help), "{new}");
        }
    }

    #[test]
    fn forms_of_today_stay() {
        for line in [
            "tenant list",
            "backup list --json",
            "backup create --all",
            "backup --help",
            "backup",
            "restore swap acme",
            "restore",
            "migrate tenants",
            "migrate --help",
            "clock accept",
            "sql acme migrate",
            "--data d tenant show backups",
        ] {
            assert_eq!(now(line), line);
        }
    }
}
