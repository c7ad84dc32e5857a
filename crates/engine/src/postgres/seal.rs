//! The seal of a schema that holds places: a table without columns, whose name contains the position of the ledger and,
//! if one place has the schema alone, its generation. Every change of these renames the seal. In a pool, the position
//! is also raised when a tenant's place leaves or gets another generation.
//!
//! Every read names the seal that its place had when it was verified, in a common table expression that nothing refers
//! to. PostgreSQL looks the name up when it parses the statement, and again when it runs a prepared one after a rename.
//! So a read never sees a place in another state (`known-schema`). The check costs nothing while the state is the same,
//! because PostgreSQL makes no plan for an expression that is not used. Comparing the numbers in each read took 9 of 24
//! µs on the server.

use super::{
    connections::Connection,
    names::{quoted, relations_of},
    schema::Patience,
    site::Site,
};
use crate::error::{Error, Kind, Result};
use tokio_postgres::Row;

/// Longest time for which a departure waits for running reads, in milliseconds. Reads that begin meanwhile wait behind
/// it.
const LOCK_WAIT_MS: u32 = 200;

/// Prefix of the names of seals.
const NAME: &str = "_tenantry_at_";

/// Returns the beginning of a read of this place, for this position of the ledger.
pub(crate) fn prefix(site: &Site, ledger: i64) -> String {
    format!("WITH seal AS (SELECT FROM {}.{}) ", site.quoted, name(ledger, generation_of(site)))
}

fn generation_of(site: &Site) -> Option<i64> {
    (!site.is_pooled()).then_some(site.generation)
}

/// Returns the name of the seal for a position of the ledger and, if one place has the schema alone, its generation.
fn name(ledger: i64, generation: Option<i64>) -> String {
    match generation {
        Some(generation) => format!("{NAME}{ledger}_{generation}"),
        None => format!("{NAME}{ledger}"),
    }
}

/// A schema and the name of its seal.
#[derive(Debug)]
pub(crate) struct Standing {
    ledger: i64,
    generation: Option<i64>,
    /// Name of the seal; `None` if the schema has none yet.
    found: Option<String>,
}

/// Returns a query that locks the position of the ledger, and reports whether the seal has the name for the position
/// `ledger`. That is faster than a search for a seal of any name.
pub(crate) fn expected(site: &Site, ledger: i64) -> String {
    let (schema, name) = (&site.quoted, name(ledger, generation_of(site)));
    format!(
        "SELECT ledger, to_regclass('{schema}.{name}') IS NOT NULL FROM {schema}._tenantry_meta FOR UPDATE"
    )
}

/// Reads the answer to [`expected`]. Returns `None` if the seal is missing or has another name.
pub(crate) fn as_expected(rows: &[Row], site: &Site) -> Option<Standing> {
    let row = rows.first().filter(|row| row.get(1))?;
    let (ledger, generation) = (row.get(0), generation_of(site));
    Some(Standing { ledger, generation, found: Some(name(ledger, generation)) })
}

/// Returns the statement that renames the seal when the position of the ledger is raised from `from`. The database refuses it
/// if the seal has not the name for that position.
pub(crate) fn raised_from(site: &Site, from: i64) -> String {
    let generation = generation_of(site);
    let (old, new) = (name(from, generation), name(from + 1, generation));
    format!("ALTER TABLE {}.{old} RENAME TO {new}", site.quoted)
}

/// Finds the seal, in the caller's transaction as the owner.
///
/// # Errors
/// Returns `WrongIdentity` if the schema has no ledger.
pub(crate) async fn find(conn: &mut Connection, site: &Site) -> Result<Standing> {
    let rows = conn.once(&question(site), &[]).await?;
    standing(&rows, site).ok_or_else(|| {
        Error::new(Kind::WrongIdentity, format!("{site}: the platform's tables have no version"))
    })
}

/// Returns the query for the [`Standing`] of a schema. It locks the position of the ledger.
pub(crate) fn question(site: &Site) -> String {
    let schema = &site.quoted;
    let relations = relations_of(&format!("'{schema}'::regnamespace"));
    format!(
        "SELECT ledger, (SELECT max(generation) FROM {schema}._tenantry_place), \
           (SELECT relname::text FROM {relations} AS c WHERE relkind = 'r' AND starts_with(relname, '{NAME}')) \
         FROM {schema}._tenantry_meta FOR UPDATE"
    )
}

/// Reads the answer to [`question`]. Returns `None` if the schema has no ledger.
pub(crate) fn standing(rows: &[Row], site: &Site) -> Option<Standing> {
    let row = rows.first()?;
    let generation = row.get::<_, Option<i64>>(1).filter(|_| !site.is_pooled());
    Some(Standing { ledger: row.get(0), generation, found: row.get(2) })
}

impl Standing {
    /// Returns the statement that creates the seal, or renames it, once the ledger was raised by `raised`. Returns
    /// `None` if the seal has that name already.
    pub(crate) fn renewal(&self, site: &Site, raised: i64) -> Option<String> {
        let (schema, new) = (&site.quoted, name(self.ledger + raised, self.generation));
        match &self.found {
            None => Some(format!("CREATE TABLE {schema}.{new} ()")),
            Some(old) if *old == new => None,
            Some(old) => Some(format!("ALTER TABLE {schema}.{} RENAME TO {new}", quoted(old))),
        }
    }
}

/// Creates the seal, or renames it after the state of the schema, in the caller's transaction, which runs as the owner.
///
/// # Errors
/// Returns the errors of [`Connection::batch`].
pub(crate) async fn renew(conn: &mut Connection, site: &Site) -> Result<()> {
    match find(conn, site).await?.renewal(site, 0) {
        Some(statement) => conn.batch(&statement).await,
        None => Ok(()),
    }
}

/// Renames the seal of a pool when a tenant's place leaves the pool or gets another generation. So every session
/// verifies its place before its next read, and the sessions of this tenant find that it has left
/// (`fenced-generation`). Call it last in the caller's transaction, which runs as the owner: reads of the pool wait
/// until the transaction ends.
///
/// # Errors
/// Returns [`Kind::Busy`] if the running reads do not end.
pub(crate) async fn depart(conn: &mut Connection, site: &Site) -> Result<()> {
    // Check deferred constraints now instead of in the commit, for which reads wait.
    conn.batch("SET CONSTRAINTS ALL IMMEDIATE").await?;
    let mut patience = Patience::new();
    loop {
        conn.batch(&format!("SAVEPOINT seal; SET LOCAL lock_timeout = {LOCK_WAIT_MS}")).await?;
        match raise(conn, site).await {
            Err(error) if *error.kind() == Kind::Busy => {
                conn.batch("ROLLBACK TO SAVEPOINT seal").await?;
                patience.wait(site, error).await?;
            }
            raised => return raised,
        }
    }
}

async fn raise(conn: &mut Connection, site: &Site) -> Result<()> {
    let renewal = find(conn, site).await?.renewal(site, 1).unwrap_or_default();
    conn.batch(&format!("UPDATE {}._tenantry_meta SET ledger = ledger + 1; {renewal}", site.quoted)).await
}
