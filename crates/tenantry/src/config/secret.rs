//! Where a secret is. The configuration names the place; nothing in it is a secret itself.

use std::path::PathBuf;

/// The place of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// An environment variable.
    Env(String),
    /// A file, resolved against the directory of `tenantry.toml`.
    File(PathBuf),
}

impl Secret {
    /// Reads the secret, without the line end of a file.
    ///
    /// # Errors
    /// The reason, which names the variable or the file and never what it holds.
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
