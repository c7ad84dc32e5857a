//! Places that this process has used: their sites, the schemas that were verified there, and the writes that wait.

use super::{
    connections::{Answers, Call, Connection, Failed},
    names::quoted,
    records::SCHEMA,
    replicas::Latest,
    seal::{self, Seal},
    server::Server,
    site::Site,
};
use crate::{
    error::{Error, Kind, Result},
    ledger,
    place::Place,
    schema::{Known, Schema, Verified},
    write::Queue,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio_postgres::Row;

/// Maximum number of places that a server remembers. A forgotten place is verified again when it is used next.
pub(super) const REMEMBERED: usize = 10_000;

/// Longest time that a write waits for a writer in another process.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// A place whose identity was verified.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) site: Site,
    pub(crate) verified: Verified,
    /// The seal when the place was verified last.
    seal: RwLock<Option<Arc<Sealed>>>,
    /// The quoted role that statements of the place run as; `None` if the place has its own database.
    pub(crate) role: Option<Arc<str>>,
    /// Setting that confines statements to the tenant in a pool.
    setting: Option<String>,
    /// Statements that begin a transaction that writes.
    pub(crate) write: String,
    pub(crate) queue: Queue,
    /// Moment at which this process last changed or verified the place. Only set if the server has replicas.
    pub(super) changed: Latest,
}

/// A seal that a place had when it was verified.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) seal: Seal,
    /// Beginning of each read.
    prefix: Box<str>,
}

impl Opened {
    fn new(site: Site) -> Self {
        let role: Option<Arc<str>> = site.role().map(|role| quoted(role).to_string().into());
        let setting = site.is_pooled().then(|| format!("SET LOCAL tenantry.tenant = '{}'", site.tenant));
        let mut write = format!("BEGIN; SET LOCAL lock_timeout = '{}ms'", LOCK_WAIT.as_millis());
        let confinement = role.iter().map(|role| format!("SET LOCAL ROLE {role}")).chain(setting.clone());
        confinement.for_each(|set| write = format!("{write}; {set}"));
        Self {
            site,
            verified: Verified::default(),
            seal: RwLock::default(),
            role,
            setting,
            write,
            queue: Queue::default(),
            changed: Latest::default(),
        }
    }

