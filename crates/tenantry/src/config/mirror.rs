//! `[mirror]`: a database on MongoDB with a copy of the catalog, for programs that read it there.
//!
//! The module `read` reads the section; background work of servers uses it.

use super::{model::Config, reader::Section};
use tenantry_engine::{
    name::{PhysicalName, ServerName},
    place::EngineKind,
};

/// The section `[mirror]`: where the catalog is copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorConfig {
    /// The server, which is MongoDB.
    pub server: ServerName,
    /// The database, without the prefix of the server.
    pub database: PhysicalName,
}

pub(super) fn read(root: &Section<'_>) -> Option<MirrorConfig> {
    if !root.has("mirror") {
        return None;
    }
    let section = root.section("mirror");
    for key in ["server", "database"] {
        if !section.has(key) {
            section.problem(key, format!("`{key}` is missing"));
        }
    }
    let read = section.parsed("server").zip(section.parsed("database"));
    section.finish();
    read.map(|(server, database)| MirrorConfig { server, database })
}

pub(super) fn check(config: &Config, report: &mut dyn FnMut(&str, String)) {
    let Some(mirror) = &config.mirror else { return };
    match config.servers.iter().find(|server| server.name == mirror.server) {
        None => report("mirror.server", format!("there is no [servers.{}]", mirror.server)),
        Some(server) if server.engine() != EngineKind::Mongo => {
            report("mirror.server", format!("servers.{} is not MongoDB", mirror.server));
        }
        Some(_) => {}
    }
    let taken = config.stores.iter().find(|store| {
        store.servers.contains(&mirror.server) && store.template.to_string() == mirror.database.as_str()
    });
    if let Some(store) = taken {
        report("mirror.database", format!("is the database of stores.{}: choose another name", store.name));
    }
}
