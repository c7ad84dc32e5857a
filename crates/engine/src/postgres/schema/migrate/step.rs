//! Runs one step of a migration on a connection.

use crate::{
    error::{Error, Kind, Result},
    name::TenantId,
    postgres::{
        connections::Connection,
        schema::{
            ddl::{Step, quoted},
            raw,
        },
        site::Site,
    },
    refused::{NAMED_MAX, RefusedRows},
};

/// Runs steps inside the migration's transaction. Statements of ours run in one round trip, statements of the author do
/// not.
///
/// # Errors
/// Returns the position and the error of the first step that failed.
pub(super) async fn run_all(
    conn: &mut Connection,
    site: &Site,
    steps: &[Step],
) -> Result<(), (usize, Error)> {
    if let Some(statements) = statements(steps) {
        return conn.batches(&statements).await;
    }
    for (at, step) in steps.iter().enumerate() {
        run(conn, site, step).await.map_err(|error| (at, error))?;
    }
    Ok(())
}

/// Returns the statements; `None` if not all steps are statements of ours.
fn statements(steps: &[Step]) -> Option<Vec<String>> {
    steps.iter().map(|step| step.sql().map(str::to_owned)).collect()
}

async fn run(conn: &mut Connection, site: &Site, step: &Step) -> Result<()> {
    match step {
        Step::Sql(sql) => conn.batch(sql).await,
        Step::Raw(text) => raw::run(conn, &site.schema, text).await,
        Step::Index(index) => {
            let (name, create) = (quoted(&index.name), index.create());
            let sql = format!("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{name}')");
            match conn.once(&sql, &[]).await?.first().map(|row| row.get(0)) {
                // The index was created ahead of the migration.
                Some(true) => Ok(()),
                // The index was begun then, but not finished.
                Some(false) => conn.batch(&format!("DROP INDEX {name}; {create}")).await,
                None => conn.batch(&create).await,
            }
        }
        Step::Refuse { count, rows, message } => {
            let counted = conn.once(count, &[]).await?;
            let found: i64 = counted.first().map(|row| row.get(0)).unwrap_or_default();
            if found == 0 {
                return Ok(());
            }
            let mut rows = match rows {
                Some(query) => refused_rows(conn, query).await?,
                None => RefusedRows::default(),
            };
            rows.count = found.unsigned_abs();
            let why = format!("refused: {found} {message}{}", rows.own());
            Err(Error::with_source(Kind::Statement(why.clone()), why, rows))
        }
    }
}

/// Reads the refused rows with a query for the tenant (or null) and the id.
async fn refused_rows(conn: &mut Connection, query: &str) -> Result<RefusedRows> {
    let rows = conn.once(query, &[]).await?;
    let mut found = RefusedRows { more: rows.len() > NAMED_MAX, ..RefusedRows::default() };
    for row in rows.iter().take(NAMED_MAX) {
        let tenant = row.get::<_, Option<i64>>(0).map(TenantId::from_raw);
        found.ids.entry(tenant).or_default().push(row.get(1));
    }
    Ok(found)
}
