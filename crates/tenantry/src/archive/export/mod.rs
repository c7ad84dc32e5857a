//! Export of all data of a tenant, for the tenant itself: copies its databases while it keeps working, and turns them
//! into one archive that is streamed while it is written.
//!
//! The owner's API and the command line call it. Memory does not grow with the tenant. The copies are in a scratch
//! directory that is removed with the export.

mod facts;
mod turn;
mod write;

use crate::{
    Error, Platform, Result,
    access::{Operator, Tenant},
    audit::By,
    backups::manifest::TableSum,
    platform::{
        data_dir::scratch::ScratchDir, databases::Databases, health::lost, inner::Inner, loaded::Loaded,
    },
    tenants,
    topology::{Placement, PlacementState, placement},
};
use bytes::Bytes;
use std::{path::PathBuf, sync::Arc};
use tenantry_engine::{
    Kind,
    engine::{Digest, DumpFormat},
    name::{Slug, StoreName},
    place::Place,
    schema::Schema,
};
use tokio::sync::mpsc;
use turn::Turn;

/// Number of pieces buffered for the receiver.
const PIECES: usize = 4;

/// An archive that is being written.
#[derive(Debug)]
pub struct Export {
    /// File name of the archive: `city-hospital-2026-11-21.zip`.
    pub file_name: String,
    /// Pieces of the archive. An error ends the stream, and the pieces before it are not a valid archive.
    pub pieces: mpsc::Receiver<Result<Bytes>>,
}

/// A copied database.
struct Copied {
    place: Place,
    path: PathBuf,
    schema: Arc<Schema>,
    digest: Digest,
    schema_version: String,
}

/// State of the writing thread. The handle in it counts against the tenant's concurrency limit until the export is
/// done.
struct Job {
    inner: Arc<Inner>,
    loaded: Arc<Loaded>,
    tenant: Tenant,
    by: By,
    email: String,
    stores: Vec<Copied>,
    scratch: ScratchDir,
    at_us: i64,
    _turn: Turn,
}

/// The exports of tenants: archives with all data of a tenant.
pub struct Exports<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the exports of tenants: archives, and checksums of all data.
    pub fn exports(&self) -> Exports<'_> {
        Exports { platform: self }
    }
}

