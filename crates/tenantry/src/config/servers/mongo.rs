//! `[servers.NAME]` with `engine = "mongodb"`.

use super::{LONGEST_PREFIX, UrlSource, read_url};
use crate::config::reader::Section;
use std::path::Path;
use tenantry_engine::name::ServerName;

/// A MongoDB deployment: a replica set or a sharded cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct MongoConfig {
    /// URL with the user that owns all databases.
    pub url: UrlSource,
    /// Prefix of the names of databases, so that installations can share a deployment.
    pub prefix: String,
    /// Largest number of connections of this process to each server of the deployment.
    pub most_connections: u32,
    /// Number of bytes that the databases of the deployment may take; `None` if it is unknown.
    pub capacity: Option<u64>,
}

impl MongoConfig {
    /// Returns the defaults for this URL.
    pub fn at(url: UrlSource) -> Self {
        Self { url, prefix: String::new(), most_connections: 40, capacity: None }
    }
}

pub(super) fn read(section: &Section<'_>, dir: &Path) -> MongoConfig {
    let default = MongoConfig::at(read_url(section, dir, "MongoDB server"));
    let most = section.number("most_connections", 2..=10_000).and_then(|found| u32::try_from(found).ok());
    MongoConfig {
        prefix: section.text("prefix").map_or(default.prefix, str::to_owned),
        most_connections: most.unwrap_or(default.most_connections),
        capacity: section.bytes("capacity"),
        url: default.url,
    }
}

pub(super) fn check(name: &ServerName, mongo: &MongoConfig, report: &mut dyn FnMut(&str, String)) {
    let path = |key: &str| format!("servers.{name}.{key}");
    if let UrlSource::Text(url) = &mongo.url
        && let Err(why) = check_url(url)
        && !url.is_empty()
    {
        report(&path("url"), why.into());
    }
    let prefix = &mongo.prefix;
    let is_plain = prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !is_plain || prefix.starts_with(|c: char| !c.is_ascii_lowercase()) {
        report(&path("prefix"), "use a-z, 0-9 and _, starting with a letter".into());
    }
    if prefix.len() > LONGEST_PREFIX {
        report(&path("prefix"), format!("must have at most {LONGEST_PREFIX} characters"));
    }
}

/// Checks a URL in the file.
fn check_url(url: &str) -> Result<(), &'static str> {
    if url.starts_with("mongodb+srv://") {
        return Err("names no servers: write them out, mongodb://HOST:PORT,HOST:PORT/?replicaSet=NAME");
    }
    let rest = url.strip_prefix("mongodb://").ok_or("must begin with mongodb://")?;
    let hosts = rest.split(['/', '?']).next().unwrap_or_default();
    match hosts.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            Err("must hold no password: put the whole URL into a variable or \
            a file, and name that with `url_env` or `url_file`")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check_url;

    #[test]
    fn a_url_names_servers_and_holds_no_password() {
        assert_eq!(check_url("mongodb://a:27017,b/?replicaSet=rs0"), Ok(()));
        assert_eq!(check_url("mongodb://user@a/?authMechanism=MONGODB-X509"), Ok(()));
        for bad in ["postgres://a", "mongodb+srv://a", "mongodb://user:secret@a/"] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }
}
