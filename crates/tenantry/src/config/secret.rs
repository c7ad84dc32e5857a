//! Location of a secret. The configuration names only the location and contains no secret.

use std::path::PathBuf;

/// Location of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// An environment variable with this name.
    Env(String),
    /// A file with this path, resolved against the directory of `tenantry.toml`.
    File(PathBuf),
}

impl Secret {
    /// Reads the secret, without a file's trailing line break.
    ///
    /// # Errors
    /// Returns the reason. It names the variable or the file, never the contents.
    pub(crate) fn read(&self) -> Result<String, String> {
        let read = match self {
            Self::Env(name) => std::env::var(name).map_err(|_| format!("{name} is not set")),
            Self::File(path) => {
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
            }
        };
        read.map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
    }
}