impl Exports<'_> {
    /// Exports an entered tenant on behalf of its manager. The copies are complete when this returns; the rest is
    /// streamed.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor manages the tenant; [`Error::Conflict`] while another export of the
    /// tenant is running; [`Error::NoDatabase`] if a store has no database.
    pub async fn start(&self, tenant: Tenant) -> Result<Export> {
        tenant.require_manager()?;
        let by = tenant.actor().by();
        self.export(&by, tenant).await
    }

    /// Exports a tenant for the operator, even if it is suspended or closed.
    ///
    /// # Errors
    /// Returns the errors of [`Exports::start`].
    pub async fn start_as_operator(&self, operator: &Operator, slug: &Slug) -> Result<Export> {
        let tenant = self.platform.tenants().enter(operator, slug).await?;
        self.export(&operator.by(), tenant).await
    }

    /// Writes the databases of a tenant to new files or folders, in the format of their server's own programs, for the
    /// operator. There is one for each store, and `name` gives its path. They contain neither uploaded files nor the
    /// activity log. Returns the paths.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] with the obstacle if a store is pooled or on a server of another kind, or there is
    /// no `pg_dump` for its server; [`Error::Unavailable`] if a dump cannot be written, with the message of `pg_dump`.
    pub async fn dump(
        &self,
        operator: &Operator,
        slug: &Slug,
        format: DumpFormat,
        name: impl Fn(&StoreName) -> PathBuf,
    ) -> Result<Vec<PathBuf>> {
        let tenant = self.platform.tenants().enter(operator, slug).await?;
        let _turn = Turn::begin(self.platform.control(), tenant.id()).await?;
        let ready = tenant.record().placements.iter().filter(|p| p.state == PlacementState::Ready);
        let (engine, mut files, mut stores) = (&self.platform.0.engine, vec![], vec![]);
        for place in ready.map(|placement| &placement.place) {
            let to = name(&place.store);
            if let Err(error) = engine.dump(place, format, &to).await {
                // A dump of only some stores is not an export.
                for path in &files {
                    drop(std::fs::remove_file(path).or_else(|_| std::fs::remove_dir_all(path)));
                }
                return Err(match error.kind() {
                    Kind::Statement(why) => Error::Conflict(format!("{}: {why}", place.store)),
                    Kind::Io => Error::Unavailable(format!("{}: {}", format.as_str(), error.detail())),
                    _ => lost::named(&self.platform.loaded().databases, slug, place, error).await,
                });
            }
            files.push(to);
            stores.push(place.store.clone());
        }
        if files.is_empty() {
            return Err(Error::NoDatabase { slug: slug.to_string(), store: "tenant".into() });
        }
        let mut write = self.platform.control().begin().await?;
        let detail = serde_json::json!({ "stores": stores, "format": format.as_str() });
        write.audit(&operator.by(), Some(tenant.id()), "tenant.export", detail).await?;
        write.commit().await?;
        Ok(files)
    }

    /// Returns the numbers of rows and the checksums of all data of a tenant, as in manifests. Equal contents have
    /// equal checksums in every isolation.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant; [`Error::Engine`] for a database that cannot be read.
    pub async fn checksums(&self, slug: &Slug) -> Result<Vec<(StoreName, Vec<TableSum>)>> {
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?.id;
        let placements = placement::of_tenant(&mut tx, tenant).await?;
        drop(tx);
        let (mut all, databases) = (Vec::new(), self.platform.loaded().databases.clone());
        for place in placements.into_iter().filter(|p| p.state == PlacementState::Ready).map(|p| p.place) {
            let schema = databases.schema(&place.store)?;
            let digest = databases.engine().digest(&place, &schema).await?;
            all.push((place.store, digest.tables.into_iter().map(TableSum::of).collect()));
        }
        Ok(all)
    }

    /// Returns the file name that an archive of this tenant gets today.
    pub fn file_name(&self, slug: &Slug) -> String {
        file_name(slug, self.platform.control().now_us())
    }

    async fn export(&self, by: &By, tenant: Tenant) -> Result<Export> {
        let turn = Turn::begin(self.platform.control(), tenant.id()).await?;
        let scratch = ScratchDir::new(self.platform.config())?;
        let loaded = self.platform.loaded();
        let stores = self.copies(&loaded.databases, &tenant, &scratch).await?;
        let mut write = self.platform.control().begin().await?;
        let at_us = write.at_us();
        let email = tenants::by_id(&mut write, tenant.id()).await?.email;
        let rows: u64 = stores.iter().map(|s| s.digest.rows()).sum();
        let names: Vec<_> = stores.iter().map(|s| &s.place.store).collect();
        let detail = serde_json::json!({ "stores": names, "rows": rows });
        write.audit(by, Some(tenant.id()), "tenant.export", detail).await?;
        write.commit().await?;
        let file_name = file_name(tenant.slug(), at_us);
        let (inner, by) = (self.platform.0.clone(), by.clone());
        let job = Job { inner, loaded, tenant, by, email, stores, scratch, at_us, _turn: turn };
        let (sender, pieces) = mpsc::channel(PIECES);
        // The thread ends when the receiver is dropped.
        tokio::task::spawn_blocking(move || job.run(&sender));
        Ok(Export { file_name, pieces })
    }

    /// Copies all databases of the tenant, at the schema of the installed apps.
    async fn copies(
        &self,
        databases: &Databases,
        tenant: &Tenant,
        scratch: &ScratchDir,
    ) -> Result<Vec<Copied>> {
        let ready = tenant.record().placements.iter().filter(|p| p.state == PlacementState::Ready);
        let mut copied = vec![];
        for placement in ready {
            copied.push(self.copy(databases, tenant, placement, scratch).await?);
        }
        match copied.is_empty() {
            true => Err(Error::NoDatabase { slug: tenant.slug().to_string(), store: "tenant".into() }),
            false => Ok(copied),
        }
    }

    async fn copy(
        &self,
        databases: &Databases,
        tenant: &Tenant,
        placement: &Placement,
        scratch: &ScratchDir,
    ) -> Result<Copied> {
        let place = &placement.place;
        let engine = &self.platform.0.engine;
        let (script, schema) = (databases.script(&place.store)?, databases.schema(&place.store)?);
        let path = scratch.path().join(format!("{}.sqlite", place.store));
        if let Err(error) = engine.copy_out(place, &script, &path).await {
            return Err(lost::named(databases, tenant.slug(), place, error).await);
        }
        // Migrate a copy whose schema is behind, so that all databases of an archive have the same schema.
        let migrated = engine.migrate_copy(&path, tenant.id(), &script).await;
        migrated.map_err(|error| lost::not_migrated(tenant.slug(), placement, error))?;
        let digest = engine.digest_copy(&path, &schema, Some(tenant.id())).await?;
        let schema_version = databases.fingerprint(&place.store)?;
        Ok(Copied { place: place.clone(), path, schema, digest, schema_version })
    }
}

fn file_name(slug: &Slug, at_us: i64) -> String {
    let day = jiff::Timestamp::from_microsecond(at_us).unwrap_or_default().strftime("%Y-%m-%d");
    format!("{slug}-{day}.zip")
}
