//! `[servers.NAME]`: the places for databases.
//!
//! Read and checked with the rest of the file. A URL with a password is never in the file: the file names the variable
//! or the file that contains the URL, which is read when the engine is opened.

pub(super) mod labels;
pub(super) mod mongo;

use self::{labels::ServerLabels, mongo::MongoConfig};
use super::{Config, PlatformConfig, reader::Section, secret::Secret};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};
use tenantry_engine::{Kind, PostgresUrl, name::ServerName, place::EngineKind};

/// A place for databases.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// Name in `[servers.NAME]`.
    pub name: ServerName,
    /// Location of the server's databases.
    pub location: Location,
    /// Labels of the server, which plans name.
    pub labels: ServerLabels,
}

/// Location of a server's databases.
#[derive(Debug, Clone, PartialEq)]
pub enum Location {
    /// A directory of SQLite files. Resolved against the data directory.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(PostgresConfig),
    /// A MongoDB deployment.
    Mongo(MongoConfig),
}

/// A PostgreSQL server.
#[derive(Debug, Clone, PartialEq)]
pub struct PostgresConfig {
    /// URL with the role that owns everything. Its database holds the pools and the schemas of tenants.
    pub url: UrlSource,
    /// Prefix of the names of databases, schemas and roles, so that several installations can share a server.
    pub prefix: String,
    /// Largest number of connections of this process to the server.
    pub most_connections: usize,
    /// Largest number of these connections to one database; `None` for three quarters.
    pub per_database_connections: Option<usize>,
    /// Time for which an idle connection stays open.
    pub idle: Duration,
    /// True if the URL leads to a pooler that may give each transaction another connection, such as PgBouncer.
    pub pooler: bool,
    /// Address at which other databases reach the server for joins with shared data; `None` for the address at which it
    /// reaches itself, or this process reaches it.
    pub join_url: Option<String>,
    /// Bytes that the platform's databases may take, because PostgreSQL does not report the size of its disk; `None` if
    /// not known.
    pub capacity: Option<u64>,
    /// Age from which a replica must have a commit: reads of records do not go to a replica that lacks older commits.
    pub replica_lag: Duration,
    /// Read replicas of the server.
    pub replicas: Vec<ReplicaConfig>,
}

impl Config {
    /// Returns the longest lag that reads at replicas may have, or `None` if no server has replicas.
    pub(crate) fn replica_lag(&self) -> Option<Duration> {
        let lag = |server: &ServerConfig| match &server.location {
            Location::Postgres(postgres) if !postgres.replicas.is_empty() => Some(postgres.replica_lag),
            _ => None,
        };
        self.servers.iter().filter_map(lag).max()
    }
}

/// A read replica of a PostgreSQL server.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaConfig {
    /// Name in `[servers.NAME.replicas.REPLICA]`.
    pub name: ServerName,
    /// URL with the role that owns everything.
    pub url: UrlSource,
    /// Largest number of connections of this process to the replica; `None` for as many as to the server.
    pub most_connections: Option<usize>,
}

/// Location of a server's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlSource {
    /// The URL is in the file itself, and contains no password.
    Text(String),
    /// The URL is in a variable or a separate file.
    Secret(Secret),
}

/// Longest prefix in bytes. The names of tenants need the rest.
pub(super) const LONGEST_PREFIX: usize = 12;

impl ServerConfig {
    /// Returns the database software of the server.
    pub fn engine(&self) -> EngineKind {
        match self.location {
            Location::Sqlite(_) => EngineKind::Sqlite,
            Location::Postgres(_) => EngineKind::Postgres,
            Location::Mongo(_) => EngineKind::Mongo,
        }
    }

    /// Returns the directory of the server's SQLite files, or `None` if it is another kind of server.
    pub fn path(&self) -> Option<&Path> {
        match &self.location {
            Location::Sqlite(path) => Some(path),
            Location::Postgres(_) | Location::Mongo(_) => None,
        }
    }

    /// Returns the prefix of the names of the server's databases.
    pub(crate) fn prefix(&self) -> &str {
        match &self.location {
            Location::Sqlite(_) => "",
            Location::Postgres(postgres) => &postgres.prefix,
            Location::Mongo(mongo) => &mongo.prefix,
        }
    }
}

impl PostgresConfig {
    /// Returns the defaults for this URL.
    pub fn at(url: UrlSource) -> Self {
        Self {
            url,
            prefix: String::new(),
            most_connections: 40,
            per_database_connections: None,
            idle: Duration::from_secs(60),
            pooler: false,
            join_url: None,
            capacity: None,
            replica_lag: Duration::from_secs(1),
            replicas: Vec::new(),
        }
    }
}

