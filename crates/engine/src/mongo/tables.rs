//! The platform's own collections in each database that holds places, and their version.
//!
//! - `_tenantry`: the document `meta` has the version, `ledger/STORE` has the migrations of a store, and `TENANT/STORE`
//!   has the identity, the state, the counters and the last assigned numbers of a place.
//! - `_tenantry_activity`: the entries of the activity logs, by place and number.
//! - `_tenantry_changes`: the records that writes touched while their place recorded changes, by place and number.

use super::{
    error::{Driven, exists_already},
    server::Server,
    site::Site,
};
use crate::error::{Error, Kind, Result};
use mongodb::bson::{Document, doc};

/// Name of the collection of places, ledgers and the version.
pub(super) const PLACES: &str = "_tenantry";
/// Name of the collection of activity logs.
pub(super) const ACTIVITY: &str = "_tenantry_activity";
/// Name of the collection of recorded changes.
pub(super) const CHANGES: &str = "_tenantry_changes";
/// Prefix of the names of the platform's own collections.
pub(super) const OWN: &str = "_tenantry";
/// The `_id` of the document with the version.
pub(super) const META: &str = "meta";
/// The version of the platform's collections that this program writes.
const VERSION: i64 = 1;

/// Returns the `_id` of the document with the migrations of the store of a place.
pub(super) fn ledger_id(site: &Site) -> String {
    format!("ledger/{}", site.place.store)
}

/// Makes the platform's own collections in a database. Idempotent.
pub(super) async fn create(server: &Server, site: &Site) -> Result<()> {
    for name in [PLACES, ACTIVITY, CHANGES] {
        made(server.try_run(&site.database, doc! { "create": name }).await?)?;
    }
    let version = doc! { "$setOnInsert": { "version": VERSION } };
    upsert(server, site, META, version).await
}

/// Makes a document of the platform if it is missing.
pub(super) async fn upsert(server: &Server, site: &Site, id: &str, change: Document) -> Result<()> {
    let places = server.collection(site, PLACES).await?;
    let done = server.answer(async { places.update_one(doc! { "_id": id }, change).upsert(true).await });
    done.await?;
    Ok(())
}

/// Accepts that another process has made the collection in the meantime.
pub(super) fn made(answer: Driven<Document>) -> Result<()> {
    match answer {
        Err(error) if !exists_already(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Checks the version of the platform's collections in a database.
///
/// # Errors
/// Returns [`Kind::FormatAhead`] if a newer version of this program made the collections.
pub(super) fn check_version(version: i64) -> Result<()> {
    if version <= VERSION {
        return Ok(());
    }
    let detail =
        format!("the platform's collections have form {version}, this program knows {VERSION} at most");
    Err(Error::new(Kind::FormatAhead, detail))
}
