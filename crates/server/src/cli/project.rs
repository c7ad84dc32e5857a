//! `init` and `startapp`: files a builder starts from.

use super::setup::{Place, explain};
use anyhow::{Context, Result, anyhow};
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

/// Writes a commented tenantry.toml; never over one that is there.
pub(super) fn init() -> Result<ExitCode> {
    let path = Path::new("tenantry.toml");
    let mut file = File::create_new(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow!("{} is there already and stays as it is; move it away for a new one", path.display())
        }
        _ => anyhow!(error).context(format!("cannot write {}", path.display())),
    })?;
    file.write_all(DEFAULT_TOML.as_bytes())?;
    say!("wrote {}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Writes the skeleton of an app.
pub(super) fn startapp(place: &Place, name: &str) -> Result<ExitCode> {
    let config = place.config()?;
    let store = config
        .stores_of(Scope::Tenant)
        .next()
        .context("the configuration has no store of scope \"tenant\"")?;
    for file in apps::startapp(&config.apps, &AppName::parse(name)?, &store.name).map_err(explain)? {
        say!("wrote {}", file.display());
    }
    say!("next: add \"{name}\" to [apps] list in tenantry.toml, then run: tenantry makemigrations");
    Ok(ExitCode::SUCCESS)
}
