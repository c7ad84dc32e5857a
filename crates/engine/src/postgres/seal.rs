//! The seal of a schema that holds places: a table without columns, whose name contains the position of the ledger and,
//! if one place has the schema alone, a digest of what a migration may rely on: whose place it is, and every line of the
//! ledger. Every change of these renames the seal. In a pool, the position is also raised when a tenant's place leaves or
//! gets another generation.
//!
//! Every read names the seal that its place had when it was verified, in a common table expression that nothing refers
//! to. PostgreSQL looks the name up when it parses the statement, and again when it runs a prepared one after a rename.
//! So a read never sees a place in another state (`known-schema`). The check costs nothing while the state is the same,
//! because PostgreSQL makes no plan for an expression that is not used. Comparing the numbers in each read took 9 of 24
//! µs on the server.
//!
//! A migration renames the seal that it expects. The database refuses that in a place with another past, which the
//! migration therefore need not read.

use super::{
    connections::Connection,
    names::{quoted, relations_of},
    schema::Patience,
    site::Site,
};
use crate::error::{Error, Kind, Result};
use std::{collections::BTreeMap, fmt::Write};
use tokio_postgres::Row;

/// Longest time for which a departure waits for running reads, in milliseconds. Reads that begin meanwhile wait behind
/// it.
const LOCK_WAIT_MS: u32 = 200;

/// Prefix of the names of seals.
const NAME: &str = "_tenantry_at_";

/// All lines of a ledger: app and name → checksum.
pub(crate) type Lines = BTreeMap<(String, String), String>;

/// A seal: its name and the position of the ledger in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) position: i64,
    name: Box<str>,
}

impl Seal {
    /// Returns the seal of this name.
    fn parse(name: &str) -> Option<Self> {
        let position = name.strip_prefix(NAME)?.split('_').next()?.parse().ok()?;
        Some(Self { position, name: name.into() })
    }

    fn new(position: i64, digest: Option<&str>) -> Self {
        let mut name = format!("{NAME}{position}");
        if let Some(digest) = digest {
            name = format!("{name}_{digest}");
        }
        Self { position, name: name.into() }
    }

    /// Returns the seal that a place of this installation has at a position of the ledger with these lines, if one tenant
    /// has the schema alone.
    pub(crate) fn expected(site: &Site, platform: &str, position: i64, lines: &Lines) -> Self {
        Self::new(position, Some(&digest(&place(site, platform), &text(lines))))
    }

    /// Returns the seal after the next change of the ledger in a pool, whose seals have no digest.
    pub(crate) fn next_in_pool(&self) -> Self {
        Self::new(self.position + 1, None)
    }

    /// Returns the beginning of a read of a place with this seal.
    pub(crate) fn prefix(&self, site: &Site) -> String {
        format!("WITH seal AS (SELECT FROM {}.{}) ", site.quoted, quoted(&self.name))
    }

    /// Returns an SQL condition that the schema has this seal.
    pub(crate) fn is_there(&self, site: &Site) -> String {
        format!("to_regclass('{}.{}') IS NOT NULL", site.quoted, quoted(&self.name))
    }

    /// Returns the statement that renames this seal to another one. The database refuses it if the schema does not have this
    /// seal.
    pub(crate) fn rename(&self, to: &Self, site: &Site) -> String {
        format!("ALTER TABLE {}.{} RENAME TO {}", site.quoted, quoted(&self.name), quoted(&to.name))
    }
}

/// Returns the place that has a schema alone, as [`question`] returns it.
fn place(site: &Site, platform: &str) -> String {
    format!("{} {} {} {platform}", site.tenant, site.place.store, site.generation)
}

/// Returns the digest of a place and of the lines of its ledger.
fn digest(place: &str, lines: &str) -> String {
    // 64 bits tell apart what was changed by accident. They fit into a name with any position.
    blake3::hash(format!("{place}\n{lines}").as_bytes()).to_hex()[..16].to_owned()
}

/// Returns the lines as [`question`] returns them.
fn text(lines: &Lines) -> String {
    let mut text = String::new();
    for ((app, name), checksum) in lines {
        let end = if text.is_empty() { "" } else { "\n" };
        // Writing to a string never fails.
        let _ = write!(text, "{end}{app} {name} {checksum}");
    }
    text
}

/// Returns an SQL expression for the name of the seal of a schema; null if it has none.
pub(crate) fn name_in(site: &Site) -> String {
    let relations = relations_of(&format!("'{}'::regnamespace", site.quoted));
    format!(
        "(SELECT relname::text FROM {relations} AS c WHERE relkind = 'r' AND starts_with(relname, '{NAME}'))"
    )
}

