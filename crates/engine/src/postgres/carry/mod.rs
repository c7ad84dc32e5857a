//! The PostgreSQL side of transfers: sources and sinks for [`crate::carry`], and places that are made from copies.
//!
//! Everything runs as the role of the place's schema, in a pool with its tenant set, wherever rows are read or written:
//! a transfer reaches no other tenant's rows.

mod reader;
mod texts;
mod values;
mod writer;

use super::{connections::Connection, site::Site};
use crate::{
    error::Result,
    ledger::{self, Applied},
};

pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

/// Returns the migrations of the place's store that were applied.
///
/// # Errors
/// [`crate::Kind::SchemaBehind`] if there is no ledger.
async fn applied(conn: &mut Connection, site: &Site) -> Result<Applied> {
    let sql = format!("SELECT app, migration, checksum FROM {}._tenantry_ledger", site.quoted);
    let rows = conn.query(&sql, &[]).await?;
    let lines = rows.iter().filter_map(|row| {
        ledger::id_of(&site.place.store, row.get(0), row.get(1)).map(|id| (id, row.get(2)))
    });
    Ok(lines.collect())
}