impl UrlSource {
    /// Reads the URL from its configured location.
    ///
    /// # Errors
    /// Returns the reason, without any part of the URL.
    pub(crate) fn read(&self) -> Result<String, String> {
        match self {
            Self::Text(url) => Ok(url.clone()),
            Self::Secret(secret) => secret.read(),
        }
    }
}

pub(super) fn read(root: &Section<'_>, dir: &Path, platform: &PlatformConfig) -> Vec<ServerConfig> {
    let databases = platform.data_dir.join("databases");
    if !root.has("servers") {
        // The default server is in the data directory that was just read.
        let main = Config::default().servers.into_iter();
        return main
            .map(|server| ServerConfig { location: Location::Sqlite(databases.clone()), ..server })
            .collect();
    }
    let read = |(name, section): (_, Section<'_>)| {
        let engines = [EngineKind::Sqlite, EngineKind::Postgres, EngineKind::Mongo];
        let engines = engines.map(|engine| (engine.as_str(), engine));
        let location = match section.one_of("engine", &engines).unwrap_or(EngineKind::Sqlite) {
            EngineKind::Sqlite => {
                let path = section.text("path").map(|path| platform.data_dir.join(path));
                Location::Sqlite(path.unwrap_or_else(|| databases.clone()))
            }
            EngineKind::Postgres => Location::Postgres(read_postgres(&section, dir)),
            EngineKind::Mongo => Location::Mongo(mongo::read(&section, dir)),
        };
        let labels = section.labels("labels").unwrap_or_default();
        section.finish();
        ServerConfig { name, location, labels }
    };
    root.named("servers").into_iter().map(read).collect()
}

fn read_postgres(section: &Section<'_>, dir: &Path) -> PostgresConfig {
    let default = PostgresConfig::at(read_url(section, dir, "PostgreSQL server"));
    let number = |key, most: u64| section.number(key, 1..=most).map(|found| found as usize);
    let replica = |(name, section): (_, Section<'_>)| {
        let url = read_url(&section, dir, "PostgreSQL replica");
        let most_connections = section.number("most_connections", 1..=10_000).map(|found| found as usize);
        let read = ReplicaConfig { name, url, most_connections };
        section.finish();
        read
    };
    PostgresConfig {
        prefix: section.text("prefix").map_or(default.prefix, str::to_owned),
        most_connections: number("most_connections", 10_000).unwrap_or(default.most_connections),
        per_database_connections: number("per_database_connections", 10_000),
        idle: section.duration("idle").unwrap_or(default.idle),
        pooler: section.flag("pooler").unwrap_or(default.pooler),
        join_url: section.text("join_url").map(str::to_owned),
        capacity: section.bytes("capacity"),
        replica_lag: section.duration("replica_lag").unwrap_or(default.replica_lag),
        replicas: section.named("replicas").into_iter().map(replica).collect(),
        url: default.url,
    }
}

pub(super) fn read_url(section: &Section<'_>, dir: &Path, of: &str) -> UrlSource {
    let text = section.text("url").map(|url| UrlSource::Text(url.to_owned()));
    let env = section.text("url_env").map(|name| UrlSource::Secret(Secret::Env(name.to_owned())));
    let file = section.text("url_file").map(|path| UrlSource::Secret(Secret::File(dir.join(path))));
    let mut given = [text, env, file].into_iter().flatten();
    let first = given.next();
    if given.next().is_some() {
        section.problem("url", "give one of `url`, `url_env` and `url_file`");
    }
    if first.is_none() && !["url", "url_env", "url_file"].iter().any(|key| section.has(key)) {
        let text = format!("is missing: a {of} needs `url`, `url_env` or `url_file`");
        section.problem("url", text);
    }
    first.unwrap_or(UrlSource::Text(String::new()))
}

/// Checks each server, and that no two servers can use the same files or the same names.
pub(super) fn check(config: &Config, report: &mut dyn FnMut(&str, String)) {
    if config.servers.is_empty() {
        report("servers", "at least one server is needed".into());
    }
    for (index, server) in config.servers.iter().enumerate() {
        let earlier = &config.servers[..index];
        match &server.location {
            Location::Sqlite(path) => check_path(&server.name, path, earlier, report),
            Location::Postgres(postgres) => check_postgres(&server.name, postgres, report),
            Location::Mongo(mongo) => mongo::check(&server.name, mongo, report),
        }
    }
    let urls = config.servers.iter().filter_map(|server| match &server.location {
        Location::Postgres(PostgresConfig { url: UrlSource::Text(url), prefix, .. }) => {
            Some((&server.name, prefix.as_str(), PostgresUrl::parse(url).ok()?))
        }
        _ => None,
    });
    for (name, text) in same_names(urls) {
        report(&format!("servers.{name}.prefix"), text);
    }
}

