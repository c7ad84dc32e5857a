//! `[attachments]`: databases that owners make, and that operators attach to tenants by URL.

use super::{model::Config, reader::Section};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// The section `[attachments]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentsConfig {
    /// Directories whose SQLite files may be attached. Resolved against the directory of the file.
    pub directories: Vec<PathBuf>,
    /// Largest number of connections of this process to one attached database.
    pub most_connections: usize,
    /// Time for which an attached database stays open without use.
    pub idle: Duration,
}

impl Default for AttachmentsConfig {
    fn default() -> Self {
        Self { directories: vec![], most_connections: 5, idle: Duration::from_secs(300) }
    }
}

pub(super) fn read(section: Section<'_>, dir: &Path) -> AttachmentsConfig {
    let default = AttachmentsConfig::default();
    let directories = section.list::<PathBuf>("directories").unwrap_or_default();
    let number = section.number("most_connections", 1..=1_000).map(|found| found as usize);
    let attachments = AttachmentsConfig {
        directories: directories.iter().map(|path| dir.join(path)).collect(),
        most_connections: number.unwrap_or(default.most_connections),
        idle: section.duration("idle").unwrap_or(default.idle),
    };
    section.finish();
    attachments
}

pub(super) fn check(config: &Config, report: &mut dyn FnMut(&str, String)) {
    let attachments = &config.attachments;
    if !(Duration::from_secs(1)..=Duration::from_secs(86_400)).contains(&attachments.idle) {
        report("attachments.idle", "must be from 1 s to 1 day".into());
    }
    for directory in &attachments.directories {
        let taken = config.servers.iter().find(|server| {
            server.path().is_some_and(|path| path.starts_with(directory) || directory.starts_with(path))
        });
        if let Some(server) = taken {
            let text = format!(
                "{} has files of the platform: servers.{} is there. Name a directory of the owners alone",
                directory.display(),
                server.name
            );
            report("attachments.directories", text);
        }
        if config.platform.data_dir.starts_with(directory) {
            let text = format!("{} contains platform.data_dir", directory.display());
            report("attachments.directories", text);
        }
    }
    let reserved = config.servers.iter().find(|server| crate::attachments::is_attached(&server.name));
    if let Some(server) = reserved {
        let text =
            format!("names that begin with {} stand for attached databases", crate::attachments::PREFIX);
        report(&format!("servers.{}", server.name), text);
    }
}
