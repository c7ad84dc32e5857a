//! The places that live in a database or schema, with their generations (`self-identifying` and `fenced-generation`).
//! Provisioning and moves write these rows; the first use of a place in a process checks them.

use super::{
    connections::{Connection, Param},
    seal,
    site::Site,
    tables::{self, Form},
};
use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
};
use tokio_postgres::{Row, types::Type};

/// Returns the parameters `$1` and `$2` of statements on the row of a place: tenant and store.
pub(crate) fn key<'p>(site: &'p Site, store: &'p &'p str) -> [Param<'p>; 2] {
    [(&site.tenant, Type::INT8), (store, Type::TEXT)]
}

/// Writes the row of the place. Idempotent. Refuses another generation.
///
/// # Errors
/// Returns the errors of [`check`].
pub(crate) async fn enrol(conn: &mut Connection, site: &Site, platform: &Platform) -> Result<Form> {
    let sql = format!(
        "INSERT INTO {}._tenantry_place(tenant, store, generation, platform) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        site.quoted
    );
    let (store, id) = (site.place.store.as_str(), platform.id());
    let [tenant, store] = key(site, &store);
    let row = [tenant, store, (&site.generation, Type::INT8), (&id, Type::TEXT)];
    conn.query(&sql, &row).await.map_err(|error| not_ours(site, error))?;
    let form = check(conn, site, platform).await?;
    // A tenant in a pool does not affect the seal of the pool.
    if !(site.is_pooled() && site.place.tenant.is_some()) {
        seal::renew(conn, site, 0).await?;
    }
    Ok(form)
}

/// Verifies that the database or schema holds the place at its generation. In a pool, the transaction must see the
/// tenant.
///
/// # Errors
/// Returns `WrongIdentity` if it does not hold the place, or belongs to another installation, `Fenced` if it holds the
/// place at another generation, and `FormatAhead` if a newer version of this program created the platform's tables.
pub(crate) async fn check(conn: &mut Connection, site: &Site, platform: &Platform) -> Result<Form> {
    let (sql, store) = (question(site), site.place.store.as_str());
    let rows = conn.once(&sql, &key(site, &store)).await.map_err(|error| not_ours(site, error))?;
    judge(&rows, site, platform)
}

/// Returns the query for the identity of a place, with the parameters of [`key`].
pub(crate) fn question(site: &Site) -> String {
    question_with(site, "", "")
}

/// Returns the query for the identity of a place, with more columns from more tables. Its parameters are those of [`key`].
pub(crate) fn question_with(site: &Site, columns: &str, tables: &str) -> String {
    format!(
        "SELECT m.version, p.generation, p.platform, \
           (SELECT count(*) FROM (SELECT 1 FROM {s}._tenantry_place LIMIT 2) AS few){columns} \
         FROM {s}._tenantry_meta AS m \
         LEFT JOIN {s}._tenantry_place AS p ON p.tenant = $1 AND p.store = $2{tables}",
        s = site.quoted
    )
}

/// Number of columns of [`question`].
pub(crate) const COLUMNS: usize = 4;

/// Checks the result of [`question`].
///
/// # Errors
/// Returns the errors of [`check`].
pub(crate) fn judge(rows: &[Row], site: &Site, platform: &Platform) -> Result<Form> {
    let row = rows.first().ok_or_else(|| wrong(site, "the platform's tables have no version"))?;
    let form = tables::form(row.get(0))?;
    let (Some(generation), Some(of)) = (row.get::<_, Option<i64>>(1), row.get::<_, Option<&str>>(2)) else {
        return Err(wrong(site, "does not live here"));
    };
    platform.check(of, &site.place)?;
    if generation != site.generation {
        return Err(Error::new(Kind::Fenced, format!("{site}: the database is at generation {generation}")));
    }
    // Treating shared tables as a tenant's own would show it the rows of all tenants.
    if !site.is_pooled() && site.place.tenant.is_some() && row.get::<_, i64>(3) != 1 {
        return Err(wrong(site, "others live here too"));
    }
    Ok(form)
}

fn wrong(site: &Site, why: &str) -> Error {
    Error::new(Kind::WrongIdentity, format!("{site}: {why}"))
}

/// Converts "no such table" to `WrongIdentity`: a database without our tables is not ours, whatever it contains. Does
/// the same for tables that the owner may not read, because another role created them.
pub(crate) fn not_ours(site: &Site, error: Error) -> Error {
    match error.kind() {
        Kind::SchemaBehind | Kind::Denied(_) => {
            Error::with_source(Kind::WrongIdentity, format!("{site}: no identity inside"), error)
        }
        _ => error,
    }
}
