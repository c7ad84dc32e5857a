//! `tenantry.toml`: read as a whole, checked as a whole, every problem at once with file and line.
//!
//! Called by the command line and by programs that embed the platform. There is no global: a
//! [`Config`] is a value that is handed on. It never opens a database or reads a secret.

mod backups;
mod check;
mod defaults;
mod mail;
mod metrics;
mod model;
mod net;
mod operations;
mod problem;
mod read;
mod read_auth;
pub(crate) mod reader;
pub(crate) mod source;
mod template;
mod units;

pub use backups::*;
pub use mail::{MailConfig, SmtpPassword};
pub use metrics::MetricsConfig;
pub use model::*;
pub use net::{IpRange, IpRangeError};
pub use operations::OperationsConfig;
pub use problem::{Problem, Problems};
pub use template::{NameTemplate, TemplateError};

use std::path::Path;

/// Every key with its default and a word about it: what `tenantry init` writes, and the medadmin
/// platform when there is no file.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

impl Config {
    /// Reads and checks a file; relative paths are relative to its directory.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problems::one(&file, format!("cannot be read: {error}")))?;
        Self::parse(&file, &text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads and checks text; `file` is what problems call it, `dir` what paths are relative to.
    pub fn parse(file: &str, text: &str, dir: &Path) -> Result<Self, Problems> {
        read::read(file, text, dir)
    }
}