    /// Runs reads, confined to the place, in one round trip.
    ///
    /// # Errors
    /// Returns the first failure.
    pub(crate) async fn read(
        &self,
        connection: &mut Connection,
        calls: &[Call<'_>],
    ) -> Result<Answers, Failed> {
        match &self.role {
            None => connection.calls(calls).await,
            Some(role) => connection.as_role(role, self.setting.as_deref(), calls).await,
        }
    }

    /// Returns the seal that the place had when this schema was verified there; `None` if it was not, or if the place has
    /// been verified with another seal since.
    pub(crate) fn sealed(&self, known: &Known) -> Option<Arc<Sealed>> {
        let sealed = self.last_sealed()?;
        (self.verified.position(known) == Some(sealed.seal.position)).then_some(sealed)
    }

    /// Returns the seal that the place had when it was verified last.
    pub(crate) fn last_sealed(&self) -> Option<Arc<Sealed>> {
        self.seal.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records that the schema was verified while the place had this seal.
    fn keep(&self, known: &Known, seal: Seal) -> Arc<Sealed> {
        let sealed = Arc::new(Sealed { prefix: seal.prefix(&self.site).into(), seal });
        *self.seal.write().unwrap_or_else(PoisonError::into_inner) = Some(sealed.clone());
        self.verified.set(known, sealed.seal.position);
        sealed
    }

    /// Returns a read with the schema of this place, preceded by the check of its seal.
    pub(crate) fn read_text(&self, sql: &str, sealed: &Sealed) -> String {
        let mut text = String::with_capacity(sealed.prefix.len() + sql.len() + 4 * self.site.quoted.len());
        text.push_str(&sealed.prefix);
        for (index, part) in sql.split(SCHEMA).enumerate() {
            text.push_str(if index == 0 { "" } else { &self.site.quoted });
            text.push_str(part);
        }
        text
    }

    /// Returns a statement with the schema of this place.
    pub(crate) fn text(&self, sql: &str) -> String {
        sql.replace(SCHEMA, &self.site.quoted)
    }
}

impl Server {
    /// Returns the place with a schema that was verified there.
    ///
    /// # Errors
    /// Returns [`Kind::Missing`], [`Kind::WrongIdentity`] or [`Kind::Fenced`] if the server does not hold the place at
    /// its generation, and [`Kind::SchemaBehind`] or [`Kind::SchemaAhead`] if it has another schema.
    pub(crate) async fn opened(&self, place: &Place, schema: &Schema) -> Result<Arc<Opened>> {
        if let Some(opened) = self.opened.get(place) {
            if opened.sealed(schema.known()).is_none() {
                self.verify_schema(&opened, schema.known()).await?;
            }
            return Ok(opened);
        }
        let opened = Arc::new(Opened::new(self.site(place)?));
        self.verify_schema(&opened, schema.known()).await?;
        self.opened.insert(place.clone(), opened.clone());
        Ok(opened)
    }

    /// Verifies the identity of a place and its schema. Returns its seal.
    ///
    /// # Errors
    /// Returns the errors of [`Server::opened`].
    pub(crate) async fn verify_schema(&self, opened: &Opened, known: &Known) -> Result<Arc<Sealed>> {
        let sql = format!(
            "SELECT {}, l.app, l.migration, l.checksum \
             FROM {schema}._tenantry_meta AS m LEFT JOIN {schema}._tenantry_ledger AS l ON true",
            seal::name_in(&opened.site),
            schema = opened.site.quoted
        );
        let mut rows = self.read_ledger(opened, &sql).await?;
        if rows.first().is_some_and(|row| seal::read(row, 0).is_none()) {
            // Tables of an early format had no seal until the identity was checked.
            rows = self.read_ledger(opened, &sql).await?;
        }
        let applied: BTreeMap<String, String> = rows
            .iter()
            .filter_map(|row| {
                let id = ledger::id_of(known.store(), row.get::<_, Option<&str>>(1)?, row.get(2))?;
                Some((id, row.get(3)))
            })
            .collect();
        known.compare(&applied)?;
        let row = rows.first().ok_or_else(|| Error::new(Kind::WrongIdentity, "no ledger"))?;
        let seal = seal::read(row, 0).ok_or_else(|| seal::missing(&opened.site))?;
        // Set this first, so that no replica that has not reached this state answers.
        self.note_change(opened);
        Ok(opened.keep(known, seal))
    }

    /// Reads the ledger with the query `sql`, then verifies the identity of the place.
    async fn read_ledger(&self, opened: &Opened, sql: &str) -> Result<Vec<Row>> {
        let mut lease = self.lease_to(opened).await?;
        let answers = opened.read(lease.connection()?, &[Call::once(sql, &[])]).await;
        drop(lease);
        // After the ledger was read: a tenant that leaves its pool meanwhile raises it, so that reads find another seal.
        self.identify(&opened.site).await?;
        Ok(answers?.pop().unwrap_or_default())
    }

    /// Determines why a statement of a session found the place in another state than the verified one. Returns the seal if
    /// the place is in order now, because another migration was applied that does not concern
    /// its schema.
    ///
    /// # Errors
    /// Returns the precise reason.
    pub(crate) async fn why(&self, opened: &Opened, known: &Known) -> Result<Arc<Sealed>> {
        match self.verify_schema(opened, known).await {
            Err(error) if *error.kind() == Kind::WrongIdentity => {
                // The place was here a moment ago, so it was moved. The next session looks it up again.
                self.opened.remove(&opened.site.place);
                Err(error.with_kind(Kind::Fenced))
            }
            Err(error) => {
                self.opened.remove(&opened.site.place);
                Err(error)
            }
            verified => verified,
        }
    }
}
