//! `[files]`: where the bytes of file fields are stored.
//!
//! The module `read` reads the section. It is checked together with the backups, which must not be in the same place.

use super::target::{self, ObjectTarget};
use crate::config::reader::Section;
use std::path::Path;

/// The section `[files]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesConfig {
    /// Target in which the bytes are stored. A directory belongs to one host.
    pub target: ObjectTarget,
}

impl FilesConfig {
    /// Returns the defaults for this data directory.
    pub(in crate::config) fn defaults_in(data_dir: &Path) -> Self {
        Self { target: ObjectTarget::Directory(data_dir.join("files")) }
    }
}

pub(in crate::config) fn read(section: Section<'_>, data_dir: &Path) -> FilesConfig {
    let default = FilesConfig::defaults_in(data_dir);
    let files = FilesConfig { target: target::read(&section, data_dir).unwrap_or(default.target) };
    section.finish();
    files
}
