//! Unpacks the databases of an archive into scratch, checks them, and migrates them to the schema of the installed
//! apps.

use super::{check, references};
use crate::{
    Error, Result,
    archive::{StoreFacts, Unpacker, bad, damaged},
    arrivals::operation::CopyOf,
    operations::{Context, context::remove_left},
};
use std::path::{Path, PathBuf};
use tenantry_engine::{
    Kind,
    name::{StoreName, TenantId},
};

/// Result of unpacking an archive.
pub(super) struct Unpacked {
    pub(super) copies: Vec<CopyOf>,
    /// Id and slug of the tenant that the archive names.
    pub(super) of: (i64, String),
}

/// Checks the whole archive, and unpacks its databases into scratch.
pub(super) async fn all(context: &Context, archive: &Path, stores: &[StoreName]) -> Result<Unpacked> {
    let scratch = context.scratch()?.to_owned();
    let (path, apps, stores) = (archive.to_owned(), context.databases.apps().clone(), stores.to_vec());
    let (cancel, progress) = (context.cancel.clone(), context.progress.clone());
    let taken = tokio::task::spawn_blocking(move || {
        let mut archive = check::precheck(&path, &apps, &stores)?;
        check::fits_disk(&archive.manifest, &scratch)?;
        let total = archive.manifest.entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.bytes));
        let mut done = 0;
        for entry in archive.manifest.entries.clone() {
            cancel.check()?;
            progress.set(done, total, "bytes");
            take(&mut archive, &entry.path, &scratch)?;
            done += entry.bytes;
        }
        Ok::<_, Error>(archive)
    });
    let archive = taken.await.map_err(|e| Error::Internal(e.to_string()))??;
    let of = TenantId::from_raw(archive.manifest.tenant.id);
    let mut copies = vec![];
    for facts in &archive.manifest.stores {
        let copy = CopyOf { store: StoreName::parse(&facts.store)?, of };
        database(context, facts, &copy).await?;
        copies.push(copy);
    }
    references::check(context, &archive.manifest).await?;
    Ok(Unpacked { copies, of: (of.get(), archive.manifest.tenant.slug.clone()) })
}

/// Unpacks databases, and the lists that are inspected later, into scratch. Compares other entries only with their
/// hash.
fn take(archive: &mut Unpacker, path: &str, scratch: &Path) -> Result<()> {
    let store = archive.manifest.stores.iter().find(|s| s.database == path).map(|s| s.store.clone());
    match (store, references::scratch_name(path)) {
        (Some(store), _) => {
            let to = scratch.join(format!("{}.sqlite", StoreName::parse(&store)?));
            remove_left(&to)?;
            archive.take_out(path, &to)
        }
        (None, Some(name)) => archive.take_out(path, &scratch.join(name)),
        (None, None) => archive.check(path),
    }
}

async fn database(context: &Context, facts: &StoreFacts, copy: &CopyOf) -> Result<()> {
    let (engine, path) = (context.databases.engine(), copy.path(context.scratch()?));
    if !path.exists() {
        return Err(damaged(&facts.database));
    }
    let (script, schema) = (context.databases.script(&copy.store)?, context.databases.schema(&copy.store)?);
    let info = engine.inspect_copy(&path, &copy.store, Some(copy.of)).await;
    let info = info.map_err(|e| refused(e, &facts.database))?;
    for migration in &info.migrations {
        let app = migration.split('/').next().unwrap_or_default();
        if context.databases.apps().app(app).is_none() {
            return Err(bad(format!("is of other apps: {app} is not installed here")));
        }
    }
    // The checksums cover the rows as exported, so they can be compared only if the schema is the same.
    if info.schema_version == context.databases.fingerprint(&copy.store)? {
        let digest = engine.digest_copy(&path, &schema, Some(copy.of)).await?;
        let same = digest.tables.iter().all(|table| {
            let said = facts.models.iter().find(|m| m.model == table.model.as_str());
            said.is_some_and(|said| (said.rows, &said.blake3) == (table.rows, &table.blake3))
        });
        if !same {
            return Err(bad(format!("is damaged: the rows in {} are not those exported", facts.database)));
        }
    }
    let migrated = engine.migrate_copy(&path, copy.of, &script).await;
    migrated.map_err(|error| match error.kind() {
        Kind::Statement(why) => bad(format!("has rows that a migration of the apps here refuses: {why}")),
        _ => refused(error, &facts.database),
    })?;
    let foreign = engine.foreign_in_copy(&path, &script).await?;
    match foreign.first() {
        Some(first) => Err(bad(format!("has a database that the apps did not make: {first}"))),
        None => Ok(()),
    }
}

/// Converts an engine error to words for the user who uploaded the archive.
fn refused(error: tenantry_engine::Error, database: &str) -> Error {
    match error.kind() {
        Kind::SchemaAhead => bad("was made by a newer version of the apps: update this installation first"),
        Kind::FormatAhead => {
            bad("was made by a newer version of this program: update this installation first")
        }
        Kind::WrongIdentity => bad(format!("does not belong together: {database} is another company's")),
        Kind::Corrupt | Kind::Statement(_) | Kind::SchemaBehind => damaged(database),
        _ => error.into(),
    }
}

/// Returns the path in scratch of a list from the archive.
pub(super) fn listed(context: &Context, name: &str) -> Result<PathBuf> {
    Ok(context.scratch()?.join(name))
}
