//! Group headings for the commands on a long help page.

use clap::Command;

/// Headings, each with the names of its commands.
pub(super) type Groups = &'static [(&'static str, &'static [&'static str])];

/// Groups of the root's commands.
pub(super) const ROOT: Groups = &[
    (
        "Installation",
        &[
            "init",
            "demo",
            "serve",
            "reload",
            "monitoring",
            "check",
            "checklist",
            "node",
            "server",
            "clock",
            "upgrade-to-postgres",
        ],
    ),
    ("Apps", &["app", "migrate"]),
    (
        "Tenants and people",
        &["tenant", "plan", "licence", "user", "sql", "analytics", "sizes", "import-shared-database"],
    ),
    ("Databases of owners", &["attach", "detach", "attachments", "schema", "inspect", "secrets"]),
    ("Backups", &["backup", "restore"]),
    ("History", &["operation", "proof", "audit"]),
    ("Shell", &["completions"]),
];

/// Groups of the verbs of `tenant`.
pub(super) const TENANT: Groups = &[
    ("Tenants", &["list", "show", "create", "rename", "settings", "add-owner"]),
    ("Access", &["suspend", "resume", "maintenance"]),
    ("Copies", &["clone", "export", "import"]),
    ("Databases", &["create-database", "attach-database", "move", "promote", "demote", "release"]),
    ("End", &["cancel", "revoke-cancellation", "purge", "certificate"]),
];

/// Returns the command with a help page that lists its subcommands in groups.
pub(super) fn grouped(command: Command, groups: Groups) -> Command {
    let names = groups.iter().flat_map(|(_, names)| names.iter());
    let width = names.map(|name| name.len()).max().unwrap_or(0);
    let mut list = String::new();
    for (heading, names) in groups {
        list += &format!("\n{heading}:\n");
        for name in *names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            list += &format!("  {name:width$}  {}\n", about.map(ToString::to_string).unwrap_or_default());
        }
    }
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{list}\nOptions:\n{{options}}{{after-help}}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use clap::CommandFactory;

    #[test]
    fn every_command_is_in_one_group() {
        let root = Cli::command();
        let tenant = root.find_subcommand("tenant").unwrap();
        for (command, groups) in [(&root, ROOT), (tenant, TENANT)] {
            let mut grouped: Vec<_> = groups.iter().flat_map(|(_, names)| names.iter().copied()).collect();
            let mut all: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
            grouped.sort_unstable();
            all.sort_unstable();
            assert_eq!(grouped, all, "{}", command.get_name());
        }
    }
}
