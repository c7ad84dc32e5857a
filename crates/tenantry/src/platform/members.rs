//! This process among those that serve the installation; see `control/members/mod.rs`.
//!
//! Called by servers before they serve, by work that must rely on caches, and by what lists them. Refuses a server while another one keeps
//! something elsewhere that requests to both need.

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
    /// Makes this process a member of the installation, if servers on several hosts may use its control store. Servers call
    /// it before they serve; without it every request asks the control store for changes. [`Platform::shutdown`] ends it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another server keeps uploaded files, backups or databases of SQLite elsewhere.
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

/// A serving process of an installation that several hosts may serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its host and process id.
    pub name: String,
    /// When it began to serve, in microseconds.
    pub since_us: i64,
    /// When the control store last heard of it, in microseconds, by the clock of that store's server. A node tells once a
    /// second that it lives.
    pub seen_us: i64,
    /// Version of its program.
    pub version: String,
    /// Servers of its configuration.
    pub servers: Vec<String>,
}

/// The serving processes of an installation.
pub struct Nodes<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the nodes: what serves the installation, on all hosts.
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes { platform: self }
    }
}

impl Nodes<'_> {
    /// Lists the nodes, the longest serving first. None if the control store is a file: then only processes of this host
    /// serve, and none has to tell that it lives.
    ///
    /// # Errors
    /// [`Error::Denied`] unless the actor is a superuser; otherwise those of the control store.
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
    /// Makes this process a member, so that what it knows of the control store is current while it writes.
    pub(crate) async fn be_member(&self) -> Result<()> {
        match self.control.is_outside() {
            true => self.control.join(self.facts(self.kept().await?), |_| None).await,
            false => Ok(()),
        }
    }

    fn facts(&self, kept: Vec<String>) -> Facts {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Facts {
            node: lease::new_owner(),
            name: format!("{} {}", host.trim(), std::process::id()).trim().to_owned(),
            servers: self.config.servers.iter().map(|server| server.name.to_string()).collect(),
            kept,
        }
    }

    /// Returns where this process keeps what requests need and no database server has: configuration key and place.
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
                // Hosts may have mounted the same directory.
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
                // SQLite needs shared memory: a directory that several hosts have mounted will not do.
                kept.push(format!("servers.{} {}/{}", server.name, lease::boot(), shown(path)));
            }
        }
        Ok(kept)
    }
}

/// Returns the path without links, if it exists.
fn shown(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Returns why a process with these facts must not serve beside another member.
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
