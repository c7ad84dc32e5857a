//! The URL of a database: read, checked, and described without credentials.

use crate::{
    Error, Result,
    config::{AttachmentsConfig, Config},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tenantry_engine::{AttachedAt, Kind, PostgresUrl, Secret, name::StoreName, place::EngineKind};

/// Where a database is.
pub(super) struct Address {
    pub(super) engine: EngineKind,
    /// The address without role and password.
    pub(super) shown: String,
    /// Name of the database or file.
    pub(super) database: String,
    pub(super) has_password: bool,
    /// The whole URL.
    pub(super) url: String,
}

impl Address {
    /// Reads a URL: `postgresql://…`, `sqlite:/PATH`, or the path of a SQLite file.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] with the mistake, and no part of the URL that could be a password.
    pub(super) fn parse(url: &str, config: &AttachmentsConfig) -> Result<Self> {
        let url = url.trim();
        if url.starts_with("postgresql://") || url.starts_with("postgres://") {
            return Self::postgres(url);
        }
        if url.starts_with("mongodb://") || url.starts_with("mongodb+srv://") {
            return Err(wrong(
                "a MongoDB database is attached on a server of the configuration: name it in [servers], then use \
                 tenantry tenant attach-database",
            ));
        }
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url);
        match path.starts_with('/') {
            true => Self::file(Path::new(path), config),
            false => Err(wrong("must begin with postgresql:// or sqlite:/, or be the path of a SQLite file")),
        }
    }

    fn postgres(url: &str) -> Result<Self> {
        let parsed = PostgresUrl::parse(url).map_err(|error| match error.kind() {
            Kind::Statement(text) => wrong(text),
            _ => wrong("is no URL of a PostgreSQL database"),
        })?;
        Ok(Self {
            engine: EngineKind::Postgres,
            shown: format!("postgresql://{}/{}", parsed.hosts().join(","), parsed.database()),
            database: parsed.database().to_owned(),
            has_password: parsed.has_password(),
            url: url.to_owned(),
        })
    }

    /// Accepts a file directly or indirectly inside an allowed directory, whose path has no symbolic link from there on.
    fn file(path: &Path, config: &AttachmentsConfig) -> Result<Self> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(wrong("is not the path of a file"));
        };
        let allowed = allowed(config);
        if allowed.is_empty() {
            return Err(wrong(
                "no directory of files is allowed: name it in attachments.directories of the configuration",
            ));
        }
        // A missing directory and one that is not allowed give the same answer: otherwise it would tell what exists.
        let parent =
            parent.canonicalize().ok().filter(|parent| allowed.iter().any(|at| parent.starts_with(at)));
        let Some(parent) = parent else {
            let names: Vec<_> = allowed.iter().map(|path| path.display().to_string()).collect();
            return Err(wrong(&format!("must be a file in {}", names.join(" or in "))));
        };
        let path = parent.join(name);
        if !path.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            return Err(wrong(&format!("there is no file {}: its owner makes it first", path.display())));
        }
        let text = path.to_str().ok_or_else(|| wrong("the path is not UTF-8"))?;
        Ok(Self {
            engine: EngineKind::Sqlite,
            shown: text.to_owned(),
            database: path.file_stem().unwrap_or(name).to_string_lossy().into_owned(),
            has_password: false,
            url: text.to_owned(),
        })
    }
}

/// Returns the allowed directories that exist, without symbolic links.
fn allowed(config: &AttachmentsConfig) -> Vec<PathBuf> {
    config.directories.iter().filter_map(|path| path.canonicalize().ok()).collect()
}

fn wrong(why: &str) -> Error {
    Error::invalid("url", why)
}

/// Returns how the engine reaches a database that was attached with this URL.
///
/// # Errors
/// Returns [`Error::Invalid`] for a file that is no longer in an allowed directory.
pub(super) fn reached_at(
    engine: EngineKind,
    url: String,
    config: &Config,
    store: &StoreName,
) -> Result<AttachedAt> {
    let attachments = &config.attachments;
    match engine {
        EngineKind::Sqlite => {
            let path = PathBuf::from(url);
            match allowed(attachments).iter().any(|at| path.starts_with(at)) {
                true => Ok(AttachedAt::Sqlite(path)),
                false => Err(wrong("the file is no longer in a directory of attachments.directories")),
            }
        }
        EngineKind::Postgres => Ok(AttachedAt::Postgres {
            url: Secret(url),
            schema: config.tenant_store(store)?.schema.clone(),
            most_connections: attachments.most_connections,
            idle: attachments.idle.min(IDLE_CONNECTION),
            wait: Duration::from_millis(config.limits.statement_deadline_ms),
        }),
        EngineKind::Mongo => Err(Error::Internal("an attached database on MongoDB".into())),
    }
}

/// Longest time for which an idle connection to an attached database stays open.
const IDLE_CONNECTION: Duration = Duration::from_secs(60);
