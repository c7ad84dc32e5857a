//! From arguments to a platform: which configuration, which data directory.

use anyhow::{Context, Result, anyhow};
use std::path::{Path, PathBuf};
use tenantry::{
    Platform,
    config::{Config, DEFAULT_TOML},
};

/// Where the configuration and the data are, as asked for on the command line.
pub(super) struct Place {
    pub(super) config: Option<PathBuf>,
    pub(super) data: Option<PathBuf>,
}

impl Place {
    /// The checked configuration. Every problem is reported with its line.
    pub(super) fn config(&self) -> Result<Config> {
        let local = Path::new("tenantry.toml");
        let file = self.config.as_deref().or(local.exists().then_some(local));
        let mut config = match file {
            Some(file) => Config::load(file),
            None => Config::parse("the built-in configuration", DEFAULT_TOML, Path::new("")),
        }
        .map_err(|problems| anyhow!("{problems}"))?;
        if let Some(data) = &self.data {
            config.set_data_dir(data);
        }
        Ok(config)
    }

    /// The platform, opened; what a crash left is finished or undone.
    pub(super) async fn platform(&self) -> Result<Platform> {
        let config = self.config()?;
        let data = config.platform.data_dir.clone();
        opened(Platform::open(config).await, &data)
    }

    /// The platform, opened to look: what a crash left is left to others.
    pub(super) async fn looking(&self) -> Result<Platform> {
        let config = self.config()?;
        let data = config.platform.data_dir.clone();
        opened(Platform::open_to_look(config).await, &data)
    }
}

fn opened(platform: tenantry::Result<Platform>, data: &Path) -> Result<Platform> {
    platform.map_err(explain).with_context(|| format!("cannot open {}", data.display()))
}

/// The public text with its remedy, and the private detail: who runs commands may see both.
pub(super) fn explain(error: tenantry::Error) -> anyhow::Error {
    let detail = error.to_string();
    let mut text = error.public_title();
    if !detail.is_empty() && detail != text {
        text = format!("{text} ({detail})");
    }
    match error.remedy() {
        Some(remedy) => anyhow!("{text}\n  remedy: {remedy}"),
        None => anyhow!("{text}"),
    }
}
