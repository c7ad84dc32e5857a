//! Moves a whole installation to a PostgreSQL server: its tenants while they work, then the platform's own stores while
//! no process runs.
//!
//! `tenantry upgrade-to-postgres` calls it. It edits `tenantry.toml` twice, so that the file names the right places at
//! every moment: first every store of tenants lists the new server before the old ones, and at the end all stores list
//! only the new server. Every part may be repeated. After an interruption, tenants that have moved stay there, and an
//! incomplete copy of the platform's own stores is made again. The tenants' old databases are retained as after every
//! move; the old files of the platform's own stores are moved aside.

mod carry;
mod file;

pub use carry::Carried;

use crate::{
    Error, Platform, Result,
    config::{
        Config, Location, PostgresConfig, Scope, ServerConfig, ServerLabels, StoreConfig, UrlSource, edit,
    },
    moves::Waiting,
    platform::{health::room::Room, open::open_engine},
};
use file::ConfigFile;
use std::path::{Path, PathBuf};
use tenantry_engine::{
    name::{ServerName, StoreName},
    place::{EngineKind, Isolation},
};

/// The target of an upgrade.
#[derive(Debug, Clone)]
pub struct Goal {
    /// Name of the server in the configuration.
    pub server: ServerName,
    /// URL of the server; `None` if the configuration already has the server.
    pub url: Option<UrlSource>,
    /// Prefix of the names of databases, schemas and roles, if the server is added to the configuration.
    pub prefix: String,
    /// Isolation there of tenants with their own databases; `None` to leave it unchanged.
    pub isolation: Option<Isolation>,
}

/// An upgrade of an installation to a PostgreSQL server.
#[derive(Debug)]
pub struct Upgrade {
    file: ConfigFile,
    goal: Goal,
    before: Config,
    /// Text of the configuration while tenants move, and its meaning.
    during: (String, Config),
    /// Text of the configuration at the end, and its meaning.
    after: (String, Config),
}

/// Work that an upgrade still has to do.
#[derive(Debug)]
pub struct Outlook {
    /// Requirements that the server does not meet, each with its remedy.
    pub shortcomings: Vec<String>,
    /// Databases of tenants that are not on the server yet.
    pub waiting: Vec<Waiting>,
    /// The platform's own stores that are not on the server yet.
    pub stores: Vec<StoreName>,
}

impl Upgrade {
    /// Reads `tenantry.toml` and prepares its edits. Writes nothing. `data` overrides the data directory that the file
    /// names.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for a file that cannot be edited, a server of another kind under the goal's name, or
    /// stores that cannot be on PostgreSQL.
    pub fn new(path: &Path, data: Option<&Path>, goal: Goal) -> Result<Self> {
        let file = ConfigFile::read(path)?;
        let parsed = |text: &str| -> Result<Config> {
            let mut config = file.parse(text)?;
            if let Some(data) = data {
                config.set_data_dir(data);
            }
            Ok(config)
        };
        let before = parsed(&file.text)?;
        let named = match (before.server(goal.server.as_str()), &goal.url) {
            (Some(known), _) => {
                refuse_other(known, &goal)?;
                file.text.clone()
            }
            (None, Some(url)) => {
                let postgres =
                    PostgresConfig { prefix: goal.prefix.clone(), ..PostgresConfig::at(url.clone()) };
                let (location, labels) = (Location::Postgres(postgres), ServerLabels::default());
                let server = ServerConfig { name: goal.server.clone(), location, labels };
                edit::with_server(&file.text, &before, &server).map_err(|why| file.refused(&why))?
            }
            (None, None) => {
                let text = format!("there is no [servers.{}]: give its URL", goal.server);
                return Err(Error::invalid("server", text));
            }
        };
        let edited = |stores: Vec<(&str, Vec<ServerName>)>| {
            edit::with_stores(&named, &before, &stores).map_err(|why| file.refused(&why))
        };
        let during = edited(on_both(&before, &goal.server))?;
        let after = edited(on_goal_alone(&before, &goal.server))?;
        let (during, after) = ((during.clone(), parsed(&during)?), (after.clone(), parsed(&after)?));
        Ok(Self { file, goal, before, during, after })
    }

    /// Returns the current configuration.
    pub fn before(&self) -> &Config {
        &self.before
    }

    /// Returns the configuration with which tenants move.
    pub fn config(&self) -> &Config {
        &self.during.1
    }

    /// Returns the old servers, which the installation leaves.
    pub fn leaves(&self) -> Vec<ServerName> {
        let files = self.before.servers.iter().filter(|server| server.engine() == EngineKind::Sqlite);
        files.map(|server| server.name.clone()).collect()
    }

    /// Returns the server to which everything moves.
    pub fn server(&self) -> &ServerName {
        &self.goal.server
    }

    /// Returns the isolation there of tenants with their own databases; `None` leaves it unchanged.
    pub fn isolation(&self) -> Option<Isolation> {
        self.goal.isolation
    }

