//! Places that this process has used: where they are, which schemas were verified there, and the writes that wait.

use super::{names::quoted, records::SCHEMA, server::Server, site::Site};
use crate::{
    error::{Error, Kind, Result},
    ledger,
    place::Place,
    schema::{Known, Schema, Verified},
    write::Queue,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How many places a server remembers. A forgotten one is verified again when it is used next.
pub(super) const REMEMBERED: usize = 10_000;

/// How long a write waits for a writer in another process.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// A place whose identity was verified.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) site: Site,
    pub(crate) verified: Verified,
    /// Begins a transaction that reads; None if reads need none, because no setting confines them.
    pub(crate) read: Option<String>,
    /// Begins a transaction that writes.
    pub(crate) write: String,
    pub(crate) queue: Queue,
}

impl Opened {
    fn new(site: Site) -> Self {
        let confinement = confinement(&site);
        let read = site.shares_database().then(|| format!("BEGIN READ ONLY{confinement}"));
        let write = format!("BEGIN; SET LOCAL lock_timeout = '{}ms'{confinement}", LOCK_WAIT.as_millis());
        Self { site, verified: Verified::default(), read, write, queue: Queue::default() }
    }

    /// Returns a statement with the schema of this place.
    pub(crate) fn text(&self, sql: &str) -> String {
        sql.replace(SCHEMA, &self.site.quoted)
    }
}

/// Returns the settings that confine a transaction: the role that reaches only the place's schema, and in a pool the tenant.
fn confinement(site: &Site) -> String {
    let Some(role) = site.role() else { return String::new() };
    let role = format!("; SET LOCAL ROLE {}", quoted(role));
    match site.is_pooled() {
        true => format!("{role}; SET LOCAL tenantry.tenant = '{}'", site.tenant),
        false => role,
    }
}

impl Server {
    /// Returns the place with a schema that was verified there.
    ///
    /// # Errors
    /// [`Kind::Missing`], [`Kind::WrongIdentity`] or [`Kind::Fenced`] if the place is not there;
    /// [`Kind::SchemaBehind`] or [`Kind::SchemaAhead`] if it has another schema.
    pub(crate) async fn opened(&self, place: &Place, schema: &Schema) -> Result<Arc<Opened>> {
        if let Some(opened) = self.opened.get(place) {
            if opened.verified.position(schema.known()).is_none() {
                self.verify_schema(&opened, schema.known()).await?;
            }
            return Ok(opened);
        }
        let opened = Arc::new(Opened::new(self.site(place)?));
        self.verify_schema(&opened, schema.known()).await?;
        self.opened.insert(place.clone(), opened.clone());
        Ok(opened)
    }

    /// Verifies the identity of a place and its schema. Returns the position of the ledger.
    ///
    /// # Errors
    /// Those of [`Server::opened`].
    pub(crate) async fn verify_schema(&self, opened: &Opened, known: &Known) -> Result<i64> {
        self.identify(&opened.site).await?;
        let sql = opened.text(&format!(
            "SELECT m.ledger, l.app, l.migration, l.checksum \
             FROM {SCHEMA}._tenantry_meta AS m LEFT JOIN {SCHEMA}._tenantry_ledger AS l ON true"
        ));
        let mut lease = self.lease(&opened.site).await?;
        let connection = lease.connection()?;
        let rows = match &opened.read {
            None => connection.query(&sql, &[]).await?,
            Some(begin) => {
                let call = super::connections::Call { sql: &sql, params: &[] };
                connection.in_transaction(begin, &[call]).await?.pop().unwrap_or_default()
            }
        };
        let applied: BTreeMap<String, String> = rows
            .iter()
            .filter_map(|row| {
                let id = ledger::id_of(known.store(), row.get::<_, Option<&str>>(1)?, row.get(2))?;
                Some((id, row.get(3)))
            })
            .collect();
        known.compare(&applied)?;
        let row = rows.first().ok_or_else(|| Error::new(Kind::WrongIdentity, "no ledger"))?;
        let position = row.get(0);
        opened.verified.set(known, position);
        Ok(position)
    }

    /// Tells why a statement of a session found the place in another state than it was verified in.
    ///
    /// # Errors
    /// The precise reason. None if it is in order now: another migration was applied that does not concern its schema.
    pub(crate) async fn why(&self, opened: &Opened, known: &Known) -> Result<i64> {
        match self.verify_schema(opened, known).await {
            Err(error) if *error.kind() == Kind::WrongIdentity => {
                // It lived here a moment ago, so it was moved. The next session looks again.
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
