//! Creates tenants from existing data: clones of a tenant, imported archives, and backups restored as new tenants.
//!
//! These are verbs of [`Platform`]. The staff API and the command line call them. Each starts an operation and returns
//! its id; `Platform::operations` reports its progress.

pub(crate) mod from_archive;
pub(crate) mod from_backup;
pub(crate) mod from_tenant;
pub(crate) mod operation;
mod restore_as;
mod wanted;

pub use wanted::NewFromCopy;

use crate::{
    Error, Platform, Result, access::Actor, config::Scope, plans, platform::data_dir::scratch::ScratchDir,
    tenants,
};
use bytes::Bytes;
use from_archive::{FromArchive, fits_plan, precheck};
use from_tenant::FromTenant;
use futures_util::{Stream, StreamExt};
use operation::Arrival;
use std::{io, path::PathBuf};
use tenantry_engine::{engine::Blanked, name::Slug};
use tokio::io::AsyncWriteExt;
use wanted::Origin;

/// An uploaded archive in scratch. It is removed when this value is dropped.
#[derive(Debug)]
pub struct Upload {
    dir: ScratchDir,
    path: PathBuf,
}

/// The verbs that create tenants from copies.
pub struct Arrivals<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the verbs that create tenants from existing data: from a tenant, an archive or a backup.
    pub fn arrivals(&self) -> Arrivals<'_> {
        Arrivals { platform: self }
    }
}

impl Arrivals<'_> {
    /// Creates a second tenant with the contents of a first, and returns the operation's id. With `blank_personal`, the
    /// fields that the models mark as personal are blanked in the copy.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] or [`Error::InvalidFields`] for an invalid request, also if a superuser gives no
    /// reason; [`Error::Denied`] when the actor may not name that owner.
    pub async fn from_tenant(
        &self,
        actor: &Actor,
        source: &Slug,
        blank_personal: bool,
        wanted: NewFromCopy,
    ) -> Result<i64> {
        let of = tenants::by_slug(&mut self.platform.control().snapshot().await?, source).await?;
        let origin = Origin { name: &of.name, email: &of.email, tenant: Some(of.id), members: false };
        let arriving = self.arriving(actor, wanted, origin).await?;
        let blank = blank_personal.then(Blanked::default);
        let source = FromTenant { tenant: of.id, slug: of.slug, blank };
        self.platform.0.operations.spawn(Arrival::new(arriving, source)?).await
    }

    /// Creates a tenant from an archive, and returns the operation's id. The archive must stay in place until the
    /// operation is over.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] of the field `archive` for errors that the manifest shows; other errors fail the
    /// operation. Returns [`Error::Denied`] when the actor may not name an owner.
    pub async fn from_archive(&self, actor: &Actor, archive: PathBuf, wanted: NewFromCopy) -> Result<i64> {
        let (apps, path) = (self.platform.apps(), archive.clone());
        let stores: Vec<_> =
            self.platform.config().stores_of(Scope::Tenant).map(|s| s.name.clone()).collect();
        let opened = tokio::task::spawn_blocking(move || precheck(&path, &apps, &stores));
        let opened = opened.await.map_err(|e| Error::Internal(e.to_string()))??;
        let manifest = opened.manifest.clone();
        drop(opened);
        let facts = &manifest.tenant;
        let origin = Origin { name: &facts.name, email: &facts.email, tenant: None, members: false };
        let arriving = self.arriving(actor, wanted, origin).await?;
        let plan = plans::by_code(&mut self.platform.control().snapshot().await?, &arriving.plan).await?;
        fits_plan(&manifest, &plan.spec.limits)?;
        let source = FromArchive { path: archive, of: None };
        self.platform.0.operations.spawn(Arrival::new(arriving, source)?).await
    }

    /// Creates a tenant from an uploaded archive, and returns the operation's id. The archive is retained until the
    /// operation is over.
    ///
    /// # Errors
    /// Returns the errors of [`Arrivals::from_archive`].
    pub async fn from_upload(&self, actor: &Actor, upload: Upload, wanted: NewFromCopy) -> Result<i64> {
        let id = self.from_archive(actor, upload.path.clone(), wanted).await?;
        let platform = self.platform.clone();
        tokio::spawn(async move {
            loop {
                match platform.operations().wait(id).await {
                    Ok(operation) if !operation.state.is_over() => {
                        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
                    }
                    // The operation is over, or its state cannot be read; either way, the archive is no longer needed.
                    _ => return drop(upload.dir),
                }
            }
        });
        Ok(id)
    }

    /// Stores an archive in scratch while it is being uploaded.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for an archive longer than `limits.import_bytes`, or an upload that is cut off.
    pub async fn receive<S>(&self, mut pieces: S) -> Result<Upload>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin,
    {
        let dir = ScratchDir::new(self.platform.config())?;
        let path = dir.path().join("archive.zip");
        let away = |e: io::Error| Error::io("the archive in scratch", &e);
        let mut file = tokio::fs::File::create(&path).await.map_err(away)?;
        let (mut length, most) = (0, self.platform.config().limits.import_bytes);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|e| Error::invalid("archive", format!("was cut off: {}", e.kind())))?;
            length += piece.len() as u64;
            if length > most {
                return Err(Error::invalid("archive", format!("is longer than {most} bytes")));
            }
            file.write_all(&piece).await.map_err(away)?;
        }
        file.flush().await.map_err(away)?;
        Ok(Upload { dir, path })
    }
}