    /// Returns true if everything is already on the server according to the configuration.
    pub fn is_done(&self) -> bool {
        self.file.text == self.after.0
    }

    /// Returns the requirements that the server does not meet, each with its remedy.
    ///
    /// # Errors
    /// Returns [`Error::Engine`] if the server does not answer or does not let the installation in.
    pub async fn shortcomings(&self) -> Result<Vec<String>> {
        let engine = open_engine(&self.during.1)?;
        let found = engine.shortcomings(&self.goal.server).await;
        engine.shutdown().await;
        Ok(found?)
    }

    /// Returns the work that is still to be done. Writes nothing.
    ///
    /// # Errors
    /// Returns the errors of [`Upgrade::shortcomings`] and of the installation.
    pub async fn look(&self, platform: &Platform) -> Result<Outlook> {
        let mut shortcomings = self.shortcomings().await?;
        let waiting = platform.moves().waiting(&self.leaves(), &self.goal.server).await?;
        shortcomings.extend(self.lacks_room(&waiting).await?);
        Ok(Outlook {
            shortcomings,
            waiting,
            stores: self.own_stores().map(|(from, _)| from.name.clone()).collect(),
        })
    }

    /// Returns a text if the server has less free space than the databases take now. They may take more on the server.
    async fn lacks_room(&self, waiting: &[Waiting]) -> Result<Option<String>> {
        let engine = open_engine(&self.during.1)?;
        let room = Room::of(&engine, &self.during.1, &self.goal.server).await;
        engine.shutdown().await;
        let needed = waiting.iter().filter_map(|waiting| waiting.bytes).sum::<u64>();
        let free = room?.and_then(|room| room.free()).filter(|free| *free < needed);
        Ok(free.map(|free| {
            format!(
                "its capacity leaves {free} bytes, and the databases of tenants take {needed} bytes now: make its disk \
                 larger, then raise servers.{}.capacity",
                self.goal.server
            )
        }))
    }

    /// Writes the configuration in which tenants may be on the old servers and on the new one. Returns the path of a
    /// copy of the previous file, or `None` if nothing had to be written.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if the file was changed meanwhile; [`Error::DiskFull`], [`Error::NoAccess`] or
    /// [`Error::Unavailable`] if it cannot be written.
    pub fn name_server(&self) -> Result<Option<PathBuf>> {
        self.file.replace(&self.during.0, &self.file.text)
    }

    /// Returns the platform's own stores that are in files, each with its configuration before and after the upgrade.
    fn own_stores(&self) -> impl Iterator<Item = (&StoreConfig, &StoreConfig)> {
        let all = self.before.stores_of(Scope::System);
        let pairs = all.filter_map(|from| Some((from, self.after.1.store(from.name.as_str())?)));
        pairs.filter(|(from, to)| from.servers != to.servers)
    }
}

/// Returns every store of tenants that is in files, with the new server in front of its servers.
fn on_both<'c>(config: &'c Config, goal: &ServerName) -> Vec<(&'c str, Vec<ServerName>)> {
    let to_go = config.stores_of(Scope::Tenant).filter(|store| is_in_files(config, store));
    let both = |store: &'c StoreConfig| {
        let others = store.servers.iter().filter(|name| *name != goal).cloned();
        (store.name.as_str(), std::iter::once(goal.clone()).chain(others).collect())
    };
    to_go.map(both).collect()
}

/// Returns every store that is in files, with the new server and those of its other servers that are not directories of
/// files.
fn on_goal_alone<'c>(config: &'c Config, goal: &ServerName) -> Vec<(&'c str, Vec<ServerName>)> {
    let to_go = config.stores.iter().filter(|store| is_in_files(config, store));
    let alone = |store: &'c StoreConfig| {
        let stay = store.servers.iter().filter(|name| *name != goal && !is_files(config, name)).cloned();
        (store.name.as_str(), std::iter::once(goal.clone()).chain(stay).collect())
    };
    to_go.map(alone).collect()
}

fn is_in_files(config: &Config, store: &StoreConfig) -> bool {
    store.servers.iter().any(|name| is_files(config, name))
}

fn is_files(config: &Config, server: &ServerName) -> bool {
    config.server(server.as_str()).is_some_and(|server| server.engine() == EngineKind::Sqlite)
}

/// Refuses a server that has the goal's name but is a different server.
fn refuse_other(known: &ServerConfig, goal: &Goal) -> Result<()> {
    let Location::Postgres(postgres) = &known.location else {
        let text = format!("servers.{} is a directory of files: choose another name", known.name);
        return Err(Error::invalid("server", text));
    };
    match &goal.url {
        Some(url) if *url != postgres.url => {
            let text =
                format!("servers.{} has another URL: leave the URL out, or choose another name", known.name);
            Err(Error::invalid("server", text))
        }
        _ => Ok(()),
    }
}
