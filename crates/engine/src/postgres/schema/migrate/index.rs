//! Creates indexes of large tables ahead of their migration, while writes continue. A migration that does more than add
//! indexes creates them itself, because they may be on columns that it adds.
//!
//! If the creation of an index was interrupted, the index exists but is not valid. It is dropped and created again.

use crate::{
    error::{Error, Result},
    postgres::{
        connections::{Connection, refusal},
        schema::{
            compiled::Compiled,
            ddl::{NewIndex, Step, quoted},
        },
        server::Server,
        site::Site,
    },
};
use tokio_postgres::types::Type;

/// Number of rows from which a table counts as large. PostgreSQL indexes that many rows in a fraction of a second.
const LARGE: f32 = 100_000.0;

/// Returns true if a migration creates indexes and does nothing else.
pub(super) fn goes_ahead(migration: &Compiled) -> bool {
    let alone = migration.steps.iter().all(|step| matches!(step, Step::Index(_) | Step::Refuse { .. }));
    alone && migration.steps.iter().any(|step| matches!(step, Step::Index(_)))
}

/// Creates the indexes of a migration that are on large tables.
///
/// # Errors
/// Returns the errors of the connection. An index that cannot be created is left to the migration, which reports the
/// reason.
pub(super) async fn ahead(server: &Server, site: &Site, migration: &Compiled) -> Result<()> {
    for step in &migration.steps {
        let Step::Index(index) = step else { continue };
        let mut lease = server.lease(site).await?;
        let conn = lease.connection()?;
        if is_large(conn, site, index).await? && !is_made_elsewhere(conn, site, index).await? {
            drop_unfinished(conn, site, index).await?;
            if let Err(error) = conn.batch(&index.create_concurrently(&site.quoted)).await {
                left_to_the_migration(site, index, error)?;
                drop_unfinished(conn, site, index).await?;
            }
        }
    }
    Ok(())
}

/// Returns errors of the connection. Ignores a refusal by the server, which the migration will report.
fn left_to_the_migration(site: &Site, index: &NewIndex, error: Error) -> Result<()> {
    if refusal(&error).is_none() {
        return Err(error);
    }
    tracing::info!(%site, index = index.name, %error, "an index was not made ahead of its migration");
    Ok(())
}

async fn is_large(conn: &mut Connection, site: &Site, index: &NewIndex) -> Result<bool> {
    let sql = "SELECT reltuples FROM pg_class WHERE oid = to_regclass($1)";
    let table = format!("{}.{}", site.quoted, quoted(&index.table));
    let rows = conn.once(sql, &[(&table, Type::TEXT)]).await?;
    Ok(rows.first().is_some_and(|row| row.get::<_, f32>(0) >= LARGE))
}

/// Returns true if another process is creating the index.
async fn is_made_elsewhere(conn: &mut Connection, site: &Site, index: &NewIndex) -> Result<bool> {
    let sql = "SELECT 1 FROM pg_stat_progress_create_index WHERE relid = to_regclass($1)";
    let table = format!("{}.{}", site.quoted, quoted(&index.table));
    Ok(!conn.once(sql, &[(&table, Type::TEXT)]).await?.is_empty())
}

async fn drop_unfinished(conn: &mut Connection, site: &Site, index: &NewIndex) -> Result<()> {
    let sql = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid";
    let name = format!("{}.{}", site.quoted, quoted(&index.name));
    if conn.once(sql, &[(&name, Type::TEXT)]).await?.is_empty() {
        return Ok(());
    }
    conn.batch(&format!("DROP INDEX CONCURRENTLY {name}")).await
}
