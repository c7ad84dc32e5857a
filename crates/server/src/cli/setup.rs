//! Opens the platform from the command line's arguments: determines the configuration and the data directory.

use anyhow::{Context, Result, anyhow};
use std::path::{Path, PathBuf};
use tenantry::{
    Platform,
    config::{Config, DEFAULT_TOML},
};

/// The locations of configuration and data that the command line names.
pub(super) struct Place {
    pub(super) config: Option<PathBuf>,
    pub(super) data: Option<PathBuf>,
}

impl Place {
    /// Returns the configuration file, or `None` if the built-in configuration applies.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let local = Path::new("tenantry.toml");
        self.config.clone().or_else(|| local.exists().then(|| local.to_owned()))
    }

    /// Returns the checked configuration. Every problem is reported with its line.
    pub(super) fn config(&self) -> Result<Config> {
        let mut config = match self.file() {
            Some(file) => Config::load(&file),
            None => Config::parse("the built-in configuration", DEFAULT_TOML, Path::new("")),
        }
        .map_err(|problems| anyhow!("{problems}"))?;
        if let Some(data) = &self.data {
            config.set_data_dir(data);
        }
        Ok(config)
    }

    /// Opens the platform, and finishes or undoes operations that a crash interrupted.
    pub(super) async fn platform(&self) -> Result<Platform> {
        self.platform_of(self.config()?).await
    }

    /// Opens the platform with this configuration instead of the one in the file.
    pub(super) async fn platform_of(&self, config: Config) -> Result<Platform> {
        open_with(config, Platform::open).await
    }

    /// Opens the platform to inspect operations, without finishing or undoing any that a crash interrupted.
    pub(super) async fn looking(&self) -> Result<Platform> {
        open_with(self.config()?, Platform::open_to_look).await
    }

    /// Opens the platform for a command that only reads, even if the disk is full or read-only.
    pub(super) async fn reading(&self) -> Result<Platform> {
        let config = self.config()?;
        self.refuse_no_installation(&config)?;
        self.reading_of(config).await
    }

    /// Refuses a data directory that does not exist, unless there is a configuration file: a command that only reads
    /// must not begin an installation in a mistyped directory. If the control store is on a database server, a host
    /// begins with an empty directory.
    fn refuse_no_installation(&self, config: &Config) -> Result<()> {
        let dir = &config.platform.data_dir;
        let is_named = self.data.is_none() && self.file().is_some();
        let control =
            config.store("control").and_then(|store| config.server(store.servers.first()?.as_str()));
        if is_named || dir.exists() || control.is_none_or(|server| server.path().is_none()) {
            return Ok(());
        }
        Err(anyhow!(
            "there is no installation: {} does not exist\n  remedy: name its data directory with --data or its tenantry.toml \
             with --config, or begin one with: tenantry serve",
            dir.display()
        ))
    }

    /// Opens the platform like [`Place::reading`], with this configuration instead of the one in the file.
    pub(super) async fn reading_of(&self, config: Config) -> Result<Platform> {
        let platform = open_with(config, Platform::open_to_read).await?;
        if let Some(why) = platform.refused() {
            tell!("only reading, because nothing can be written: {why}");
        }
        Ok(platform)
    }
}

async fn open_with(
    config: Config,
    open: impl AsyncFnOnce(Config) -> tenantry::Result<Platform>,
) -> Result<Platform> {
    let data = config.platform.data_dir.clone();
    match open(config).await {
        // This error already states what is wrong and where.
        Err(error @ tenantry::Error::Invalid { .. }) => Err(explain(error)),
        other => other.map_err(explain).with_context(|| format!("cannot open {}", data.display())),
    }
}

/// Adds the remedy to an error of the platform. Every error of a command passes through here once, at its end.
pub(super) fn explained(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<tenantry::Error>() {
        Ok(error) => explain(error),
        Err(other) => other,
    }
}

/// Returns the public text with its remedy, and the private detail if it adds anything: operators may see both.
pub(super) fn explain(error: tenantry::Error) -> anyhow::Error {
    let detail = error.to_string();
    let mut text = error.public_title();
    if let Some(about) = about_statement(&error) {
        text = about;
    } else if !detail.ends_with(&text) {
        text = format!("{text} ({detail})");
    }
    match error.remedy().or_else(|| where_it_is_listed(&error)).or_else(|| for_damage(&error)) {
        Some(remedy) => anyhow!("{text}\n  remedy: {remedy}"),
        None => anyhow!("{text}"),
    }
}

/// Describes an invalid statement by the names in it. Operators may see these names: the statement and the database are
/// theirs.
fn about_statement(error: &tenantry::Error) -> Option<String> {
    use tenantry::EngineErrorKind::{Denied, Statement};
    let tenantry::Error::Engine(engine) = error else { return None };
    match engine.kind() {
        Denied(_) => Some("only SELECT is allowed here, on the tables of the tenant or of the store".into()),
        Statement(message) => {
            // The database names the missing thing, before the whole statement.
            let all = engine.to_string();
            let mut named = all.match_indices("no such ").map(|(at, _)| &all[at..]);
            let named =
                named.find(|text| !text.starts_with("no such table or column") && text.contains(": "));
            let named = named.and_then(|text| text.split(" in ").next());
            Some(format!("the statement is not valid: {}", named.unwrap_or(message)))
        }
        _ => None,
    }
}

/// Returns the remedy for a damaged or wrong file. Only operators see it.
fn for_damage(error: &tenantry::Error) -> Option<String> {
    use tenantry::EngineErrorKind::{Corrupt, WrongIdentity};
    let tenantry::Error::Engine(engine) = error else { return None };
    matches!(engine.kind(), Corrupt | WrongIdentity).then(|| {
        "the file is damaged, or another file is in its place; put the right one back, or restore it: tenantry check names \
         the database and the command; a control store that cannot be read: tenantry restore system"
            .into()
    })
}

/// Returns the remedy for a name that does not exist: the command that lists the names.
pub(super) fn where_to_look(noun: &str) -> String {
    format!("list them with: tenantry {noun} list")
}

fn where_it_is_listed(error: &tenantry::Error) -> Option<String> {
    let tenantry::Error::NotFound(what) = error else { return None };
    match *what {
        "tenant" | "backup" | "operation" | "plan" | "user" => Some(where_to_look(what)),
        "system store" => {
            Some("name one of tenantry.toml with scope = \"system\", other than the control store".into())
        }
        "store" => Some("name one of tenantry.toml with scope = \"tenant\"".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenantry::{EngineError, EngineErrorKind as Kind, Error};

    #[test]
    fn nothing_is_said_twice_and_the_remedy_is_there() {
        let text = |error: Error| explain(error).to_string();
        assert_eq!(text(Error::Conflict("the name acme is taken".into())), "the name acme is taken");
        assert_eq!(text(Error::invalid("plan", "there is none")), "plan: there is none");
        let absent = text(Error::NotFound("tenant"));
        assert_eq!(absent, "no such tenant\n  remedy: list them with: tenantry tenant list");
        let wrong =
            EngineError::new(Kind::Statement("no such table or column".into()), "sqlite: no such table: x");
        assert_eq!(text(wrong.into()), "the statement is not valid: no such table: x");
        let damaged = text(EngineError::new(Kind::Corrupt, "sqlite: file is not a database").into());
        assert!(damaged.contains("not a database") && damaged.contains("tenantry restore"), "{damaged}");
        assert!(text(Error::Unavailable("disk gone".into())).contains("(unavailable: disk gone)"));
    }
}
