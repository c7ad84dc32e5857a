//! One PostgreSQL server: its connections, and the names of places on it.

use super::{
    connections::{Access, ConnectionLimits, Connections, Lease, PostgresUrl, options_of},
    joins::joined::Joined,
    names::Prefix,
    opened::{Opened, REMEMBERED},
    replicas::{Moment, ReplicaReport, Replicas, Replication},
    site::{OWN_SCHEMA, Site},
};
use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
    name::ServerName,
    place::{Isolation, Place},
};
use quick_cache::sync::Cache;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::OnceCell;

/// Access to a server, and the limits that leave room for others there. Its `Debug` output contains no password.
#[derive(Clone)]
pub struct ServerOptions {
    /// `postgresql://` URL of the role that owns everything. Its database is the home database, which holds pools and
    /// the schemas of tenants.
    pub url: String,
    /// Prefix of the names of databases, schemas and roles, so that several installations can share a server.
    pub prefix: String,
    /// Limits of the connections to the server.
    pub connections: ConnectionLimits,
    /// Whether statements may be prepared by name. False if a pooler gives each transaction another connection.
    pub prepares: bool,
    /// `postgresql://HOST:PORT` with which other databases reach this server, if it differs from the address that the
    /// server itself or this process uses. Its role and database are ignored.
    pub join_url: Option<String>,
    /// Set if the server is one attached database.
    pub sole: Option<Sole>,
}

/// The only database of a server that an owner attached. It is in the URL, whatever a place calls it. It is never
/// created, renamed or dropped, and gets no roles.
#[derive(Debug, Clone)]
pub struct Sole {
    /// What identifies the database; `None` while it is being attached.
    pub identity: Option<String>,
    /// Schema of its tables.
    pub schema: String,
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, prefix, connections, prepares, join_url: _, sole: _ } = self;
        let mut out = f.debug_struct("ServerOptions");
        out.field("prefix", prefix).field("connections", connections).field("prepares", prepares);
        out.finish_non_exhaustive()
    }
}

/// A server. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Server(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) name: ServerName,
    /// The database with the pools and the schemas of tenants.
    pub(crate) home: Arc<str>,
    /// True if the home database is the only place of the server.
    pub(crate) is_sole: bool,
    /// Schema of the tables in a place's own database.
    own_schema: Box<str>,
    pub(crate) prefix: Prefix,
    pub(crate) connections: Connections,
    /// Read replicas, which may lack the newest commits; `None` if the primary answers all reads.
    pub(super) replicas: Option<Arc<Replicas>>,
    pub(crate) platform: Platform,
    /// Secret from which the passwords of readers and the seal of positions are derived, once it is known.
    pub(crate) secret: OnceCell<String>,
    /// System identifier of the server's cluster, once a write needed it.
    pub(super) cluster: OnceCell<i64>,
    /// Longest duration of a list or a count that may scan every row.
    pub(super) read_deadline: Duration,
    /// Places that this process has used.
    pub(super) opened: Cache<Place, Arc<Opened>>,
    /// Options with which databases of other servers reach this one, if they are configured.
    pub(super) join_address: Option<Vec<(&'static str, String)>>,
    /// Views of shared data that were found or created, with their databases.
    pub(super) joined: Cache<(Arc<str>, Joined), ()>,
}

impl Server {
    /// Creates a server. Connects to nothing, because a server that is away must not stop the others.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if the URL is wrong or names no database, or if the prefix is not allowed.
    pub(crate) fn new(
        name: ServerName,
        (options, replication): (&ServerOptions, &Replication),
        platform: &Platform,
        read_deadline: Duration,
    ) -> Result<Self> {
        let mut access = Access::new(&options.url, options.prepares)?;
        access.expect(options.sole.as_ref().and_then(|sole| sole.identity.clone()));
        let home = access.database().ok_or_else(|| {
            let detail = format!("the URL of server {name} names no database");
            Error::new(Kind::Statement(detail.clone()), detail)
        })?;
        let home: Arc<str> = home.into();
        let join_address = options.join_url.as_deref().map(PostgresUrl::parse_address).transpose()?;
        let join_address = join_address.map(|url| options_of(&url));
        let connections = Connections::new(access, options.connections);
        let replicas = Replicas::new(&name, (&connections, &home), options.prepares, replication)?;
        Ok(Self(Arc::new(Inner {
            name,
            home,
            is_sole: options.sole.is_some(),
            own_schema: options.sole.as_ref().map_or(OWN_SCHEMA, |sole| &sole.schema).into(),
            prefix: Prefix::new(&options.prefix)?,
            connections,
            replicas,
            platform: platform.clone(),
            secret: OnceCell::new(),
            cluster: OnceCell::new(),
            read_deadline,
            opened: Cache::new(REMEMBERED),
            join_address,
            joined: Cache::new(REMEMBERED),
        })))
    }

    /// Returns the site of `place`, whether or not the place exists.
    pub(crate) fn site(&self, place: &Place) -> Result<Site> {
        match self.is_sole {
            false => Site::new(place, self.prefix.name(&place.physical)?, &self.home, &self.own_schema),
            true if place.isolation == Isolation::Database => {
                Site::new(place, self.home.to_string(), &self.home, &self.own_schema)
            }
            true => Err(Error::new(Kind::Internal, format!("{place}: an attached database has one place"))),
        }
    }

    /// Returns whether the server answered when a connection was last opened.
    pub(crate) fn is_reachable(&self) -> bool {
        self.connections.is_reachable()
    }

    /// Connects to the server if no connection is open.
    pub(crate) async fn look(&self) -> Result<()> {
        self.connections.lease(&self.home).await.map(drop)
    }

    /// Describes the replicas of the server.
    pub(crate) fn replicas(&self) -> Vec<ReplicaReport> {
        self.replicas.iter().flat_map(|replicas| replicas.reports()).collect()
    }

    /// Records that the place was changed, or verified, at this moment. A replica answers its reads once it holds that
    /// state.
    pub(super) fn note_change(&self, place: &Opened) {
        if self.replicas.is_some() {
            place.changed.raise(Moment::now());
        }
    }

    /// Records a change that was not made by a session, as [`Server::note_change`] does for sessions.
    pub(super) fn note_change_at(&self, place: &Place) {
        if let Some(opened) = self.replicas.as_ref().and_then(|_| self.opened.get(place)) {
            self.note_change(&opened);
        }
    }

    /// Leases a connection for statements that set the role of their place themselves.
    pub(crate) async fn lease_to(&self, place: &Opened) -> Result<Lease> {
        match &place.role {
            Some(role) => self.connections.lease_for(&place.site.database, role).await,
            None => self.lease(&place.site).await,
        }
    }

    /// Leases a connection to the database of a place.
    pub(crate) async fn lease(&self, site: &Site) -> Result<Lease> {
        self.connections.lease(&site.database).await
    }
}

impl std::ops::Deref for Server {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
