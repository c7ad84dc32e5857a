//! `tenantry init` and `tenantry app new`: write the files from which a builder starts.

use crate::cli::setup::Place;
use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use std::{
    fs::File,
    io::{ErrorKind, Write},
    path::Path,
    process::ExitCode,
};
use tenantry::{
    apps,
    config::{DEFAULT_TOML, Scope},
    name::AppName,
};

/// Verbs of `tenantry app`.
#[derive(Debug, Subcommand)]
pub(crate) enum App {
    /// Write the skeleton of a new app under apps/.
    New {
        /// Name of the app.
        name: AppName,
    },
}

/// Writes a commented tenantry.toml, unless one exists.
pub(in crate::cli) fn init() -> Result<ExitCode> {
    let path = Path::new("tenantry.toml");
    let mut file = File::create_new(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow!(
                "{} exists and stays as it is\n  remedy: move it away, then run: tenantry init",
                path.display()
            )
        }
        _ => anyhow!(error).context(format!("cannot write {}", path.display())),
    })?;
    let here = std::env::current_dir().ok();
    let folder =
        here.as_deref().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or("My platform");
    file.write_all(neutral(folder).as_bytes())?;
    say!("wrote {}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Returns the built-in configuration with the folder's name as the platform's name, and plans that suit any trade.
fn neutral(folder: &str) -> String {
    let name: String = folder.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
    let pairs = [
        ("name = \"MedAdmin\"  ", format!("name = \"{name}\"  ")),
        ("[plans.clinic", "[plans.team".to_owned()),
        ("label = \"Clinic\"", "label = \"Team\"".to_owned()),
        ("[plans.hospital", "[plans.business".to_owned()),
        ("label = \"Hospital\"", "label = \"Business\"".to_owned()),
        ("\"MedAdmin <", format!("\"{name} <")),
    ];
    pairs.iter().fold(DEFAULT_TOML.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Writes the skeleton of an app.
pub(in crate::cli) fn app(place: &Place, verb: &App) -> Result<ExitCode> {
    let App::New { name } = verb;
    let config = place.config()?;
    let store = config
        .stores_of(Scope::Tenant)
        .next()
        .context("there is no store of scope \"tenant\"\n  remedy: add one to [stores] in tenantry.toml")?;
    for file in apps::startapp(&config.apps, name, &store.name)? {
        say!("wrote {}", file.display());
    }
    say!("next: add \"{name}\" to the list of [apps] in tenantry.toml, then run: tenantry migrate make");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenantry::config::Config;

    #[test]
    fn a_new_configuration_is_neutral_and_valid() {
        let text = neutral("garage \"hub\"");
        let config = Config::parse("tenantry.toml", &text, Path::new("")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(config.platform.name, "garage hub");
        let plans: Vec<_> = config.plans.iter().map(|plan| plan.label.as_str()).collect();
        assert_eq!(plans, ["Starter", "Team", "Business"]);
        assert!(!text.contains("MedAdmin") && !text.contains("ospital\"\n"), "{text}");
    }
}
