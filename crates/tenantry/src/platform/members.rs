//! Membership of this process among the processes that serve the installation; see `control/members/mod.rs`.
//!
//! Called by servers before they serve, by work that relies on current caches, and by commands that list the members.
//! Refuses a server if another server stores files, backups or SQLite databases in a different place, because requests
//! to either server need the same data.

use super::{Platform, data_dir, inner::Inner};
use crate::{
    Error, Result,
    access::Actor,
    config::{Location, ObjectTarget},
    control::members::{Facts, Member},
    operations::journal::lease,
};
use std::path::Path;
use tenantry_engine::{model::FieldKind, name::ServerName};

impl Platform {
    /// Makes this process a member of the installation, if servers on several hosts may use its control store. Servers
    /// call this before they serve. Without membership, every request asks the control store for changes.
    /// [`Platform::shutdown`] ends the membership.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if another server stores uploaded files, backups or SQLite databases elsewhere.
    pub async fn join(&self) -> Result<()> {
        let inner = &self.0;
        if !inner.control.is_outside() {
            return Ok(());
        }
        let facts = inner.facts(inner.kept().await?);
        inner.control.join(facts.clone(), |other| beside(&facts, other)).await?;
        self.prepare_if_restored().await
    }
}

/// A process that serves an installation which several hosts may serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Host and process id of the node.
    pub name: String,
    /// Time at which it began to serve, in microseconds since 1970, UTC.
    pub since_us: i64,
    /// Time of its last heartbeat in microseconds since 1970, UTC, by the clock of the control store's server. A node
    /// sends a heartbeat once a second.
    pub seen_us: i64,
    /// Version of the program that the node runs.
    pub version: String,
    /// Names of the servers in the node's configuration.
    pub servers: Vec<String>,
}

/// The processes that serve an installation.
pub struct Nodes<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the processes that serve the installation, on all hosts.
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes { platform: self }
    }
}

/// Returns the name of this process: its host and process id.
fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{} {}", host.trim(), std::process::id()).trim().to_owned()
}

impl Nodes<'_> {
    /// Returns the name of the node that this process is, also if its installation has no other.
    pub fn own_name(&self) -> String {
        own_name()
    }

    /// Lists the nodes, the longest serving first. Returns `None` if the control store is a file: only processes of
    /// this host then serve, and they send no heartbeats.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor is a superuser, and the errors of the control store.
    pub async fn list(&self, actor: &Actor) -> Result<Option<Vec<Node>>> {
        actor.require_superuser("list nodes")?;
        let members = self.platform.control().members().await?;
        Ok(members.map(|members| members.into_iter().map(Node::of).collect()))
    }
}

impl Node {
    fn of(member: Member) -> Self {
        let Member { facts, version, since_us, seen_us, .. } = member;
        Self { name: facts.name, since_us, seen_us, version, servers: facts.servers }
    }
}

impl Inner {
    /// Makes this process a member, so that its view of the control store is current while it writes.
    pub(crate) async fn be_member(&self) -> Result<()> {
        match self.control.is_outside() {
            true => self.control.join(self.facts(self.kept().await?), |_| None).await,
            false => Ok(()),
        }
    }

    fn facts(&self, kept: Vec<String>) -> Facts {
        Facts {
            node: lease::new_owner(),
            name: own_name(),
            servers: self.config.servers.iter().map(|server| server.name.to_string()).collect(),
            kept,
        }
    }

    /// Returns where this process stores what requests need and no database server holds, as lines of configuration key
    /// and place.
    async fn kept(&self) -> Result<Vec<String>> {
        let mut kept = Vec::new();
        let backups = &self.config.backups.target;
        kept.push(match backups.directory().filter(|dir| dir.starts_with(&self.config.platform.data_dir)) {
            Some(_) => format!("backups.target {}/{backups}", lease::boot()),
            None => format!("backups.target {backups}"),
        });
        let is_file = |kind: &FieldKind| matches!(kind, FieldKind::File { .. });
        let loaded = self.loaded.load();
        if loaded.models.values().any(|entry| entry.model.fields.iter().any(|field| is_file(&field.kind))) {
            kept.push(match &self.config.files.target {
                // Several hosts may have mounted the same directory, so the id of the directory is compared, not its
                // path.
                ObjectTarget::Directory(path) => format!("files.target {}", data_dir::id(path)?),
                target => format!("files.target {target}"),
            });
        }
        let mut tx = self.control.snapshot().await?;
        let rows = tx.query("SELECT DISTINCT server FROM placements WHERE state <> 'gone'", &[]).await?;
        let placed = rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect::<Result<Vec<_>>>()?;
        let stores = |name: &ServerName| self.config.stores.iter().any(|store| store.servers.contains(name));
        for server in &self.config.servers {
            let is_used = placed.iter().any(|name| name == server.name.as_str()) || stores(&server.name);
            if let (true, Location::Sqlite(path)) = (is_used, &server.location) {
                // SQLite needs shared memory, so a directory that several hosts have mounted does not qualify.
                kept.push(format!("servers.{} {}/{}", server.name, lease::boot(), shown(path)));
            }
        }
        Ok(kept)
    }
}

/// Returns the path with links resolved, if it exists.
fn shown(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Returns why a process with these facts must not serve at the same time as another member.
fn beside(facts: &Facts, other: &Member) -> Option<Error> {
    let other = &other.facts;
    let differ = |these: &[String], those: &[String]| {
        let only = these.iter().filter(|line| !those.contains(line));
        only.filter_map(|line| line.split(' ').next().map(str::to_owned)).collect::<Vec<_>>()
    };
    let mut keys = [differ(&facts.kept, &other.kept), differ(&other.kept, &facts.kept)].concat();
    keys.sort_unstable();
    keys.dedup();
    (!keys.is_empty()).then(|| {
        Error::Conflict(format!(
            "{} serves this installation, and these keys lead it elsewhere than this process, or to its own host: {}; name the \
             same object store or mounted directory for files and backups, and PostgreSQL servers for all stores, or serve \
             from one host and data directory only",
            other.name,
            keys.join(", ")
        ))
    })
}