/// Reads the value of [`name_in`].
pub(crate) fn read(row: &Row, at: usize) -> Option<Seal> {
    Seal::parse(row.get::<_, Option<&str>>(at)?)
}

/// Returns the error for a schema whose seal was removed.
pub(crate) fn missing(site: &Site) -> Error {
    let schema = &site.quoted;
    let detail = format!("{site}: its seal is missing, an empty table: CREATE TABLE {schema}.{NAME}1 ()");
    Error::new(Kind::WrongIdentity, detail)
}

/// A schema: the seal that it has, and what the name of its seal depends on.
#[derive(Debug)]
pub(crate) struct Standing {
    /// `None` if the seal is missing.
    pub(crate) found: Option<Seal>,
    /// The digest; `None` in a pool.
    digest: Option<String>,
    /// Position for a schema whose seal is missing.
    first: i64,
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

/// Returns the name of the seal and the lines of the ledger of a template, in the caller's transaction as the owner.
///
/// # Errors
/// Returns `WrongIdentity` if there is no seal or no ledger.
pub(crate) async fn past(conn: &mut Connection, site: &Site) -> Result<(String, String)> {
    let rows = conn.once(&question(site), &[]).await?;
    let row = rows.first().ok_or_else(|| missing(site))?;
    let seal = row.get::<_, Option<String>>(0).ok_or_else(|| missing(site))?;
    Ok((seal, row.get::<_, Option<String>>(2).unwrap_or_default()))
}

/// Returns the query for the [`Standing`] of a schema. It locks the schema against another one that renames the seal.
pub(crate) fn question(site: &Site) -> String {
    let (schema, seal) = (&site.quoted, name_in(site));
    let places = match site.is_pooled() {
        true => "NULL".to_owned(),
        false => format!(
            "(SELECT string_agg(concat_ws(' ', tenant, store, generation, platform), chr(10) ORDER BY tenant, store) \
              FROM {schema}._tenantry_place)"
        ),
    };
    // A seal that replaces a lost one needs a position that no reader remembers. The number of the transaction serves.
    format!(
        "SELECT {seal}, {places}, \
           (SELECT string_agg(concat_ws(' ', app, migration, checksum), chr(10) ORDER BY app, migration) \
            FROM {schema}._tenantry_ledger), \
           (pg_current_xact_id()::text::numeric % 1000000000)::bigint \
         FROM {schema}._tenantry_meta FOR UPDATE"
    )
}

/// Reads the answer to [`question`]. Returns `None` if the schema has no ledger.
pub(crate) fn standing(rows: &[Row], site: &Site) -> Option<Standing> {
    let row = rows.first()?;
    let [places, lines] = [1, 2].map(|at| row.get::<_, Option<&str>>(at));
    let digest = (!site.is_pooled()).then(|| digest(places.unwrap_or_default(), lines.unwrap_or_default()));
    Some(Standing { found: read(row, 0), digest, first: row.get(3) })
}

impl Standing {
    /// Returns that of a copy of a template, which one tenant has alone, from the name of the template's seal and the lines
    /// of its ledger.
    pub(crate) fn of_copy(seal: &str, lines: &str, site: &Site, platform: &str) -> Option<Self> {
        let found = Seal::parse(seal)?;
        let digest = Some(digest(&place(site, platform), lines));
        Some(Self { first: found.position, found: Some(found), digest })
    }

    /// Returns the statement that creates the seal, or renames it, once the position was raised by `raised`. Returns
    /// `None` if the seal has that name already.
    pub(crate) fn renewal(&self, site: &Site, raised: i64) -> Option<String> {
        let position = self.found.as_ref().map_or(self.first, |seal| seal.position);
        let new = Seal::new(position + raised, self.digest.as_deref());
        match &self.found {
            None => Some(format!("CREATE TABLE {}.{} ()", site.quoted, quoted(&new.name))),
            Some(old) if *old == new => None,
            Some(old) => Some(old.rename(&new, site)),
        }
    }
}

/// Creates the seal, or renames it after the state of the schema, once the position was raised by `raised`, in the
/// caller's transaction, which runs as the owner.
///
/// # Errors
/// Returns the errors of [`Connection::batch`].
pub(crate) async fn renew(conn: &mut Connection, site: &Site, raised: i64) -> Result<()> {
    match find(conn, site).await?.renewal(site, raised) {
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
        match renew(conn, site, 1).await {
            Err(error) if *error.kind() == Kind::Busy => {
                conn.batch("ROLLBACK TO SAVEPOINT seal").await?;
                patience.wait(site, error).await?;
            }
            renewed => return renewed,
        }
    }
}
