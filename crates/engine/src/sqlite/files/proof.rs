//! Proves the isolation of a file from inside: whose it is, and whose rows a shared file holds. Only reads.

use crate::{
    error::Result,
    identity::proof::{Proof, Rule},
    schema::Schema,
    sqlite::{connection::base, identity, site::Site},
};
use rusqlite::{Connection, OptionalExtension};
use std::os::unix::fs::MetadataExt;

/// The platform's own tables with rows of tenants, besides the table of places.
const OF_TENANTS: [&str; 3] = ["_tenantry_seq", "_tenantry_activity", "_tenantry_changes"];

/// Checks the file of a place.
///
/// # Errors
/// Returns `Missing`, `WrongIdentity` or `Fenced` if the file does not hold the place.
pub(crate) fn prove(site: &Site) -> Result<Proof> {
    let mut proof = Proof::default();
    let conn = base::connect(site)?;
    identity::check(&conn, &site.place, &site.platform)?;
    let names = site.path.symlink_metadata().map_or(1, |meta| meta.nlink());
    let shared = (names > 1).then(|| format!("the file has {names} names, so another path may hold it too"));
    proof.judge(Rule::Identity, shared);
    if !site.place.isolation.is_pooled() {
        let tenant = site.place.tenant_number();
        for table in OF_TENANTS {
            // Two ranges, so that SQLite uses the index of the tenant.
            let sql = format!(
                "SELECT EXISTS(SELECT 1 FROM {table} WHERE tenant < ?1) OR EXISTS(SELECT 1 FROM {table} WHERE tenant > ?1)"
            );
            let others: bool = conn.query_row(&sql, [tenant], |row| row.get(0))?;
            let detail = others.then(|| format!("table {table} has rows of another tenant"));
            proof.judge(Rule::Rows, detail);
        }
    }
    Ok(proof)
}

/// Checks that every row of a shared file belongs to a tenant that lives there.
///
/// # Errors
/// Returns `Missing` if there is no file, and the errors of the disk.
pub(crate) fn prove_pool(site: &Site, tables: &[(String, String)]) -> Result<Proof> {
    let mut proof = Proof::default();
    let mut conn = base::connect(site)?;
    // One state of the file: a tenant may be added or removed meanwhile.
    let transaction = conn.transaction()?;
    for (table, column) in tables {
        let residents = "SELECT 1 FROM _tenantry_place WHERE tenant = ?1 AND store = ?2";
        rows(&transaction, (table, column), residents, Some(site.place.store.as_str()), &mut proof)?;
    }
    for table in OF_TENANTS {
        let residents = "SELECT 1 FROM _tenantry_place WHERE tenant = ?1 AND ?2 IS NULL";
        rows(&transaction, (table, "tenant"), residents, None, &mut proof)?;
    }
    Ok(proof)
}

/// Checks each tenant with rows in a table. Reads one row for each tenant if an index begins with the tenant.
fn rows(
    conn: &Connection,
    (table, column): (&str, &str),
    residents: &str,
    store: Option<&str>,
    proof: &mut Proof,
) -> Result<()> {
    let next = format!("SELECT [{column}] FROM [{table}] WHERE [{column}] > ?1 ORDER BY [{column}] LIMIT 1");
    let (mut next, mut residents) = (conn.prepare(&next)?, conn.prepare(residents)?);
    let mut last = i64::MIN;
    while let Some(tenant) = next.query_row([last], |row| row.get::<_, i64>(0)).optional()? {
        let lives = residents.query_row((tenant, store), |_| Ok(())).optional()?.is_some();
        let detail =
            (!lives).then(|| format!("table {table} has rows of tenant {tenant}, which is not there"));
        proof.judge(Rule::Rows, detail);
        last = tenant;
    }
    Ok(())
}

/// Returns each table of the models with its tenant column.
pub(crate) fn tables(schema: &Schema) -> Vec<(String, String)> {
    let models = schema.plans().map(|plan| plan.model());
    models.map(|model| (model.name.to_string(), model.tenant_field.to_string())).collect()
}
