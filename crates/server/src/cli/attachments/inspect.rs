//! `tenantry inspect`: models of the tables that another program has in a PostgreSQL database.

use super::Address;
use crate::cli::{setup::Place, user::operator};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::{path::Path, process::ExitCode};
use tenantry::{
    attachments::Inspected,
    name::{AppName, StoreName},
};

/// Arguments of `tenantry inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Store of tenants, which has `provision = "external"`.
    #[arg(long)]
    store: StoreName,
    #[command(flatten)]
    at: Address,
    /// Tables, separated by commas. Default: all of the schema public.
    #[arg(long, value_delimiter = ',', value_name = "TABLE")]
    tables: Vec<String>,
    /// Language in which columns with a text for each language are read.
    #[arg(long, default_value = "en_US", value_name = "CODE")]
    language: String,
    /// App whose folder gets the models. Default: print them.
    #[arg(long)]
    app: Option<AppName>,
    /// Replace the files of models that the app has already.
    #[arg(long, requires = "app")]
    replace: bool,
}

/// Prints the models, or writes their files.
pub(in crate::cli) async fn run(place: &Place, options: &Inspect) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let url = options.at.read()?;
    let found = platform
        .attachments()
        .inspect(&operator(), &options.store, &url, &options.tables, &options.language)
        .await?;
    match &options.app {
        None => print(&found),
        Some(app) => write(&platform.config().apps.dir.join(app.as_str()), &found, options)?,
    }
    for unread in &found.unread {
        tell!("no model of {}: {}", unread.table, unread.why);
    }
    if found.models.is_empty() {
        tell!("no table that a model can read");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(found: &Inspected) {
    for (name, text) in &found.models {
        say!("# --- models/{name}.toml\n{text}");
    }
}

fn write(app: &Path, found: &Inspected, options: &Inspect) -> Result<()> {
    if !app.join("app.toml").exists() {
        let name = options.app.as_ref().map_or_else(String::new, ToString::to_string);
        bail!("there is no folder {}\n  remedy: make it with: tenantry app new {name}", app.display());
    }
    let models = app.join("models");
    std::fs::create_dir_all(&models).with_context(|| models.display().to_string())?;
    let files = found.models.iter().map(|(name, text)| (models.join(format!("{name}.toml")), text));
    let files: Vec<_> = files.collect();
    let taken: Vec<_> = files.iter().filter(|(path, _)| path.exists()).collect();
    if let (Some((path, _)), false) = (taken.first(), options.replace) {
        bail!(
            "{} exists; nothing was written\n  remedy: name other tables with --tables, or add --replace",
            path.display()
        );
    }
    for (path, text) in &files {
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
        say!("{}", path.display());
    }
    say!("Then: tenantry schema --store {} --sql | psql, by the owner of the tables", options.store);
    Ok(())
}
