//! `tenantry.toml`: read and checked as a whole, with every problem reported at once by file and line.
//!
//! The command line and programs that embed the platform call it. There is no global configuration: callers pass a
//! [`Config`] on as a value. Reading it never opens a database or reads a secret.

mod analytics;
mod attachments;
mod check;
mod defaults;
pub(crate) mod edit;
mod keys;
mod mail;
mod metrics;
mod mirror;
mod model;
mod net;
pub(crate) mod objects;
mod operations;
mod reading;
mod secret;
mod servers;
mod template;

pub use analytics::AnalyticsConfig;
pub use attachments::AttachmentsConfig;
pub use keys::{
    licences::LicencesConfig,
    secrets::{KeysAt, SecretsConfig},
};
pub use mail::MailConfig;
pub use metrics::MetricsConfig;
pub use mirror::MirrorConfig;
pub use model::*;
pub use net::{IpRange, IpRangeError};
pub use objects::{backups::*, files::FilesConfig, target::ObjectTarget};
pub use operations::OperationsConfig;
pub use problem::{Problem, Problems};
use reading::{problem, read, read_auth, units};
pub(crate) use reading::{reader, source};
pub use secret::Secret;
pub(crate) use servers::same_names;
pub use servers::{
    Location, PostgresConfig, ReplicaConfig, ServerConfig, UrlSource, labels::ServerLabels,
    mongo::MongoConfig,
};
pub use template::{NameTemplate, TemplateError};

use std::path::Path;

/// Every key with its default and an explanation. `tenantry init` writes this text as the file. Without a file, it is
/// the configuration of the MedAdmin platform.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

impl Config {
    /// Reads and checks a file. Relative paths are relative to its directory.
    ///
    /// # Errors
    /// Returns all problems at once, with their lines.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problems::one(&file, format!("cannot be read: {error}")))?;
        Self::parse(&file, &text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads and checks text. `file` is its name in problems, and `dir` the base of relative paths.
    ///
    /// # Errors
    /// Returns all problems at once, with their lines.
    pub fn parse(file: &str, text: &str, dir: &Path) -> Result<Self, Problems> {
        read::read(file, text, dir)
    }
}