/// Returns servers that would use the same names on the same PostgreSQL server, each with a description of the problem.
/// Roles and databases belong to the whole server, so another home database does not separate them.
pub(crate) fn same_names<'c>(
    servers: impl IntoIterator<Item = (&'c ServerName, &'c str, PostgresUrl)>,
) -> Vec<(&'c ServerName, String)> {
    let mut known: HashMap<String, Vec<(&ServerName, &str)>> = HashMap::new();
    let mut found = Vec::new();
    for (name, prefix, url) in servers {
        for host in url.hosts() {
            let others = known.entry(host.clone()).or_default();
            let same =
                others.iter().find(|(_, other)| prefix.starts_with(*other) || other.starts_with(prefix));
            if let Some((other, _)) = same {
                let text = format!(
                    "its names on {host} could be those of servers.{other}: neither prefix may begin with the other"
                );
                found.push((name, text));
            }
            others.push((name, prefix));
        }
    }
    found
}

fn check_path(
    name: &ServerName,
    path: &Path,
    earlier: &[ServerConfig],
    report: &mut dyn FnMut(&str, String),
) {
    let nested = |other: &&ServerConfig| {
        other.path().is_some_and(|other| path.starts_with(other) || other.starts_with(path))
    };
    // If one directory were inside the other, two servers could use the same file.
    if let Some(other) = earlier.iter().find(nested) {
        report(&format!("servers.{name}.path"), format!("lies in the same place as servers.{}", other.name));
    }
}

fn check_postgres(name: &ServerName, postgres: &PostgresConfig, report: &mut dyn FnMut(&str, String)) {
    let path = |key: &str| format!("servers.{name}.{key}");
    check_url(&path("url"), &postgres.url, report);
    for replica in &postgres.replicas {
        check_url(&path(&format!("replicas.{}.url", replica.name)), &replica.url, report);
    }
    if let Some(url) = &postgres.join_url {
        check_join_url(&path("join_url"), url, report);
    }
    let prefix = &postgres.prefix;
    let is_plain = prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !is_plain || prefix.starts_with(|c: char| !c.is_ascii_lowercase()) || prefix.starts_with("pg_") {
        report(&path("prefix"), "use a-z, 0-9 and _, starting with a letter, but not with pg_".into());
    }
    if prefix.len() > LONGEST_PREFIX {
        report(&path("prefix"), format!("must have at most {LONGEST_PREFIX} characters"));
    }
    if postgres.per_database_connections.is_some_and(|share| share > postgres.most_connections) {
        let most = postgres.most_connections;
        report(&path("per_database_connections"), format!("must be at most most_connections, {most}"));
    }
    if !(Duration::from_secs(1)..=Duration::from_secs(86_400)).contains(&postgres.idle) {
        report(&path("idle"), "must be from 1 s to 1 day".into());
    }
    if !(Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&postgres.replica_lag) {
        report(&path("replica_lag"), "must be from 100 ms to 1 h".into());
    }
}

/// Checks the address of a server for joins. It must name no role: other databases sign in with roles of their own.
fn check_join_url(path: &str, url: &str, report: &mut dyn FnMut(&str, String)) {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    if rest.contains('@') {
        report(
            path,
            "must name no role: postgresql://HOST:PORT, with sslmode and sslrootcert if need be".into(),
        );
        return;
    }
    if let Err(error) = PostgresUrl::parse_address(url) {
        match error.kind() {
            Kind::Statement(text) => report(path, text.clone()),
            _ => report(path, error.to_string()),
        }
    }
}

/// Checks a URL that is in the file.
fn check_url(path: &str, url: &UrlSource, report: &mut dyn FnMut(&str, String)) {
    let UrlSource::Text(url) = url else { return };
    if url.is_empty() {
        return;
    }
    match PostgresUrl::parse(url) {
        Err(error) => match error.kind() {
            Kind::Statement(text) => report(path, text.clone()),
            _ => report(path, error.to_string()),
        },
        Ok(url) if url.has_password() => {
            let remedy =
                "put the whole URL into a variable or a file, and name that with `url_env` or `url_file`";
            report(path, format!("must hold no password: {remedy}"));
        }
        Ok(_) => {}
    }
}
