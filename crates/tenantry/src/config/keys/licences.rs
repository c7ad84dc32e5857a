//! `[licences]`: location of the private key that signs licence keys.
//!
//! The module `read` reads the section; `licences` uses it. The key itself is never in the file.

use crate::config::{Secret, reader::Section};
use std::path::Path;

/// The section `[licences]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicencesConfig {
    /// Location of the Ed25519 private key in PEM; `None` if this installation issues no licences.
    pub signing_key: Option<Secret>,
}

pub(in crate::config) fn read(section: Section<'_>, dir: &Path) -> LicencesConfig {
    let env = section.text("signing_key_env").map(|name| Secret::Env(name.to_owned()));
    let file = section.text("signing_key_file").map(|path| Secret::File(dir.join(path)));
    if env.is_some() && file.is_some() {
        section.problem("signing_key_file", "give `signing_key_env` or `signing_key_file`, not both");
    }
    section.finish();
    LicencesConfig { signing_key: env.or(file) }
}
