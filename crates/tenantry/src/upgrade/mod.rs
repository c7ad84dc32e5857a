//! Puts a whole installation on a PostgreSQL server: its tenants while they work, then the platform's own stores while
//! nothing runs.
//!
//! Called by `tenantry upgrade-to-postgres`. `tenantry.toml` is edited twice, so that at every moment it says where things
//! are: first every store of tenants names the new server before the old ones, at the end all stores name it alone. Every
//! part may be repeated, and an interrupted one is: tenants that have moved stay there, and a copy of the platform's own
//! stores that is not complete is made again. Old databases of tenants are retained like after every move; the old files of
//! the platform's own stores are moved aside.

mod carry;
mod file;

pub use carry::Carried;

use crate::{
    Error, Platform, Result,
    config::{Config, Location, PostgresConfig, Scope, ServerConfig, StoreConfig, UrlSource, edit},
    moves::Waiting,
    platform::{health::room::Room, open::open_engine},
};
use file::ConfigFile;
use std::path::{Path, PathBuf};
use tenantry_engine::{
    name::{ServerName, StoreName},
    place::{EngineKind, Isolation},
};

/// Where an installation goes.
#[derive(Debug, Clone)]
pub struct Goal {
    /// Name of the server in the configuration.
    pub server: ServerName,
    /// Its URL. `None`: the configuration has the server.
    pub url: Option<UrlSource>,
    /// What the names of databases, schemas and roles begin with there, if the server is added to the configuration.
    pub prefix: String,
    /// How tenants with databases of their own are separated there. `None`: as now.
    pub isolation: Option<Isolation>,
}

/// An installation on its way to a PostgreSQL server.
#[derive(Debug)]
pub struct Upgrade {
    file: ConfigFile,
    goal: Goal,
    before: Config,
    /// The text while tenants move, and what it says.
    during: (String, Config),
    /// The text at the end, and what it says.
    after: (String, Config),
}

/// What is still to be done.
#[derive(Debug)]
pub struct Outlook {
    /// What the server lacks, each with its remedy.
    pub shortcomings: Vec<String>,
    /// Databases of tenants that are not there yet.
    pub waiting: Vec<Waiting>,
    /// The platform's own stores that are not there yet.
    pub stores: Vec<StoreName>,
}

impl Upgrade {
    /// Reads `tenantry.toml` and prepares its edits. Writes nothing. `data` replaces the data directory that it names.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file that cannot be edited, a server of another kind under the goal's name, or stores that
    /// cannot be on PostgreSQL.
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
                let server =
                    ServerConfig { name: goal.server.clone(), location: Location::Postgres(postgres) };
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

    /// The configuration as it is now.
    pub fn before(&self) -> &Config {
        &self.before
    }

    /// The configuration with which tenants move.
    pub fn config(&self) -> &Config {
        &self.during.1
    }

    /// The servers that are left.
    pub fn leaves(&self) -> Vec<ServerName> {
        let files = self.before.servers.iter().filter(|server| server.engine() == EngineKind::Sqlite);
        files.map(|server| server.name.clone()).collect()
    }

    /// The server that everything goes to.
    pub fn server(&self) -> &ServerName {
        &self.goal.server
    }

    /// How tenants with databases of their own are separated there. `None`: as now.
    pub fn isolation(&self) -> Option<Isolation> {
        self.goal.isolation
    }

    /// Returns true if everything is on the server already, as far as the configuration says.
    pub fn is_done(&self) -> bool {
        self.file.text == self.after.0
    }

    /// Returns what the server lacks, each with its remedy.
    ///
    /// # Errors
    /// [`Error::Engine`] if it does not answer or does not let the installation in.
    pub async fn shortcomings(&self) -> Result<Vec<String>> {
        let engine = open_engine(&self.during.1)?;
        let found = engine.shortcomings(&self.goal.server).await;
        engine.shutdown().await;
        Ok(found?)
    }

    /// Returns what is still to be done. Writes nothing.
    ///
    /// # Errors
    /// Those of [`Upgrade::shortcomings`] and of the installation.
    pub async fn look(&self, platform: &Platform) -> Result<Outlook> {
        let mut shortcomings = self.shortcomings().await?;
        let waiting = platform.moves().waiting(&self.leaves()).await?;
        shortcomings.extend(self.lacks_room(&waiting).await?);
        Ok(Outlook {
            shortcomings,
            waiting,
            stores: self.own_stores().map(|(from, _)| from.name.clone()).collect(),
        })
    }

    /// Returns what the server lacks if it has less room than the databases take now. They may take more there.
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

    /// Writes the configuration in which tenants can be on the old servers and on the new one. Returns where the file as it
    /// was before is kept; `None` if nothing had to be written.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written, [`Error::Conflict`] if it was changed meanwhile.
    pub fn name_server(&self) -> Result<Option<PathBuf>> {
        self.file.replace(&self.during.0, &self.file.text)
    }

    /// The platform's own stores that are in files, each as it is and as it will be.
    fn own_stores(&self) -> impl Iterator<Item = (&StoreConfig, &StoreConfig)> {
        let all = self.before.stores_of(Scope::System);
        let pairs = all.filter_map(|from| Some((from, self.after.1.store(from.name.as_str())?)));
        pairs.filter(|(from, to)| from.servers != to.servers)
    }
}

/// Every store of tenants that is in files, with the goal before its servers.
fn on_both<'c>(config: &'c Config, goal: &ServerName) -> Vec<(&'c str, Vec<ServerName>)> {
    let to_go = config.stores_of(Scope::Tenant).filter(|store| is_in_files(config, store));
    let both = |store: &'c StoreConfig| {
        let others = store.servers.iter().filter(|name| *name != goal).cloned();
        (store.name.as_str(), std::iter::once(goal.clone()).chain(others).collect())
    };
    to_go.map(both).collect()
}

/// Every store that is in files, on the goal and its other servers that are no directories of files.
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

/// Refuses a server that has the goal's name but is another one.
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
