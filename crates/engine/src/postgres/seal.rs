//! The seal of a schema that holds places: a table without columns whose name has the position of the ledger and, if one
//! place has the schema alone, its generation. Every change of these renames it.
//!
//! Every read names the seal that was there when its place was verified, in a common table expression that nothing refers
//! to. PostgreSQL looks the name up when it parses the statement, and again when it runs a prepared one after the seal was
//! renamed. So a read never sees a place of another state (`known-schema`), and the check costs nothing while the state is
//! the same: PostgreSQL makes no plan for an expression that is not used. Comparing the numbers in each read took 9 µs of
//! 24 on the server.

use super::{connections::Connection, site::Site};
use crate::error::Result;

/// What the names of seals begin with.
const NAME: &str = "_tenantry_at_";

/// Returns how a read of this place begins, if the ledger is at this position.
pub(crate) fn prefix(site: &Site, ledger: i64) -> String {
    let schema = &site.quoted;
    match site.is_pooled() {
        true => format!("WITH seal AS (SELECT FROM {schema}.{NAME}{ledger}) "),
        false => format!("WITH seal AS (SELECT FROM {schema}.{NAME}{ledger}_{}) ", site.generation),
    }
}

/// Makes the seal, or gives it the name for the state of the schema in the caller's transaction, which runs as the owner.
///
/// # Errors
/// Those of [`Connection::batch`].
pub(crate) async fn renew(conn: &mut Connection, site: &Site) -> Result<()> {
    conn.batch(&renewal(site)).await
}

/// Returns the statement of [`renew`].
pub(crate) fn renewal(site: &Site) -> String {
    let schema = &site.quoted;
    let generation = match site.is_pooled() {
        true => String::new(),
        false => format!(" || '_' || (SELECT max(generation) FROM {schema}._tenantry_place)"),
    };
    format!(
        "DO $$DECLARE old text; new text; BEGIN \
           SELECT relname INTO old FROM pg_class WHERE relnamespace = '{schema}'::regnamespace \
             AND relkind = 'r' AND starts_with(relname, '{NAME}'); \
           SELECT '{NAME}' || ledger{generation} INTO new FROM {schema}._tenantry_meta; \
           IF old IS NULL THEN EXECUTE format('CREATE TABLE {schema}.%I ()', new); \
           ELSIF old <> new THEN EXECUTE format('ALTER TABLE {schema}.%I RENAME TO %I', old, new); END IF; \
         END$$"
    )
}
